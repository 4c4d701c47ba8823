//! Bytes that are no UTF-8, in configurations, maps and messages: they pass as they are.

use crate::client::exchange;
use crate::place::Folder;
use crate::program::Lockgate;
use crate::upstream::Upstream;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn every_byte_of_a_word_reaches_its_place() {
    let folder = Folder::new();
    let map = folder.file("latin.map", b"caf\xe9 gr\xfcn\n");
    let server = Upstream::answering(OK);
    let lockgate = Lockgate::start(&format!(
        "global\n setenv LATIN \\xEA\n log stdout format raw local0\ndefaults\n mode http\n log global\n timeout connect 5s\n \
         timeout client 10s\n timeout server 10s\n\
         listen l\n bind <http>\n log-format \"na\\xEFve %[var(txn.a)]\"\n acl latin req.hdr(x-in) -m str caf\\xE9\n \
         http-request set-var(txn.a) req.hdr(x-in),map_str({map},none)\n \
         http-request set-header X-Out \"\\xFC%[str(\\xE4)]\" if latin\n \
         http-request set-header X-Class yes if {{ req.hdr(x-in) -m reg f[\\xE8-\\xEA]$ }}\n \
         http-request set-header X-Environment \"%[env(LATIN)]${{LATIN}}\"\n \
         http-request replace-header X-In (.*)\\xE9 \\\\1\\xE8\n \
         http-response set-header X-Back %[var(txn.a)]\n server s {}\n",
        server.address(),
        map = map.display(),
    ));
    let answer = exchange(
        lockgate.at("http"),
        b"GET / HTTP/1.1\r\nHost: a\r\nX-In: caf\xe9\r\nConnection: close\r\n\r\n",
    );
    let has = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    assert!(has(&answer, b"x-back: gr\xfcn\r\n"), "{}", answer.escape_ascii());
    let received = server.received().remove(0);
    for line in [
        &b"x-in: caf\xe8\r\n"[..],
        b"x-out: \xfc\xe4\r\n",
        b"x-environment: \xea\xea\r\n",
        b"x-class: yes\r\n",
    ] {
        assert!(has(&received, line), "{} in {}", line.escape_ascii(), received.escape_ascii());
    }
    lockgate.logged("na\u{fffd}ve gr\u{fffd}n");
}
