//! Operators steer servers while traffic flows: over the runtime API, with real clients and servers.

use crate::client::curl;
use crate::nginx::Nginx;
use crate::place::wait_for;
use crate::runtime_api::Operated;
use std::process::Command;

fn two(one: &Nginx, two: &Nginx) -> Operated {
    Operated::start(
        "level admin",
        &format!(
            "listen l\n bind <http>\n balance roundrobin\n server one {}\n server two {}\n",
            one.address(),
            two.address()
        ),
    )
}

/// Which servers answer ten requests.
fn answering(operated: &Operated) -> Vec<String> {
    let url = operated.lockgate.url("http", "/");
    let mut names: Vec<String> =
        (0..10).filter_map(|_| curl(&url).field("x-server").map(str::to_owned)).collect();
    assert_eq!(names.len(), 10);
    names.sort();
    names.dedup();
    names
}

#[test]
fn a_server_is_drained_under_load_and_nothing_is_lost() {
    let (one, other) = (Nginx::start("one"), Nginx::start("two"));
    let operated = two(&one, &other);
    let url = operated.lockgate.url("http", "/");
    let mut load = Command::new("ab");
    load.args(["-q", "-k", "-c", "16", "-n", "6000"]).arg(&url);
    let load = std::thread::spawn(move || load.output().unwrap());
    for state in ["drain", "ready", "maint", "ready", "drain"] {
        let before = operated.ask("show servers state l");
        assert_eq!(operated.ask(&format!("set server l/two state {state}")), "\n");
        wait_for(|| (operated.ask("show servers state l") != before).then_some(())).unwrap();
    }
    let said = String::from_utf8(load.join().unwrap().stdout).unwrap();
    assert!(
        said.contains("Complete requests:      6000") && said.contains("Failed requests:        0"),
        "{said}"
    );
    assert!(!said.contains("Non-2xx"), "{said}");
    assert_eq!(answering(&operated), ["one"]);
    operated.ask("set server l/two state ready");
    assert_eq!(answering(&operated), ["one", "two"]);
}

#[test]
fn maintenance_closes_idle_connections_and_everything_down_is_503() {
    let (one, other) = (Nginx::start("one"), Nginx::start("two"));
    let operated = two(&one, &other);
    assert_eq!(answering(&operated), ["one", "two"]);
    operated.ask("disable server l/one;disable server l/two");
    assert_eq!(curl(&operated.lockgate.url("http", "/")).status, 503);
    let idle = || {
        let text = operated.ask("show servers conn l");
        let of = |line: &str| line.split(' ').nth(12).map(str::to_owned);
        text.lines().skip(1).filter_map(of).collect::<Vec<_>>()
    };
    wait_for(|| (idle() == ["0", "0"]).then_some(())).unwrap_or_else(|| panic!("{:?}", idle()));
    operated.ask("enable server l/one");
    assert_eq!(answering(&operated), ["one"]);
}

#[test]
fn a_server_moves_and_changes_its_weight() {
    let (one, other, third) = (Nginx::start("one"), Nginx::start("two"), Nginx::start("three"));
    let operated = two(&one, &other);
    assert_eq!(answering(&operated), ["one", "two"]);
    let (from, to) = (other.address(), third.address());
    let said = operated.ask(&format!("set server l/two addr {} port {}", to.ip(), to.port()));
    let port = format!("port changed from '{}' to '{}'", from.port(), to.port());
    assert_eq!(said, format!("no need to change the addr, {port} by 'stats socket command'\n\n"));
    assert_eq!(answering(&operated), ["one", "three"]);
    assert_eq!(operated.ask("set weight l/one 0;get weight l/one"), "\n0 (initial 1)\n\n");
    assert_eq!(answering(&operated), ["three"]);
}

/// What an operator may get wrong, as Debian's haproxy answers it.
const REFUSED: &[(&str, &str)] = &[
    ("set server", "Require 'backend/server'.\n\n"),
    ("set server l", "Require 'backend/server'.\n\n"),
    ("set server x/one state ready", "No such backend.\n\n"),
    ("set server l/x state ready", "No such server.\n\n"),
    ("set server l/one state foo", "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n\n"),
    ("set server l/one health foo", "'set server <srv> health' expects 'up', 'stopping', or 'down'.\n\n"),
    ("set server l/one agent up", "agent checks are not enabled on this server.\n\n"),
    ("set server l/one agent-send x", "agent checks are not enabled on this server.\n\n"),
    (
        "set server l/one agent-addr",
        "set server <b>/<s> agent-addr requires an address and optionally a port.\n\n",
    ),
    ("set server l/one agent-port 5", "agent checks are not enabled on this server\n"),
    ("set server l/one check-port 5", "health checks are not enabled on this server\n"),
    ("set server l/one check-port", "set server <b>/<s> check-port requires a port.\n\n"),
    ("set server l/one weight", "Require <weight> or <weight%>.\n\n"),
    ("set server l/one weight abc", "Empty weight string empty or preceded by garbage\n"),
    ("set server l/one weight 300", "Absolute weight can only be between 0 and 256 inclusive.\n\n"),
    ("set server l/one addr foo", "Invalid addr 'foo' by 'stats socket command'\n\n"),
    (
        "set server l/one fqdn a.example",
        "set server <b>/<s> fqdn failed because no resolution is configured.\n\n",
    ),
    ("enable health l/one", "Health check was not configured on this server, cannot enable.\n\n"),
    ("enable agent l/one", "Agent was not configured on this server, cannot enable.\n\n"),
    ("set maxconn server l/one", "Require <maxconn>.\n\n"),
    ("set maxconn server l/one 5x", "Trailing garbage in maxconn string\n"),
    ("show servers state nope", "Can't find backend.\n\n"),
    ("get weight l/one", "1 (initial 1)\n\n"),
    ("show backend", "# name\nl\n\n"),
];

#[test]
fn wrong_commands_are_answered_in_haproxys_words() {
    let (one, other) = (Nginx::start("one"), Nginx::start("two"));
    let operated = two(&one, &other);
    for (line, answer) in REFUSED {
        assert_eq!(operated.ask(line), *answer, "{line}");
    }
    assert_eq!(answering(&operated), ["one", "two"]);
    let operated = Operated::start("", "listen b\n bind <http>\n server s 127.0.0.1:9\n");
    assert_eq!(operated.ask("set server b/s state maint"), "Permission denied\n\n");
}
