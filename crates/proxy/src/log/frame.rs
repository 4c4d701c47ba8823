//! The frames of `log … format`: what stands before the line's own text (manual, `log`).

use super::Identity;
use config::model::LogFrame;

/// A frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame(pub LogFrame);

impl Frame {
    /// Appends the frame. `now_us` is the wall clock.
    pub fn write(
        self,
        facility: u8,
        level: u8,
        now_us: i64,
        who: &Identity,
        structured: &[u8],
        out: &mut Vec<u8>,
    ) {
        let priority = u32::from(facility) * 8 + u32::from(level);
        let text = match self.0 {
            LogFrame::Raw => return,
            LogFrame::Short => format!("<{level}>"),
            LogFrame::Priority => format!("<{priority}>"),
            LogFrame::Timed => format!("<{level}>{} ", iso_date(now_us)),
            LogFrame::Iso => format!("{} ", iso_date(now_us)),
            LogFrame::Local if !who.send_hostname => {
                format!("<{priority}>{} {}[{}]: ", bsd_date(now_us), who.tag, who.pid)
            }
            LogFrame::Local | LogFrame::Rfc3164 => {
                let host = if who.send_hostname { &*who.hostname } else { "localhost" };
                format!("<{priority}>{} {host} {}[{}]: ", bsd_date(now_us), who.tag, who.pid)
            }
            LogFrame::Rfc5424 => {
                let host = if who.send_hostname { &*who.hostname } else { "-" };
                let head = format!("<{priority}>1 {} {host} {} {} - ", iso_date(now_us), who.tag, who.pid);
                out.extend_from_slice(head.as_bytes());
                out.extend_from_slice(if structured.is_empty() { b"-" } else { structured });
                out.push(b' ');
                return;
            }
        };
        out.extend_from_slice(text.as_bytes());
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A moment in calendar terms.
struct Civil {
    year: i64,
    month: usize,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
}

/// Days since 1970-01-01 to year, month and day, by the proleptic Gregorian calendar's 400-year cycle.
fn civil(us: i64) -> Civil {
    let (seconds, micros) = (us.div_euclid(1_000_000), us.rem_euclid(1_000_000));
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    Civil {
        year: year_of_era + era * 400 + i64::from(month <= 2),
        month: usize::try_from(month - 1).unwrap_or_default(),
        day: of_year - (153 * shifted + 2) / 5 + 1,
        hour: of_day / 3_600,
        minute: of_day / 60 % 60,
        second: of_day % 60,
        micros,
    }
}

/// `Nov 20 17:04:09`
fn bsd_date(us: i64) -> String {
    let c = civil(us);
    let month = MONTHS.get(c.month).copied().unwrap_or_default();
    format!("{month} {:2} {:02}:{:02}:{:02}", c.day, c.hour, c.minute, c.second)
}

/// `2026-11-20T17:04:09.123456+00:00`
pub(crate) fn iso_date(us: i64) -> String {
    let c = civil(us);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}+00:00",
        c.year,
        c.month + 1,
        c.day,
        c.hour,
        c.minute,
        c.second,
        c.micros
    )
}

/// `20/Nov/2026:17:04:09.123`
pub(super) fn log_date(us: i64) -> String {
    let c = civil(us);
    let month = MONTHS.get(c.month).copied().unwrap_or_default();
    format!(
        "{:02}/{month}/{:04}:{:02}:{:02}:{:02}.{:03}",
        c.day,
        c.year,
        c.hour,
        c.minute,
        c.second,
        c.micros / 1000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames() {
        let who = |send_hostname| Identity { tag: "tag".into(), hostname: "h".into(), send_hostname, pid: 7 };
        let us = 1_795_194_249_123_456;
        let cases = [
            (LogFrame::Raw, false, ""),
            (LogFrame::Short, false, "<6>"),
            (LogFrame::Priority, false, "<134>"),
            (LogFrame::Local, false, "<134>Nov 20 17:04:09 tag[7]: "),
            (LogFrame::Local, true, "<134>Nov 20 17:04:09 h tag[7]: "),
            (LogFrame::Rfc3164, false, "<134>Nov 20 17:04:09 localhost tag[7]: "),
            (LogFrame::Rfc3164, true, "<134>Nov 20 17:04:09 h tag[7]: "),
            (LogFrame::Rfc5424, false, "<134>1 2026-11-20T17:04:09.123456+00:00 - tag 7 - - "),
            (LogFrame::Rfc5424, true, "<134>1 2026-11-20T17:04:09.123456+00:00 h tag 7 - - "),
            (LogFrame::Timed, false, "<6>2026-11-20T17:04:09.123456+00:00 "),
            (LogFrame::Iso, false, "2026-11-20T17:04:09.123456+00:00 "),
        ];
        for (frame, send_hostname, expected) in cases {
            let mut out = Vec::new();
            Frame(frame).write(16, 6, us, &who(send_hostname), b"", &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{frame:?}");
        }
    }
}
