//! Certificates: which one a name gets, and which clients' are believed.

use crate::authority::authority;
use crate::client::{curl, try_curl};
use crate::nginx::Nginx;
use crate::place::{Folder, wait_for};
use crate::program::{Lockgate, Player};
use crate::upstream::Upstream;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

fn proxy(bind: &str, more: &str, nginx: &Nginx) -> Lockgate {
    Lockgate::start(&format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n option httplog\n timeout connect 5s\n timeout client 20s\n \
         timeout server 20s\nlisten l\n bind <https> ssl {bind}\n {more}\n server one {}\n",
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
                    "defaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\nlisten l\n \
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

/// `openssl s_client` at work, with all that it has said so far.
struct Client {
    child: Child,
    input: Option<ChildStdin>,
    said: Arc<Mutex<String>>,
    /// Hears it; ends with what it says.
    ear: Option<JoinHandle<()>>,
}

impl Client {
    fn connect(to: SocketAddr, more: &str) -> Client {
        let line = format!("exec openssl s_client -connect {to} -servername app.example {more} 2>&1");
        let mut command = Command::new("sh");
        command.args(["-c", &line]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, mut output) = (child.stdin.take(), child.stdout.take().unwrap());
        let said = Arc::<Mutex<String>>::default();
        let heard = said.clone();
        let ear = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(n @ 1..) = output.read(&mut piece) {
                heard.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..n]));
            }
        });
        Client { child, input, said, ear: Some(ear) }
    }

    /// Says something, and waits until `sign` was seen so many times.
    fn say(&mut self, words: &str, sign: &str, times: usize) {
        self.input.as_mut().unwrap().write_all(words.as_bytes()).unwrap();
        let seen = || (self.said.lock().unwrap().matches(sign).count() >= times).then_some(());
        wait_for(seen).unwrap_or_else(|| panic!("{words}: no {sign} in {}", self.said.lock().unwrap()));
    }

    /// All that it said to its end, which comes by itself.
    fn ended(mut self) -> String {
        wait_for(|| self.child.try_wait().unwrap()).expect("it ends");
        // what it said last may still be on its way
        self.ear.take().unwrap().join().unwrap();
        self.said.lock().unwrap().clone()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_kept_connection_changes_its_keys_and_ends_with_a_goodbye() {
    let nginx = Nginx::start("one");
    let tells =
        "http-request set-header X-Secret %[ssl_fc_protocol],%[ssl_fc_cipher],%[ssl_fc_sni],%[ssl_fc_alpn]";
    let lockgate = proxy(&format!("crt {}", authority().leaf("app.example").display()), tells, &nginx);
    let get = |more: &str| format!("GET /echo HTTP/1.1\r\nHost: app.example\r\n{more}\r\n");
    for (version, cipher, updates) in
        [("tls1_3", "TLS_AES_128_GCM_SHA256", true), ("tls1_2", "ECDHE-ECDSA-AES256-GCM-SHA384", false)]
    {
        let to = lockgate.at("https");
        let mut client = Client::connect(to, &format!("-{version} -alpn http/1.1 -ign_eof"));
        client.say(&get(""), "secret=", 1);
        client.say(&get(""), "secret=", 2);
        drop(client);
        // without -ign_eof, a line of `K` or `k` is a command: other keys, and with `K` ours too
        let mut client = Client::connect(to, &format!("-{version} -alpn http/1.1"));
        for round in 1..4 {
            client.say(&get(""), "secret=", round);
            if updates {
                client.say("K\n", "KEYUPDATE", 2 * round - 1);
                client.say("k\n", "KEYUPDATE", 2 * round);
            }
        }
        client.say(&get("Connection: close\r\n"), "secret=", 4);
        let said = client.ended();
        let known = format!("secret={},{cipher},app.example,http/1.1", version.replace("tls1_", "TLSv1."));
        assert_eq!(said.matches(&known).count(), 4, "{said}");
        assert!(said.contains("closed") && !said.contains("unexpected eof"), "{said}");
    }
}
