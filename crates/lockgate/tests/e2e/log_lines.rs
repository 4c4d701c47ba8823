//! The same traffic through us and through Debian's haproxy gives the same log lines, timers and ports aside.

use crate::authority::authority;
use crate::client::{Raw, exchange, text, try_curl};
use crate::nginx::Nginx;
use crate::place::{Folder, PATIENCE, free_address, wait_for};
use crate::program::{Lockgate, Player, Program};
use crate::runtime_api::converse;
use crate::upstream::Upstream;
use std::net::SocketAddr;
use std::process::Command;

/// What varies between two runs, replaced: ports, dates, timers other than -1; and sizes, which haproxy 2.6 counts in
/// its own representation of a message instead of in bytes.
fn masked(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let mut size_next = false;
    let words = words.into_iter().map(|word| {
        if std::mem::take(&mut size_next) && word.parse::<u64>().is_ok() {
            return "size".to_owned();
        }
        if let Some((address, _)) = word.split_once(':').filter(|w| w.0 == "127.0.0.1") {
            return address.to_owned();
        }
        if word.starts_with('[') && word.ends_with(']') {
            return "[date]".to_owned();
        }
        size_next = word.len() == 3 && word.parse::<u16>().is_ok_and(|n| n >= 200);
        let numbers = word.split('/').count() > 2 && word.split('/').all(|n| n.parse::<i64>().is_ok());
        if numbers { timers(word) } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Five timers: only which phases were not reached. Five counters look like them, and where a request follows another
/// quickly, the one before may still be counted.
fn timers(word: &str) -> String {
    let mask = |t: &str| if t.starts_with('-') { t.to_owned() } else { "0".to_owned() };
    word.split('/').map(mask).collect::<Vec<_>>().join("/")
}

/// Runs `traffic` through both players in turn, waits for `count` lines each, and compares.
fn same_lines(config: &str, count: usize, traffic: impl Fn(&Lockgate)) {
    let lines = |player| {
        let lockgate = Lockgate::played_by(player, config);
        traffic(&lockgate);
        let wanted =
            |l: &Lockgate| l.lines().into_iter().filter(|l| l.contains("127.0.0.1")).collect::<Vec<_>>();
        let lines = wait_for(|| Some(wanted(&lockgate)).filter(|l| l.len() >= count));
        lines.unwrap_or_else(|| {
            panic!("{count} lines within {PATIENCE:?}, not:\n{}", lockgate.lines().join("\n"))
        })
    };
    let (ours, theirs) = (lines(Player::Tested), lines(Player::Oracle));
    let pair = |lines: &[String]| lines.iter().map(|l| masked(l)).collect::<Vec<_>>().join("\n");
    assert_eq!(pair(&ours), pair(&theirs), "\nours:\n{}\ntheirs:\n{}", ours.join("\n"), theirs.join("\n"));
}

/// One frontend with `more`, and backends that behave each in its way. Requests are made one after the other.
fn config(server: SocketAddr, more: &str) -> String {
    format!(
        "global\n    log stdout format raw local0\ndefaults\n    mode http\n    log global\n    timeout connect 5s\n    \
         timeout client 10s\n    timeout server 10s\n    timeout http-request 300ms\n    retries 0\n\
         frontend front\n    bind <http>\n    {more}\n\
         backend app\n    server one {server}\n\
         backend dead\n    timeout connect 200ms\n    server down {dead}\n\
         backend slow\n    timeout server 200ms\n    server one {server}\n\
         backend empty\n",
        dead = free_address(),
    )
}

/// Answers by path: at once, in part, never, or with a status.
fn server() -> Upstream {
    Upstream::start(|mut peer| {
        loop {
            let seen = peer.read_message();
            if seen.is_empty() {
                return;
            }
            let path = seen.split(' ').nth(1).unwrap_or_default().to_owned();
            match path.as_str() {
                "/part" => return peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart"),
                "/close" => return,
                "/stuck" => {
                    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
                    peer.read_all();
                }
                "/never" => peer.read_all(),
                "/junk" => return peer.send("junk\r\n\r\n"),
                "/missing" => peer.send("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n"),
                "/204" => peer.send("HTTP/1.1 204 No Content\r\n\r\n"),
                "/chunks" => {
                    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
                }
                _ => peer.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nServer: unit\r\n\r\nok\n"),
            }
        }
    })
}

const RULES: &str = "acl dead path /dead
    use_backend dead if dead
    use_backend slow if { path /never }
    use_backend empty if { path /empty }
    http-request deny if { path /deny }
    http-request return status 204 if { path /return }
    http-request redirect location /else if { path /redirect }
    capture request header User-Agent len 10
    capture request header X-None len 10
    capture response header Server len 3
    default_backend app";

fn requests(lockgate: &Lockgate) {
    for path in [
        "/",
        "/missing",
        "/204",
        "/chunks",
        "/part",
        "/close",
        "/junk",
        "/dead",
        "/never",
        "/empty",
        "/deny",
        "/return",
        "/redirect",
        "/with?query=%20&\"quoted\"",
    ] {
        let before = lockgate.lines().len();
        exchange(
            lockgate.at("http"),
            format!(
                "GET {path} HTTP/1.1\r\nHost: a\r\nUser-Agent: unit/1.0 long\r\nConnection: close\r\n\r\n"
            ),
        );
        wait_for(|| (lockgate.lines().len() > before).then_some(())).unwrap();
    }
    exchange(lockgate.at("http"), "BAD REQUEST\r\n\r\n");
    wait_for(|| (lockgate.lines().len() > 14).then_some(())).unwrap();
    Raw::connect(lockgate.at("http")).send("GET /slow HTTP/1.1\r\n").read_all();
    wait_for(|| (lockgate.lines().len() > 15).then_some(())).unwrap();
    Raw::connect(lockgate.at("http")).finish().read_all();
}

#[test]
fn httplog() {
    let server = server();
    same_lines(&config(server.address(), &format!("option httplog\n    {RULES}")), 17, requests);
}

#[test]
fn a_format_of_ones_own() {
    let server = server();
    let format = r#"log-format "127.0.0.1:%cp %ft %b/%s %ST %ts %tsc %rc %hr %hs %{+Q}r %HM %HP %HQ %HU %HV %{+E}HU %sq/%bq""#;
    same_lines(&config(server.address(), &format!("{format}\n    {RULES}")), 17, requests);
}

#[test]
fn httpslog() {
    let server = server();
    let config = format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n option httpslog\n timeout connect 5s\n timeout client 20s\n \
         timeout server 20s\nfrontend secure\n bind <https> ssl crt {}\n default_backend app\nbackend app\n server one {}\n",
        authority().leaf("app.example").display(),
        server.address()
    );
    same_lines(&config, 2, |lockgate| {
        let port = lockgate.at("https").port();
        let url = format!("--resolve app.example:{port}:127.0.0.1 https://app.example:{port}");
        for (path, more) in [
            ("/", "--tls13-ciphers TLS_AES_128_GCM_SHA256"),
            ("/missing", "--tls-max 1.2 --ciphers ECDHE-ECDSA-AES256-GCM-SHA384"),
        ] {
            let before = lockgate.lines().len();
            assert_eq!(try_curl(&format!("{url}{path} {more}")).0, 0);
            wait_for(|| (lockgate.lines().len() > before).then_some(())).unwrap();
        }
    });
}

#[test]
fn tcplog() {
    let server = Upstream::start(|mut peer| {
        peer.read();
        peer.send("hello");
    });
    let config = format!(
        "global\n log stdout format raw local0\ndefaults\n mode tcp\n log global\n option tcplog\n timeout connect 200ms\n timeout client 20s\n \
         timeout server 20s\n retries 0\nlisten echo\n bind <echo>\n server one {}\nlisten dead\n bind <dead>\n server down {}\n\
         listen none\n bind <none>\nlisten strict\n bind <strict>\n tcp-request content reject\n server one {0}\n",
        server.address(),
        free_address()
    );
    same_lines(&config, 4, |lockgate| {
        for name in ["echo", "dead", "none", "strict"] {
            let before = lockgate.lines().len();
            Raw::connect(lockgate.at(name)).send("hi").read_all();
            wait_for(|| (lockgate.lines().len() > before).then_some(())).unwrap();
        }
    });
}

#[test]
fn rules_on_servers_bytes_end_as_with_haproxy() {
    let greeting = Upstream::start(|mut peer| {
        peer.send("220 hello\r\n");
        while !peer.read().is_empty() {
            peer.send("ok\r\n");
        }
    });
    let web = Upstream::answering(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: SESSx=123456789; path=/\r\n\r\nok",
    );
    let tcp = [
        ("a", "tcp-response content reject"),
        (
            "b",
            "tcp-response inspect-delay 5s\n tcp-response content reject if { res.payload(0,3) -m bin 323230 }",
        ),
        (
            "c",
            "tcp-response inspect-delay 5s\n tcp-response content accept if { res.payload(0,3) -m bin 323230 }\n tcp-response content reject",
        ),
        (
            "d",
            "tcp-response inspect-delay 200ms\n tcp-response content accept if { res.len gt 100 }\n tcp-response content reject",
        ),
        ("e", "tcp-response content reject if { res.len gt 3 }"),
        ("f", "tcp-response content set-var(sess.x) int(7)\n log-format \"127.0.0.1 %B %ts %[var(sess.x)]\""),
    ];
    let http = [
        ("g", "tcp-response content reject"),
        ("h", "tcp-response content close"),
        (
            "k",
            "tcp-response inspect-delay 20s\n tcp-response content reject if { res.hdr(set-cookie) -m found }",
        ),
        ("l", "tcp-response inspect-delay 20s\n tcp-response content reject if ! { status 200 }"),
        ("m", "tcp-response content silent-drop"),
        ("i", "capture cookie SESS len 10\n log-format \"127.0.0.1 %CC %CS %lc %ST\""),
        (
            "j",
            "http-request deny if TRUE\n log-format \"127.0.0.1 %[last_rule_file,regsub(.*/,)] %[last_rule_line] %ST\"",
        ),
    ];
    let listens = |mode: &str, all: &[(&str, &str)], server: SocketAddr| -> String {
        let one = |(name, rules): &(&str, &str)| {
            format!(
                "listen {name}\n mode {mode}\n option {mode}log\n bind <{name}>\n {rules}\n server s {server}\n"
            )
        };
        all.iter().map(one).collect()
    };
    let config = format!(
        "global\n log stdout format raw local0\ndefaults\n log global\n timeout connect 5s\n timeout client 10s\n \
         timeout server 10s\n{}{}",
        listens("tcp", &tcp, greeting.address()),
        listens("http", &http, web.address())
    );
    let seen = |lockgate: &Lockgate| {
        let lines = |l: &Lockgate| l.lines().iter().filter(|l| l.contains("127.0.0.1")).count();
        let mut count = lines(lockgate);
        for (name, _) in &tcp {
            let mut raw = Raw::connect(lockgate.at(name));
            if matches!(*name, "c" | "e" | "f") {
                raw.read_until("220 hello\r\n");
                raw.send("hi\r\n").read_until("ok\r\n");
                raw.finish();
            }
            raw.read_all();
            count += 1;
            wait_for(|| (lines(lockgate) >= count).then_some(())).unwrap();
        }
        for name in ["g", "h", "k", "l", "m", "i", "i", "j"] {
            let cookies = "Cookie: a=b; SESSION=abcdefghijkl; SESS2=1";
            // who is dropped in silence hears of nothing: the connection is held until the line is there
            let mut raw = Raw::connect(lockgate.at(name));
            raw.send(format!("GET /{name} HTTP/1.1\r\nHost: a\r\n{cookies}\r\nConnection: close\r\n\r\n"));
            count += 1;
            wait_for(|| (lines(lockgate) >= count).then_some(())).unwrap();
        }
    };
    same_lines(&config, tcp.len() + http.len() + 1, seen);
}

/// What rules and clients bring about, one listener each; the requests stop where they are cut.
#[test]
fn endings_of_rules_and_clients_are_told_as_by_haproxy() {
    let server = server();
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let post = "POST /never HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\npart";
    let cases = [
        ("auth", "http-request auth realm x", get),
        ("response-deny", "http-response deny", get),
        ("response-404", "http-response deny deny_status 404", get),
        ("response-return", "http-response return status 201", get),
        ("response-redirect", "http-response redirect location /x", get),
        ("tarpit", "timeout tarpit 200ms\n http-request tarpit", get),
        ("reject", "http-request reject", get),
        ("silent", "http-request silent-drop", get),
        ("tcp-reject", "tcp-request content reject", get),
        ("body-late", "http-request wait-for-body time 200ms", post),
        ("head-cut", "", "GET / HT"),
        (
            "chunk-broken",
            "",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nzz\r\n",
        ),
        ("error-format", "error-log-format \"127.0.0.1 %ts %ft\"", "BAD\r\n\r\n"),
        ("error-format-cut", "error-log-format \"127.0.0.1 %ts %ft\"", "GET / HT"),
    ];
    let listens: String = cases
        .iter()
        .map(|(name, rule, _)| {
            format!("listen {name}\n bind <{name}>\n {rule}\n server s {}\n", server.address())
        })
        .collect();
    let config = format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n option httplog\n timeout connect 5s\n \
         timeout client 10s\n timeout server 10s\n retries 3\n{listens}\
         listen body-cut\n bind <body-cut>\n server s {0}\n\
         listen quiet\n bind <quiet>\n option dontlognull\n timeout http-request 200ms\n server s {0}\n\
         listen others\n bind <others>\n option redispatch\n server a {1}\n server b {2}\n server s {0}\n",
        server.address(),
        free_address(),
        free_address()
    );
    same_lines(&config, cases.len() + 2, |lockgate| {
        let mut count = 0;
        let mut logged = || {
            count += 1;
            let lines = || lockgate.lines().iter().filter(|l| l.contains("127.0.0.1")).count();
            wait_for(|| (lines() >= count).then_some(())).unwrap();
        };
        for (name, _, request) in &cases {
            let mut raw = Raw::connect(lockgate.at(name));
            raw.send(request);
            if request.ends_with(" HT") {
                raw.finish();
            }
            logged();
        }
        let before = server.received().len();
        let mut raw = Raw::connect(lockgate.at("body-cut"));
        raw.send(post);
        let arrived = || server.received().get(before..).is_some_and(|new| new.concat().ends_with(b"part"));
        wait_for(|| arrived().then_some(())).unwrap();
        raw.finish().read_all();
        logged();
        Raw::connect(lockgate.at("quiet")).read_all();
        Raw::connect(lockgate.at("others")).send(get);
        logged();
    });
}

/// A rule with `len` makes a slot of its own, between those of the lines around it.
#[test]
fn rules_capture_into_the_slots_that_haproxy_gives_them() {
    let server = Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-R: r\r\n\r\nok");
    let cases = [
        "http-request capture path len 3",
        "declare capture response len 9\n http-request capture path len 3\n http-response capture res.hdr(x-r) id 0",
        "capture request header X-A len 5\n http-request capture path len 3\n capture request header Host len 9",
        "tcp-request content capture src len 9\n http-request capture req.hdr(x-a) len 3 if { path /no }\n http-request capture req.hdr(x-a) len 3",
        "declare capture request len 9\n http-request capture path id 0\n http-request capture method len 9",
    ];
    let listen = |(at, rules): (usize, &&str)| {
        format!("listen c{at}\n bind <c{at}>\n {rules}\n server s {}\n", server.address())
    };
    let config = format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n timeout connect 5s\n timeout client 20s\n \
         timeout server 20s\n log-format \"127.0.0.1:%cp %ft %hr %hs %{{+Q}}hr %[capture.req.hdr(0)] %hrl\"\n{}",
        cases.iter().enumerate().map(listen).collect::<String>()
    );
    same_lines(&config, cases.len(), |lockgate| {
        for at in 0..cases.len() {
            exchange(
                lockgate.at(&format!("c{at}")),
                "GET /path HTTP/1.1\r\nHost: a.example\r\nX-A: hello\r\nConnection: close\r\n\r\n",
            );
            wait_for(|| (lockgate.lines().len() > at).then_some(())).unwrap();
        }
    });
}

