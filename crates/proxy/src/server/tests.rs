//! Slots, weights and states of one server.

use super::*;

fn server(change: impl FnOnce(&mut Facts)) -> Server {
    let mut facts = Facts { name: "s".into(), id: 1, weight: 1, ..Facts::default() };
    change(&mut facts);
    let endpoint = Endpoint::Inet { ip: [127, 0, 0, 1].into(), port: ServerPort::Fixed(80) };
    Server::plain(facts, Some(endpoint))
}

#[test]
fn slots_follow_maxconn() {
    let (s, load) = (server(|f| f.maxconn = 2), Load::new(0));
    assert!(s.admit(&load) && s.admit(&load));
    assert!(!s.admit(&load) && s.saturated(&load));
    s.release();
    assert!(s.admit(&load));
    assert_eq!((s.sessions(), s.sessions_max(), s.sessions_total()), (2, 2, 3));
}

#[test]
fn maxconn_moves_between_minconn_and_maxconn() {
    let s = server(|f| (f.minconn, f.maxconn) = (100, 1000));
    let load = Load::new(10_000);
    let mut seen = Vec::new();
    for sessions in [0, 1000, 5000, 10_000, 20_000] {
        load.set_for_test(sessions);
        seen.push(s.dynamic_maxconn(&load));
    }
    assert_eq!(seen, [100, 100, 500, 1000, 1000]);
}

#[test]
fn a_slow_start_climbs_in_steps() {
    let s = server(|f| (f.slowstart, f.weight, f.maxconn) = (16_000, 10, 100));
    s.set_health(Health::Down, 500);
    s.set_health(Health::Up, 1000);
    let at = |ms| (s.refresh_weight(true, ms), s.throttle(), s.dynamic_maxconn(&Load::new(0)));
    assert_eq!(at(1000), (10, 1, 1));
    assert_eq!(at(9000), (90, 50, 50));
    assert!(s.is_warming());
    assert_eq!(at(17_000), (160, 100, 100));
    assert!(!s.is_warming());
}

#[test]
fn who_takes_newcomers_and_who_keeps_regulars() {
    let s = server(|_| {});
    assert!(s.is_usable() && s.is_up());
    s.set_weight(0);
    s.refresh_weight(true, 0);
    assert!(!s.is_usable() && s.is_up());
    s.set_weight(1);
    s.refresh_weight(true, 0);
    assert!(s.change_admin(Admin::DRAIN_FORCED, Admin::default(), 1));
    assert!(!s.is_usable() && s.is_up());
    s.change_admin(Admin::MAINT_FORCED, Admin::DRAIN_FORCED, 2);
    assert!(!s.is_usable() && !s.is_up());
    s.change_admin(Admin::default(), Admin::MAINT_FORCED, 3);
    assert!(s.set_health(Health::Stopping, 4));
    assert!(!s.is_usable() && s.is_up());
    assert!(s.set_health(Health::Down, 5) && !s.set_health(Health::Down, 6));
    assert_eq!((s.is_up(), s.last_change(), s.down_transitions()), (false, 5, 2));
}

#[test]
fn ports_follow_the_client() {
    assert_eq!(ServerPort::Fixed(80).resolve(443), 80);
    assert_eq!(ServerPort::Offset(1000).resolve(443), 1443);
    assert_eq!(ServerPort::Offset(-43).resolve(443), 400);
}
