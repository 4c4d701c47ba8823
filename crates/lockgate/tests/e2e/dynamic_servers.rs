//! Servers that come and go while traffic flows: `add server`, `del server`, `wait … srv-removable`.

use crate::client::{Raw, curl};
use crate::nginx::Nginx;
use crate::place::wait_for;
use crate::program::{Lockgate, Player};
use crate::runtime_api::{Operated, converse};
use crate::upstream::Upstream;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;

const ADDED: &str = "New server registered.\n\n";
const DELETED: &str = "Server deleted.\n";

/// How often each server answers so many requests.
fn shares(operated: &Operated, requests: usize) -> BTreeMap<String, usize> {
    let url = operated.lockgate.url("http", "/");
    let mut shares = BTreeMap::new();
    for _ in 0..requests {
        let answer = curl(&url);
        *shares.entry(answer.field("x-server").unwrap_or("none").to_owned()).or_default() += 1;
    }
    shares
}

fn listen(to: SocketAddr, more: &str) -> Operated {
    Operated::start(
        "level admin",
        &format!("listen l\n bind <http>\n balance roundrobin\n{more} server one {to}\n"),
    )
}

#[test]
fn a_server_comes_takes_its_share_and_goes_under_load() {
    let (one, other) = (Nginx::start("one"), Nginx::start("two"));
    let operated = listen(one.address(), " default-server weight 7 check\n");
    let mut load = Command::new("ab");
    load.args(["-q", "-k", "-c", "16", "-n", "8000"]).arg(operated.lockgate.url("http", "/"));
    let load = std::thread::spawn(move || load.output().unwrap());
    for round in 0..3 {
        assert_eq!(operated.ask(&format!("add server l/two {} weight 7", other.address())), ADDED);
        let state = operated.ask("show servers state l");
        assert!(state.contains(" 2 two 127.0.0.1 0 1 7 7 0 1 0 0 0 0 0 0 - "), "{round}: {state}");
        assert_eq!(operated.ask("del server l/one"), "Only servers in maintenance mode can be deleted.\n");
        assert_eq!(operated.ask("enable server l/two"), "\n");
        let count =
            || operated.ask("show stat l 4 2").lines().nth(1).and_then(|l| l.split(',').nth(7)?.parse().ok());
        wait_for(|| count().filter(|n: &u64| *n > 50)).expect("it takes requests");
        operated.ask("set server l/two state drain");
        operated.ask("disable server l/two");
        let gone = operated.ask("wait 20 srv-removable l/two;del server l/two");
        assert_eq!(gone, format!("Done.\n\n{DELETED}"), "{round}");
    }
    let said = String::from_utf8(load.join().unwrap().stdout).unwrap();
    let whole = said.contains("Complete requests:      8000") && said.contains("Failed requests:        0");
    assert!(whole && !said.contains("Non-2xx"), "{said}");
    operated.ask(&format!("add server l/three {} enabled weight 14", other.address()));
    assert_eq!(shares(&operated, 30), BTreeMap::from([("one".into(), 10), ("two".into(), 20)]));
    let listed = operated.ask("show stat l 4 -1");
    assert!(listed.contains("\nl,three,") && !listed.contains("\nl,two,"), "{listed}");
    assert!(operated.ask("show servers conn l").contains("l/three 2/2 "));
}

#[test]
fn a_server_of_the_configuration_goes_as_well_and_names_are_free_again() {
    let (one, other) = (Nginx::start("one"), Nginx::start("two"));
    let operated = listen(one.address(), "");
    assert_eq!(operated.ask(&format!("add server l/two {} enabled", other.address())), ADDED);
    assert_eq!(operated.ask("disable server l/one;del server l/one"), format!("\n{DELETED}"));
    assert_eq!(shares(&operated, 4), BTreeMap::from([("two".into(), 4)]));
    assert_eq!(operated.ask("set server l/one state ready"), "No such server.\n\n");
    assert_eq!(operated.ask(&format!("add server l/one {} enabled", one.address())), ADDED);
    assert_eq!(shares(&operated, 4), BTreeMap::from([("one".into(), 2), ("two".into(), 2)]));
    // the first number that is free, behind all others
    let state = operated.ask("show servers state l");
    let numbers: Vec<_> = state.lines().skip(2).filter_map(|l| l.split(' ').nth(2)).collect();
    assert_eq!(numbers, ["2", "1"]);
    operated.ask("disable server l/one;disable server l/two;del server l/one;del server l/two");
    assert_eq!(curl(&operated.lockgate.url("http", "/")).status, 503);
}

