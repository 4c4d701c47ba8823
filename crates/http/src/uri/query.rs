//! Parameters of a query, as `url_param` sees them: nothing is decoded, and a name without `=` is none.

use memchr::memchr;

/// All `name=value` parameters of a target. They start behind the first `delim` (usually `?`), and `&`, `;` and
/// `delim` separate them.
pub fn params(target: &[u8], delim: u8) -> impl Iterator<Item = (&[u8], &[u8])> {
    let start = memchr(delim, target).map_or(target.len(), |at| at + 1);
    let text = target.get(start..).unwrap_or_default();
    text.split(move |&b| matches!(b, b'&' | b';') || b == delim).filter_map(|param| {
        let equals = memchr(b'=', param)?;
        Some((param.get(..equals)?, param.get(equals + 1..)?))
    })
}

/// The value of the first parameter of that name; of any name with `None`.
pub fn param<'a>(target: &'a [u8], name: Option<&[u8]>, delim: u8) -> Option<&'a [u8]> {
    params(target, delim).find(|(n, _)| name.is_none_or(|name| name == *n)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookup_follows_url_param() {
        let cases: &[(&str, Option<&str>, char, Option<&str>)] = &[
            ("/x?a=1&b=2", Some("a"), '?', Some("1")),
            ("/x?b=2;a=1;c", Some("a"), '?', Some("1")),
            ("/x;a=1?b=2", Some("a"), '?', None),
            ("/x;a=1?b=2", Some("a"), ';', Some("1?b=2")),
            ("/x?a&a=2", Some("a"), '?', Some("2")),
            ("/x?aa=1&a=", Some("a"), '?', Some("")),
            ("/x?=5&a=1", None, '?', Some("5")),
            ("/x?b?a=1", Some("a"), '?', Some("1")),
            ("/x?c&d=4", None, '?', Some("4")),
            ("/x?A=1", Some("a"), '?', None),
            ("/x?a", None, '?', None),
            ("/x", None, '?', None),
            ("/x?a=b=c", Some("a"), '?', Some("b=c")),
        ];
        for (target, name, delim, expected) in cases {
            let found = param(target.as_bytes(), name.map(str::as_bytes), *delim as u8);
            assert_eq!(found, expected.map(str::as_bytes), "{name:?} in {target}");
        }
    }
}
