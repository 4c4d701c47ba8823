//! Percent-coding (RFC 3986 section 2.1), as the converters `url_dec` and `url_enc` do it.

use memchr::{memchr2, memchr3};
use std::borrow::Cow;

/// Which plus signs stand for spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plus {
    /// None.
    Keep,
    /// Those behind the first `?`: the text is a whole target.
    InQuery,
    /// All: the text is a form or a query.
    Space,
}

/// Decodes; `None` where a `%` is not followed by two hexadecimal digits.
pub fn decode(text: &[u8], mut plus: Plus) -> Option<Cow<'_, [u8]>> {
    if memchr2(b'%', b'+', text).is_none() {
        return Some(Cow::Borrowed(text));
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr3(b'%', b'+', b'?', rest) {
        let (before, from) = rest.split_at_checked(at)?;
        out.extend_from_slice(before);
        let (&mark, after) = from.split_first()?;
        rest = after;
        match mark {
            b'%' => {
                let (byte, after) = escape(from)?;
                out.push(byte);
                rest = after;
            }
            b'+' if plus == Plus::Space => out.push(b' '),
            b'?' if plus == Plus::InQuery => {
                plus = Plus::Space;
                out.push(b'?');
            }
            other => out.push(other),
        }
    }
    out.extend_from_slice(rest);
    Some(Cow::Owned(out))
}

/// The byte that a percent-escape at the start of `text` stands for, and what follows.
pub fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let (&[percent, high, low], rest) = text.split_first_chunk::<3>()?;
    let byte = hex(high)? << 4 | hex(low)?;
    (percent == b'%').then_some((byte, rest))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

/// Encodes everything but unreserved characters, upper case.
pub fn encode(text: &[u8]) -> Cow<'_, [u8]> {
    if text.iter().all(|b| is_unreserved(*b)) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len() + 16);
    for b in text {
        if is_unreserved(*b) {
            out.push(*b);
        } else {
            push_escape(*b, &mut out);
        }
    }
    Cow::Owned(out)
}

/// Appends `%XX`.
pub(super) fn push_escape(b: u8, out: &mut Vec<u8>) {
    let digit = |n: u8| b"0123456789ABCDEF".get(usize::from(n)).copied().unwrap_or_default();
    out.extend_from_slice(&[b'%', digit(b >> 4), digit(b & 15)]);
}

/// Letters, digits, `-`, `.`, `_` and `~` (RFC 3986 section 2.3).
pub fn is_unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_follows_url_dec() {
        let cases: &[(&str, Plus, Option<&str>)] = &[
            ("/x%2b+y?a+%41", Plus::InQuery, Some("/x++y?a A")),
            ("a+b", Plus::Keep, Some("a+b")),
            ("a+b?c+d", Plus::Space, Some("a b?c d")),
            ("plain", Plus::Space, Some("plain")),
            ("%zz", Plus::Keep, None),
            ("a%4", Plus::Keep, None),
            ("a%", Plus::Keep, None),
            ("%+1", Plus::Keep, None),
        ];
        for (text, plus, expected) in cases {
            let decoded = decode(text.as_bytes(), *plus);
            assert_eq!(decoded.as_deref(), expected.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn encoding_follows_url_enc() {
        let text = b"-._~!*'();:@&=+$,/?[]azAZ09\"<>\\^`{|}% \n\xff";
        let expected = "-._~%21%2A%27%28%29%3B%3A%40%26%3D%2B%24%2C%2F%3F%5B%5DazAZ09%22%3C%3E%5C%5E%60%7B%7C%7D%25%20%0A%FF";
        assert_eq!(encode(text), expected.as_bytes());
        assert_eq!(decode(expected.as_bytes(), Plus::Keep).as_deref(), Some(&text[..]));
    }
}
