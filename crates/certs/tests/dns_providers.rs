//! dns-01 providers against real peers: Debian's BIND for dynamic updates, look-ups and propagation; shell hooks; and
//! small servers that answer as acme-dns and Cloudflare document.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test from top to bottom

use certs::dns::{
    AcmeDns, Check, Cloudflare, DnsError, Hooks, Proof, Provider, Resolver, TsigKey, Update, propagated,
};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const VALUE: &str = "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
/// `SECRET` in base64.
const SECRET_BASE64: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const QUICK: Check = Check::servers(Duration::from_millis(300));

/// For the SOA record of `site.test`.
const QUESTION: &[u8] = b"\x12\x34\0\0\0\x01\0\0\0\0\0\0\x04site\x04test\0\0\x06\0\x01";

/// The fourth byte of an answer holds its code.
fn is_success(answer: &[u8]) -> bool {
    answer.get(3).is_some_and(|byte| byte & 15 == 0)
}

/// A `named` with the zones of the tests, on a port of its own.
struct Named {
    child: Child,
    folder: PathBuf,
    at: SocketAddr,
}

impl Named {
    fn start() -> Named {
        // A port may be taken before it is bound, by either protocol: then the next one is tried.
        (0..5).find_map(|_| Named::start_once()).expect("named starts")
    }

    fn start_once() -> Option<Named> {
        let at = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let folder =
            std::env::temp_dir().join(format!("lockgate-named-{}-{}", std::process::id(), at.port()));
        fs::create_dir_all(&folder).unwrap();
        let zone = "$TTL 60\n@ SOA ns h 1 60 60 60 60\n@ NS ns\nns A 127.0.0.1\n";
        let delegating = format!(
            "{zone}_acme-challenge.shop CNAME shop.challenges.test.\n\
            _acme-challenge.circle CNAME _acme-challenge.circle\n"
        );
        fs::write(folder.join("site.zone"), delegating).unwrap();
        fs::write(folder.join("challenges.zone"), zone).unwrap();
        fs::write(folder.join("named.conf"), conf(&folder.display().to_string(), at.port())).unwrap();
        let mut command = Command::new("/usr/sbin/named");
        command.args(["-g", "-4", "-n", "1", "-c"]).arg(folder.join("named.conf"));
        command.stdin(Stdio::null()).stderr(fs::File::create(folder.join("said")).unwrap());
        let child = command.spawn().expect("Debian's bind9 is installed");
        let mut named = Named { child, folder, at };
        named.is_ready().then_some(named)
    }

