//! The immutable part of a choice: which servers stand for election, and the order or map that the algorithm reads.

use super::rotation::Rotation;
use super::{Ask, Picked, Policy};
use crate::server::{Load, Server};
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
}

impl Table {
    pub(super) fn build(policy: Policy, all_backups: bool, servers: &[Arc<Server>]) -> Table {
        let (mut eligible, only) = electorate(all_backups, servers);
        let shape = match policy {
            _ if eligible.is_empty() => Shape::Empty,
            _ if only => Shape::Only,
            Policy::RoundRobin | Policy::Random { .. } | Policy::HashRing { .. } => {
                Shape::Rotation(Rotation::smooth(&eligible, servers))
            }
            Policy::StaticRr | Policy::HashMap => Shape::Rotation(Rotation::fixed(&eligible, servers)),
            Policy::LeastConn => Shape::LeastConn,
            Policy::First => {
                eligible.sort_by_key(|i| servers.get(*i as usize).map(|s| s.facts.id));
                Shape::First
            }
        };
        Table { eligible: eligible.into(), shape }
    }

    pub(super) fn len(&self) -> usize {
        self.eligible.len()
    }

    pub(super) fn pick(
        &self,
        ask: &Ask,
        servers: &[Arc<Server>],
        load: &Load,
        next: impl Fn() -> usize,
    ) -> Picked {
        let election = Election { eligible: &self.eligible, servers, load, avoid: ask.avoid };
        match &self.shape {
            Shape::Empty => Picked::None,
            Shape::Only => self.eligible.first().map_or(Picked::None, |i| Picked::Server(*i as usize)),
            Shape::Rotation(rotation) => election.rotate(rotation, next),
            Shape::LeastConn => election.or_avoided(election.least(next())),
            Shape::First => election.or_avoided(election.in_turn(0)),
        }
    }
}

/// Who can be chosen: usable active servers; without any, the first usable backup, or all of them under
/// `option allbackups`. The flag says that one backup stands alone and takes all, whatever the algorithm.
fn electorate(all_backups: bool, servers: &[Arc<Server>]) -> (Vec<u32>, bool) {
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
    let first: Vec<u32> = usable(true).take(1).collect();
    let only = !first.is_empty();
    (first, only)
}

/// One choice among the eligible.
struct Election<'a> {
    eligible: &'a [u32],
    servers: &'a [Arc<Server>],
    load: &'a Load,
    avoid: Option<usize>,
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
        let mut best: Option<(u32, u64, u64)> = None;
        for index in self.round(from).filter(|i| self.is_welcome(*i)) {
            let Some(server) = self.servers.get(index as usize) else { continue };
            let burden = u64::from(server.sessions()) + u64::from(server.queued());
            let weight = u64::from(server.effective_weight().max(1));
            // burden/weight < best's, without dividing
            if best.is_none_or(|(_, b, w)| burden * w < b * weight) {
                best = Some((index, burden, weight));
            }
        }
        best.map(|(index, _, _)| index)
    }
}
