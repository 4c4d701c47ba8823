//! What is done to a request besides rules: captures, the fields that `connection` names, forwarding headers, the
//! unique id.

use super::{Stream, captured_cookie};
use crate::ending::Ending;
use crate::plan::{AddressHeader, Forwarded, HeaderOptions};
use config::model::RestrictNames;
use expr::Expr;
use std::net::{IpAddr, SocketAddr};

/// Keeps the header captures of the request.
pub(super) fn capture(stream: &mut Stream<'_>) {
    http::h1::drop_named_by_connection(&mut stream.request);
    let front = stream.front;
    if let Some((name, most)) = &front.cookie_capture {
        stream.captured_cookies[0] = captured_cookie::of_request(&stream.request.fields, name, *most);
    }
    if front.request_captures.is_empty() {
        return;
    }
    stream.request_captures.resize(front.request_captures.len(), None);
    for (slot, capture) in front.request_captures.iter().enumerate() {
        let Some(header) = &capture.header else { continue };
        let value = stream.request.fields.get_all(header).last();
        let kept = value.map(|v| v.get(..capture.len.min(v.len())).unwrap_or_default().to_vec());
        if let Some(place) = stream.request_captures.get_mut(slot) {
            *place = kept;
        }
    }
}

/// `option http-restrict-req-hdr-names` of one proxy, once its rules have seen the request (as HAProxy has it): deletes
/// odd names, or refuses the request for them.
pub(super) fn restrict_names(stream: &mut Stream<'_>, restrict: RestrictNames) -> Result<(), Ending> {
    let odd = |name: &[u8]| !name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
    match restrict {
        RestrictNames::Preserve => Ok(()),
        RestrictNames::Delete => {
            stream.request.fields.retain(|name, _| !odd(name));
            Ok(())
        }
        RestrictNames::Reject if stream.request.fields.iter().any(|(name, _)| odd(name)) => {
            Err(Ending::bad_request(403))
        }
        RestrictNames::Reject => Ok(()),
    }
}

/// Adds the headers that options of the frontend or the backend ask for.
pub(super) fn add_headers(stream: &mut Stream<'_>) {
    let front = stream.front;
    let back = stream.back;
    add_unique_id(stream);
    let sets: [Option<&HeaderOptions>; 2] = [back.map(|b| &b.headers), Some(&front.headers)];
    add_address(stream, sets.map(|set| set?.forwardfor.as_ref()), stream.src());
    add_address(stream, sets.map(|set| set?.originalto.as_ref()), stream.dst());
    if let Some(option) = back.and_then(|back| back.headers.forwarded.as_ref()) {
        add_forwarded(stream, option);
    }
}

fn add_unique_id(stream: &mut Stream<'_>) {
    let front = stream.front;
    make_unique_id(stream);
    if let (Some(name), Some(id)) = (&front.unique_id_header, &stream.unique_id) {
        stream.request.fields.push(name, id);
    }
}

/// Makes the unique id once.
pub(super) fn make_unique_id(stream: &mut Stream<'_>) {
    let front = stream.front;
    if let (Some(format), None) = (&front.unique_id, &stream.unique_id) {
        let mut id = Vec::new();
        format.write(stream, &mut id);
        stream.unique_id = Some(id);
    }
}

/// Backend and frontend together (manual, "option forwardfor"): the backend names the header, both except clients, and
/// `if-none` counts where both want it.
fn add_address(stream: &mut Stream<'_>, options: [Option<&AddressHeader>; 2], addr: Option<SocketAddr>) {
    let Some(addr) = addr else { return };
    let written = || options.into_iter().flatten();
    let Some(name) = written().next().map(|option| &option.name) else { return };
    let excepts = |o: &AddressHeader| o.except.is_some_and(|(net, bits)| contains(net, bits, addr.ip()));
    let kept = written().all(|option| option.if_none) && stream.request.fields.get(name).is_some();
    if !kept && !written().any(excepts) {
        stream.request.fields.push(name, addr.ip().to_string().as_bytes());
    }
}

