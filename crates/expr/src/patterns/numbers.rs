//! Integers, ranges and operators (manual section 7.1.2).

use super::{Pattern, PatternError};

/// What stands before a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Operator {
    #[default]
    Eq,
    Ge,
    Gt,
    Le,
    Lt,
}

impl Operator {
    /// The operator of that name.
    pub(crate) fn named(text: &str) -> Option<Operator> {
        match text {
            "eq" => Some(Operator::Eq),
            "ge" => Some(Operator::Ge),
            "gt" => Some(Operator::Gt),
            "le" => Some(Operator::Le),
            "lt" => Some(Operator::Lt),
            _ => None,
        }
    }
}

/// Both ends included; `None` is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    min: Option<i64>,
    max: Option<i64>,
}

/// `n`, `a:b`, `a:`, `:b`; as in HAProxy a dash parts a range as well, so that `-5` is everything up to 5.
pub(super) fn range(pattern: &Pattern) -> Result<Range, PatternError> {
    let text = String::from_utf8_lossy(&pattern.text);
    let (low, high) = match text.split_once([':', '-']) {
        Some((low, high)) => (bound(low, &text)?, Some(bound(high, &text)?)),
        None => (Some(number(&text)?), None),
    };
    let range = match high {
        None => single(low, pattern.operator),
        Some(high) => ends(low, high, pattern.operator),
    };
    let empty = matches!((low, high), (None, Some(None)));
    let turned = matches!(high, Some(Some(h)) if low.is_some_and(|l| l > h));
    if empty || turned { Err(PatternError::NotARange(text.into_owned())) } else { Ok(range) }
}

fn single(number: Option<i64>, operator: Operator) -> Range {
    match operator {
        Operator::Eq => Range { min: number, max: number },
        Operator::Ge => Range { min: number, max: None },
        Operator::Gt => Range { min: number.map(|n| n.saturating_add(1)), max: None },
        Operator::Le => Range { min: None, max: number },
        Operator::Lt => Range { min: None, max: number.map(|n| n.saturating_sub(1)) },
    }
}

fn ends(min: Option<i64>, max: Option<i64>, operator: Operator) -> Range {
    match operator {
        Operator::Eq | Operator::Ge | Operator::Le => Range { min, max },
        Operator::Gt => Range { min: min.map(|n| n.saturating_add(1)), max },
        Operator::Lt => Range { min, max: max.map(|n| n.saturating_sub(1)) },
    }
}

fn bound(text: &str, whole: &str) -> Result<Option<i64>, PatternError> {
    if text.is_empty() {
        return Ok(None);
    }
    number(text).map(Some).map_err(|_| PatternError::NotARange(whole.to_owned()))
}

fn number(text: &str) -> Result<i64, PatternError> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let value = if digits { text.parse().ok() } else { None };
    value.ok_or_else(|| PatternError::NotANumber(text.to_owned()))
}

/// Versions to the integers that `req.ssl_ver` yields: `3.1` is 3 in the upper 16 bits and 1 in the lower.
pub(crate) fn versions(text: &str) -> String {
    let one = |part: &str| {
        let (major, minor) = part.split_once('.').unwrap_or((part, "0"));
        match (major.parse::<u16>(), minor.parse::<u16>()) {
            (Ok(major), Ok(minor)) => (u32::from(major) << 16 | u32::from(minor)).to_string(),
            (Ok(_) | Err(_), _) => part.to_owned(),
        }
    };
    match text.split_once([':', '-']) {
        Some((low, high)) => format!("{}:{}", one(low), one(high)),
        None => one(text),
    }
}

/// The first range that holds the number.
pub(super) fn find(ranges: &[Range], number: i64) -> Option<usize> {
    let inside = |r: &Range| r.min.is_none_or(|min| number >= min) && r.max.is_none_or(|max| number <= max);
    ranges.iter().position(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(operator: &str, text: &str, number: i64) -> Option<bool> {
        let operator = Operator::named(operator).unwrap_or_default();
        let pattern = Pattern { text: text.as_bytes().to_vec(), ignore_case: false, operator };
        range(&pattern).ok().map(|r| find(&[r], number).is_some())
    }

    #[test]
    fn as_haproxy_reads_them() {
        let cases = [
            ("", "5", 5, true),
            ("", "1:10", 5, true),
            ("", "1-10", 5, true),
            ("", ":7", -3, true),
            ("", "7:", 7, true),
            ("", "-5", 5, true),
            ("gt", "5", 5, false),
            ("ge", "5", 5, true),
            ("lt", "5", 5, false),
            ("le", "5", 5, true),
            ("lt", "0", -5, true),
            ("gt", "1:3", 5, false),
            ("gt", "1:7", 5, true),
            ("gt", "5:7", 5, false),
            ("lt", ":7", 7, false),
            ("lt", "10-", 5, false),
        ];
        for (operator, text, number, expected) in cases {
            assert_eq!(holds(operator, text, number), Some(expected), "{operator} {text} on {number}");
        }
        for text in ["", "x", "1x", ":", "7:3", "0:-1", "1.5", "99999999999999999999"] {
            assert_eq!(holds("", text, 0), None, "{text}");
        }
    }

    #[test]
    fn versions_are_numbers() {
        assert_eq!(versions("3.1"), (3 << 16 | 1).to_string());
        assert_eq!(versions("3:3.1"), format!("{}:{}", 3 << 16, 3 << 16 | 1));
        assert_eq!(versions("x"), "x");
    }
}