#[test]
fn who_waits_and_who_is_served_keeps_a_server() {
    let slow = Upstream::start(|mut peer| {
        peer.read_head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
        peer.read_head();
    });
    let operated = listen(slow.address(), "");
    assert_eq!(operated.ask(&format!("add server l/slow {} enabled maxconn 1", slow.address())), ADDED);
    operated.ask("disable server l/one;del server l/one");
    let mut client = Raw::connect(operated.lockgate.at("http"));
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read_until("\r\n\r\n");
    operated.ask("disable server l/slow");
    let busy = "Server still has connections attached to it, cannot remove it.\n";
    assert_eq!(operated.ask("del server l/slow"), busy);
    assert_eq!(operated.ask("wait 100ms srv-removable l/slow"), "Wait delay expired.\n\n");
    assert_eq!(operated.ask("shutdown sessions server l/slow;wait 20 srv-removable l/slow"), "\nDone.\n\n");
    assert_eq!(operated.ask("del server l/slow"), DELETED);
}

#[test]
fn checks_begin_when_they_are_wanted_and_end_with_the_server() {
    let (one, other) = (Nginx::start("one"), Nginx::start("two"));
    let operated = listen(one.address(), "");
    let asked = || other.requests().iter().filter(|r| r.contains("OPTIONS")).count();
    let line = format!("add server l/two {} check inter 20ms rise 1", other.address());
    assert_eq!(operated.ask(&line), ADDED);
    assert_eq!(operated.ask("enable server l/two"), "\n");
    let word = |wanted: &str| {
        wait_for(|| operated.ask("show stat l 4 2").contains(wanted).then_some(()))
            .expect("the check's word");
    };
    assert_eq!(operated.ask("enable health l/two"), "\n");
    word(",L4OK,");
    assert_eq!(asked(), 0);
    assert_eq!(operated.ask("disable server l/two;del server l/two"), format!("\n{DELETED}"));
    // A check that fails takes a server out, as ever.
    assert_eq!(operated.ask("add server l/dead 127.0.0.1:1 check inter 20ms fall 1"), ADDED);
    operated.ask("enable health l/dead;enable server l/dead");
    word(",DOWN,");
    assert_eq!(shares(&operated, 4), BTreeMap::from([("one".into(), 4)]));
}

#[test]
fn a_server_over_tls_and_one_that_tracks() {
    let (one, secure) = (Nginx::start("one"), Nginx::start_tls("two"));
    let operated = listen(one.address(), " default-server check inter 20ms\n");
    let ca = crate::authority::authority().root();
    let (ca, to) = (ca.display(), secure.address());
    let line = format!("add server l/two {to} enabled ssl ca-file {ca} verifyhost two sni str(two)");
    assert_eq!(operated.ask(&line), ADDED);
    assert_eq!(shares(&operated, 4), BTreeMap::from([("one".into(), 2), ("two".into(), 2)]));
    // Its checks speak TLS where the command says so, and not because it does.
    for (name, word, found) in [("bare", "", ",L4OK,"), ("sealed", "check-ssl", ",L6OK,")] {
        let line = format!("add server l/{name} {to} ssl verify none check inter 20ms {word}");
        assert_eq!(operated.ask(&line), ADDED);
        operated.ask(&format!("enable health l/{name};enable server l/{name}"));
        let told = || {
            operated
                .ask("show stat l 4 -1")
                .lines()
                .any(|l| l.contains(&format!(",{name},")) && l.contains(found))
                .then_some(())
        };
        wait_for(told).unwrap_or_else(|| panic!("{name}: {}", operated.ask("show stat l 4 -1")));
        operated.ask(&format!("disable server l/{name};del server l/{name}"));
    }
    let line = format!("add server l/other {to} enabled ssl ca-file {ca} verifyhost three sni str(three)");
    operated.ask(&format!("{line};disable server l/two;del server l/two"));
    assert!(shares(&operated, 4).contains_key("none"));
    operated.ask("disable server l/other;del server l/other");
    assert_eq!(operated.ask(&format!("add server l/follows {} track one", one.address())), ADDED);
    let tied =
        "This server cannot be removed at runtime due to other configuration elements pointing to it.\n";
    assert_eq!(operated.ask("disable server l/one;del server l/one"), format!("\n{tied}"));
    let state = operated.ask("show servers state l");
    assert!(state.contains("follows 127.0.0.1 0 3 "), "{state}");
}

