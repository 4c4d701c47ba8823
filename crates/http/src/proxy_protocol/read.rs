//! Headers that arrive. Needs the whole header at once; until then it says `Partial`, and says no as soon as the
//! bytes cannot become one.

use super::tlv::{TLV_CRC32C, TLV_SSL, TLV_UNIQUE_ID, iter};
use super::{Addresses, BAD_PROTOCOL, Header, Malformed, NO_SIGNATURE, SIGNATURE, Ssl, WORD};
use base::hash::crc32c;
use memchr::memchr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Longest version 1 line, CRLF included (specification section 2.1).
const MAX_V1: usize = 107;

/// Longest version 2 header: HAProxy's buffer size. The length field could ask for four times that.
const MAX_V2: usize = 16384;

/// Longest unique id (specification section 2.2.5).
const MAX_UNIQUE_ID: usize = 128;

/// Outcome of looking at the bytes so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// More is needed.
    Partial,
    /// The header took `len` bytes.
    Done {
        /// Bytes to skip.
        len: usize,
        /// What it says.
        header: Header,
    },
}

/// Reads a header of either version from the start of `input`.
pub fn parse(input: &[u8]) -> Result<Parsed, Malformed> {
    if input.starts_with(SIGNATURE) {
        v2(input)
    } else if input.starts_with(WORD) {
        v1(input)
    } else if SIGNATURE.starts_with(input) || WORD.starts_with(input) {
        Ok(Parsed::Partial)
    } else {
        Err(NO_SIGNATURE)
    }
}

fn v1(input: &[u8]) -> Result<Parsed, Malformed> {
    let window = input.get(..MAX_V1.min(input.len())).unwrap_or_default();
    let Some(lf) = memchr(b'\n', window) else {
        return if input.len() < MAX_V1 { Ok(Parsed::Partial) } else { Err(Malformed("line too long")) };
    };
    let line = window.get(..lf).and_then(|l| l.strip_suffix(b"\r")).ok_or(Malformed("bare LF"))?;
    let text =
        line.strip_prefix(WORD).and_then(|l| std::str::from_utf8(l).ok()).ok_or(Malformed("no text"))?;
    let addresses = v1_addresses(text)?;
    Ok(Parsed::Done { len: lf + 1, header: Header { addresses, tlvs: Vec::new() } })
}

/// `TCP4 source destination port port`; what follows `UNKNOWN` is ignored.
fn v1_addresses(text: &str) -> Result<Addresses, Malformed> {
    let words: Vec<&str> = text.split(' ').collect();
    match words.as_slice() {
        ["UNKNOWN", ..] => Ok(Addresses::Unknown),
        ["TCP4", source, destination, from, to] => v1_pair::<Ipv4Addr>(source, destination, from, to),
        ["TCP6", source, destination, from, to] => v1_pair::<Ipv6Addr>(source, destination, from, to),
        ["TCP4" | "TCP6", ..] => Err(Malformed("wrong number of words")),
        [..] => Err(BAD_PROTOCOL),
    }
}

fn v1_pair<I: FromStr + Into<IpAddr>>(
    source: &str,
    destination: &str,
    from: &str,
    to: &str,
) -> Result<Addresses, Malformed> {
    let ip = |text: &str| text.parse::<I>().map(Into::into).map_err(|_| Malformed("bad address"));
    Ok(Addresses::Inet {
        source: SocketAddr::new(ip(source)?, v1_port(from)?),
        destination: SocketAddr::new(ip(destination)?, v1_port(to)?),
    })
}

/// Decimal without sign or leading zeros.
fn v1_port(text: &str) -> Result<u16, Malformed> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain).ok_or(Malformed("bad port"))
}

fn v2(input: &[u8]) -> Result<Parsed, Malformed> {
    let [command, family, high, low] = match input.get(SIGNATURE.len()..).and_then(|i| i.first_chunk::<4>()) {
        Some(fixed) => *fixed,
        None => return Ok(Parsed::Partial),
    };
    let start = SIGNATURE.len() + 4;
    let len = start + usize::from(u16::from_be_bytes([high, low]));
    if command >> 4 != 2 {
        return Err(Malformed("bad version"));
    }
    if len > MAX_V2 {
        return Err(Malformed("header too long"));
    }
    let Some(header) = input.get(..len) else { return Ok(Parsed::Partial) };
    let rest = header.get(start..).unwrap_or_default();
    let header = match command & 0x0f {
        // The rest of a LOCAL header must be skipped, whatever it is.
        0 => Header { addresses: Addresses::Local, tlvs: Vec::new() },
        1 => v2_proxied(family, rest, header)?,
        _ => return Err(Malformed("bad command")),
    };
    Ok(Parsed::Done { len, header })
}

