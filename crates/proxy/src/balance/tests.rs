//! Choices as a user sees them, and hashes against the oracle.

use super::hash::Hashing;
use super::key::Key;
use super::*;
use crate::server::{Admin, Endpoint, Facts, Health, ServerPort};
use config::model::{HashAffinity, HashFunction, HashType};

fn server(index: usize, change: impl FnOnce(&mut Facts)) -> Arc<Server> {
    let name = format!("s{}", index + 1).into();
    let mut facts = Facts { name, id: index as u32 + 1, index, weight: 1, ..Facts::default() };
    change(&mut facts);
    let endpoint = Endpoint::Inet { ip: [127, 0, 0, 1].into(), port: ServerPort::Fixed(80) };
    Arc::new(Server::plain(facts, Some(endpoint)))
}

fn farm(policy: Policy, weights: &[u16]) -> Balance {
    let servers = weights.iter().enumerate().map(|(i, w)| server(i, |f| f.weight = *w)).collect();
    Balance::new(policy, false, servers, 0)
}

fn picks(balance: &Balance, n: usize) -> Vec<usize> {
    let pick = |i: usize| match balance.pick(&Ask { rand: i as u32, ..Ask::default() }) {
        Picked::Server(index) => index,
        other => panic!("{other:?}"),
    };
    (0..n).map(pick).collect()
}

#[test]
fn round_robin_takes_turns() {
    assert_eq!(picks(&farm(Policy::RoundRobin, &[1, 1, 1]), 6), [0, 1, 2, 0, 1, 2]);
    assert_eq!(picks(&farm(Policy::RoundRobin, &[0, 2, 1]), 6), [1, 1, 2, 1, 1, 2]);
    assert_eq!(picks(&farm(Policy::StaticRr, &[1, 5, 1]), 7), [0, 1, 1, 1, 1, 1, 2]);
}

#[test]
fn round_robin_is_exact_across_threads() {
    let balance = farm(Policy::RoundRobin, &[1, 2, 3]);
    let mut counts = [0; 3];
    std::thread::scope(|scope| {
        let run = || picks(&balance, 600);
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
        for thread in threads {
            thread.join().unwrap().into_iter().for_each(|i| counts[i] += 1);
        }
    });
    assert_eq!(counts, [400, 800, 1200]);
}

#[test]
fn down_and_draining_servers_are_left_out() {
    let balance = farm(Policy::RoundRobin, &[1, 1, 1]);
    balance.servers()[0].set_health(Health::Down, 1);
    balance.servers()[1].change_admin(Admin::DRAIN_FORCED, Admin::default(), 1);
    balance.recompute(1);
    assert_eq!((picks(&balance, 3), balance.usable()), (vec![2, 2, 2], 1));
    balance.servers()[2].set_weight(0);
    balance.recompute(2);
    assert_eq!(balance.pick(&Ask::default()), Picked::None);
    balance.servers()[0].set_health(Health::Up, 3);
    balance.recompute(3);
    assert_eq!(picks(&balance, 2), [0, 0]);
}

#[test]
fn backups_stand_in_one_or_all() {
    for (all, expected) in [(false, vec![1, 1, 1, 1]), (true, vec![1, 2, 1, 2])] {
        let servers = (0..3).map(|i| server(i, |f| f.backup = i > 0)).collect();
        let balance = Balance::new(Policy::StaticRr, all, servers, 0);
        assert_eq!(picks(&balance, 2), [0, 0]);
        balance.servers()[0].set_health(Health::Down, 1);
        balance.recompute(1);
        assert_eq!(balance.position.0.swap(0, Ordering::Relaxed), 2);
        assert_eq!(picks(&balance, 4), expected);
    }
}

#[test]
fn static_tables_take_the_heaviest_backup() {
    for (policy, expected) in [(Policy::StaticRr, 2), (Policy::HashMap, 2), (Policy::RoundRobin, 0)] {
        let weights = [2, 2, 10, 10];
        let backup = |i: usize| server(i, |f| (f.backup, f.weight) = (true, weights[i]));
        let balance = Balance::new(policy, false, (0..4).map(backup).collect(), 0);
        assert_eq!(picks(&balance, 2), [expected, expected], "{policy:?}");
    }
}

#[test]
fn busy_and_failed_servers_are_stepped_over() {
    for policy in [Policy::RoundRobin, Policy::StaticRr, Policy::LeastConn, Policy::Random { draws: 2 }] {
        let servers = (0..3).map(|i| server(i, |f| f.maxconn = 1)).collect();
        let balance = Balance::new(policy, false, servers, 0);
        assert!(balance.servers()[1].admit(balance.load()));
        let ask = |rand| balance.pick(&Ask { avoid: Some(0), rand, ..Ask::default() });
        assert!((0..20).all(|rand| ask(rand) == Picked::Server(2)), "{policy:?}");
        assert!(balance.servers()[2].admit(balance.load()));
        assert_eq!(ask(7), Picked::Server(0), "{policy:?}: the failed one is all there is");
        assert!(balance.servers()[0].admit(balance.load()));
        assert_eq!(ask(7), Picked::Full, "{policy:?}");
    }
}

#[test]
fn least_connections_by_weight_and_in_turn() {
    let balance = farm(Policy::LeastConn, &[1, 2, 1]);
    let taken: Vec<usize> = (0..8)
        .map(|_| {
            let Picked::Server(index) = balance.pick(&Ask::default()) else { panic!("nobody") };
            assert!(balance.servers()[index].admit(balance.load()));
            index
        })
        .collect();
    assert_eq!((0..3).map(|s| taken.iter().filter(|t| **t == s).count()).collect::<Vec<_>>(), [2, 4, 2]);
    let idle = farm(Policy::LeastConn, &[1, 1, 1]);
    assert_eq!(picks(&idle, 6), [0, 1, 2, 0, 1, 2]);
}

