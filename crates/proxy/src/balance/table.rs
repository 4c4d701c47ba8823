//! The immutable part of a choice: which servers stand for election, and the order or map that the algorithm reads.

use super::ring::Ring;
use super::rotation::Rotation;
use super::servers::Servers;
use super::{Ask, Picked, Policy};
use crate::server::{Load, Server};
use config::model::HashAffinity;
use std::sync::Arc;

/// How many busy servers in a row a weighted rotation steps over before it looks at each server once: the rotation
/// may name a heavy server thousands of times.
const STEPS: usize = 64;

/// A snapshot of one backend.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Indices of the servers that can be chosen.
    eligible: Box<[u32]>,
    shape: Shape,
    affinity: HashAffinity,
}

#[derive(Debug, Default)]
enum Shape {
    /// Nobody is up.
    #[default]
    Empty,
    /// One backup stands in for all: no algorithm is needed.
    Only,
    /// Round robin of either kind.
    Rotation(Rotation),
    /// Compare the servers' loads, starting at the shared position.
    LeastConn,
    /// The first with a free slot; `eligible` is in order of id.
    First,
    /// Drawn by lot, in proportion to weight.
    Lot {
        /// For each eligible server, the sum of the weights up to and with it.
        sums: Box<[u64]>,
        /// How often is drawn.
        draws: u32,
    },
    /// The hash counts off the static order.
    Map(Rotation),
    /// The hash finds its place on the ring.
    Ring {
        ring: Ring,
        /// `hash-balance-factor`, percent; 0 is none.
        factor: u32,
    },
}

impl Table {
    pub(super) fn build(
        policy: Policy,
        affinity: HashAffinity,
        all_backups: bool,
        servers: &Servers,
    ) -> Table {
        let (mut eligible, only) = electorate(policy, all_backups, servers);
        let shape = match policy {
            _ if eligible.is_empty() => Shape::Empty,
            _ if only => Shape::Only,
            Policy::RoundRobin => Shape::Rotation(Rotation::smooth(&eligible, servers)),
            Policy::StaticRr => Shape::Rotation(Rotation::fixed(&eligible, servers)),
            Policy::HashMap => Shape::Map(Rotation::fixed(&eligible, servers)),
            Policy::HashRing { factor } => Shape::Ring { ring: Ring::build(&eligible, servers), factor },
            Policy::Random { draws } => Shape::Lot { sums: running_sums(&eligible, servers), draws },
            Policy::LeastConn => Shape::LeastConn,
            Policy::First => {
                eligible.sort_by_key(|i| servers.get(*i as usize).map(|s| s.facts.id));
                Shape::First
            }
        };
        Table { eligible: eligible.into(), shape, affinity }
    }

    pub(super) fn eligible(&self) -> &[u32] {
        &self.eligible
    }

    pub(super) fn len(&self) -> usize {
        self.eligible.len()
    }

    pub(super) fn has(&self, index: usize) -> bool {
        self.eligible.contains(&(index as u32))
    }

    pub(super) fn pick(&self, ask: &Ask, servers: &Servers, load: &Load, next: impl Fn() -> usize) -> Picked {
        let election =
            Election { eligible: &self.eligible, servers, load, avoid: ask.avoid, affinity: self.affinity };
        match &self.shape {
            Shape::Empty => Picked::None,
            Shape::Only => self.eligible.first().map_or(Picked::None, |i| Picked::Server(*i as usize)),
            Shape::Rotation(rotation) => election.rotate(rotation, next),
            Shape::LeastConn => election.or_avoided(election.least(next())),
            Shape::First => election.or_avoided(election.in_turn(0)),
            Shape::Lot { sums, draws } => election.draw(sums, *draws, ask.rand),
            Shape::Map(map) => match ask.hash {
                Some(hash) => election.hashed(map.after_hash(hash)),
                None => election.rotate(map, next),
            },
            Shape::Ring { ring, factor } => match ask.hash {
                Some(hash) => election.bounded(ring.from(ring.nearest(hash)), *factor),
                // the oracle's round robin over a ring walks its places
                None => election.hashed(ring.from(next())),
            },
        }
    }
}

