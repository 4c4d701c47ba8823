//! The normalizers of `http-request normalize-uri`, one function each, over path and query. A normalizer changes
//! one thing and leaves the rest of the text as it is, broken or not; the strict ones refuse broken text.

use super::percent::{escape, is_unreserved, push_escape};
use memchr::memchr;
use std::borrow::Cow;

/// A `%` without two hexadecimal digits, met by a strict normalizer: the request gets a 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadEscape;

impl std::fmt::Display for BadEscape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a percent sign without two hexadecimal digits")
    }
}

impl std::error::Error for BadEscape {}

/// `fragment-encode`: `#` becomes `%23`.
pub fn fragment_encode(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'#', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len() + 8);
    for b in text {
        match b {
            b'#' => push_escape(b'#', &mut out),
            b => out.push(*b),
        }
    }
    Cow::Owned(out)
}

/// `fragment-strip`: everything from the first `#` on goes.
pub fn fragment_strip(text: &[u8]) -> &[u8] {
    memchr(b'#', text).and_then(|at| text.get(..at)).unwrap_or(text)
}

/// `path-merge-slashes`: slashes side by side become one.
pub fn path_merge_slashes(text: &[u8]) -> Vec<u8> {
    let (path, query) = split(text);
    let mut out = path.to_vec();
    out.dedup_by(|b, a| *a == b'/' && *b == b'/');
    out.extend_from_slice(query);
    out
}

/// `path-strip-dot`: segments `.` go.
pub fn path_strip_dot(text: &[u8]) -> Vec<u8> {
    rewrite(text, |kept, segment, last| match segment {
        b"." if last => kept.push(b""),
        b"." => {}
        segment => kept.push(segment),
    })
}

/// `path-strip-dotdot [full]`: segments `..` go together with the segment before them; those that have none stay,
/// or go as well with `full`.
pub fn path_strip_dotdot(text: &[u8], full: bool) -> Vec<u8> {
    rewrite(text, |kept, segment, last| {
        if segment != b".." {
            return kept.push(segment);
        }
        match kept.last() {
            None | Some(&b"..") if !full => kept.push(b".."),
            None => {}
            Some(_) => {
                kept.pop();
            }
        }
        if last {
            kept.push(b"");
        }
    })
}

/// `percent-decode-unreserved [strict]`: escapes of unreserved characters become the characters.
pub fn percent_decode_unreserved(text: &[u8], strict: bool) -> Result<Vec<u8>, BadEscape> {
    map_escapes(text, strict, |raw, byte, out| match byte {
        byte if is_unreserved(byte) => out.push(byte),
        _ => out.extend_from_slice(raw),
    })
}

/// `percent-to-uppercase [strict]`: escapes get upper-case digits.
pub fn percent_to_uppercase(text: &[u8], strict: bool) -> Result<Vec<u8>, BadEscape> {
    map_escapes(text, strict, |_, byte, out| push_escape(byte, out))
}

/// `query-sort-by-name`: parameters by name, byte by byte; equal names keep their order.
pub fn query_sort_by_name(text: &[u8]) -> Cow<'_, [u8]> {
    let (path, query) = split(text);
    let Some(query) = query.strip_prefix(b"?") else { return Cow::Borrowed(text) };
    let mut params: Vec<&[u8]> = query.split(|&b| b == b'&').collect();
    params.sort_by(|a, b| name(a).cmp(name(b)));
    Cow::Owned([path, b"?", &params.join(&b'&')].concat())
}

/// The name of a parameter: what stands before its first `=`.
fn name(param: &[u8]) -> &[u8] {
    param.split(|&b| b == b'=').next().unwrap_or_default()
}

/// Path, and query with its question mark.
fn split(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at_checked(memchr(b'?', text).unwrap_or(text.len())).unwrap_or((text, b""))
}

/// Builds the path anew from the segments that `keep(so far, segment, is it the last)` leaves. A text that is no
/// path, such as `*`, stays.
fn rewrite<'a>(text: &'a [u8], keep: impl Fn(&mut Vec<&'a [u8]>, &'a [u8], bool)) -> Vec<u8> {
    let (path, query) = split(text);
    let Some(path) = path.strip_prefix(b"/") else { return text.to_vec() };
    let mut kept = Vec::new();
    let mut segments = path.split(|&b| b == b'/').peekable();
    while let Some(segment) = segments.next() {
        keep(&mut kept, segment, segments.peek().is_none());
    }
    [b"/", kept.join(&b'/').as_slice(), query].concat()
}

