//! What is done to a response besides rules: captures and the persistence cookie.

use super::{Stream, captured_cookie};

/// Before any rule: what the server says of its connection, and captures.
pub(super) fn before_rules(stream: &mut Stream<'_>) {
    http::h1::take_persistence(&mut stream.response);
    let front = stream.front;
    if let Some((name, most)) = &front.cookie_capture {
        stream.captured_cookies[1] = captured_cookie::of_response(&stream.response.fields, name, *most);
    }
    if front.response_captures.is_empty() {
        return;
    }
    stream.response_captures.resize(front.response_captures.len(), None);
    for (slot, capture) in front.response_captures.iter().enumerate() {
        let Some(header) = &capture.header else { continue };
        let value = stream.response.fields.get_all(header).last();
        let kept = value.map(|v| v.get(..capture.len.min(v.len())).unwrap_or_default().to_vec());
        if let Some(place) = stream.response_captures.get_mut(slot) {
            *place = kept;
        }
    }
}

/// After the rules: the cookie that brings the client back to this server.
pub(super) fn add_headers(stream: &mut Stream<'_>) {
    if let Some(back) = stream.back {
        crate::assign::answer_cookie(stream, back);
    }
}
