//! Which names and addresses mean something to their owner only.

use std::net::{IpAddr, Ipv6Addr};

/// Top-level names that are reserved for private use (RFC 2606, RFC 6761, RFC 6762, RFC 8375, ICANN's `.internal`).
const PRIVATE_SUFFIXES: [&str; 8] =
    ["localhost", "internal", "local", "lan", "test", "example", "invalid", "home.arpa"];

/// Whether no public authority would sign this name or address.
pub fn is_private(name: &str) -> bool {
    match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || is_unique_local(ip),
        Err(_) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let ends = |suffix: &&str| name == **suffix || name.ends_with(&format!(".{suffix}"));
            !name.contains('.') || PRIVATE_SUFFIXES.iter().any(ends)
        }
    }
}

/// fc00::/7 and fe80::/10
fn is_unique_local(ip: Ipv6Addr) -> bool {
    let first = ip.segments()[0];
    first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ones_own() {
        for name in
            ["localhost", "a.localhost", "db.internal", "nas", "10.1.2.3", "192.168.0.1", "::1", "fd00::1"]
        {
            assert!(is_private(name), "{name}");
        }
        for name in ["example.com", "internal.example.org", "8.8.8.8", "2001:4860::1", "notlocalhost.com"] {
            assert!(!is_private(name), "{name}");
        }
    }
}