fn v2_proxied(family: u8, rest: &[u8], header: &[u8]) -> Result<Header, Malformed> {
    let short = Malformed("addresses cut short");
    let (addresses, tlvs) = match family {
        // Nothing is known of what follows, so nothing is read from it.
        0x00 => (Addresses::Unknown, &[][..]),
        0x11 => rest.split_first_chunk::<12>().map(|(a, rest)| (v2_ipv4(a), rest)).ok_or(short)?,
        0x21 => rest.split_first_chunk::<36>().map(|(a, rest)| (v2_ipv6(a), rest)).ok_or(short)?,
        0x12 => (Addresses::Unknown, rest.get(12..).ok_or(short)?),
        0x22 => (Addresses::Unknown, rest.get(36..).ok_or(short)?),
        0x31 | 0x32 => (Addresses::Unknown, rest.get(216..).ok_or(short)?),
        _ => return Err(Malformed("bad family or protocol")),
    };
    check_tlvs(tlvs, header)?;
    Ok(Header { addresses, tlvs: tlvs.to_vec() })
}

fn v2_ipv4(bytes: &[u8; 12]) -> Addresses {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = *bytes;
    let pair = |ip: [u8; 4], port: [u8; 2]| SocketAddr::from((ip, u16::from_be_bytes(port)));
    Addresses::Inet { source: pair([a, b, c, d], [i, j]), destination: pair([e, f, g, h], [k, l]) }
}

fn v2_ipv6(bytes: &[u8; 36]) -> Addresses {
    let ip = |at: usize| {
        let text = bytes.get(at..).and_then(|b| b.first_chunk::<16>()).copied();
        Ipv6Addr::from(text.unwrap_or_default())
    };
    let port = |at: usize| {
        let text = bytes.get(at..).and_then(|b| b.first_chunk::<2>()).copied();
        u16::from_be_bytes(text.unwrap_or_default())
    };
    Addresses::Inet {
        source: SocketAddr::from((ip(0), port(32))),
        destination: SocketAddr::from((ip(16), port(34))),
    }
}

/// Every extension must fit; those that we read must be sound.
fn check_tlvs(tlvs: &[u8], header: &[u8]) -> Result<(), Malformed> {
    let start = header.len() - tlvs.len();
    let mut at = start;
    for item in iter(tlvs) {
        let (kind, value) = item.map_err(|_| Malformed("extension cut short"))?;
        at += 3;
        match kind {
            TLV_CRC32C if !checksum_holds(header, at, value) => return Err(Malformed("wrong checksum")),
            TLV_UNIQUE_ID if value.len() > MAX_UNIQUE_ID => return Err(Malformed("unique id too long")),
            TLV_SSL if Ssl::read(value).is_none() => return Err(Malformed("TLS extension cut short")),
            TLV_SSL if iter(value.get(5..).unwrap_or_default()).any(|i| i.is_err()) => {
                return Err(Malformed("TLS extension cut short"));
            }
            _ => {}
        }
        at += value.len();
    }
    Ok(())
}