    /// Waits until it answers by both protocols. One that could not bind its port for one of them serves the other all
    /// the same: that is not ready, nor will it be.
    fn is_ready(&mut self) -> bool {
        let until = Instant::now() + Duration::from_secs(30);
        while Instant::now() < until && self.child.try_wait().unwrap().is_none() {
            if self.answers_datagrams() && self.answers_streams() {
                return true;
            }
            if fs::read_to_string(self.folder.join("said")).unwrap().contains("address in use") {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    fn answers_datagrams(&self) -> bool {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let mut answer = [0; 512];
        let asked = socket.connect(self.at).and_then(|()| socket.send(QUESTION));
        asked.is_ok() && socket.recv(&mut answer).is_ok_and(|n| is_success(&answer[..n]))
    }

    fn answers_streams(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(self.at) else { return false };
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let length = u16::try_from(QUESTION.len()).unwrap().to_be_bytes();
        let mut answer = [0; 14];
        let asked = stream.write_all(&[&length, QUESTION].concat());
        asked.is_ok() && stream.read_exact(&mut answer).is_ok() && is_success(&answer[2..])
    }

    fn resolver(&self) -> Resolver {
        Resolver { servers: vec![self.at], authority_port: self.at.port() }
    }

    fn update(&self, secret: &[u8]) -> Provider {
        let key = TsigKey::new("lockgate", "HMAC-SHA256", secret.to_vec()).unwrap();
        Provider::Update(Update { server: self.at, key })
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn conf(folder: &str, port: u16) -> String {
    format!(
        "options {{ directory \"{folder}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
           recursion no; pid-file none; session-keyfile none; lock-file none; notify no; empty-zones-enable no; }};
         controls {{ }};
         key lockgate {{ algorithm hmac-sha256; secret \"{SECRET_BASE64}\"; }};
         zone site.test {{ type primary; file \"site.zone\";
           update-policy {{ deny lockgate subdomain forbidden.site.test TXT; grant lockgate zonesub TXT; }}; }};
         zone challenges.test {{ type primary; file \"challenges.zone\";
           update-policy {{ grant lockgate zonesub TXT; }}; }};"
    )
}

fn proof<'a>(domain: &'a str, all: &'a [String]) -> Proof<'a> {
    Proof { domain, value: VALUE, label: None, all_domains: all, remaining: 0 }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn an_update_is_signed_seen_at_the_servers_and_taken_back() {
    let named = Named::start();
    let (provider, resolver) = (named.update(SECRET), named.resolver());
    run(async {
        let proof = proof("site.test", &[]);
        let presented = provider.present(&proof, &resolver).await.unwrap();
        assert_eq!(presented.owner, "_acme-challenge.site.test");
        propagated(&presented, &resolver, QUICK).await.unwrap();
        // A second value beside it, as for `site.test` and `*.site.test` in one order.
        let other = Proof { value: "other", ..proof.clone() };
        let second = provider.present(&other, &resolver).await.unwrap();
        provider.withdraw(&other, &second).await.unwrap();
        propagated(&presented, &resolver, QUICK).await.unwrap();
        provider.withdraw(&proof, &presented).await.unwrap();
        let error = propagated(&presented, &resolver, QUICK).await.unwrap_err();
        assert!(matches!(&error, DnsError::NotSeen { servers, .. } if servers == "ns.site.test"), "{error}");
    });
}

#[test]
fn a_delegated_name_is_proven_in_the_other_zone() {
    let named = Named::start();
    let (provider, resolver) = (named.update(SECRET), named.resolver());
    run(async {
        let presented = provider.present(&proof("shop.site.test", &[]), &resolver).await.unwrap();
        assert_eq!(presented.owner, "shop.challenges.test");
        propagated(&presented, &resolver, QUICK).await.unwrap();
        let error = provider.present(&proof("circle.site.test", &[]), &resolver).await.unwrap_err();
        assert!(error.to_string().contains("circle"), "{error}");
    });
}

#[test]
fn refusals_name_the_remedy() {
    let named = Named::start();
    let resolver = named.resolver();
    let refused = |provider: Provider, domain: &str| {
        let domain = domain.to_owned();
        run(async { provider.present(&proof(&domain, &[]), &resolver).await.unwrap_err().to_string() })
    };
    let wrong_secret = refused(named.update(b"another secret of another server"), "site.test");
    assert!(wrong_secret.contains("know the key 'lockgate' with this secret"), "{wrong_secret}");
    let not_allowed = refused(named.update(SECRET), "forbidden.site.test");
    assert!(not_allowed.contains("refused: let the key 'lockgate'"), "{not_allowed}");
    let no_zone = refused(named.update(SECRET), "elsewhere.example");
    assert!(no_zone.contains("elsewhere.example"), "{no_zone}");
    let old = TsigKey::new("lockgate", "HMAC-MD5", SECRET.to_vec()).unwrap_err().to_string();
    assert!(old.contains("tsig-keygen -a hmac-sha256"), "{old}");
}

#[test]
fn hooks_have_certbots_environment() {
    let named = Named::start();
    let file = named.folder.join("hook.log");
    let line = "$CERTBOT_DOMAIN $CERTBOT_VALIDATION $CERTBOT_ALL_DOMAINS $CERTBOT_REMAINING_CHALLENGES";
    let provider = Provider::Hooks(Hooks {
        environment: Vec::new(),
        auth: format!("echo {line} ${{CERTBOT_AUTH_OUTPUT-unset}} >> {0}; echo 'made  it'", file.display()),
        cleanup: Some(format!("echo \"$CERTBOT_DOMAIN <$CERTBOT_AUTH_OUTPUT>\" >> {}", file.display())),
    });
    let all = ["site.test".to_owned(), "*.site.test".to_owned()];
    let proof = Proof { remaining: 1, ..proof("site.test", &all) };
    run(async {
        let presented = provider.present(&proof, &named.resolver()).await.unwrap();
        provider.withdraw(&proof, &presented).await.unwrap();
        let failing =
            Provider::Hooks(Hooks { auth: "exit 3".into(), cleanup: None, environment: Vec::new() });
        let error = failing.present(&proof, &named.resolver()).await.unwrap_err().to_string();
        assert!(error.contains("the hook 'exit 3'") && error.contains('3'), "{error}");
        let evil = Proof { value: "$(touch /tmp/x)", ..proof };
        assert!(matches!(provider.present(&evil, &named.resolver()).await, Err(DnsError::Unfit { .. })));
    });
    let log = fs::read_to_string(&file).unwrap();
    assert_eq!(log, format!("site.test {VALUE} site.test,*.site.test 1 unset\nsite.test <made  it>\n"));
}

/// Answers each request by the rule, and keeps what was asked.
struct Web {
    at: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Web {
    fn start(rule: impl Fn(&str) -> String + Send + 'static) -> Web {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let at = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = request(&mut stream);
                let body = rule(&request);
                kept.lock().unwrap().push(request);
                let head =
                    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                stream.write_all((head + &body).as_bytes()).unwrap();
            }
        });
        Web { at, asked }
    }
}

/// First line, credentials and body in one line each.
fn request(stream: &mut TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut kept, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        if kept.is_empty() || line.starts_with("authorization") || line.starts_with("x-api") {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    kept + &String::from_utf8(body).unwrap()
}

#[test]
fn cloudflares_api_is_spoken() {
    let named = Named::start();
    let web = Web::start(|request| {
        let result = if request.starts_with("GET /zones?name=site.test ") {
            r#"[{"id":"023e105f4ecef8ad9ca31a8372d0c353","name":"site.test"}]"#
        } else if request.starts_with("GET") {
            "[]"
        } else if request.contains("\"content\":\"\\\"refuse") {
            return r#"{"success":false,"errors":[{"code":10000,"message":"Authentication error"}],"result":null}"#.into();
        } else {
            r#"{"id":"372e67954025e0ba6aaa6d586b9e0b59","type":"TXT"}"#
        };
        format!(r#"{{"success":true,"errors":[],"messages":[],"result":{result}}}"#)
    });
    let provider = Provider::Cloudflare(Cloudflare::new("s3cret").at(&web.at).unwrap());
    assert!(!format!("{provider:?}").contains("s3cret"));
    run(async {
        let proof = proof("www.site.test", &[]);
        let presented = provider.present(&proof, &named.resolver()).await.unwrap();
        provider.withdraw(&proof, &presented).await.unwrap();
        let refused = Proof { value: "refuse", ..proof };
        let error = provider.present(&refused, &named.resolver()).await.unwrap_err().to_string();
        assert!(error.contains("Authentication error"), "{error}");
    });
    let asked = web.asked.lock().unwrap();
    let made = asked.iter().find(|r| r.starts_with("POST")).unwrap();
    assert!(
        made.starts_with("POST /zones/023e105f4ecef8ad9ca31a8372d0c353/dns_records HTTP/1.1\n"),
        "{made}"
    );
    assert!(made.contains("authorization: Bearer s3cret\n"), "{made}");
    assert!(
        made.contains(&format!(r#""content":"\"{VALUE}\"","name":"_acme-challenge.www.site.test""#)),
        "{made}"
    );
    let path = "DELETE /zones/023e105f4ecef8ad9ca31a8372d0c353/dns_records/372e67954025e0ba6aaa6d586b9e0b59 ";
    assert!(asked.iter().any(|r| r.starts_with(path)), "{asked:?}");
}

#[test]
fn acme_dns_is_spoken_to_names_that_lead_there() {
    let named = Named::start();
    let web = Web::start(|request| {
        let known = request.contains("x-api-user: u1") && request.contains("x-api-key: p1");
        if known { format!(r#"{{"txt":"{VALUE}"}}"#) } else { r#"{"error":"forbidden"}"#.into() }
    });
    let account = |target: &str, user: &str| {
        format!(
            r#"{{"username":"{user}","password":"p1","fulldomain":"{target}","subdomain":"shop","allowfrom":[]}}"#
        )
    };
    let accounts = format!(
        r#"{{"shop.site.test":{},"www.site.test":{}}}"#,
        account("shop.challenges.test", "u1"),
        account("w.challenges.test", "u1")
    );
    let server = AcmeDns::from_json(&web.at, &accounts).unwrap();
    assert!(!format!("{server:?}").contains("p1"));
    let provider = Provider::AcmeDns(server);
    run(async {
        provider.present(&proof("shop.site.test", &[]), &named.resolver()).await.unwrap();
        let error =
            provider.present(&proof("www.site.test", &[]), &named.resolver()).await.unwrap_err().to_string();
        assert!(error.contains("_acme-challenge.www.site.test. IN CNAME w.challenges.test."), "{error}");
        let error =
            provider.present(&proof("new.site.test", &[]), &named.resolver()).await.unwrap_err().to_string();
        assert!(error.contains("/register"), "{error}");
    });
    let asked = web.asked.lock().unwrap();
    assert!(asked[0].starts_with("POST /update HTTP/1.1\n"), "{asked:?}");
    assert!(asked[0].ends_with(&format!(r#"{{"subdomain":"shop","txt":"{VALUE}"}}"#)), "{asked:?}");
}
