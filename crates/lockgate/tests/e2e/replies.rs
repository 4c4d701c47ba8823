//! Replies of our own, to the byte: what haproxy 2.6 sent for the same rules, but for the sentence of its pages.

use crate::client::{exchange, text};
use crate::place::Folder;
use crate::program::Lockgate;
use crate::upstream::Upstream;

fn get(lockgate: &Lockgate, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\nGET /end HTTP/1.0\r\n\r\n");
    let all = text(&exchange(lockgate.at("http"), request));
    // what comes for the second request shows that the connection lived on
    all.replace(
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\nend",
        "+",
    )
}

const END: &str = " http-request return content-type text/plain string end if { path /end }\n";

/// A rule, and what a client gets, `|` for the end of a line; `+` at the end where its connection lives on.
const REPLIES: &[(&str, &str)] = &[
    (
        "deny",
        "403 Forbidden|content-length: 79|cache-control: no-cache|content-type: text/html||<html><body><h1>403 \
         Forbidden</h1>\nThis request is not allowed.\n</body></html>\n+",
    ),
    (
        "deny deny_status 400",
        "400 Bad request|content-length: 89|cache-control: no-cache|content-type: text/html|connection: close||<html><body><h1>400 Bad \
         request</h1>\nThe request could not be understood.\n</body></html>\n",
    ),
    ("deny errorfiles pages", "403 Forbidden|content-length: 0||+"),
    ("deny status 404 errorfiles pages", "404 Not Here|x-a: b|content-length: 5||nope\n+"),
    (
        "deny status 503 errorfiles pages",
        "503 Gone|content-type: text/x|connection: close|content-length: 3||my\n",
    ),
    ("return status 504", "504 Gateway Time-out|content-length: 0||+"),
    ("return status 204", "204 No Content||+"),
    (
        "return content-type text/css string hey hdr x-a b hdr content-type a/b",
        "200 OK|x-a: b|content-length: 3|content-type: text/css||hey+",
    ),
    ("return hdr connection close hdr a b", "200 OK|a: b|content-length: 0|connection: close||"),
    ("redirect location /x", "302 Found|content-length: 0|location: /x|cache-control: no-cache||+"),
    (
        "redirect location /x code 301 set-cookie A=b",
        "301 Moved Permanently|content-length: 0|location: /x|set-cookie: A=b; path=/;||+",
    ),
    (
        "deny deny_status 410",
        "303 See Other|cache-control: no-cache|content-length: 0|location: http://x/||+",
    ),
];

#[test]
fn replies_of_rules_are_haproxys() {
    let folder = Folder::new();
    let gone =
        folder.file("503.http", "HTTP/1.0 503 Gone\r\nConnection: close\r\nContent-Type: text/x\r\n\r\nmy\n");
    let not = folder.file("404.http", "HTTP/1.1 404 Not Here\r\nX-A: b\r\nContent-Length: 5\r\n\r\nnope\n");
    let rules: String = REPLIES
        .iter()
        .enumerate()
        .map(|(at, (rule, _))| format!(" http-request {rule} if {{ path /{at} }}\n"))
        .collect();
    let lockgate = Lockgate::start(&format!(
        "http-errors pages\n errorfile 503 {}\n errorfile 404 {}\ndefaults\n mode http\n timeout client 20s\n\
         frontend f\n bind <http>\n errorloc303 410 http://x/\n{END}{rules}",
        gone.display(),
        not.display()
    ));
    for (at, (rule, expected)) in REPLIES.iter().enumerate() {
        let expected = format!("HTTP/1.1 {}", expected.replace('|', "\r\n"));
        assert_eq!(get(&lockgate, &format!("/{at}")), expected, "{rule}");
    }
}

/// What a server says of its connection is not for the client; what a rule says is.
#[test]
fn a_rule_ends_the_connection_behind_a_servers_response() {
    let server = Upstream::answering(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    let lockgate = Lockgate::start(&format!(
        "defaults\n mode http\n timeout client 20s\n timeout server 20s\n timeout connect 20s\nlisten l\n bind <http>\n{END} \
         acl last path /last\n http-request set-var(txn.last) bool(true) if last\n \
         http-response set-header Connection close if {{ var(txn.last) -m bool }}\n server s {}\n",
        server.address()
    ));
    let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n";
    assert_eq!(get(&lockgate, "/"), format!("{ok}\r\nok+"));
    assert_eq!(get(&lockgate, "/last"), format!("{ok}connection: close\r\n\r\nok"));
}
