//! What the system says of a failure, as operators are told: its words alone, as other programs print them. The number
//! that Rust puts behind them helps nobody who is not a programmer.

use std::fmt::Display;

/// The words of an error, without an ` (os error 13)` at their end. Of other errors than the system's all is kept.
pub fn reason(error: &dyn Display) -> String {
    let mut text = error.to_string();
    let number = text.rfind(" (os error ").filter(|at| is_number(text.get(*at..).unwrap_or_default()));
    if let Some(at) = number {
        text.truncate(at);
    }
    text
}

/// The same of what lies beneath an error, which says what happened where the outer ones say only to what.
pub fn innermost_reason(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    reason(&cause)
}

/// Nothing but a number stands behind the words.
fn is_number(end: &str) -> bool {
    let number = end.strip_prefix(" (os error ").and_then(|rest| rest.strip_suffix(')'));
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Error, ErrorKind};

    #[test]
    fn the_systems_number_is_left_out_and_nothing_else() {
        assert_eq!(reason(&Error::from_raw_os_error(13)), "Permission denied");
        assert_eq!(reason(&Error::other(Error::from_raw_os_error(2))), "No such file or directory");
        assert_eq!(reason(&Error::from(ErrorKind::InvalidInput)), "invalid input parameter");
        assert_eq!(reason(&"a (os error x)"), "a (os error x)");
        assert_eq!(reason(&"a (os error 1) b"), "a (os error 1) b");
    }
}
