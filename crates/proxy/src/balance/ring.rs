//! The ring of `hash-type consistent`: each server stands on it at sixteen places per unit of weight, and a hash
//! belongs to the nearest place on either side. When a server leaves, only its own places move.

use super::servers::Servers;
use crate::server::{Endpoint, Server, ServerPort};
use base::hash::{avalanche, djb2};
use config::model::HashKey;

/// Places of one server are drawn from numbers of their own: its id times this, and on.
const PLACES_PER_ID: u32 = 4096;

/// Places on the ring, in order.
#[derive(Debug, Default)]
pub(super) struct Ring {
    places: Box<[Place]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    at: u32,
    server: u32,
}

impl Ring {
    pub(super) fn build(eligible: &[u32], servers: &Servers) -> Ring {
        let known = eligible.iter().filter_map(|i| servers.get(*i as usize));
        let mut places: Vec<Place> = known.flat_map(|s| places_of(s)).collect();
        places.sort_unstable();
        Ring { places: places.into() }
    }

    /// The place a hash belongs to: the nearest one, the next one of two that are equally near.
    pub(super) fn nearest(&self, hash: u32) -> usize {
        let len = self.places.len();
        let next = self.places.partition_point(|p| p.at < hash);
        let before = next.checked_sub(1).unwrap_or(len.saturating_sub(1));
        let next = if next < len { next } else { 0 };
        let distance = |place: usize, ahead: bool| {
            let at = self.places.get(place).map_or(0, |p| p.at);
            if ahead { at.wrapping_sub(hash) } else { hash.wrapping_sub(at) }
        };
        if distance(next, true) <= distance(before, false) { next } else { before }
    }

    /// Servers met from a place on, once round the ring.
    pub(super) fn from(&self, place: usize) -> impl Iterator<Item = u32> + Clone {
        let (head, tail) = self.places.split_at(place % self.places.len().max(1));
        tail.iter().chain(head).map(|p| p.server)
    }
}

/// What a server's places are drawn from: by its address it keeps them in every load balancer that knows it, whatever
/// its id is there.
fn key_of(server: &Server) -> u32 {
    let by_address = |with_port: bool| match server.endpoint().as_deref() {
        Some(Endpoint::Inet { ip, port: ServerPort::Fixed(port) }) if with_port => {
            Some(djb2(format!("{ip}:{port}").as_bytes()))
        }
        Some(Endpoint::Inet { ip, .. }) => Some(djb2(ip.to_string().as_bytes())),
        Some(Endpoint::Unix(_) | Endpoint::Abstract(_)) | None => None,
    };
    let key = match server.facts.hash_key {
        HashKey::Id => None,
        HashKey::Addr => by_address(false),
        HashKey::AddrPort => by_address(true),
    };
    key.unwrap_or(server.facts.id)
}

fn places_of(server: &Server) -> impl Iterator<Item = Place> {
    let first = key_of(server).wrapping_mul(PLACES_PER_ID);
    let index = server.facts.index as u32;
    (0..server.effective_weight()).map(move |n| Place { at: avalanche(first.wrapping_add(n)), server: index })
}
