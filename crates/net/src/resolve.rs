//! Names to addresses through the system's resolver (`/etc/hosts`, `nsswitch.conf`, DNS). It waits: for the start
//! only, never on a worker thread.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};

/// All addresses of `name`, in the order the system prefers them, each once. A name without any is an error.
pub fn resolve(name: &str) -> io::Result<Vec<IpAddr>> {
    let mut found: Vec<IpAddr> = Vec::new();
    for addr in (name, 0).to_socket_addrs()? {
        let ip = addr.ip().to_canonical();
        if !found.contains(&ip) {
            found.push(ip);
        }
    }
    if found.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_literals_are_found_and_nonsense_is_not() {
        let local = resolve("localhost").unwrap();
        assert!(local.iter().all(IpAddr::is_loopback), "{local:?}");
        assert_eq!(resolve("192.0.2.1").unwrap(), ["192.0.2.1".parse::<IpAddr>().unwrap()]);
        assert!(resolve("").is_err());
    }
}
