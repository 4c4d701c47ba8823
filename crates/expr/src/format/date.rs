//! Dates as logs print them. The calendar is computed here; the offset from UTC is the scope's to know.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A moment taken apart.
pub(super) struct Civil {
    pub(super) year: i64,
    /// 0..=11
    pub(super) month: usize,
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
}

/// Seconds since the epoch to the calendar (proleptic Gregorian, days counted from March so that leap days come last).
pub(super) fn civil(seconds: i64) -> Civil {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let month = (month_from_march + 2) % 12;
    Civil {
        year: year_of_era + era * 400 + i64::from(month < 2),
        month: usize::try_from(month).unwrap_or(0),
        day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
        hour: rest / 3_600,
        minute: rest / 60 % 60,
        second: rest % 60,
    }
}

/// `06/Feb/2009:12:14:14`
pub(super) fn stamp(seconds: i64) -> String {
    let c = civil(seconds);
    let month = MONTHS.get(c.month).copied().unwrap_or("");
    format!("{:02}/{month}/{:04}:{:02}:{:02}:{:02}", c.day, c.year, c.hour, c.minute, c.second)
}

/// `+0100`
pub(super) fn offset(seconds_east: i32) -> String {
    let sign = if seconds_east < 0 { '-' } else { '+' };
    let minutes = seconds_east.unsigned_abs() / 60;
    format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps() {
        let cases = [
            (0, "01/Jan/1970:00:00:00"),
            (1_795_196_642, "20/Nov/2026:17:44:02"),
            (951_782_400, "29/Feb/2000:00:00:00"),
            (4_107_542_400, "01/Mar/2100:00:00:00"),
            (-1, "31/Dec/1969:23:59:59"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(stamp(seconds), expected);
        }
        assert_eq!(
            (offset(0), offset(3_600), offset(-12_600)),
            ("+0000".into(), "+0100".into(), "-0330".into())
        );
    }
}
