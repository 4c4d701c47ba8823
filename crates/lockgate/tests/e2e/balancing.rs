//! Who gets which request: cookies, hashes, the least loaded, and queues in front of servers that take only so many.

use crate::client::{Raw, curl};
use crate::nginx::Nginx;
use crate::place::wait_for;
use crate::program::Lockgate;
use crate::upstream::Upstream;
use std::process::Command;

fn proxy(backend: &str) -> Lockgate {
    Lockgate::start(&format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n option httplog\n timeout connect 5s\n timeout client 10s\n \
         timeout server 10s\n timeout queue 10s\nlisten l\n bind <http>\n {backend}\n"
    ))
}

#[test]
fn a_cookie_keeps_clients_on_their_server_across_restarts() {
    let (one, two) = (Nginx::start("one"), Nginx::start("two"));
    let backend = format!(
        "balance roundrobin\n cookie SRV insert indirect nocache\n server one {} cookie c1\n server two {} cookie c2",
        one.address(),
        two.address()
    );
    for _restart in 0..2 {
        let lockgate = proxy(&backend);
        let first = curl(&lockgate.url("http", "/"));
        let cookie = first.field("set-cookie").unwrap();
        let name = first.field("x-server").unwrap();
        assert_eq!(cookie, if name == "one" { "SRV=c1; path=/" } else { "SRV=c2; path=/" });
        for (value, name) in [("c1", "one"), ("c2", "two")] {
            for _ in 0..4 {
                let answer = curl(&format!("{} -b SRV={value}", lockgate.url("http", "/")));
                assert_eq!((answer.field("x-server"), answer.field("set-cookie")), (Some(name), None));
            }
        }
    }
}

#[test]
fn the_least_loaded_server_is_chosen_and_a_source_stays() {
    let busy = Upstream::start(|mut peer| peer.read_all());
    let free = Nginx::start("free");
    let lockgate = proxy(&format!(
        "balance leastconn\n server busy {}\n server free {}",
        busy.address(),
        free.address()
    ));
    let mut held = Raw::connect(lockgate.at("http"));
    held.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_for(|| (!busy.received().is_empty()).then_some(())).unwrap();
    for _ in 0..5 {
        assert_eq!(curl(&lockgate.url("http", "/")).field("x-server"), Some("free"));
    }
    let (one, two) = (Nginx::start("one"), Nginx::start("two"));
    let lockgate =
        proxy(&format!("balance source\n server one {}\n server two {}", one.address(), two.address()));
    let first = curl(&lockgate.url("http", "/")).field("x-server").map(str::to_owned);
    for _ in 0..5 {
        assert_eq!(curl(&lockgate.url("http", "/")).field("x-server").map(str::to_owned), first);
    }
}

#[test]
fn more_clients_than_places_wait_their_turn_and_none_fails() {
    let nginx = Nginx::start("one");
    let lockgate = proxy(&format!("server one {} maxconn 2", nginx.address()));
    for program in [
        format!("ab -q -n 2000 -c 40 {}", lockgate.url("http", "/")),
        format!("ab -q -k -n 2000 -c 40 {}", lockgate.url("http", "/")),
    ] {
        let words: Vec<&str> = program.split(' ').collect();
        let output = Command::new(words[0]).args(&words[1..]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("Complete requests:      2000"), "{said}");
        assert!(said.contains("Failed requests:        0") && !said.contains("Non-2xx"), "{said}");
    }
    let wrk = Command::new("wrk").args(["-t1", "-c20", "-d1s", &lockgate.url("http", "/")]).output().unwrap();
    let said = String::from_utf8_lossy(&wrk.stdout);
    assert!(
        said.contains("Requests/sec") && !said.contains("Non-2xx") && !said.contains("Socket errors"),
        "{said}"
    );
}

/// Keep-alive connections of wrk: each has one request on its way, so no more than these can be hit by one death.
const CLIENTS: usize = 16;

#[test]
fn a_server_that_dies_under_load_costs_only_what_it_was_serving() {
    let (one, two) = (Nginx::start("one"), Nginx::start("two"));
    let lockgate = proxy(&format!(
        "option redispatch 1\n server one {} check inter 200ms fall 1\n server two {} check inter 200ms",
        one.address(),
        two.address()
    ));
    let url = lockgate.url("http", "/");
    let load = std::thread::spawn(move || {
        let clients = format!("-c{CLIENTS}");
        Command::new("wrk").args(["-t1", &clients, "-d3s", &url]).output().unwrap()
    });
    wait_for(|| (one.requests().len() > 500).then_some(())).unwrap();
    drop(one);
    let at_death = two.requests().len();
    let said = String::from_utf8_lossy(&load.join().unwrap().stdout).into_owned();
    assert!(said.contains("Requests/sec") && !said.contains("Socket errors"), "{said}");
    let failed = said.lines().find_map(|l| l.trim().strip_prefix("Non-2xx or 3xx responses: "));
    let failed: usize = failed.map_or(0, |n| n.trim().parse().unwrap());
    assert!(failed <= CLIENTS, "{said}");
    assert!(two.requests().len() > at_death + 500, "{at_death}: {said}");
    // Nothing but the death of the server ended a request otherwise than well.
    let ends = |l: &String| l.contains("GET / HTTP/1.1") && !l.contains(" 200 ");
    let bad: Vec<String> = lockgate.lines().into_iter().filter(ends).collect();
    assert!(bad.len() <= CLIENTS && bad.iter().all(|l| l.contains(" 502 ") && l.contains(" SH")), "{bad:?}");
    lockgate.logged("Server l/one is DOWN");
    assert_eq!(curl(&lockgate.url("http", "/")).field("x-server"), Some("two"));
}

#[test]
fn a_kept_connection_serves_only_those_who_ask_for_its_place_and_its_marks() {
    let one = Upstream::answering(b"HTTP/1.1 200 OK\r\nX-Server: one\r\nContent-Length: 0\r\n\r\n");
    let two = Upstream::answering(b"HTTP/1.1 200 OK\r\nX-Server: two\r\nContent-Length: 0\r\n\r\n");
    let lockgate = Lockgate::start(
        "global\n nbthread 1\ndefaults\n mode http\n timeout connect 5s\n timeout client 10s\n timeout server 10s\n\
         listen l\n bind <http>\n http-reuse always\n http-request set-dst-port hdr(x-port)\n http-request set-bc-tos 0x20 if { path /tos }\n \
         http-request set-fc-tos hdr(x-tos)\n server s 127.0.0.1:0",
    );
    let ask = |server: &Upstream, path: &str| {
        let port = server.address().port();
        curl(&format!("-H x-port:{port} {}", lockgate.url("http", path)))
            .field("x-server")
            .unwrap()
            .to_owned()
    };
    for _ in 0..2 {
        assert_eq!(ask(&one, "/"), "one");
        assert_eq!(ask(&two, "/"), "two");
    }
    assert_eq!((one.received().len(), two.received().len()), (1, 1));
    assert_eq!(ask(&one, "/tos"), "one");
    assert_eq!(one.received().len(), 2);
    let sockets =
        Command::new("ss").args(["-tn", "--tos", "dst", &one.address().to_string()]).output().unwrap();
    let sockets = String::from_utf8(sockets.stdout).unwrap();
    assert_eq!(sockets.matches("tos:0x20").count(), 1, "{sockets}");
}
