//! Addresses beyond host and port, shared with programs we did not write.

use crate::client::{Answer, Raw};
use crate::program::{Lockgate, Player};

/// `prefix@name`s are told apart by the process, so that tests beside each other do not meet.
fn between(prefix: &str, client: Player, server: Player) -> String {
    let name = format!("{prefix}@lockgate-{}-{client:?}-{server:?}", std::process::id());
    let defaults = "defaults\n mode http\n timeout connect 5s\n timeout client 10s\n timeout server 10s\n";
    let _behind = Lockgate::played_by(
        server,
        &format!(
            "{defaults}frontend f\n bind {name}\n bind <unused>\n \
             http-request return status 200 content-type text/plain string met\n"
        ),
    );
    let before =
        Lockgate::played_by(client, &format!("{defaults}listen l\n bind <http>\n server s {name}\n"));
    let answer = Raw::connect(before.at("http")).send("GET / HTTP/1.0\r\n\r\n").finish().read_all();
    Answer::parse(&answer).text().to_owned()
}

#[test]
fn abstract_sockets_are_those_of_haproxy() {
    for (client, server) in
        [(Player::Oracle, Player::Tested), (Player::Tested, Player::Oracle), (Player::Tested, Player::Tested)]
    {
        assert_eq!(between("abns", client, server), "met", "{client:?} to {server:?}");
    }
    assert_eq!(between("abnsz", Player::Tested, Player::Tested), "met");
}