/// Who can be chosen: usable active servers; without any, one usable backup, or all of them under
/// `option allbackups`. The flag says that one backup stands alone and takes all, whatever the algorithm.
fn electorate(policy: Policy, all_backups: bool, servers: &Servers) -> (Vec<u32>, bool) {
    let usable = |backup: bool| {
        let wanted = move |s: &&Arc<Server>| s.facts.backup == backup && s.is_usable();
        servers.iter().filter(wanted).map(|s| s.facts.index as u32)
    };
    let active: Vec<u32> = usable(false).collect();
    if !active.is_empty() {
        return (active, false);
    }
    if all_backups {
        return (usable(true).collect(), false);
    }
    let weight = |i: &u32| servers.get(*i as usize).map_or(0, |s| s.weight());
    let first = match policy.is_dynamic() {
        true => usable(true).next(),
        // observed from HAProxy: static tables take the heaviest backup, the first of equals
        false => usable(true).reduce(|best, other| if weight(&other) > weight(&best) { other } else { best }),
    };
    (first.into_iter().collect(), first.is_some())
}

fn running_sums(eligible: &[u32], servers: &Servers) -> Box<[u64]> {
    let weights = eligible.iter().filter_map(|i| servers.get(*i as usize)).map(|s| s.effective_weight());
    let add = |sum: &mut u64, weight: u32| {
        *sum += u64::from(weight);
        Some(*sum)
    };
    weights.scan(0, add).collect()
}

/// One choice among the eligible.
struct Election<'a> {
    eligible: &'a [u32],
    servers: &'a Servers,
    load: &'a Load,
    avoid: Option<usize>,
    affinity: HashAffinity,
}