/// How servers' names get into the logs of connections that are passed through.
#[test]
fn a_capture_waits_for_the_bytes_it_is_made_of() {
    let lockgate = Lockgate::start(
        "global\n nbthread 1\n log stdout format raw local0\ndefaults\n mode tcp\n log global\n timeout connect 5s\n \
         timeout client 60s\n timeout server 20s\nfrontend f\n bind <tcp>\n log-format \"got %[capture.req.hdr(0)]\"\n \
         tcp-request inspect-delay 60s\n tcp-request content capture req.payload(0,4) len 4\n tcp-request content reject\n",
    );
    let mut late = Raw::connect(lockgate.at("tcp"));
    // the only thread has seen the first connection before it serves the second
    Raw::connect(lockgate.at("tcp")).send("soon").read_all();
    lockgate.logged("got soon");
    late.send("late").read_all();
    lockgate.logged("got late");
}

#[test]
fn connections_without_a_proxy_header_are_told_as_by_haproxy() {
    let server = server();
    let cases = [
        "",
        "PROX",
        "GET / HTTP/1.1\r\n\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
        "PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n",
        "\r\n\r\n\0\r\nQUIT\n\x2f\x11\0\0",
    ];
    let config = format!(
        "global\n log stdout format raw local0\ndefaults\n mode tcp\n log global\n option tcplog\n timeout connect 5s\n \
         timeout client 10s\n timeout server 20s\n\
         listen usual\n bind <usual> accept-proxy\n server s {0}\n\
         listen own\n bind <own> accept-proxy\n error-log-format \"127.0.0.1:%cp %[fc_err] %[fc_err_str] %ST %ts\"\n server s {0}\n\
         listen quiet\n bind <quiet> accept-proxy\n option dontlognull\n server s {0}\n",
        server.address()
    );
    same_lines(&config, 3 * cases.len() - 1, |lockgate| {
        let mut count = 0;
        for name in ["usual", "own", "quiet"] {
            for bytes in cases {
                count += usize::from(name != "quiet" || !bytes.is_empty());
                Raw::connect(lockgate.at(name)).send(bytes).finish().read_all();
                wait_for(|| (lockgate.lines().len() >= count).then_some(())).unwrap();
            }
        }
    });
}

