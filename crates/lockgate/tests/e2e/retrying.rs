//! Where retries and redispatches are counted, and when there is none: the figures are haproxy's own, from the same requests.

use crate::client::{Raw, curl};
use crate::place::{free_address, wait_for};
use crate::program::{Lockgate, Player};
use crate::runtime_api::converse;
use crate::upstream::Upstream;

/// How often each server was chosen and failed, and what followed: from `show stat`.
fn counters(proxy: &Lockgate) -> Vec<String> {
    let answer = converse(&proxy.folder().path().join("api.sock"), "show stat\n");
    let mut lines = answer.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names = lines.next().unwrap();
    let wanted = ["# pxname", "svname", "econ", "wretr", "wredis", "lbtot"];
    let columns = wanted.map(|name| names.iter().position(|n| *n == name).unwrap());
    let is_behind = |line: &Vec<&str>| line.len() > 1 && line[1] != "FRONTEND";
    lines.filter(is_behind).map(|line| columns.map(|at| line[at]).join(" ")).collect()
}

#[test]
fn retries_and_redispatches_count_for_whom_haproxy_counts_them() {
    let good = Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").address();
    let dead = free_address();
    let cases = [
        // nobody else: the same server again
        ("alone", "retries 1\n option redispatch", ""),
        ("spare", "retries 1\n option redispatch", "server g <good> backup cookie g"),
        ("other", "retries 1\n option redispatch", "server g <good> cookie g"),
        ("later", "retries 2\n option redispatch", "server g <good> cookie g"),
        ("loyal", "retries 1", "server g <good> cookie g"),
    ];
    let listen = |(name, words, more): &(&str, &str, &str)| {
        format!(
            "listen {name}\n bind <{name}>\n balance first\n cookie C insert\n {words}\n server d {dead} cookie d\n {}\n",
            more.replace("<good>", &good.to_string())
        )
    };
    let config = format!(
        "global\n stats socket <folder>/api.sock\ndefaults\n mode http\n timeout connect 500ms\n timeout client 9s\n \
         timeout server 9s\n{}",
        cases.iter().map(listen).collect::<String>()
    );
    let [theirs, ours] = [Player::Oracle, Player::Tested].map(|player| {
        let proxy = Lockgate::played_by(player, &config);
        for (name, ..) in &cases {
            curl(&proxy.url(name, "/"));
            curl(&format!("-b C=d {}", proxy.url(name, "/")));
        }
        proxy
    });
    let same = wait_for(|| (counters(&theirs) == counters(&ours)).then_some(()));
    assert!(same.is_some(), "theirs: {:#?}\nours: {:#?}", counters(&theirs), counters(&ours));
}

fn retrying(server: &Upstream) -> Lockgate {
    Lockgate::start(&format!(
        "defaults\n mode http\n timeout connect 20s\n timeout client 20s\n timeout server 20s\n\
         listen l\n bind <http>\n retry-on all-retryable-errors\n server s {}\n",
        server.address()
    ))
}

const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Of itself nothing sends a POST again; `retry-on` asks for it.
#[test]
fn a_post_that_met_a_closing_connection_is_tried_again_where_that_is_asked_for() {
    let server = Upstream::start(|mut peer| {
        peer.read_message();
        peer.send(OK);
        peer.read_message();
    });
    let lockgate = retrying(&server);
    let mut raw = Raw::connect(lockgate.at("http"));
    for _ in 0..2 {
        raw.send(format!("{POST}ab"));
        raw.read_until("\r\n\r\nok");
    }
    assert_eq!(server.received().len(), 2);
}

#[test]
fn a_body_that_takes_its_time_is_not_held_back_for_another_attempt() {
    let server = Upstream::start(|mut peer| {
        peer.read_head();
        peer.send(OK);
        peer.read();
    });
    let lockgate = retrying(&server);
    let mut raw = Raw::connect(lockgate.at("http"));
    raw.send(POST);
    raw.read_until("\r\n\r\nok");
}
