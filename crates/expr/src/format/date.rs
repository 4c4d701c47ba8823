//! Dates as logs print them, written without allocation.

use crate::zone;
use jiff::Timestamp;
use jiff::tz::Offset;
use std::io::Write as _;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `06/Feb/2009:12:14:14.655`, local time.
pub(super) fn with_millis(out: &mut Vec<u8>, us: i64) {
    let seconds = us.div_euclid(1_000_000);
    stamp(out, seconds + i64::from(zone::utc_offset(seconds)));
    // Writing into a `Vec` cannot fail, here and below.
    let _ = write!(out, ".{:03}", us.rem_euclid(1_000_000) / 1_000);
}

/// `06/Feb/2009:12:14:14.655123`, local time, as the runtime API tells moments.
pub fn with_micros(us: i64) -> String {
    let mut out = Vec::new();
    let seconds = us.div_euclid(1_000_000);
    stamp(&mut out, seconds + i64::from(zone::utc_offset(seconds)));
    let _ = write!(out, ".{:06}", us.rem_euclid(1_000_000));
    String::from_utf8_lossy(&out).into_owned()
}

/// `06/Feb/2009:13:14:14 +0100`, local time, as the runtime API tells moments that lie ahead.
pub fn local_time(us: i64) -> String {
    let mut out = Vec::new();
    local(&mut out, us);
    String::from_utf8_lossy(&out).into_owned()
}

/// `06/Feb/2009:12:14:14 +0000`
pub(super) fn gmt(out: &mut Vec<u8>, us: i64) {
    with_offset(out, us.div_euclid(1_000_000), 0);
}

/// `06/Feb/2009:13:14:14 +0100`
pub(super) fn local(out: &mut Vec<u8>, us: i64) {
    let seconds = us.div_euclid(1_000_000);
    with_offset(out, seconds, zone::utc_offset(seconds));
}

fn with_offset(out: &mut Vec<u8>, seconds: i64, east: i32) {
    stamp(out, seconds + i64::from(east));
    let sign = if east < 0 { '-' } else { '+' };
    let minutes = east.unsigned_abs() / 60;
    let _ = write!(out, " {sign}{:02}{:02}", minutes / 60, minutes % 60);
}

/// `06/Feb/2009:12:14:14`; the epoch for moments that no calendar holds.
fn stamp(out: &mut Vec<u8>, seconds: i64) {
    let moment = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    let c = Offset::UTC.to_datetime(moment);
    let month = usize::try_from(c.month() - 1).ok().and_then(|m| MONTHS.get(m)).copied().unwrap_or("");
    let (day, year) = (c.day(), c.year());
    let _ = write!(out, "{day:02}/{month}/{year:04}:{:02}:{:02}:{:02}", c.hour(), c.minute(), c.second());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(print: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        print(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn stamps() {
        let cases = [
            (0, 0, "01/Jan/1970:00:00:00 +0000"),
            (1_795_196_642, 3_600, "20/Nov/2026:18:44:02 +0100"),
            (951_782_400, -12_600, "28/Feb/2000:20:30:00 -0330"),
            (4_107_542_400, 0, "01/Mar/2100:00:00:00 +0000"),
            (i64::MAX / 2, 0, "01/Jan/1970:00:00:00 +0000"),
        ];
        for (seconds, east, expected) in cases {
            assert_eq!(written(|out| with_offset(out, seconds, east)), expected);
        }
        assert!(written(|out| with_millis(out, 1_795_196_642_424_999)).ends_with(".424"));
    }
}