/// Copies `text`, showing each escape to `each(as written, its byte, output)`.
fn map_escapes(
    text: &[u8],
    strict: bool,
    each: impl Fn(&[u8], u8, &mut Vec<u8>),
) -> Result<Vec<u8>, BadEscape> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        match escape(rest) {
            Some((byte, next)) => {
                each(rest.get(..3).unwrap_or_default(), byte, &mut out);
                rest = next;
                continue;
            }
            None if first == b'%' && strict => return Err(BadEscape),
            None => out.push(first),
        }
        rest = after;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(normalize: impl Fn(&[u8]) -> Vec<u8>, cases: &[(&str, &str)]) {
        for (from, to) in cases {
            let out = normalize(from.as_bytes());
            assert_eq!(out.escape_ascii().to_string(), *to, "from {from}");
        }
    }

    #[test]
    fn fragments() {
        check(
            |t| fragment_encode(t).into_owned(),
            &[("/#foo", "/%23foo"), ("/a#b#c?d#e", "/a%23b%23c?d%23e")],
        );
        check(
            |t| fragment_strip(t).to_vec(),
            &[("/#foo", "/"), ("/a?b#c", "/a?b"), ("/a#?b", "/a"), ("/a", "/a")],
        );
    }

    #[test]
    fn slashes_and_dots() {
        check(path_merge_slashes, &[("//", "/"), ("/foo//bar", "/foo/bar"), ("/a///b//?c//d", "/a/b/?c//d")]);
        let dots = [
            ("/.", "/"),
            ("/./bar/", "/bar/"),
            ("/a/./a", "/a/a"),
            ("/.well-known/", "/.well-known/"),
            ("/a/.", "/a/"),
            ("/././.", "/"),
            ("/a/./?x/./y", "/a/?x/./y"),
            ("/a.", "/a."),
            ("/a/..", "/a/.."),
            ("/./..", "/.."),
            ("/a/.b/./", "/a/.b/"),
            ("/.a/.", "/.a/"),
            ("//./", "//"),
            ("*", "*"),
        ];
        check(path_strip_dot, &dots);
    }

    #[test]
    fn parent_segments() {
        let plain = [
            ("/foo/../", "/"),
            ("/foo/../bar/", "/bar/"),
            ("/foo/bar/../", "/foo/"),
            ("/../bar/", "/../bar/"),
            ("/bar/../../", "/../"),
            ("/foo//../", "/foo/"),
            ("/foo/%2E%2E/", "/foo/%2E%2E/"),
            ("/..", "/../"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/a/../..", "/../"),
            ("/a/../../b", "/../b"),
            ("/a/..?x/../y", "/?x/../y"),
            ("/..a/..", "/"),
            ("/a/b/../../..", "/../"),
            ("/a/./..", "/a/"),
            ("/a/b/c/../../d", "/a/d"),
            ("/../../a/..", "/../../"),
            ("/a..", "/a.."),
            ("/a/..b", "/a/..b"),
            ("*", "*"),
        ];
        check(|t| path_strip_dotdot(t, false), &plain);
        let full = [
            ("/../bar/", "/bar/"),
            ("/bar/../../", "/"),
            ("/..", "/"),
            ("/a/../../..", "/"),
            ("/../../a/..", "/"),
            ("/../../a", "/a"),
            ("//../", "/"),
            ("/a/../../b/..", "/"),
            ("/foo//../", "/foo/"),
        ];
        check(|t| path_strip_dotdot(t, true), &full);
    }

    #[test]
    fn escapes() {
        let decoded = [
            ("/%61dmin", "/admin"),
            ("/foo%3Fbar=baz", "/foo%3Fbar=baz"),
            ("/%%36%36", "/%66"),
            ("/%ZZ", "/%ZZ"),
            ("/%7e?%41%2d", "/~?A-"),
            ("/%", "/%"),
            ("/%6", "/%6"),
            ("/%c3%a9", "/%c3%a9"),
        ];
        check(|t| percent_decode_unreserved(t, false).unwrap(), &decoded);
        let upper =
            [("/%6f", "/%6F"), ("/%zz", "/%zz"), ("/%3a?%3b", "/%3A?%3B"), ("/%", "/%"), ("/%%6f", "/%%6F")];
        check(|t| percent_to_uppercase(t, false).unwrap(), &upper);
        for bad in ["/%%36%36", "/%ZZ", "/%", "/%6", "/%61?%zz"] {
            assert_eq!(percent_decode_unreserved(bad.as_bytes(), true), Err(BadEscape), "{bad}");
            assert_eq!(percent_to_uppercase(bad.as_bytes(), true), Err(BadEscape), "{bad}");
        }
        assert_eq!(percent_decode_unreserved(b"/%61", true), Ok(b"/a".to_vec()));
    }

    #[test]
    fn parameters_are_sorted() {
        let cases = [
            ("/?c=3&a=1&b=2", "/?a=1&b=2&c=3"),
            ("/?aaa=3&a=1&aa=2", "/?a=1&aa=2&aaa=3"),
            ("/?b=3&aa=1", "/?aa=1&b=3"),
            ("/?a=3&b=4&a=1&b=5&a=2", "/?a=3&a=1&a=2&b=4&b=5"),
            ("/?b&a", "/?a&b"),
            ("/?", "/?"),
            ("/?b&&a", "/?&a&b"),
            ("/?&b=1&a", "/?&a&b=1"),
            ("/?a=2&a=1&A=0", "/?A=0&a=2&a=1"),
            ("/x", "/x"),
            ("/?a-=1&a=2&a.=3&a!=2", "/?a=2&a!=2&a-=1&a.=3"),
        ];
        check(|t| query_sort_by_name(t).into_owned(), &cases);
    }
}