impl Election<'_> {
    fn is_free(&self, index: u32) -> bool {
        self.servers.get(index as usize).is_some_and(|s| !s.saturated(self.load))
    }

    fn is_welcome(&self, index: u32) -> bool {
        Some(index as usize) != self.avoid && self.is_free(index)
    }

    /// Takes the winner, else the server to avoid if it is all there is, else nobody is free.
    fn or_avoided(&self, winner: Option<u32>) -> Picked {
        if let Some(index) = winner {
            return Picked::Server(index as usize);
        }
        let avoided = |i: &&u32| Some(**i as usize) == self.avoid && self.is_free(**i);
        self.eligible.iter().find(avoided).map_or(Picked::Full, |i| Picked::Server(*i as usize))
    }

    fn rotate(&self, rotation: &Rotation, next: impl Fn() -> usize) -> Picked {
        let mut at = next();
        for _ in 0..STEPS.min(rotation.len()) {
            match rotation.at(at) {
                Some(index) if self.is_welcome(index) => return Picked::Server(index as usize),
                Some(_) | None => at = next(),
            }
        }
        self.or_avoided(self.in_turn(at))
    }

    /// The first welcome server from some place on, round the list.
    fn in_turn(&self, from: usize) -> Option<u32> {
        self.round(from).find(|i| self.is_welcome(*i))
    }

    /// All eligible ones, from some place on.
    fn round(&self, from: usize) -> impl Iterator<Item = u32> {
        let (head, tail) = self.eligible.split_at(from % self.eligible.len().max(1));
        tail.iter().chain(head).copied()
    }

    /// The least loaded in proportion to its weight; the first of equals from the shared position on.
    fn least(&self, from: usize) -> Option<u32> {
        let mut best = None;
        for index in self.round(from).filter(|i| self.is_welcome(*i)) {
            let Some(server) = self.servers.get(index as usize) else { continue };
            best = lighter(best, index, server);
        }
        best.map(|(index, _, _)| index)
    }

    /// The first that keeps its requests; where none does, the one that the hash names, to wait there.
    fn hashed(&self, candidates: impl Iterator<Item = u32> + Clone) -> Picked {
        match self.first(candidates.clone().filter(|i| self.keeps(*i))) {
            Picked::None => self.first(candidates),
            picked @ (Picked::Server(_) | Picked::Full) => picked,
        }
    }

    /// It is not so busy that a request may leave it.
    fn keeps(&self, index: u32) -> bool {
        let full = |s: &Server| s.saturated(self.load);
        let server = self.servers.get(index as usize);
        match self.affinity {
            HashAffinity::Always => true,
            HashAffinity::Maxconn => server.is_some_and(|s| !full(s)),
            HashAffinity::Maxqueue => server.is_some_and(|s| !(full(s) && s.queue_is_full())),
        }
    }

    /// The first that is not to be avoided, busy or not; else the first.
    fn first(&self, candidates: impl Iterator<Item = u32>) -> Picked {
        let mut first = None;
        for index in candidates {
            if Some(index as usize) != self.avoid {
                return Picked::Server(index as usize);
            }
            first = first.or(Some(index));
        }
        first.map_or(Picked::None, |index| Picked::Server(index as usize))
    }

    /// Like `hashed`, but passing over servers that carry more than their share times the factor.
    fn bounded(&self, candidates: impl Iterator<Item = u32> + Clone, factor: u32) -> Picked {
        if factor == 0 {
            return self.hashed(candidates);
        }
        let known = self.eligible.iter().filter_map(|i| self.servers.get(*i as usize));
        let (mut sessions, mut weights) = (0_u64, 0_u64);
        for server in known {
            sessions += burden(server);
            weights += u64::from(server.effective_weight());
        }
        let share = Share { sessions: sessions + 1, weights: weights.max(1), factor: u64::from(factor) };
        let light = |i: &u32| self.servers.get(*i as usize).is_some_and(|s| share.has_room(s));
        self.hashed(candidates.filter(light))
    }

    /// Draws some servers and takes the least loaded of those that are welcome; looks round when none was.
    fn draw(&self, sums: &[u64], draws: u32, rand: u32) -> Picked {
        let total = sums.last().copied().unwrap_or(0).max(1);
        let mut best: Option<(u32, u64, u64)> = None;
        for draw in 0..draws {
            let lot = (u64::from(base::hash::avalanche(rand.wrapping_add(draw))) * total) >> 32;
            let place = sums.partition_point(|sum| *sum <= lot);
            let Some(index) = self.eligible.get(place).copied().filter(|i| self.is_welcome(*i)) else {
                continue;
            };
            let Some(server) = self.servers.get(index as usize) else { continue };
            best = lighter(best, index, server);
        }
        let winner = best.map(|(index, _, _)| index);
        self.or_avoided(winner.or_else(|| self.in_turn(rand as usize)))
    }
}

/// Sessions and waiting ones: what a server has to work through.
fn burden(server: &Server) -> u64 {
    u64::from(server.sessions()) + u64::from(server.queued())
}

/// The one of two with the smaller `burden / weight`, compared without dividing; the earlier one of equals.
fn lighter(best: Option<(u32, u64, u64)>, index: u32, server: &Server) -> Option<(u32, u64, u64)> {
    let (load, weight) = (burden(server), u64::from(server.effective_weight().max(1)));
    match best {
        Some((_, least, of)) if load * of >= least * weight => best,
        Some(_) | None => Some((index, load, weight)),
    }
}

/// What `hash-balance-factor` grants: each server `factor` percent of its share of all sessions, this one included.
struct Share {
    sessions: u64,
    weights: u64,
    factor: u64,
}

impl Share {
    fn has_room(&self, server: &Server) -> bool {
        let granted = self.sessions * self.factor * u64::from(server.effective_weight());
        burden(server) < granted.div_ceil(self.weights * 100)
    }
}
