//! Addresses and networks as patterns and arguments write them (manual section 7.1.6).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An address and the bits of it that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    /// IPv4; the mask may have holes.
    V4 {
        /// The address, already masked.
        address: u32,
        /// The bits that count.
        mask: u32,
    },
    /// IPv6
    V6 {
        /// The address, already masked.
        address: u128,
        /// The bits that count.
        mask: u128,
    },
}

/// `address[/mask]`; IPv4 may leave middle octets out (`10.12` is 10.0.0.12) and take a dotted mask.
pub(crate) fn network(text: &str) -> Option<Network> {
    let (address, mask) = match text.split_once('/') {
        Some((address, mask)) => (address, Some(mask)),
        None => (text, None),
    };
    if let Some(address) = short_ipv4(address) {
        let mask = u32::from(mask.map_or(Some(Ipv4Addr::BROADCAST), mask4)?);
        return Some(Network::V4 { address: u32::from(address) & mask, mask });
    }
    let address = Ipv6Addr::from_str(address).ok()?;
    let mask = match mask {
        Some(bits) => bits6(bits)?,
        None => u128::MAX,
    };
    Some(Network::V6 { address: u128::from(address) & mask, mask })
}

/// IPv4 with one to four parts, the last of which fills what is left.
fn short_ipv4(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> = text.split('.').map(decimal).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|p| *p > 255) {
        return None;
    }
    let room = 32 - 8 * first.len();
    if room < 32 && *last >> room != 0 {
        return None;
    }
    let head = first.iter().enumerate().fold(0, |sum, (i, p)| sum | p << (24 - 8 * i));
    Some(Ipv4Addr::from(head | last))
}

fn decimal(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// An IPv4 mask: a bit count or dotted.
pub(crate) fn mask4(text: &str) -> Option<Ipv4Addr> {
    match decimal(text) {
        Some(bits) if bits <= 32 => Some(Ipv4Addr::from(u32::MAX.checked_shl(32 - bits).unwrap_or(0))),
        Some(_) => None,
        None => Ipv4Addr::from_str(text).ok(),
    }
}

/// An IPv6 mask: a bit count or an address.
pub(crate) fn mask6(text: &str) -> Option<Ipv6Addr> {
    bits6(text).map(Ipv6Addr::from).or_else(|| Ipv6Addr::from_str(text).ok())
}

fn bits6(text: &str) -> Option<u128> {
    let bits = decimal(text).filter(|bits| *bits <= 128)?;
    Some(u128::MAX.checked_shl(128 - bits).unwrap_or(0))
}

/// A whole address, nothing around it.
pub(crate) fn ip(text: &str) -> Option<IpAddr> {
    IpAddr::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let v4 = |a: [u8; 4], bits: u32| {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            Some(Network::V4 { address: u32::from(Ipv4Addr::from(a)) & mask, mask })
        };
        assert_eq!(network("192.168.0.1/22"), v4([192, 168, 0, 0], 22));
        assert_eq!(network("192.168.1"), v4([192, 168, 0, 1], 32));
        assert_eq!(network("10.12/8"), v4([10, 0, 0, 0], 8));
        assert_eq!(network("127"), v4([0, 0, 0, 127], 32));
        assert_eq!(network("0/0"), v4([0, 0, 0, 0], 0));
        assert_eq!(network("1.2.3.4/255.255.255.0"), v4([1, 2, 3, 0], 24));
        assert_eq!(network("::1/128"), Some(Network::V6 { address: 1, mask: u128::MAX }));
        for text in ["", "1.2.3.4/33", "1.2.3.4.5", "1.2.3.256", "::1/129", "a", "1.2.3.4/", "1..2"] {
            assert_eq!(network(text), None, "{text}");
        }
    }
}
