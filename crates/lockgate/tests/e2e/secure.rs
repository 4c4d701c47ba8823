//! Certificates: which one a name gets, and which clients' are believed.

use crate::authority::authority;
use crate::client::{curl, try_curl};
use crate::nginx::Nginx;
use crate::place::Folder;
use crate::program::{Lockgate, Player};
use crate::upstream::Upstream;

fn proxy(bind: &str, more: &str, nginx: &Nginx) -> Lockgate {
    Lockgate::start(&format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n option httplog\n timeout connect 5s\n timeout client 5s\n \
         timeout server 5s\nlisten l\n bind <https> ssl {bind}\n {more}\n server one {}\n",
        nginx.address()
    ))
}

fn to(lockgate: &Lockgate, name: &str, more: &str) -> String {
    let port = lockgate.at("https").port();
    format!("--resolve {name}:{port}:127.0.0.1 https://{name}:{port}/echo {more}")
}

#[test]
fn clients_show_their_certificate_where_one_is_required() {
    let nginx = Nginx::start("one");
    let ca = authority().root();
    let lockgate = proxy(
        &format!(
            "crt {} ca-file {} verify required",
            authority().leaf("app.example").display(),
            ca.display()
        ),
        "http-request set-header X-Secret %[ssl_c_used],%[ssl_c_verify],%[ssl_c_s_dn(cn)]",
        &nginx,
    );
    let client = authority().leaf("client.example");
    let answer = curl(&to(&lockgate, "app.example", &format!("--cert {}", client.display())));
    assert!(answer.text().contains("secret=1,0,client.example"), "{}", answer.text());
    let (code, _) = try_curl(&to(&lockgate, "app.example", ""));
    assert_ne!(code, 0);
    lockgate.logged("SSL handshake failure");
    assert_eq!(nginx.requests().len(), 1);
}

#[test]
fn a_list_of_certificates_is_chosen_from_by_name() {
    let nginx = Nginx::start("one");
    let folder = Folder::new();
    let leaf = |name: &str| authority().leaf(name).display().to_string();
    let list = format!(
        "{}\n{} [alpn http/1.1] two.example\n# a comment\n",
        leaf("one.example"),
        leaf("two.example")
    );
    let path = folder.file("list.txt", list);
    let lockgate = proxy(&format!("crt-list {} strict-sni", path.display()), "", &nginx);
    for name in ["one.example", "two.example"] {
        // curl believes only the certificate of the name it asked for.
        assert_eq!(curl(&to(&lockgate, name, "")).status, 200, "{name}");
    }
    assert_ne!(try_curl(&to(&lockgate, "three.example", "-k")).0, 0);
}

/// What stands behind the addresses of a version 2 header: 16 bytes of beginning, 12 of IPv4 addresses and ports.
fn extensions(received: &[u8]) -> Vec<u8> {
    let length = usize::from(u16::from_be_bytes([received[14], received[15]]));
    received[28..16 + length].to_vec()
}

#[test]
fn a_server_is_told_of_the_clients_tls_in_haproxys_bytes() {
    let (ca, pem) = (authority().root(), authority().leaf("app.example"));
    let client = format!("--cert {}", authority().leaf("client.example").display());
    for (words, more) in [
        ("send-proxy-v2 proxy-v2-options ssl,cert-cn,ssl-cipher,cert-sig,cert-key", client.as_str()),
        ("send-proxy-v2-ssl-cn", client.as_str()),
        ("send-proxy-v2-ssl-cn", ""),
        ("send-proxy-v2 proxy-v2-options cert-key,authority", ""),
    ] {
        let told = |player| {
            let server = Upstream::start(|mut peer| {
                peer.read();
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            });
            let proxy = Lockgate::played_by(
                player,
                &format!(
                    "defaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\nlisten l\n \
                     bind <https> ssl crt {} ca-file {} verify optional\n server s {} {words}\n",
                    pem.display(),
                    ca.display(),
                    server.address()
                ),
            );
            curl(&to(
                &proxy,
                "app.example",
                &format!("{more} --ciphers ECDHE-ECDSA-AES128-GCM-SHA256 --tls-max 1.2"),
            ));
            extensions(&server.received().concat())
        };
        let (ours, theirs) = (told(Player::Tested), told(Player::Oracle));
        assert_eq!(ours.escape_ascii().to_string(), theirs.escape_ascii().to_string(), "{words} {more}");
    }
}