/// The checksum covers the whole header, its own four bytes at `at` taken as zero.
fn checksum_holds(header: &[u8], at: usize, value: &[u8]) -> bool {
    let Ok(said) = <[u8; 4]>::try_from(value) else { return false };
    let before = header.get(..at).unwrap_or_default();
    let after = header.get(at + 4..).unwrap_or_default();
    crc32c(before.iter().chain(&[0; 4]).chain(after)) == u32::from_be_bytes(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(input: &[u8]) -> Result<Addresses, Malformed> {
        match parse(input)? {
            Parsed::Done { len, header } if len == input.len() => Ok(header.addresses),
            other => panic!("{other:?}"),
        }
    }

    fn inet(source: &str, destination: &str) -> Addresses {
        Addresses::Inet { source: source.parse().unwrap(), destination: destination.parse().unwrap() }
    }

    /// A version 2 header: command, family, the rest.
    fn v2_bytes(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut out = SIGNATURE.to_vec();
        out.extend([command, family]);
        out.extend((rest.len() as u16).to_be_bytes());
        out.extend(rest);
        out
    }

    const IPV4: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 2, 0x1f, 0x90, 0x01, 0xbb];

    #[test]
    fn version_1_lines() {
        let v4 = inet("192.0.2.1:8080", "198.51.100.2:443");
        assert_eq!(addresses(b"PROXY TCP4 192.0.2.1 198.51.100.2 8080 443\r\n"), Ok(v4));
        let v6 = inet("[2001:db8::1]:0", "[::1]:65535");
        assert_eq!(addresses(b"PROXY TCP6 2001:db8::1 ::1 0 65535\r\n"), Ok(v6));
        assert_eq!(addresses(b"PROXY UNKNOWN\r\n"), Ok(Addresses::Unknown));
        assert_eq!(addresses(b"PROXY UNKNOWN ff:: whatever 1\r\n"), Ok(Addresses::Unknown));
    }

    #[test]
    fn version_1_faults() {
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(100));
        let bad: &[&[u8]] = &[
            b"GET / HTTP/1.1\r\n",
            b"PROXY\r\n",
            b"PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
            b"PROXY TCP4 1.2.3.4 1.2.3 1 2\r\n",
            b"PROXY TCP4 1.2.3.4 ::1 1 2\r\n",
            b"PROXY TCP6 1.2.3.4 ::1 1 2\r\n",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1\t2\r\n",
            b"PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n",
            b"PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
            b"proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
            b"PROXY TCP4 \xff 1.2.3.4 1 2\r\n",
            long.as_bytes(),
        ];
        for input in bad {
            assert!(parse(input).is_err(), "{}", input.escape_ascii());
        }
    }

    #[test]
    fn both_versions_wait_for_the_rest() {
        let v1 = b"PROXY TCP4 192.0.2.1 198.51.100.2 8080 443\r\n".to_vec();
        let v2 = v2_bytes(0x21, 0x11, &IPV4);
        for whole in [v1, v2] {
            for n in 0..whole.len() {
                assert_eq!(parse(&whole[..n]), Ok(Parsed::Partial), "{n} bytes of {}", whole.escape_ascii());
            }
            assert_eq!(addresses(&whole), Ok(inet("192.0.2.1:8080", "198.51.100.2:443")));
        }
    }

    #[test]
    fn version_2_families_and_commands() {
        let v6 = [&[0x20; 16][..], &[0x30; 16], &[0, 1, 0, 2]].concat();
        let expected = inet(
            "[2020:2020:2020:2020:2020:2020:2020:2020]:1",
            "[3030:3030:3030:3030:3030:3030:3030:3030]:2",
        );
        let cases: [(u8, u8, &[u8], Option<Addresses>); 14] = [
            (0x21, 0x21, &v6, Some(expected)),
            (0x20, 0x11, &IPV4, Some(Addresses::Local)),
            (0x20, 0x00, b"anything", Some(Addresses::Local)),
            (0x21, 0x00, b"anything", Some(Addresses::Unknown)),
            (0x21, 0x12, &IPV4, Some(Addresses::Unknown)),
            (0x21, 0x31, &[0; 216], Some(Addresses::Unknown)),
            (0x21, 0x31, &[0; 215], None),
            (0x21, 0x11, &IPV4[..11], None),
            (0x21, 0x21, &v6[..35], None),
            (0x21, 0x13, &IPV4, None),
            (0x21, 0x41, &IPV4, None),
            (0x22, 0x11, &IPV4, None),
            (0x11, 0x11, &IPV4, None),
            (0x21, 0x11, &[0; 20000], None),
        ];
        for (command, family, rest, expected) in cases {
            let outcome = addresses(&v2_bytes(command, family, rest)).ok();
            assert_eq!(outcome, expected, "command {command:#x}, family {family:#x}");
        }
    }

    #[test]
    fn version_2_extensions_must_be_sound() {
        let cases: &[(&[u8], bool)] = &[
            (&[0x02, 0, 1, b'a'], true),
            (&[0x04, 0, 0, 0xee, 0, 1, 7], true),
            (&[0x02, 0, 2, b'a'], false),
            (&[0x02, 0], false),
            (&[0x03, 0, 4, 1, 2, 3, 4], false),
            (&[0x03, 0, 3, 1, 2, 3], false),
            (&[0x20, 0, 4, 0, 0, 0, 0], false),
            (&[0x20, 0, 7, 0, 0, 0, 0, 0, 0x21, 0], false),
            (&[&[0x05, 0, 129][..], &[7; 129]].concat(), false),
            (&[&[0x05, 0, 128][..], &[7; 128]].concat(), true),
        ];
        for (tlvs, good) in cases {
            let header = v2_bytes(0x21, 0x11, &[&IPV4[..], tlvs].concat());
            assert_eq!(parse(&header).is_ok(), *good, "{}", tlvs.escape_ascii());
        }
    }
}