#[test]
fn first_fills_servers_in_order_of_id() {
    let servers = (0..3).map(|i| server(i, |f| (f.maxconn, f.id) = (2, 10 - i as u32))).collect();
    let balance = Balance::new(Policy::First, false, servers, 0);
    let mut taken = Vec::new();
    while let Picked::Server(index) = balance.pick(&Ask::default()) {
        assert!(balance.servers()[index].admit(balance.load()));
        taken.push(index);
    }
    assert_eq!(taken, [2, 2, 1, 1, 0, 0]);
}

#[test]
fn lots_follow_weights() {
    let balance = farm(Policy::Random { draws: 1 }, &[1, 3]);
    let heavy = picks(&balance, 4000).iter().filter(|i| **i == 1).count();
    assert!((2850..3150).contains(&heavy), "{heavy}");
}

#[test]
fn the_balance_factor_moves_on_from_loaded_servers() {
    let balance = farm(Policy::HashRing { factor: 150 }, &[1, 1, 1]);
    let ask = Ask { hash: Some(12345), ..Ask::default() };
    let mut counts = [0_u32; 3];
    for _ in 0..30 {
        let Picked::Server(index) = balance.pick(&ask) else { panic!("nobody") };
        assert!(balance.servers()[index].admit(balance.load()));
        counts[index] += 1;
    }
    assert!(counts.iter().all(|c| *c <= 16), "{counts:?}");
    assert_eq!(counts.iter().max(), Some(&15), "{counts:?}");
}

#[test]
fn a_key_that_is_missing_takes_turns() {
    assert_eq!(picks(&farm(Policy::HashMap, &[1, 1, 1]), 4), [0, 1, 2, 0]);
    let ring = farm(Policy::HashRing { factor: 0 }, &[1, 1, 1]);
    let taken = picks(&ring, 48);
    assert!((0..3).all(|s| taken.iter().filter(|t| **t == s).count() == 16));
}

#[test]
fn a_failed_server_is_left_for_the_next_one() {
    for policy in [Policy::HashMap, Policy::HashRing { factor: 0 }] {
        let balance = farm(policy, &[1, 1, 1]);
        for hash in [0, 1, 2, 4_000_000_000] {
            let ask = Ask { hash: Some(hash), ..Ask::default() };
            let Picked::Server(first) = balance.pick(&ask) else { panic!("nobody") };
            let second = balance.pick(&Ask { avoid: Some(first), ..ask });
            assert!(matches!(second, Picked::Server(s) if s != first), "{policy:?} {second:?}");
        }
    }
}

/// `[ids …] map-based|consistent [FUNCTION] [avalanche]`
fn hash_type(text: &str) -> HashType {
    let has = |word: &str| text.split(' ').any(|w| w == word);
    let functions =
        [("sdbm", HashFunction::Sdbm), ("djb2", HashFunction::Djb2), ("crc32", HashFunction::Crc32)];
    let function = functions.into_iter().find(|(name, _)| has(name)).map(|(_, f)| f);
    HashType { consistent: has("consistent"), function, avalanche: has("avalanche") }
}

fn numbers(text: &str) -> Vec<u32> {
    text.split(',').map(|n| n.parse().unwrap()).collect()
}

#[test]
fn hashes_choose_what_the_oracle_chooses() {
    let table = include_str!("fixtures/hash.txt");
    let mut checked = 0;
    for line in table.lines().filter(|l| !l.starts_with('#')) {
        let [kind, weights, keys] = line.split("; ").collect::<Vec<_>>()[..] else { panic!("{line}") };
        let weights = numbers(weights);
        let ids = kind.strip_prefix("ids ").and_then(|k| k.split(' ').next()).map(numbers);
        let servers = weights.iter().enumerate().map(|(i, w)| {
            let id = ids.as_ref().map_or(i as u32 + 1, |ids| ids[i]);
            server(i, |f| (f.weight, f.id) = (*w as u16, id))
        });
        let hash_type = hash_type(kind);
        let policy = Policy::of(&config::model::Algorithm::Source, Some(hash_type), None);
        let balance = Balance::new(policy, false, servers.collect(), 0);
        for pair in keys.split(' ') {
            let (key, expected) = pair.rsplit_once('=').unwrap();
            let hash = Hashing::of(Some(hash_type)).hash(Key::Bytes(key.as_bytes()));
            let expected = expected.parse::<usize>().unwrap() - 1;
            let picked = balance.pick(&Ask { hash: Some(hash), ..Ask::default() });
            assert_eq!(picked, Picked::Server(expected), "{kind} {weights:?} {key}");
            checked += 1;
        }
    }
    assert!(checked > 1600);
}

#[test]
fn a_hash_may_move_on_from_a_full_server() {
    let full = |affinity| {
        let servers = (0..2).map(|i| server(i, |f| (f.maxconn, f.maxqueue) = (1, 1))).collect();
        let policy = Policy::HashRing { factor: 0 };
        let balance = Balance::new(policy, false, servers, 0).with_affinity(affinity);
        let ask = Ask { hash: Some(12345), ..Ask::default() };
        let named = || match balance.pick(&ask) {
            Picked::Server(index) => index,
            Picked::Full | Picked::None => panic!("nobody"),
        };
        let first = named();
        assert!(balance.servers()[first].admit(balance.load()));
        let second = named();
        balance.servers()[1 - first].admit(balance.load());
        (first == second, named() == first)
    };
    // where all are full, it waits where its hash says
    assert_eq!(full(HashAffinity::Always), (true, true));
    assert_eq!(full(HashAffinity::Maxconn), (false, true));
    assert_eq!(full(HashAffinity::Maxqueue), (true, true));
}
