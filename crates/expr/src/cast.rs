//! Conversions between sample types: what happens before a converter or a match method that wants another type than
//! it is given. Which pairs exist is known at load ([`can_cast`]); whether a value allows it, at run time. Observed
//! on HAProxy 2.6: text becomes the integer it begins with (0 without digits, no value when empty), binary becomes
//! text up to its first NUL, booleans are written 1 and 0.

use crate::sample::{Sample, SampleType};
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Whether values of type `from` can be cast to `to`; decided at load.
pub fn can_cast(from: SampleType, to: SampleType) -> bool {
    use SampleType::{Addr, Any, Bin, Bool, Int, Ipv4, Ipv6, Method, Str};
    match from {
        Any => true,
        Bool => matches!(to, Any | Bool | Int | Str | Bin),
        Int => matches!(to, Any | Bool | Int | Addr | Ipv4 | Ipv6 | Str | Bin),
        Addr | Ipv4 => matches!(to, Any | Int | Addr | Ipv4 | Ipv6 | Str | Bin),
        Ipv6 => matches!(to, Any | Addr | Ipv4 | Ipv6 | Str | Bin),
        Str => true,
        Bin | Method => matches!(to, Any | Str | Bin | Method),
    }
}

impl<'a> Sample<'a> {
    /// The value as type `to`; `None` where it has no such form.
    pub fn cast(self, to: SampleType) -> Option<Sample<'a>> {
        match to {
            SampleType::Any => Some(self),
            SampleType::Bool => self.to_bool().map(Sample::Bool),
            SampleType::Int => self.to_int().map(Sample::Int),
            SampleType::Addr => self.to_ip().map(Sample::Ip),
            SampleType::Ipv4 => self.to_ipv4().map(|ip| Sample::Ip(IpAddr::V4(ip))),
            SampleType::Ipv6 => self.to_ipv6().map(|ip| Sample::Ip(IpAddr::V6(ip))),
            SampleType::Str => self.into_text().map(Sample::Str),
            SampleType::Bin => Some(Sample::Bin(self.into_bytes())),
            SampleType::Method => self.into_text().map(Sample::Method),
        }
    }

    /// As an integer.
    pub fn to_int(&self) -> Option<i64> {
        match self {
            Sample::Bool(b) => Some(i64::from(*b)),
            Sample::Int(i) => Some(*i),
            Sample::Ip(IpAddr::V4(ip)) => Some(i64::from(u32::from(*ip))),
            Sample::Str(text) if text.is_empty() => None,
            Sample::Str(text) => Some(leading_int(text)),
            Sample::Ip(IpAddr::V6(_)) | Sample::Bin(_) | Sample::Method(_) => None,
        }
    }

    /// As a truth value: an integer that is not zero.
    pub fn to_bool(&self) -> Option<bool> {
        match self {
            Sample::Bool(b) => Some(*b),
            Sample::Int(_) | Sample::Str(_) => self.to_int().map(|i| i != 0),
            Sample::Ip(_) | Sample::Bin(_) | Sample::Method(_) => None,
        }
    }

    /// As an address of either family; integers are IPv4 addresses.
    pub fn to_ip(&self) -> Option<IpAddr> {
        match self {
            Sample::Int(i) => Some(IpAddr::V4(Ipv4Addr::from(*i as u32))),
            Sample::Ip(ip) => Some(*ip),
            Sample::Str(text) => parse_ip(text),
            Sample::Bool(_) | Sample::Bin(_) | Sample::Method(_) => None,
        }
    }

    /// As an IPv4 address; IPv4 inside IPv6 (`::ffff:`, `::`, `2002:`) is taken out.
    pub fn to_ipv4(&self) -> Option<Ipv4Addr> {
        match self.to_ip()? {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(ip) => embedded_v4(ip),
        }
    }

    /// As an IPv6 address; IPv4 becomes `::ffff:a.b.c.d`.
    pub fn to_ipv6(&self) -> Option<Ipv6Addr> {
        match self.to_ip()? {
            IpAddr::V4(ip) => Some(ip.to_ipv6_mapped()),
            IpAddr::V6(ip) => Some(ip),
        }
    }

    /// As text: what a log line or a header shows.
    pub fn to_str(&self) -> Option<Cow<'_, [u8]>> {
        Some(match self {
            Sample::Str(text) | Sample::Method(text) => Cow::Borrowed(text),
            Sample::Bin(bytes) => Cow::Borrowed(up_to_nul(bytes)),
            Sample::Bool(_) | Sample::Int(_) | Sample::Ip(_) => Cow::Owned(self.printed()),
        })
    }

    /// As bytes: integers as 8 in network order, addresses as 4 or 16.
    pub fn to_bin(&self) -> Option<Cow<'_, [u8]>> {
        Some(match self {
            Sample::Str(text) | Sample::Method(text) | Sample::Bin(text) => Cow::Borrowed(text),
            Sample::Bool(_) | Sample::Int(_) | Sample::Ip(_) => Cow::Owned(self.octets()),
        })
    }

    /// As text, without a copy where there is one already.
    pub fn into_text(self) -> Option<Cow<'a, [u8]>> {
        Some(match self {
            Sample::Str(text) | Sample::Method(text) => text,
            Sample::Bin(Cow::Borrowed(bytes)) => Cow::Borrowed(up_to_nul(bytes)),
            Sample::Bin(Cow::Owned(bytes)) => Cow::Owned(up_to_nul(&bytes).to_vec()),
            Sample::Bool(_) | Sample::Int(_) | Sample::Ip(_) => Cow::Owned(self.printed()),
        })
    }

    fn into_bytes(self) -> Cow<'a, [u8]> {
        match self {
            Sample::Str(text) | Sample::Method(text) | Sample::Bin(text) => text,
            Sample::Bool(_) | Sample::Int(_) | Sample::Ip(_) => Cow::Owned(self.octets()),
        }
    }

    fn printed(&self) -> Vec<u8> {
        match self {
            Sample::Bool(b) => vec![b'0' + u8::from(*b)],
            Sample::Int(i) => i.to_string().into_bytes(),
            Sample::Ip(ip) => ip.to_string().into_bytes(),
            Sample::Str(text) | Sample::Method(text) | Sample::Bin(text) => text.to_vec(),
        }
    }

    fn octets(&self) -> Vec<u8> {
        match self {
            Sample::Bool(b) => i64::from(*b).to_be_bytes().to_vec(),
            Sample::Int(i) => i.to_be_bytes().to_vec(),
            Sample::Ip(IpAddr::V4(ip)) => ip.octets().to_vec(),
            Sample::Ip(IpAddr::V6(ip)) => ip.octets().to_vec(),
            Sample::Str(text) | Sample::Method(text) | Sample::Bin(text) => text.to_vec(),
        }
    }
}

