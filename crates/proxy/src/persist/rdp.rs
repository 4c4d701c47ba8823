//! The address inside the cookie of a remote desktop client: `IP.PORT.0000`, both numbers in decimal and their bytes
//! in the order in which a little-endian machine reads what the network sent ([MS-RDPBCGR], routing tokens).

use std::net::{Ipv4Addr, SocketAddr};

/// The server that a routing token names.
pub fn rdp_address(token: &[u8]) -> Option<SocketAddr> {
    let mut parts = std::str::from_utf8(token).ok()?.split('.');
    let ip: u32 = parts.next()?.parse().ok()?;
    let port: u16 = parts.next()?.parse().ok()?;
    parts.next()?;
    Some(SocketAddr::from((Ipv4Addr::from(ip.to_le_bytes()), port.swap_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_the_specification() {
        assert_eq!(rdp_address(b"3640205228.15629.0000"), Some("172.31.249.216:3389".parse().unwrap()));
        for wrong in [&b""[..], b"3640205228", b"3640205228.15629", b"x.1.0", b"1.70000.0"] {
            assert_eq!(rdp_address(wrong), None);
        }
    }
}