#[test]
fn coming_and_going_a_thousand_times_leaves_nothing_behind() {
    let one = Nginx::start("one");
    let operated = listen(one.address(), "");
    let url = operated.lockgate.url("http", "/");
    let round = |times: usize| {
        for _ in 0..times {
            let to = one.address();
            let text = format!(
                "add server l/x {to} enabled check inter 1h agent-check agent-port 9 agent-inter 1h;\
                 add server l/y {to} track one;add server l/z {to} ssl verify none check inter 1h;\
                 enable health l/x;enable agent l/x;disable server l/x;\
                 del server l/x;del server l/y;del server l/z\n"
            );
            let said = converse(&operated.socket(), &text);
            assert!(said.matches("Server deleted.").count() >= 2, "{said}");
            assert_eq!(curl(&url).status, 200);
        }
    };
    round(100);
    let before = resident(operated.lockgate.pid());
    round(300);
    let after = resident(operated.lockgate.pid());
    assert!(after < before + 2_048, "{before} kB, then {after} kB");
}

/// Resident memory, kB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_ascii_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap()
}

/// Lines to which Debian's haproxy and we must give the same answers, in this order: some leave servers behind.
const ALIKE: &[&str] = &[
    "add server",
    "add server rr",
    "add server rr/",
    "add server /x",
    "add server rr/n",
    "add server nope/n 127.0.0.1:1",
    "add server rr/s1 127.0.0.1:1",
    "add server st/n 127.0.0.1:1",
    "add server hm/n 127.0.0.1:1",
    "add server hc/n 127.0.0.1:1",
    "add server empty/n 127.0.0.1:1",
    "add server rr/n1 127.0.0.1:1",
    "add server rr/n1 127.0.0.1:1",
    "add server rr/n2 127.0.0.1:1 bogus",
    "add server rr/n2 127.0.0.1:1 init-addr none",
    "add server rr/n2 127.0.0.1:1 resolvers x",
    "add server rr/n2 127.0.0.1:1 redir http://x",
    "add server rr/n2 127.0.0.1:1 weight 3 id 77",
    "add server rr/n3 127.0.0.1",
    "add server rr/n4 some.name:80",
    "add server rr/n6 127.0.0.1:80 track n1",
    "add server rr/n6 127.0.0.1:80 track zz/s1",
    "add server rr/n6 127.0.0.1:80 track s1",
    "add server rr/n8 127.0.0.1:80 ssl",
    "add server rr/n8 127.0.0.1:80 ssl verify none",
    "add server rr/na 127.0.0.1:80 check",
    "add server rr/nb 127.0.0.1:80 agent-check",
    "add server rr/nc 127.0.0.1:80 disabled check",
    "add server rr/nd 127.0.0.1:80 enabled",
    "add server rr/bad$name 127.0.0.1:80",
    "add server rr/nm 127.0.0.1:0 check",
    "show servers state rr",
    "set server rr/n8 ssl off",
    "set server rr/n8 ssl",
    "set server rr/n4 fqdn x.y",
    "del server",
    "del server zz/a",
    "del server rr/zz",
    "del server rr/n1 junk",
    "del server rr/s2",
    "disable server rr/s2; del server rr/s2",
    "del server rr/#77",
    "add server rr/n1 127.0.0.1:3",
    "show servers state rr",
];

#[test]
fn answers_are_haproxys() {
    let text = "global\n stats socket <folder>/api.sock level admin\ndefaults\n mode http\n timeout connect 1s\n \
                timeout client 20s\n timeout server 20s\nlisten l\n bind <http>\nbackend rr\n \
                default-server weight 7 inter 10m\n server s1 127.0.0.1:1 check disabled id 5\n \
                server s2 127.0.0.1:1\n use-server s2 if FALSE\nbackend st\n balance static-rr\n \
                server s1 127.0.0.1:1\nbackend hm\n balance uri\n server s1 127.0.0.1:1\nbackend hc\n balance uri\n \
                hash-type consistent\nbackend empty\n";
    let answers = [Player::Oracle, Player::Tested].map(|player| {
        let lockgate = Lockgate::played_by(player, text);
        let socket = lockgate.folder().path().join("api.sock");
        ALIKE.iter().map(|line| settled(&converse(&socket, &format!("{line}\n")))).collect::<Vec<_>>()
    });
    let [theirs, ours] = answers;
    let pairs = ALIKE.iter().zip(theirs.iter().zip(&ours)).filter(|(_, (theirs, ours))| theirs != ours);
    assert_eq!(pairs.collect::<Vec<_>>(), []);
}

/// Without the seconds since a state's change, and without the port and the maintenance of a server without address.
fn settled(answer: &str) -> String {
    let line = |line: &str| {
        let mut words: Vec<&str> = line.split(' ').collect();
        if words.len() == 25 && words.first() != Some(&"#") {
            words[9] = "T";
            if words[4] == "-" {
                (words[6], words[18]) = ("ADMIN", "PORT");
            }
        }
        words.join(" ")
    };
    answer.lines().map(line).collect::<Vec<_>>().join("\n")
}