/// The integer that a text begins with: an optional sign and digits, saturating; 0 without digits.
pub fn leading_int(text: &[u8]) -> i64 {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let mut value: i64 = 0;
    for b in digits.iter().take_while(|b| b.is_ascii_digit()) {
        let digit = i64::from(b - b'0');
        let step = if negative { -digit } else { digit };
        let next = value.checked_mul(10).and_then(|v| v.checked_add(step));
        let Some(next) = next else { return if negative { i64::MIN } else { i64::MAX } };
        value = next;
    }
    value
}

/// An address that a text begins with: IPv4 may be followed by anything but digits and dots (a port, a mask, a space)
/// and have leading zeros, which are decimal; IPv6 stands alone.
pub fn parse_ip(text: &[u8]) -> Option<IpAddr> {
    match leading_ipv4(text) {
        Some(ip) => Some(IpAddr::V4(ip)),
        None => Ipv6Addr::from_str(std::str::from_utf8(text).ok()?).ok().map(IpAddr::V6),
    }
}

fn leading_ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let end = text.iter().position(|b| !b.is_ascii_digit() && *b != b'.').unwrap_or(text.len());
    let mut parts = text.get(..end)?.split(|b| *b == b'.');
    let mut octets = [0_u8; 4];
    for octet in &mut octets {
        let part = parts.next().filter(|p| !p.is_empty())?;
        *octet = u8::try_from(leading_int(part)).ok()?;
    }
    parts.next().is_none().then(|| Ipv4Addr::from(octets))
}

/// The IPv4 address inside an IPv6 one: `::ffff:a.b.c.d`, `::a.b.c.d` or `2002:aabb:ccdd::` (manual section 7.1.6).
pub fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let o = ip.octets();
    let last = Ipv4Addr::new(o[12], o[13], o[14], o[15]);
    match ip.segments() {
        [0, 0, 0, 0, 0, 0xffff | 0, _, _] => Some(last),
        [0x2002, _, _, _, _, _, _, _] => Some(Ipv4Addr::new(o[2], o[3], o[4], o[5])),
        _ => None,
    }
}

fn up_to_nul(bytes: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    bytes.get(..end).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_out_of_text() {
        let cases: [(&str, Option<i64>); 9] = [
            ("12abc", Some(12)),
            ("abc", Some(0)),
            (" 12", Some(0)),
            ("-12", Some(-12)),
            ("+12", Some(12)),
            ("0x10", Some(0)),
            ("99999999999999999999", Some(i64::MAX)),
            ("-99999999999999999999", Some(i64::MIN)),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Sample::str(text.as_bytes()).to_int(), expected, "{text}");
        }
    }

    #[test]
    fn texts() {
        let text = |s: Sample<'_>| s.to_str().map(|t| String::from_utf8_lossy(&t).into_owned());
        assert_eq!(text(Sample::Bool(true)).as_deref(), Some("1"));
        assert_eq!(text(Sample::Int(-5)).as_deref(), Some("-5"));
        assert_eq!(text(Sample::Bin(Cow::Borrowed(b"a\0b"))).as_deref(), Some("a"));
        assert_eq!(text(Sample::Ip("::ffff:1.2.3.4".parse().unwrap())).as_deref(), Some("::ffff:1.2.3.4"));
    }

    #[test]
    fn addresses() {
        let v4 = Some(Ipv4Addr::new(1, 2, 3, 4));
        assert_eq!(Sample::Int(16_909_060).to_ipv4(), v4);
        assert_eq!(Sample::str(b"::ffff:1.2.3.4").to_ipv4(), v4);
        assert_eq!(Sample::str(b"2002:102:304::").to_ipv4(), v4);
        assert_eq!(Sample::str(b"01.2.3.4:80").to_ipv4(), v4);
        for text in ["1.2.3", "1.2.3.4.5", "1.2.3.400", " 1.2.3.4", "", "x", "1..2.3"] {
            assert_eq!(Sample::str(text.as_bytes()).to_ip(), None, "{text}");
        }
        assert_eq!(Sample::Bin(Cow::Borrowed(&[1, 2, 3, 4])).to_ip(), None);
        assert_eq!(Sample::Int(1).to_bin().as_deref(), Some(&[0, 0, 0, 0, 0, 0, 0, 1][..]));
    }
}