#[test]
fn client_certificates_that_are_not_trusted_are_told_as_by_haproxy() {
    let (pem, stranger) = (authority().leaf("app.example"), crate::place::Folder::new());
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=stranger"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(stranger.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let config = format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n option httplog\n timeout connect 5s\n timeout client 20s\n \
         timeout server 20s\nlisten l\n bind <https> ssl crt {0} ca-file {1} verify required ssl-max-ver TLSv1.2\n\
         listen own\n bind <own> ssl crt {0} ca-file {1} verify required ssl-max-ver TLSv1.2\n error-log-format \"127.0.0.1:%cp \
         %ft %ST %ts %[fc_err] %[fc_err_str] %[ssl_fc_err,hex] %[ssl_fc_err_str] %[ssl_c_used] %[ssl_c_err] %[ssl_c_ca_err] \
         %[ssl_c_verify] %[ssl_c_s_dn] %[ssl_fc_sni] %sslc %[ssl_fc]\"\n",
        pem.display(),
        authority().root().display()
    );
    same_lines(&config, 7, |lockgate| {
        let folder = stranger.path().display();
        let mut count = 0;
        let mut told = || {
            count += 1;
            let lines = || lockgate.lines().iter().filter(|l| l.contains("127.0.0.1")).count();
            wait_for(|| (lines() >= count).then_some(())).unwrap();
        };
        for bind in ["https", "own"] {
            for certificate in [format!("--cert {folder}/cert.pem --key {folder}/key.pem"), String::new()] {
                assert_ne!(try_curl(&format!("-k {certificate} https://{}/", lockgate.at(bind))).0, 0);
                told();
            }
        }
        for bytes in ["GET / HTTP/1.1\r\n\r\n", "no TLS at all", ""] {
            Raw::connect(lockgate.at("own")).send(bytes).finish().read_all();
            told();
        }
    });
}

