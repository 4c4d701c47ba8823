//! What expressions know of connections: lists of ClientHellos, round trips, reuse, certificates of servers.

use crate::authority::authority;
use crate::client::{Answer, Raw, curl, exchange, try_curl};
use crate::program::{Lockgate, Player};
use crate::upstream::Upstream;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const DEFAULTS: &str =
    "defaults\n mode http\n timeout connect 5s\n timeout client 10s\n timeout server 10s\n";

/// JA3 as the manual builds it; GREASE and the order of extensions are the client's, and curl has neither.
#[test]
fn a_fingerprint_is_the_same_as_haproxys() {
    let config = format!(
        "global\n tune.ssl.capture-buffer-size 512\n{DEFAULTS}\
         frontend f\n bind <https> ssl crt {}\n http-request return status 200 content-type text/plain lf-string \
         \"%[ssl_fc_protocol_hello_id],%[ssl_fc_cipherlist_bin(1),be2dec(-,2)],%[ssl_fc_extlist_bin(1),be2dec(-,2)],\
         %[ssl_fc_eclist_bin(1),be2dec(-,2)],%[ssl_fc_ecformats_bin,be2dec(-,1)] %[ssl_fc_cipherlist_hex] \
         %[ssl_fc_cipherlist_xxh] %[ssl_fc_cipherlist_str]\"\n",
        authority().leaf("a.example").display()
    );
    let seen = |player| {
        let lockgate = Lockgate::played_by(player, &config);
        let port = lockgate.at("https").port();
        let (code, output) = try_curl(&format!(
            "--resolve a.example:{port}:127.0.0.1 --tls13-ciphers TLS_AES_128_GCM_SHA256 https://a.example:{port}/"
        ));
        assert_eq!(code, 0);
        Answer::parse(&output).text().to_owned()
    };
    let ours = seen(Player::Tested);
    assert!(ours.starts_with("771,4865-"), "{ours}");
    assert_eq!(ours, seen(Player::Oracle));
}

#[test]
fn connections_to_servers_tell_of_themselves() {
    let server = Upstream::answering(OK);
    let lockgate = Lockgate::start(&format!(
        "{DEFAULTS}listen l\n bind <http>\n http-response set-header X-Seen \"%[bc_reused] %[bc_rtt(us)]\"\n \
         http-response set-header X-Acl \"%[acl(TRUE,!METH_POST)] %[acl(METH_POST)]\"\n server s {}\n",
        server.address()
    ));
    let mut raw = Raw::connect(lockgate.at("http"));
    for reused in ["0", "1"] {
        let answer = raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read_until("ok");
        let answer = Answer::parse(&answer);
        let (seen, rtt) = answer.field("x-seen").unwrap().split_once(' ').unwrap();
        assert_eq!(seen, reused);
        assert!(rtt.parse::<u64>().unwrap() > 0, "{rtt}");
        assert_eq!(answer.field("x-acl"), Some("1 0"));
    }
}

#[test]
fn a_servers_certificate_can_be_asked_for() {
    let lockgate = Lockgate::start(&format!(
        "{DEFAULTS}frontend f\n bind <tls> ssl crt {}\n http-request return status 200 if TRUE\n\
         listen l\n bind <http>\n http-response set-header X-Dn %[ssl_s_s_dn(CN)]\n \
         http-response set-header X-Curve \"%[ssl_bc_curve]\"\n http-response set-header X-Own %[ssl_s_der,hex]\n \
         http-response set-header X-Chain %[ssl_s_chain_der,hex]\n server s <tls> ssl verify none\n",
        authority().leaf("b.example").display()
    ));
    let answer = curl(&lockgate.url("http", "/"));
    assert_eq!(answer.field("x-dn"), Some("b.example"));
    assert_eq!(answer.field("x-curve"), Some("X25519MLKEM768"));
    let (own, chain) = (answer.field("x-own").unwrap(), answer.field("x-chain").unwrap());
    assert!(own.starts_with("30") && chain.starts_with(own), "{own} {chain}");
    let closing = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(Answer::parse(&exchange(lockgate.at("http"), closing)).field("x-dn"), Some("b.example"));
}
