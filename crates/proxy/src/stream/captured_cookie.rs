//! `capture cookie`: the first cookie whose name begins as written, kept for the log with its name and value. Of a
//! response, `set-cookie` fields; their attributes are not kept.

use http::Fields;
use http::fields::trim;

/// The text that the log shows, cut at `most` bytes.
pub(super) fn of_request(fields: &Fields, name: &[u8], most: usize) -> Option<Vec<u8>> {
    let cookies = fields.get_all(b"cookie").flat_map(|value| value.split(|b| *b == b';'));
    first(cookies, name, most)
}

/// The same of what a server sets.
pub(super) fn of_response(fields: &Fields, name: &[u8], most: usize) -> Option<Vec<u8>> {
    let cookies = fields.get_all(b"set-cookie").filter_map(|value| value.split(|b| *b == b';').next());
    first(cookies, name, most)
}

fn first<'a>(cookies: impl Iterator<Item = &'a [u8]>, name: &[u8], most: usize) -> Option<Vec<u8>> {
    let found = cookies.map(trim).find(|cookie| cookie.starts_with(name))?;
    Some(found.get(..most).unwrap_or(found).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_begins_so_is_kept_and_cut() {
        let mut fields = Fields::default();
        fields.push(b"cookie", b"a=b; SESSION=abcdef; SESS2=1");
        fields.push(b"set-cookie", b"SESSx=123; path=/");
        assert_eq!(of_request(&fields, b"SESS", 10).as_deref(), Some(&b"SESSION=ab"[..]));
        assert_eq!(of_request(&fields, b"SESS2=", 99).as_deref(), Some(&b"SESS2=1"[..]));
        assert_eq!(of_response(&fields, b"SESS", 99).as_deref(), Some(&b"SESSx=123"[..]));
        assert_eq!(of_request(&fields, b"none", 9), None);
    }
}
