//! What the kernel measures of a client's connection, as rules and logs see it.

use crate::client::{Answer, Raw};
use crate::program::{Lockgate, Player};
use crate::upstream::Upstream;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

/// A page of figures, on TCP and on a unix socket; and a TCP relay that only logs.
fn config(relay_to: std::net::SocketAddr) -> String {
    let page = "ms %[fc_rtt] ms %[fc_rtt(ms)] us %[fc_rtt(us)] var %[fc_rttvar] %[fc_rttvar(us)] early \
                %[var(sess.early)] unacked %[fc_unacked] sacked %[fc_sacked] lost %[fc_lost] retrans %[fc_retrans] \
                fackets %[fc_fackets] reordering %[fc_reordering]";
    format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n timeout connect 5s\n \
         timeout client 10s\n timeout server 10s\n\
         frontend pages\n bind <http>\n bind unix@<folder>/pages.sock\n log-format \"page %[fc_rtt(us)]\"\n \
         tcp-request connection set-var(sess.early) fc_rtt(us)\n \
         http-request return status 200 content-type text/plain lf-string \"{page}\"\n\
         listen relay\n mode tcp\n bind <relay>\n log-format \"relay %[fc_rtt(us)]\"\n server s {relay_to}\n"
    )
}

/// The number behind `name`.
fn figure(page: &str, name: &str) -> u64 {
    let mut words = page.split(' ').skip_while(|word| *word != name);
    words.nth(1).and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("no {name} in {page}"))
}

#[test]
fn the_kernels_figures_of_a_client_are_those_haproxy_shows() {
    let server = Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    for player in [Player::Tested, Player::Oracle] {
        let lockgate = Lockgate::played_by(player, &config(server.address()));
        let mut client = Raw::connect(lockgate.at("http"));
        for _ in 0..5 {
            let answer = client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read_until("reordering ");
            let page = Answer::parse(&answer).text().to_owned();
            assert!(figure(&page, "us") > 0, "{page}");
            // HAProxy has none that early.
            assert!(player == Player::Oracle || figure(&page, "early") > 0, "{page}");
            assert_eq!(figure(&page, "ms"), (figure(&page, "us") + 500) / 1000, "{page}");
            for none in ["unacked", "sacked", "lost", "retrans", "fackets"] {
                assert_eq!(figure(&page, none), 0, "{page}");
            }
        }
        assert!(figure(&lockgate.logged("page"), "page") > 0);
        Raw::connect(lockgate.at("relay")).send("GET / HTTP/1.0\r\n\r\n").finish().read_all();
        assert!(figure(&lockgate.logged("relay"), "relay") > 0);
    }
}

#[test]
fn a_unix_socket_has_no_figures() {
    let server = Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    for player in [Player::Tested, Player::Oracle] {
        let lockgate = Lockgate::played_by(player, &config(server.address()));
        let mut client = UnixStream::connect(lockgate.folder().path().join("pages.sock")).unwrap();
        client.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        assert!(Answer::parse(&answer).text().starts_with("ms  ms  us  var   early  unacked  sacked "));
    }
}