#[test]
fn clients_of_unix_sockets_are_told_as_by_haproxy() {
    let folder = crate::place::Folder::new();
    let here = folder.path().display();
    let config = format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n timeout client 20s\n\
         frontend f\n bind <http>\n bind unix@{here}/one\n bind unix@{here}/two id 7\n http-request return status 200\n \
         log-format \"127.0.0.1 %ci:%cp %fi:%fp %{{+Q}}ci [%[src]] [%[src_port]]\"\n"
    );
    same_lines(&config, 2, |lockgate| {
        for (count, name) in [(1, "one"), (2, "two")] {
            assert_eq!(try_curl(&format!("--unix-socket {here}/{name} http://a/")).0, 0);
            wait_for(|| (lockgate.lines().len() >= count).then_some(())).unwrap();
        }
    });
}

#[test]
fn a_line_tells_the_rule_that_waited_and_may_be_json() {
    let lockgate = Lockgate::start(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n timeout connect 5s\n timeout client 20s\n \
         timeout server 20s\nfrontend f\n bind <http>\n \
         log-format '%{+json}o %(state)tsc %(path)HP %(waited)[waiting_entity,regsub(.*:,)] %(last)[last_entity,regsub(.*:,)]'\n \
         http-request wait-for-body time 20s if { path /late }\n http-request return status 200\n",
    );
    exchange(lockgate.at("http"), "GET /a\"b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let line = lockgate.logged("\"state\": \"LR--\"");
    assert_eq!(line, r#"{"state": "LR--", "path": "/a\"b", "waited": null, "last": "13"}"#);
    let mut raw = Raw::connect(lockgate.at("http"));
    raw.send("POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf").finish();
    let line = lockgate.logged("/late");
    assert_eq!(line, r#"{"state": "CR--", "path": "/late", "waited": "12", "last": null}"#);
}

#[test]
fn servers_with_another_certificate_are_told_as_haproxy_tells_them() {
    let server = Nginx::start_tls("one.example");
    let plain = Upstream::start(|mut peer| peer.send("HTTP/1.1 400 Bad\r\n\r\n"));
    let cases = [
        ("required verifyhost one.example", server.address()),
        ("required verifyhost two.example", server.address()),
        // whoever asks for the wrong name gets it again, so there is no retry
        ("required sni str(two.example)", server.address()),
        ("required sni hdr(host)", server.address()),
        // no host name: not asked for
        ("none sni hdr(host)", server.address()),
        ("none", plain.address()),
    ];
    let listen = |(at, (words, address)): (usize, &(&str, SocketAddr))| {
        let retries = if words.contains("required sni") { 3 } else { 0 };
        let ca = authority().root();
        format!(
            "listen l{at}\n bind <l{at}>\n retries {retries}\n server s {address} ssl verify {words} ca-file {}\n",
            ca.display()
        )
    };
    let config = format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n timeout connect 5s\n timeout client 20s\n \
         timeout server 5s\n log-format \"127.0.0.1 %ft %ST %ts %rc %[ssl_bc] %[bc_err] %[bc_err_str]\"\n{}",
        cases.iter().enumerate().map(listen).collect::<String>()
    );
    same_lines(&config, cases.len(), |lockgate| {
        for at in 0..cases.len() {
            exchange(lockgate.at(&format!("l{at}")), "GET / HTTP/1.0\r\nHost: two.example:8443\r\n\r\n");
        }
    });
}

/// A part of the response has arrived and no more comes.
#[test]
fn a_client_that_closes_in_a_response_ends_it_under_abortonclose() {
    let server = Upstream::start(|mut peer| {
        peer.read_message();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
        peer.read_message();
    });
    let config = format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n option httplog\n timeout connect 5s\n \
         timeout client 60s\n timeout server 60s\nlisten l\n bind <l>\n option abortonclose\n server s {}\n",
        server.address()
    );
    same_lines(&config, 1, |lockgate| {
        let mut raw = Raw::connect(lockgate.at("l"));
        raw.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").read_until("part");
    });
}

