//! `cookie … dynamic`: a server's cookie value made from its address and the backend's `dynamic-cookie-key`, so that
//! several balancers agree on it without being told: XXH64 over key, address and port (four bytes, high byte first),
//! as sixteen hexadecimal digits.

use crate::server::{Endpoint, Server, ServerPort};
use arc_swap::ArcSwapOption;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Whether a backend's servers have such values, and of which key; both can be changed while it runs.
#[derive(Debug, Default)]
pub struct DynamicCookies {
    on: AtomicBool,
    key: ArcSwapOption<String>,
}

impl DynamicCookies {
    /// As configured.
    pub fn new(on: bool, key: Option<&str>) -> DynamicCookies {
        DynamicCookies { on: on.into(), key: ArcSwapOption::from(key.map(|key| Arc::new(key.to_owned()))) }
    }

    /// Switches them for all that are given to it from now on.
    pub fn switch(&self, on: bool) {
        self.on.store(on, Relaxed);
    }

    /// Takes another key for all that are given to it from now on.
    pub fn set_key(&self, key: &str) {
        self.key.store(Some(Arc::new(key.to_owned())));
    }

    /// Gives a server that has no value of its own the one of its address, or takes it away.
    pub fn give(&self, server: &Server) {
        if server.facts.cookie.is_none() {
            server.set_cookie(self.value(server));
        }
    }

    fn value(&self, server: &Server) -> Option<Box<[u8]>> {
        let key = self.key.load_full().filter(|_| self.on.load(Relaxed))?;
        let Some(Endpoint::Inet { ip, port: ServerPort::Fixed(port) }) =
            server.endpoint().as_deref().cloned()
        else {
            return None;
        };
        Some(dynamic_value(key.as_bytes(), SocketAddr::new(ip, port)))
    }
}

/// The value for a server at this address.
pub fn dynamic_value(key: &[u8], address: SocketAddr) -> Box<[u8]> {
    let mut text = key.to_vec();
    match address {
        SocketAddr::V4(a) => text.extend_from_slice(&a.ip().octets()),
        SocketAddr::V6(a) => text.extend_from_slice(&a.ip().octets()),
    }
    text.extend_from_slice(&u32::from(address.port()).to_be_bytes());
    format!("{:016x}", xxh64(&text)).into_bytes().into()
}

const PRIMES: [u64; 5] = [
    0x9e37_79b1_85eb_ca87,
    0xc2b2_ae3d_27d4_eb4f,
    0x1656_67b1_9e37_79f9,
    0x85eb_ca77_c2b2_ae63,
    0x27d4_eb2f_1656_67c5,
];

/// XXH64 with seed 0, after the xxHash specification.
fn xxh64(input: &[u8]) -> u64 {
    let [p1, p2, p3, p4, p5] = PRIMES;
    let (stripes, mut tail) = input.split_at(input.len() / 32 * 32);
    let mut hash = if stripes.is_empty() { p5 } else { converge(stripes) };
    hash = hash.wrapping_add(input.len() as u64);
    while let Some((lane, rest)) = tail.split_first_chunk() {
        hash ^= round(0, u64::from_le_bytes(*lane));
        hash = hash.rotate_left(27).wrapping_mul(p1).wrapping_add(p4);
        tail = rest;
    }
    if let Some((lane, rest)) = tail.split_first_chunk() {
        hash ^= u64::from(u32::from_le_bytes(*lane)).wrapping_mul(p1);
        hash = hash.rotate_left(23).wrapping_mul(p2).wrapping_add(p3);
        tail = rest;
    }
    for byte in tail {
        hash ^= u64::from(*byte).wrapping_mul(p5);
        hash = hash.rotate_left(11).wrapping_mul(p1);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(p2);
    hash = (hash ^ (hash >> 29)).wrapping_mul(p3);
    hash ^ (hash >> 32)
}

fn round(state: u64, lane: u64) -> u64 {
    state.wrapping_add(lane.wrapping_mul(PRIMES[1])).rotate_left(31).wrapping_mul(PRIMES[0])
}

fn converge(stripes: &[u8]) -> u64 {
    let [p1, p2, ..] = PRIMES;
    let mut states = [p1.wrapping_add(p2), p2, 0, 0_u64.wrapping_sub(p1)];
    for stripe in stripes.chunks_exact(32) {
        for (state, lane) in states.iter_mut().zip(stripe.chunks_exact(8)) {
            let lane = lane.try_into().map(u64::from_le_bytes).unwrap_or_default();
            *state = round(*state, lane);
        }
    }
    let turned = states.iter().zip([1, 7, 12, 18]).map(|(s, turn)| s.rotate_left(turn));
    let merged = turned.fold(0_u64, u64::wrapping_add);
    states.iter().fold(merged, |hash, s| (hash ^ round(0, *s)).wrapping_mul(p1).wrapping_add(PRIMES[3]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values() {
        assert_eq!(xxh64(b""), 0xef46_db37_51d8_e999);
        assert_eq!(xxh64(b"Nobody inspects the spammish repetition"), 0xfbce_a83c_8a37_8bf1);
    }

    #[test]
    fn the_oracles_value() {
        let value = dynamic_value(b"secret", SocketAddr::from(([127, 0, 0, 1], 55305)));
        assert_eq!(&*value, b"a9e52a6dc5a01831");
    }
}
