//! Headers that are sent to servers.

use super::tlv::{TLV_CRC32C, push};
use super::{Addresses, SIGNATURE, Ssl, TLV_ALPN, TLV_AUTHORITY, TLV_SSL, TLV_UNIQUE_ID};
use base::hash::crc32c;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// What a version 2 header says beside the addresses (`proxy-v2-options`, `set-proxy-v2-tlv-fmt`).
#[derive(Clone, Copy, Debug, Default)]
pub struct V2<'a> {
    /// The protocol negotiated with the client.
    pub alpn: Option<&'a [u8]>,
    /// `authority`: the client's SNI.
    pub authority: Option<&'a [u8]>,
    /// `unique-id`; cut to 128 bytes.
    pub unique_id: Option<&'a [u8]>,
    /// `send-proxy-v2-ssl` and what goes with it.
    pub ssl: Option<Ssl<'a>>,
    /// Further extensions by type.
    pub others: &'a [(u8, &'a [u8])],
    /// `crc32c`: a checksum of the header.
    pub crc32c: bool,
}

/// Appends a version 1 line. Without addresses it is `UNKNOWN`.
pub fn write_v1(addresses: Addresses, out: &mut Vec<u8>) {
    let Some((source, destination)) = same_family(addresses) else {
        out.extend_from_slice(b"PROXY UNKNOWN\r\n");
        return;
    };
    let word = if source.is_ipv4() { "TCP4" } else { "TCP6" };
    let (from, to) = (source.port(), destination.port());
    let line = format!("PROXY {word} {} {} {from} {to}\r\n", source.ip(), destination.ip());
    out.extend_from_slice(line.as_bytes());
}

/// Appends a version 2 header. [`Addresses::Local`] carries no extensions.
pub fn write_v2(addresses: Addresses, with: &V2<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    let command = if addresses == Addresses::Local { 0x20 } else { 0x21 };
    let mut rest = Vec::new();
    let family = push_addresses(addresses, &mut rest);
    if family != 0 {
        push_extensions(with, &mut rest);
    }
    let len = u16::try_from(rest.len()).unwrap_or(0);
    out.extend_from_slice(SIGNATURE);
    out.extend_from_slice(&[command, family]);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(rest.get(..usize::from(len)).unwrap_or_default());
    if with.crc32c && family != 0 {
        seal(out, start);
    }
}

/// Appends the addresses; gives family and protocol, 0 where there are no addresses.
fn push_addresses(addresses: Addresses, rest: &mut Vec<u8>) -> u8 {
    let Some((source, destination)) = same_family(addresses) else { return 0 };
    for address in [source, destination] {
        match address.ip() {
            IpAddr::V4(ip) => rest.extend_from_slice(&ip.octets()),
            IpAddr::V6(ip) => rest.extend_from_slice(&ip.octets()),
        }
    }
    rest.extend_from_slice(&source.port().to_be_bytes());
    rest.extend_from_slice(&destination.port().to_be_bytes());
    if source.is_ipv4() { 0x11 } else { 0x21 }
}

/// The checksum's place comes last, so that [`seal`] finds it.
fn push_extensions(with: &V2<'_>, rest: &mut Vec<u8>) {
    push(TLV_ALPN, with.alpn, rest);
    push(TLV_AUTHORITY, with.authority, rest);
    push(TLV_UNIQUE_ID, with.unique_id.map(|id| id.get(..128).unwrap_or(id)), rest);
    push(TLV_SSL, with.ssl.map(|ssl| ssl.value()).as_deref(), rest);
    for (kind, value) in with.others {
        push(*kind, Some(value), rest);
    }
    if with.crc32c {
        rest.extend_from_slice(&[TLV_CRC32C, 0, 4, 0, 0, 0, 0]);
    }
}

