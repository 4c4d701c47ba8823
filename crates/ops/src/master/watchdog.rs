//! systemd's watchdog (sd_watchdog_enabled(3)): the service manager hears of us as long as all threads of the worker
//! turn, and restarts the service when they do not.

use std::time::Duration;

/// How often the service manager wants to hear of process `pid`; half of what it allows, as it recommends. `None` where
/// it does not watch.
pub(super) fn interval(usec: Option<&str>, of: Option<&str>, pid: u32) -> Option<Duration> {
    let watched = of.is_none_or(|of| of == pid.to_string());
    let usec: u64 = usec?.parse().ok().filter(|usec| *usec > 0 && watched)?;
    Some(Duration::from_micros(usec) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_watched_reports() {
        assert_eq!(interval(Some("4000000"), Some("12"), 12), Some(Duration::from_secs(2)));
        assert_eq!(interval(Some("4000000"), None, 12), Some(Duration::from_secs(2)));
        assert_eq!(interval(Some("4000000"), Some("13"), 12), None);
        assert_eq!(interval(Some("0"), None, 12), None);
        assert_eq!(interval(None, None, 12), None);
    }
}
