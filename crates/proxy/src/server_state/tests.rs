//! The lines, as the oracle prints them for the same configuration, and what a restart takes from them.

use super::*;
use crate::health::{AdminWish, Operator, Refusal, Watcher};
use crate::lower::{Overrides, lower};
use std::sync::Arc;

const CONFIG: &str = "
defaults
 mode http
 timeout connect 5s
 timeout server 5s
 timeout client 5s
backend b1
 id 3
 balance roundrobin
 server s1 127.0.0.1:18932 weight 10 check inter 1h
 server s2 127.0.0.1:18933 weight 20
 server s3 127.0.0.1:18934 disabled agent-check agent-port 18940 agent-inter 1h
backend b2
 id 4
 balance static-rr
 server t1 127.0.0.1:18935
 server t2 localhost:18936 track b1/s1
";

fn plan() -> Arc<Plan> {
    let source = config::load::Source { name: "test.cfg".into(), text: CONFIG.as_bytes().to_vec() };
    let loaded = config::load::read(vec![source], &config::load::LoadOptions::default());
    let (plan, diags) = lower(&loaded.model, &Overrides::default());
    let complaints: Vec<_> = diags.iter().collect();
    Arc::new(plan.unwrap_or_else(|| panic!("{complaints:?}")))
}

fn operator(plan: &Arc<Plan>) -> Operator {
    Operator::new(plan.clone(), || {})
}

fn lines(plan: &Plan) -> Vec<String> {
    write(plan, None, 1_000, 3_500).lines().skip(2).map(str::to_owned).collect()
}

#[test]
fn fresh_servers() {
    let plan = plan();
    let text = write(&plan, Some(0), 1_000, 3_500);
    assert!(text.starts_with("1\n# be_id be_name srv_id srv_name srv_addr srv_op_state "), "{text}");
    assert_eq!(text.lines().count(), 5);
    let expected = [
        "3 b1 1 s1 127.0.0.1 2 0 10 10 2 1 0 2 6 0 1 0 - 18932 - 0 0 - - 0",
        "3 b1 2 s2 127.0.0.1 2 0 20 20 2 1 0 2 0 0 1 0 - 18933 - 0 0 - - 0",
        "3 b1 3 s3 127.0.0.1 0 5 1 1 2 1 0 0 8 22 1 0 - 18934 - 0 0 - - 18940",
        "4 b2 1 t1 127.0.0.1 2 0 1 1 2 1 0 2 0 0 1 0 - 18935 - 0 0 - - 0",
    ];
    assert_eq!(lines(&plan)[..4], expected);
    assert!(lines(&plan)[4].ends_with(" localhost 18936 - 0 0 - - 0"));
}

#[test]
fn an_operator_moves_them() {
    let plan = plan();
    let op = operator(&plan);
    op.set_admin((0, 0), AdminWish::Maint);
    op.set_health((0, 1), Health::Down).unwrap();
    op.set_admin((0, 2), AdminWish::Ready);
    op.set_weight((0, 0), "50%").unwrap();
    op.set_watch_addr((0, 0), Watcher::Check, "127.0.0.4", Some("88")).unwrap();
    op.set_watch_addr((0, 2), Watcher::Agent, "127.0.0.5", None).unwrap();
    op.switch_agent((0, 2), false).unwrap();
    let shown = lines(&plan);
    assert!(shown[0].starts_with("3 b1 1 s1 127.0.0.1 0 1 5 10 0 1 0 0 14 0 "), "{}", shown[0]);
    assert!(shown[0].ends_with(" 88 127.0.0.4 - 0"), "{}", shown[0]);
    assert!(shown[1].starts_with("3 b1 2 s2 127.0.0.1 0 0 20 20 0 1 0 0 0 0 "), "{}", shown[1]);
    assert!(shown[2].starts_with("3 b1 3 s3 127.0.0.1 2 4 1 1 0 1 0 2 0 18 "), "{}", shown[2]);
    assert!(shown[2].ends_with(" - 127.0.0.5 18940"), "{}", shown[2]);
    // those who track it are in maintenance with it
    assert!(shown[4].contains(" t2 127.0.0.1 0 2 ") || shown[4].contains(" t2 ::1 0 2 "), "{}", shown[4]);
    assert_eq!(plan.backends[0].balance.usable(), 1);
}

#[test]
fn what_is_refused_changes_nothing() {
    let plan = plan();
    let op = operator(&plan);
    assert_eq!(op.set_health((1, 1), Health::Down), Err(Refusal::Tracking));
    assert_eq!(op.set_agent((0, 0), true), Err(Refusal::NoAgent));
    assert_eq!(op.switch_check((0, 1), true), Err(Refusal::CheckNotConfigured));
    assert_eq!(op.switch_check((0, 1), false), Ok(()));
    assert_eq!(op.set_watch_port((0, 1), Watcher::Check, "99"), Err(Refusal::NoCheck));
    assert_eq!(op.set_watch_port((0, 0), Watcher::Check, "abc"), Err(Refusal::PortNotANumber));
    assert_eq!(op.set_weight((1, 0), "5"), Err(Refusal::WeightStatic));
    assert_eq!(op.set_weight((1, 0), "0"), Ok(()));
    assert_eq!(op.set_weight((9, 0), "0"), Err(Refusal::NoServer));
    assert_eq!(op.move_to((0, 0), "foo", None), Ok("Invalid addr 'foo'".to_owned()));
    assert_eq!(plan.backends[0].balance.servers()[0].moves(), 0);
}

#[test]
fn leaving_maintenance_makes_a_server_up_until_its_next_check() {
    let plan = plan();
    let op = operator(&plan);
    let server = plan.backends[0].balance.server(0).unwrap();
    op.set_health((0, 0), Health::Down).unwrap();
    op.set_admin((0, 0), AdminWish::Maint);
    assert_eq!((server.health(), server.is_up()), (Health::Down, false));
    op.set_admin((0, 0), AdminWish::Ready);
    assert_eq!((server.health(), server.is_usable()), (Health::Up, true));
    assert_eq!(plan.backends[0].balance.servers()[0].checks.watch.lock().check_status(), "1/3 UP");
}

#[test]
fn a_restart_takes_over_what_was() {
    let old = plan();
    let op = operator(&old);
    op.set_admin((0, 0), AdminWish::Drain);
    op.set_health((0, 1), Health::Down).unwrap();
    op.set_admin((0, 2), AdminWish::Ready);
    op.set_weight((0, 1), "7").unwrap();
    let now = old.backends[0].balance.servers()[1].last_change() + 60_000;
    let text = write(&old, None, 0, now);
    let fresh = plan();
    let restored: Vec<bool> =
        text.lines().filter_map(Line::parse).map(|line| line.restore(&fresh, now)).collect();
    assert_eq!(restored, [true; 5]);
    fresh.backends.iter().for_each(|b| b.balance.recompute(now));
    assert_eq!(write(&fresh, Some(0), 0, now), write(&old, Some(0), 0, now));
}

#[test]
fn lines_that_are_none() {
    for text in
        ["", "1", "# be_id be_name", "3 b1 1 s1 127.0.0.1 9 0 10 10 2 1 0 2 6 0 1 0 - 18932 - 0 0 - - 0"]
    {
        assert_eq!(Line::parse(text), None, "{text}");
    }
    let line = Line::parse("3 b1 1 s1 - 2 0 10 10 2 1 0 2 6 0 1 0 - 0 - 0 0 - - 0").unwrap();
    assert_eq!(line.addr, None);
    assert!(!Line { backend: "gone".into(), ..line }.restore(&plan(), 0));
}
