//! The configuration that articles and books teach: redirect to HTTPS, route by host, balance two servers over TLS.

use crate::authority::authority;
use crate::client::{Answer, curl, exchange};
use crate::nginx::Nginx;
use crate::place::wait_for;
use crate::program::Lockgate;
use std::collections::BTreeMap;

struct Site {
    lockgate: Lockgate,
    one: Nginx,
    two: Nginx,
}

impl Site {
    fn start() -> Site {
        let (one, two) = (Nginx::start_tls("one"), Nginx::start_tls("two"));
        let text = format!(
            "global
    log stdout format raw local0
defaults
    mode http
    log global
    option httplog
    timeout connect 5s
    timeout client 10s
    timeout server 10s
frontend http
    bind <http>
    http-request redirect scheme https code 301
frontend https
    bind <https> ssl crt {pem}
    option forwardfor
    http-request set-header X-Forwarded-Proto https
    http-request del-header X-Secret
    http-request deny if {{ path_beg /private }}
    http-request deny deny_status 429 if {{ path /busy }}
    http-request return status 200 content-type text/plain string \"pong\\n\" if {{ path /ping }}
    http-response set-header Strict-Transport-Security max-age=31536000
    http-response del-header Server
    acl app hdr(host) -i app.example
    use_backend app if app
    use_backend echo if {{ hdr(host) -i -m beg echo. }}
backend app
    balance roundrobin
    server one {one} ssl verify required ca-file {ca} verifyhost one
    server two {two} ssl verify none
backend echo
    server one {one} ssl verify none
",
            pem = authority().leaf("app.example").display(),
            ca = authority().root().display(),
            one = one.address(),
            two = two.address(),
        );
        Site { lockgate: Lockgate::start(&text), one, two }
    }

    /// GET over TLS to our name with another `Host`.
    fn get(&self, host: &str, path: &str, more: &str) -> Answer {
        let at = self.lockgate.at("https");
        let port = at.port();
        curl(&format!(
            "--resolve app.example:{port}:127.0.0.1 https://app.example:{port}{path} -H Host:~{host} {more}"
        ))
    }
}

#[test]
fn plain_http_is_redirected_to_https() {
    let site = Site::start();
    let words = format!("{} -H Host:~app.example", site.lockgate.url("http", "/a/b?c=d"));
    let answer = curl(&words);
    assert_eq!(answer.status, 301);
    assert_eq!(answer.field("location"), Some("https://app.example/a/b?c=d"));
    assert_eq!(answer.field("content-length"), Some("0"));
    let line = site.lockgate.logged("GET /a/b?c=d");
    assert!(line.contains(" http http/<NOSRV> ") && line.contains(" 301 "), "{line}");
    assert!(line.contains(" LR-- "), "{line}");
}

#[test]
fn hosts_are_routed_whatever_their_case_and_servers_take_turns() {
    let site = Site::start();
    let mut turns: BTreeMap<String, u32> = BTreeMap::new();
    for host in ["app.example", "APP.example", "App.Example"].iter().cycle().take(10) {
        let answer = site.get(host, "/", "");
        assert_eq!(answer.status, 200);
        *turns.entry(answer.field("x-server").unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(turns, BTreeMap::from([("one".to_owned(), 5), ("two".to_owned(), 5)]));
    let noted = wait_for(|| Some(site.one.requests().len() + site.two.requests().len()).filter(|n| *n == 10));
    assert_eq!(noted, Some(10));
    let line = site.lockgate.logged(" app/one ");
    assert!(line.contains(" https~ app/one ") && line.contains(" 200 ") && line.contains(" ---- "), "{line}");
}

#[test]
fn a_host_that_nobody_serves_gets_503() {
    let site = Site::start();
    let answer = site.get("other.example", "/", "");
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("<h1>503 Service Unavailable</h1>"), "{}", answer.text());
    let line = site.lockgate.logged("GET / HTTP");
    assert!(
        line.contains(" https~ https/<NOSRV> ") && line.contains(" 503 ") && line.contains(" SC-- "),
        "{line}"
    );
}

#[test]
fn rules_answer_and_edit_what_server_and_client_see() {
    let site = Site::start();
    assert_eq!(site.get("app.example", "/private/x", "").status, 403);
    assert_eq!(site.get("app.example", "/busy", "").status, 429);
    let pong = site.get("app.example", "/ping", "");
    assert_eq!((pong.status, pong.text(), pong.field("content-type")), (200, "pong\n", Some("text/plain")));
    assert!(site.lockgate.logged("GET /private/x").contains(" PR-- "));
    assert!(site.lockgate.logged("GET /ping").contains(" LR-- "));
    let echo = site.get("echo.example", "/echo?a=1", "-H X-Secret:~letmein");
    let seen =
        "host=echo.example xff=127.0.0.1 proto=https args=a=1 uri=/echo?a=1\nfrom= method=GET secret=\n";
    assert_eq!(echo.text(), seen);
    assert_eq!(echo.field("strict-transport-security"), Some("max-age=31536000"));
    assert_eq!(echo.field("server"), None);
}

#[test]
fn a_certificate_that_is_not_the_servers_is_not_talked_to() {
    let two = Nginx::start_tls("two");
    let text = format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n option httplog\n retries 0\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
         listen l\n bind <http>\n server two {} ssl verify required ca-file {} verifyhost elsewhere\n",
        two.address(),
        authority().root().display()
    );
    let lockgate = Lockgate::start(&text);
    let answer = exchange(lockgate.at("http"), "GET / HTTP/1.0\r\n\r\n");
    assert_eq!(Answer::parse(&answer).status, 503);
    assert!(lockgate.logged("GET /").contains(" SC-- "));
    assert!(two.requests().is_empty());
}
