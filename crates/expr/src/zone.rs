//! The machine's time zone, read once at load (`TZ`, else `/etc/localtime`) and kept, so that dates are written
//! without touching a file, and in a chroot.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::sync::OnceLock;

static LOCAL: OnceLock<TimeZone> = OnceLock::new();

/// Reads the zone, unless that was done. What writes local times calls this when it is compiled.
pub fn load() -> &'static TimeZone {
    LOCAL.get_or_init(TimeZone::system)
}

/// How far local time is ahead of UTC at that moment, in seconds; 0 for moments outside years -9999 to 9999.
pub fn utc_offset(epoch_seconds: i64) -> i32 {
    match Timestamp::from_second(epoch_seconds) {
        Ok(moment) => load().to_offset(moment).seconds(),
        Err(_) => 0,
    }
}
