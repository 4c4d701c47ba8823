//! Message sizes as HAProxy logs them (`%B`, `%U`). It counts its own form of a message, not the bytes on the wire: a
//! start line costs 20 bytes and its texts, a field its name and value, the end of the fields and the end of a chunked
//! body one byte each; `connection` fields of a peer do not count. Observed on HAProxy 2.6, and matched so that lines compare.

use http::{Fields, Method, Request, Response};

const START_LINE: usize = 20;
const END_OF_FIELDS: usize = 1;
/// `HTTP/1.1`
const VERSION: usize = 8;
/// `200`
const STATUS: usize = 3;

/// What the end of a chunked body adds.
pub(crate) const END_OF_CHUNKS: u64 = 1;

/// A request's head as it came.
pub(crate) fn request(head: &Request) -> u64 {
    let texts = head.method_text().len() + head.target().len() + VERSION;
    (START_LINE + texts + fields(&head.fields) + END_OF_FIELDS) as u64
}

/// A response's head as it came.
pub(crate) fn response(head: &Response) -> u64 {
    let texts = VERSION + STATUS + head.reason().len();
    (START_LINE + texts + fields(&head.fields) + END_OF_FIELDS) as u64
}

/// A response of ours to a request of that method, with its body and the length field that the body gets.
pub(crate) fn reply(head: &Response, to: Method, body: usize) -> u64 {
    let texts = VERSION + STATUS + head.reason().len();
    // what the reply itself says of the connection counts, unlike what is added in sending
    let named = head.fields.iter().filter(|(name, _)| *name != b"content-length");
    let others: usize = named.map(|(name, value)| name.len() + value.len()).sum();
    let bodyless = http::message::is_bodyless(head.status);
    let length = if bodyless { 0 } else { b"content-length".len() + body.to_string().len() };
    let carried = if bodyless || to == Method::Head { 0 } else { body };
    (START_LINE + texts + others + length + END_OF_FIELDS + carried) as u64
}

fn fields(fields: &Fields) -> usize {
    let counted = fields.iter().filter(|(name, _)| *name != b"connection");
    counted.map(|(name, value)| name.len() + value.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures are those that HAProxy 2.6 logged.
    #[test]
    fn heads_as_haproxy_counts_them() {
        let mut head = Request::default();
        head.set_method(b"GET");
        head.set_target(b"/a");
        head.fields.push(b"host", b"x");
        head.fields.push(b"connection", b"close");
        assert_eq!(request(&head), 39);
        head.fields.push(b"ab", b"cd");
        assert_eq!(request(&head), 43);

        let mut head = Response::default();
        head.set_status(200, b"");
        assert_eq!(reply(&head, Method::Get, 0), 49);
        head.fields.push(b"content-length", b"5");
        head.fields.push(b"x-y", b"z");
        assert_eq!(response(&head) + 5, 58);
        assert_eq!(reply(&head, Method::Get, 5), 58);
        assert_eq!(reply(&head, Method::Head, 5), 53);
    }
}