/// Between two attempts at a server that cannot be reached, too.
#[test]
fn a_client_that_closes_before_a_server_is_reached_ends_it_under_abortonclose() {
    let config = format!(
        "global\n log stdout format raw local0\ndefaults\n log global\n timeout connect 5s\n timeout client 60s\n \
         timeout server 60s\n retries 60\n option abortonclose\n\
         listen h\n mode http\n option httplog\n bind <h>\n server s {dead}\n\
         listen t\n mode tcp\n option tcplog\n bind <t>\n server s {dead}\n",
        dead = free_address()
    );
    same_lines(&config, 2, |lockgate| {
        for name in ["h", "t"] {
            let count = lockgate.lines().len();
            Raw::connect(lockgate.at(name)).send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            wait_for(|| (lockgate.lines().len() > count).then_some(())).unwrap();
        }
    });
}

#[test]
fn clients_that_leave_in_a_body_that_is_waited_for_are_told_as_by_haproxy() {
    let config = format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n option httplog\n timeout connect 5s\n \
         timeout client 60s\n timeout server 60s\n\
         frontend option\n bind <option>\n option http-buffer-request\n default_backend b\n\
         frontend rule\n bind <rule>\n http-request wait-for-body time 60s\n default_backend b\n\
         frontend none\n bind <none>\n http-request wait-for-body time 60s\n use_backend b if {{ path /other }}\n\
         backend b\n server s {}\n",
        free_address()
    );
    same_lines(&config, 3, |lockgate| {
        for name in ["option", "rule", "none"] {
            let count = lockgate.lines().len();
            let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\npart";
            Raw::connect(lockgate.at(name)).send(post).finish().read_all();
            wait_for(|| (lockgate.lines().len() > count).then_some(())).unwrap();
        }
    });
}

