//! The order of round robin: weights unrolled into a list that is then read at one shared position.
//!
//! Both orders were found by watching the oracle (`fixtures/rotation.txt`): `static-rr` spreads servers by urgency, in
//! the order of the file, and is also the map of `hash-type map-based`; `roundrobin` starts with the heavy ones and
//! lets light ones in where nobody else is due.

use super::servers::Servers;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The most entries a turn of `roundrobin` may have, to bound its memory. Farms whose weights share no divisor and add
/// up to more are rounded to fit. A hash map is never rounded: it must agree with other balancers bit by bit.
const MOST: u64 = 1 << 16;

/// A list of server indices: what comes once, then what repeats.
#[derive(Debug, Default)]
pub(super) struct Rotation {
    first: Box<[u32]>,
    cycle: Box<[u32]>,
}

impl Rotation {
    /// The order of `roundrobin`.
    pub(super) fn smooth(eligible: &[u32], servers: &Servers) -> Rotation {
        let entries = rounded(entries(eligible, servers));
        let total = entries.iter().map(|e| e.weight).sum::<u64>() as usize;
        let mut order = unroll_smooth(&entries, 2 * total);
        let cycle = order.split_off(total.min(order.len()));
        Rotation { first: order.into(), cycle: cycle.into() }
    }

    /// The order of `static-rr`.
    pub(super) fn fixed(eligible: &[u32], servers: &Servers) -> Rotation {
        Rotation { first: Box::default(), cycle: unroll_fixed(&entries(eligible, servers)).into() }
    }

    /// The server that a hash belongs to, and those after it.
    pub(super) fn after_hash(&self, hash: u32) -> impl Iterator<Item = u32> + Clone {
        let start = (hash as usize).checked_rem(self.cycle.len()).unwrap_or_default();
        let (head, tail) = self.cycle.split_at(start);
        tail.iter().chain(head).copied()
    }

    /// Length of the part that repeats.
    pub(super) fn len(&self) -> usize {
        self.cycle.len()
    }

    /// The server at a position that only grows.
    pub(super) fn at(&self, position: usize) -> Option<u32> {
        let past = match position.checked_sub(self.first.len()) {
            None => return self.first.get(position).copied(),
            Some(past) => past,
        };
        self.cycle.get(past.checked_rem(self.cycle.len())?).copied()
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    index: u32,
    weight: u64,
}

/// Weights with their common divisor taken out.
fn entries(eligible: &[u32], servers: &Servers) -> Vec<Entry> {
    let weight = |i: u32| servers.get(i as usize).map_or(0, |s| u64::from(s.effective_weight()));
    let mut list: Vec<Entry> = eligible.iter().map(|i| Entry { index: *i, weight: weight(*i) }).collect();
    list.retain(|e| e.weight > 0);
    let divisor = list.iter().fold(0, |d, e| gcd(d, e.weight)).max(1);
    list.iter_mut().for_each(|e| e.weight /= divisor);
    list
}

/// Weights whose sum fits the limit.
fn rounded(mut list: Vec<Entry>) -> Vec<Entry> {
    let total: u64 = list.iter().map(|e| e.weight).sum();
    if total > MOST {
        list.iter_mut().for_each(|e| e.weight = (e.weight * MOST / total).max(1));
    }
    list
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Slot after slot: the first that is overdue by a whole turn; where none is, the first that has not had its share.
fn unroll_fixed(entries: &[Entry]) -> Vec<u32> {
    let total: i64 = entries.iter().map(|e| e.weight as i64).sum();
    let mut scores = vec![0_i64; entries.len()];
    let mut order = Vec::with_capacity(total as usize);
    for _ in 0..total {
        for (score, entry) in scores.iter_mut().zip(entries) {
            *score += entry.weight as i64;
        }
        let first = |least: i64| scores.iter().position(|s| *s >= least);
        let Some(chosen) = first(total).or_else(|| first(0)) else { break };
        scores[chosen] -= total;
        order.push(entries[chosen].index);
    }
    order
}

/// A server's next turn. The oracle orders those of one slot by how far into it they are less their weight, and
/// equals by who came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    slot: u64,
    urgency: i64,
    since: u64,
    entry: usize,
    /// The exact position times the weight, so that nothing is ever rounded away.
    position: u64,
}

/// Slot after slot: whoever is due comes; where nobody is, the heaviest that has not yet had its first turn. A turn
/// taken moves a server on by `total / weight`.
fn unroll_smooth(entries: &[Entry], slots: usize) -> Vec<u32> {
    let total: u64 = entries.iter().map(|e| e.weight).sum();
    let mut fresh: Vec<usize> = (0..entries.len()).collect();
    fresh.sort_by_key(|i| Reverse(entries[*i].weight));
    let mut fresh = fresh.into_iter();
    let mut due: BinaryHeap<Reverse<Turn>> = BinaryHeap::new();
    let mut order = Vec::with_capacity(slots);
    for slot in 0..slots as u64 {
        let ready = due.peek().is_some_and(|turn| turn.0.slot <= slot);
        let newcomer = if ready { None } else { fresh.next() };
        let taken = newcomer.map(|entry| (entry, slot * entries[entry].weight));
        let Some((entry, position)) = taken.or_else(|| due.pop().map(|t| (t.0.entry, t.0.position))) else {
            break;
        };
        order.push(entries[entry].index);
        let (weight, position) = (entries[entry].weight, position + total);
        let urgency = (position % weight) as i64 - weight as i64;
        due.push(Reverse(Turn { slot: position / weight, urgency, since: slot, entry, position }));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(weights: &[u64]) -> Vec<Entry> {
        let divisor = weights.iter().fold(0, |d, w| gcd(d, *w));
        let entry = |(i, w): (usize, &u64)| Entry { index: i as u32, weight: w / divisor };
        weights.iter().enumerate().map(entry).collect()
    }

    fn letters(order: impl IntoIterator<Item = u32>) -> String {
        order.into_iter().map(|i| char::from(b'a' + i as u8)).collect()
    }

    #[test]
    fn the_orders_of_the_oracle() {
        let table = include_str!("fixtures/rotation.txt");
        let lines: Vec<&str> = table.lines().filter(|l| !l.starts_with('#')).collect();
        assert!(lines.len() > 40);
        for line in lines {
            let mut words = line.split(' ');
            let weights: Vec<u64> = words.next().unwrap().split(',').map(|w| w.parse().unwrap()).collect();
            let entries = entries(&weights);
            assert_eq!(letters(unroll_fixed(&entries)), words.next().unwrap(), "static-rr {weights:?}");
            let smooth = words.next().unwrap();
            assert_eq!(letters(unroll_smooth(&entries, smooth.len())), smooth, "roundrobin {weights:?}");
        }
    }

    #[test]
    fn what_repeats_is_the_second_turn() {
        for weights in [&[3, 3, 2][..], &[11, 5, 2], &[1, 20, 7, 5, 2, 2], &[256, 255, 3], &[1]] {
            let entries = entries(weights);
            let total = entries.iter().map(|e| e.weight).sum::<u64>() as usize;
            let order = unroll_smooth(&entries, 4 * total);
            assert_eq!(order[total..2 * total], order[3 * total..], "{weights:?}");
        }
    }

    #[test]
    fn weights_beyond_the_limit_are_rounded() {
        let weights: Vec<u64> = (0..40).map(|i| 4000 + i).collect();
        let list = rounded(entries(&weights));
        assert!(list.iter().map(|e| e.weight).sum::<u64>() <= MOST);
        assert!(list.iter().all(|e| e.weight > 0));
    }
}