/// Whether `ip` lies in the network.
pub(crate) fn contains(network: IpAddr, bits: u8, ip: IpAddr) -> bool {
    let prefix = |value: u128, width: u32| {
        let shift = width.saturating_sub(u32::from(bits));
        value.checked_shr(shift).unwrap_or_default()
    };
    match (network, ip) {
        (IpAddr::V4(n), IpAddr::V4(i)) => {
            prefix(u128::from(u32::from(n)), 32) == prefix(u128::from(u32::from(i)), 32)
        }
        (IpAddr::V6(n), IpAddr::V6(i)) => prefix(u128::from(n), 128) == prefix(u128::from(i), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

/// RFC 7239. Values that are no tokens are quoted; IPv6 addresses and addresses with ports always are.
fn add_forwarded(stream: &mut Stream<'_>, option: &Forwarded) {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    if option.proto {
        let scheme: &[u8] = if stream.session.tls.is_some() { b"https" } else { b"http" };
        parts.push([b"proto=", scheme].concat());
    }
    if let Some(host) = &option.host {
        let value = computed(stream, host, || stream.request.host().unwrap_or_default().to_vec());
        // always as a quoted-string, as HAProxy writes it: few hosts are tokens
        parts.push([b"host=", &in_quotes(&value)[..]].concat());
    }
    node(stream, b"by=", &option.by, &option.by_port, stream.dst(), &mut parts);
    node(stream, b"for=", &option.for_, &option.for_port, stream.src(), &mut parts);
    if !parts.is_empty() {
        stream.request.fields.push(b"forwarded", &parts.join(&b";"[..]));
    }
}

fn computed(stream: &Stream<'_>, expr: &Option<Expr>, otherwise: impl Fn() -> Vec<u8>) -> Vec<u8> {
    match expr {
        None => otherwise(),
        Some(expr) => expr
            .eval(stream)
            .and_then(|s| s.to_str().map(|t| t.into_owned()))
            .unwrap_or_else(|| b"unknown".to_vec()),
    }
}

fn node(
    stream: &Stream<'_>,
    key: &[u8],
    name: &Option<Option<Expr>>,
    port: &Option<Option<Expr>>,
    addr: Option<SocketAddr>,
    parts: &mut Vec<Vec<u8>>,
) {
    if name.is_none() && port.is_none() {
        return;
    }
    let own_name = || addr.map_or_else(|| b"unknown".to_vec(), |a| a.ip().to_string().into_bytes());
    let own_port = || addr.map_or_else(Vec::new, |a| a.port().to_string().into_bytes());
    let name = name.as_ref().map_or_else(|| b"unknown".to_vec(), |n| computed(stream, n, own_name));
    let mut value = node_name(name);
    if let Some(port) = port {
        value.push(b':');
        value.extend(node_port(computed(stream, port, own_port)));
    }
    parts.push([key, &quoted(&value)[..]].concat());
}

/// What an expression yields is an address, `unknown`, or an identifier, which begins with `_` (RFC 7239 section 6.3).
fn node_name(name: Vec<u8>) -> Vec<u8> {
    let ip = std::str::from_utf8(&name).ok().and_then(|text| text.parse().ok());
    match ip {
        Some(IpAddr::V6(_)) => [b"[", &name[..], b"]"].concat(),
        Some(IpAddr::V4(_)) => name,
        None if name == b"unknown" => name,
        None => identifier(name),
    }
}

/// A number, or an identifier.
fn node_port(port: Vec<u8>) -> Vec<u8> {
    if !port.is_empty() && port.iter().all(u8::is_ascii_digit) { port } else { identifier(port) }
}

fn identifier(text: Vec<u8>) -> Vec<u8> {
    if text.starts_with(b"_") { text } else { [b"_", &text[..]].concat() }
}

fn quoted(value: &[u8]) -> Vec<u8> {
    if !value.is_empty() && value.iter().all(|b| http::fields::is_token_byte(*b)) {
        return value.to_vec();
    }
    in_quotes(value)
}

fn in_quotes(value: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for byte in value.iter().filter(|b| !matches!(b, b'\r' | b'\n' | 0)) {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_that_are_no_addresses_are_identifiers() {
        let named = |name: &str| String::from_utf8(node_name(name.into())).unwrap();
        let names = ["10.0.0.1", "::1", "unknown", "_a", "web"].map(named);
        assert_eq!(names, ["10.0.0.1", "[::1]", "unknown", "_a", "_web"]);
        let ports = ["80", "_p", "id"].map(|port| String::from_utf8(node_port(port.into())).unwrap());
        assert_eq!(ports, ["80", "_p", "_id"]);
    }

    #[test]
    fn networks() {
        let cases = [
            ("10.0.0.0", 8, "10.9.8.7", true),
            ("10.0.0.0", 8, "11.0.0.1", false),
            ("127.0.0.1", 32, "127.0.0.1", true),
            ("0.0.0.0", 0, "9.9.9.9", true),
            ("2001:db8::", 32, "2001:db8::1", true),
            ("10.0.0.0", 8, "::1", false),
        ];
        for (network, bits, ip, expected) in cases {
            assert_eq!(
                contains(network.parse().unwrap(), bits, ip.parse().unwrap()),
                expected,
                "{network} {ip}"
            );
        }
    }
}