#[test]
fn a_body_that_is_waited_for_in_vain_is_told_as_by_haproxy() {
    let server = server();
    let config = format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n option httplog\n timeout connect 5s\n \
         timeout client 60s\n timeout server 60s\nlisten l\n bind <l>\n http-response wait-for-body time 200ms\n \
         server s {}\n",
        server.address()
    );
    same_lines(&config, 1, |lockgate| {
        let mut raw = Raw::connect(lockgate.at("l"));
        raw.send("GET /stuck HTTP/1.1\r\nHost: h\r\n\r\n");
        assert!(text(&raw.read_until("\r\n\r\n")).starts_with("HTTP/1.1 504 "));
    });
}

#[test]
fn a_target_gets_the_lines_of_its_sample() {
    let config = "global\n log stdout format raw sample 2-3,5:5 local0\ndefaults\n mode http\n log global\n \
                  timeout connect 5s\n timeout client 20s\n timeout server 20s\nfrontend f\n bind <http>\n \
                  log-format '127.0.0.1 %HP'\n http-request return status 200\n";
    same_lines(config, 5, |lockgate| {
        for n in 1..=8 {
            let request = format!("GET /{n} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
            exchange(lockgate.at("http"), request);
        }
    });
}

#[test]
fn lines_call_the_program_what_it_was_called_by() {
    let (folder, at) = (Folder::new(), free_address());
    let link = folder.path().join("balancer");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_lockgate"), &link).unwrap();
    let file = folder.file(
        "a.cfg",
        format!(
            "global\n log stdout local0\ndefaults\n mode http\n log global\n timeout connect 5s\n timeout client 20s\n \
             timeout server 20s\nfrontend f\n bind {at}\n log-format hello\n http-request return status 200\n"
        ),
    );
    for flags in [&["-db"][..], &["-W", "-db"]] {
        let mut command = Command::new(&link);
        command.args(flags).arg("-f").arg(&file);
        let mut program = Program::start(command);
        assert!(program.listens(&[at]));
        exchange(at, "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        program.line(|line| line.contains(" balancer[") && line.ends_with(": hello"));
        program.signal("TERM");
        program.ended();
    }
}

/// The frame is the ring's, whatever the `log` line says; raw unless told.
#[test]
fn a_ring_frames_its_lines_itself() {
    let frames = ["", "format iso", "format rfc5424", "format short", "format priority", "format timed"];
    let rings: String =
        (0..).zip(frames).map(|(n, frame)| format!("ring r{n}\n size 65536\n {frame}\n")).collect();
    let logs: String = (0..frames.len()).map(|n| format!(" log ring@r{n} format local local0\n")).collect();
    let config = format!(
        "global\n stats socket <folder>/api.sock\n{rings}defaults\n mode http\n timeout connect 5s\n timeout client 20s\n \
         timeout server 20s\nfrontend f\n bind <http>\n log-tag tagged\n{logs} log-format 'line of %HP'\n \
         http-request return status 200\n"
    );
    let kept = |player| {
        let lockgate = Lockgate::played_by(player, &config);
        exchange(lockgate.at("http"), "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        let socket = lockgate.folder().path().join("api.sock");
        let shown = |n| {
            let said = wait_for(|| {
                let said = converse(&socket, &format!("show events r{n}\n"));
                said.contains("line of").then_some(said)
            });
            // The time and the process differ.
            said.unwrap().trim().replace(|c: char| c.is_ascii_digit(), "0")
        };
        (0..frames.len()).map(shown).collect::<Vec<String>>()
    };
    assert_eq!(kept(Player::Tested), kept(Player::Oracle));
}