/// Puts the checksum of the header that starts at `start` into its last four bytes, which are zero.
fn seal(out: &mut [u8], start: usize) {
    let sum = crc32c(out.get(start..).unwrap_or_default());
    if let Some(place) = out.last_chunk_mut::<4>() {
        *place = sum.to_be_bytes();
    }
}

/// Both addresses in one family, as both versions want it: IPv4 becomes IPv4-mapped beside IPv6.
fn same_family(addresses: Addresses) -> Option<(SocketAddr, SocketAddr)> {
    let Addresses::Inet { source, destination } = addresses else { return None };
    if source.is_ipv4() == destination.is_ipv4() {
        return Some((source, destination));
    }
    Some((mapped(source), mapped(destination)))
}

fn mapped(address: SocketAddr) -> SocketAddr {
    let ip: Ipv6Addr = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    SocketAddr::from((ip, address.port()))
}

#[cfg(test)]
mod tests {
    use super::super::{Parsed, SSL_CONNECTION, parse};
    use super::*;

    fn inet(source: &str, destination: &str) -> Addresses {
        Addresses::Inet { source: source.parse().unwrap(), destination: destination.parse().unwrap() }
    }

    fn v1(addresses: Addresses) -> String {
        let mut out = Vec::new();
        write_v1(addresses, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn version_1_lines() {
        let cases = [
            (inet("192.0.2.1:8080", "198.51.100.2:443"), "TCP4 192.0.2.1 198.51.100.2 8080 443"),
            (inet("[2001:db8::1]:1", "[::1]:2"), "TCP6 2001:db8::1 ::1 1 2"),
            (inet("192.0.2.1:1", "[::1]:2"), "TCP6 ::ffff:192.0.2.1 ::1 1 2"),
            (Addresses::Local, "UNKNOWN"),
            (Addresses::Unknown, "UNKNOWN"),
        ];
        for (addresses, line) in cases {
            assert_eq!(v1(addresses), format!("PROXY {line}\r\n"));
        }
    }

    #[test]
    fn version_2_comes_back_as_it_went() {
        let ssl = Ssl {
            client: SSL_CONNECTION,
            verify: 1,
            version: Some(b"TLSv1.3"),
            cn: Some(b"me"),
            cipher: Some(b"TLS_AES_128_GCM_SHA256"),
            sig_alg: Some(b"SHA256"),
            key_alg: Some(b"EC256"),
        };
        let with = V2 {
            alpn: Some(b"h2"),
            authority: Some(b"a.example"),
            unique_id: Some(&[b'x'; 200]),
            ssl: Some(ssl),
            others: &[(0xe0, b"own")],
            crc32c: true,
        };
        for addresses in [inet("192.0.2.1:8080", "198.51.100.2:443"), inet("[2001:db8::1]:1", "[::1]:2")] {
            let mut out = b"before".to_vec();
            write_v2(addresses, &with, &mut out);
            let Ok(Parsed::Done { len, header }) = parse(&out[6..]) else { panic!("{}", out.escape_ascii()) };
            assert_eq!((len, header.addresses), (out.len() - 6, addresses));
            assert_eq!(header.authority(), Some(&b"a.example"[..]));
            assert_eq!(header.unique_id(), Some(&[b'x'; 128][..]));
            assert_eq!(header.ssl(), Some(ssl));
            assert_eq!((header.tlv(TLV_ALPN), header.tlv(0xe0)), (Some(&b"h2"[..]), Some(&b"own"[..])));
            // One flipped bit is noticed.
            out[25] ^= 1;
            assert!(parse(&out[6..]).is_err());
        }
    }

    #[test]
    fn version_2_without_addresses_is_bare() {
        for (addresses, command) in [(Addresses::Local, 0x20), (Addresses::Unknown, 0x21)] {
            let mut out = Vec::new();
            write_v2(addresses, &V2 { authority: Some(b"a"), crc32c: true, ..V2::default() }, &mut out);
            assert_eq!(out, [&SIGNATURE[..], &[command, 0, 0, 0]].concat());
        }
    }
}
