//! Numbers with units, as HAProxy's manual writes them (section 2.5 "Time format", 2.6 "Size format").

/// Why a number with a unit was not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitError {
    /// No digits, or something that is no unit after them.
    Malformed,
    /// Larger than the type can hold.
    TooLarge,
}

/// A duration in microseconds. A bare number counts `default_unit` microseconds each.
/// Units: `us`, `ms`, `s`, `m`, `h`, `d`.
pub fn micros(text: &str, default_unit: u64) -> Result<u64, UnitError> {
    let (number, unit) = split(text)?;
    let factor = match unit {
        "" => default_unit,
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        _ => return Err(UnitError::Malformed),
    };
    number.checked_mul(factor).ok_or(UnitError::TooLarge)
}

/// A duration in milliseconds, a bare number counting milliseconds; parts of a millisecond round up, as HAProxy does.
pub fn millis(text: &str) -> Result<u64, UnitError> {
    micros(text, 1_000).map(|us| us.div_ceil(1_000))
}

/// A duration in seconds, a bare number counting seconds; parts of a second round up.
pub fn seconds(text: &str) -> Result<u64, UnitError> {
    micros(text, 1_000_000).map(|us| us.div_ceil(1_000_000))
}

/// A size in bytes. Units: `k`, `m`, `g` in either case, powers of 1024.
pub fn bytes(text: &str) -> Result<u64, UnitError> {
    let (number, unit) = split(text)?;
    let factor = match unit {
        "" => 1,
        "k" | "K" => 1 << 10,
        "m" | "M" => 1 << 20,
        "g" | "G" => 1 << 30,
        _ => return Err(UnitError::Malformed),
    };
    number.checked_mul(factor).ok_or(UnitError::TooLarge)
}

fn split(text: &str) -> Result<(u64, &str), UnitError> {
    let end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    if digits.is_empty() {
        return Err(UnitError::Malformed);
    }
    Ok((digits.parse().map_err(|_| UnitError::TooLarge)?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(millis("10s"), Ok(10_000));
        assert_eq!(millis("5000"), Ok(5_000));
        assert_eq!(millis("1d"), Ok(86_400_000));
        assert_eq!(millis("1us"), Ok(1));
        assert_eq!(seconds("2h"), Ok(7_200));
        assert_eq!(millis("10 s"), Err(UnitError::Malformed));
        assert_eq!(millis("s"), Err(UnitError::Malformed));
        assert_eq!(millis("99999999999999999999"), Err(UnitError::TooLarge));
    }

    #[test]
    fn sizes() {
        assert_eq!(bytes("16k"), Ok(16_384));
        assert_eq!(bytes("1G"), Ok(1 << 30));
        assert_eq!(bytes("1x"), Err(UnitError::Malformed));
    }
}
