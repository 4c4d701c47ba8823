//! The word to systemd that a `Type=notify` service waits for (sd_notify(3)): `haproxy -Ws` in Debian's unit file.

use base::addr::AbstractName;
use net::{LogAddr, LogSink};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Tells the service manager that we serve, and who we are: `-D` has changed that. Nothing where `NOTIFY_SOCKET` is not
/// set.
pub fn ready() -> io::Result<()> {
    say(&format!("READY=1\nMAINPID={}\n", std::process::id()))
}

/// Tells it that a reload has begun; [`ready`] ends it. The time is that of the system's monotonic clock, by which the
/// service manager tells this reload from the one before (`Type=notify-reload`).
pub fn reloading() -> io::Result<()> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    say(&format!("RELOADING=1\nMONOTONIC_USEC={}\n", now.tv_sec * 1_000_000 + now.tv_nsec / 1000))
}

/// Tells it that all is well (`WatchdogSec=`).
pub fn alive() -> io::Result<()> {
    say("WATCHDOG=1\n")
}

/// Tells it, and whoever asks for its status, how it is.
pub fn status(text: &str) -> io::Result<()> {
    say(&format!("STATUS={text}\n"))
}

/// Tells it that we are leaving.
pub fn stopping() -> io::Result<()> {
    say("STOPPING=1\n")
}

fn say(text: &str) -> io::Result<()> {
    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return Ok(()) };
    let sink = LogSink::open(&address(&name))?;
    sink.socket()?.send(text.as_bytes());
    if sink.dropped() == 0 { Ok(()) } else { Err(io::ErrorKind::NotConnected.into()) }
}

/// A leading `@` is the abstract namespace.
fn address(name: &OsStr) -> LogAddr {
    match name.as_bytes().split_first() {
        Some((b'@', rest)) => LogAddr::Abstract(AbstractName::of_bytes(rest)),
        Some(_) | None => LogAddr::Unix(PathBuf::from(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_read_as_systemd_writes_it() {
        assert!(matches!(address(OsStr::new("@x")), LogAddr::Abstract(name) if name.bytes() == b"x"));
        assert!(matches!(address(OsStr::new("/run/n")), LogAddr::Unix(path) if path.as_os_str() == "/run/n"));
    }
}
