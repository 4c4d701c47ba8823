//! Certificates deployed over the runtime API, in the conversations that deploy hooks hold over socat.

use crate::authority::authority;
use crate::client::curl;
use crate::place::Folder;
use crate::runtime_api::{Operated, converse};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// The subject that a client asking for `name` is shown.
fn shown(to: SocketAddr, name: &str) -> String {
    let words = ["s_client", "-connect", &to.to_string(), "-servername", name];
    let output = Command::new("openssl").args(words).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let subject = said.lines().find_map(|l| l.strip_prefix("subject=")).unwrap_or_else(|| panic!("{said}"));
    subject.trim().to_owned()
}

/// The PEM of the authority's certificate for a name.
fn pem(name: &str) -> String {
    std::fs::read_to_string(authority().leaf(name)).unwrap()
}

/// A folder with a certificate for `first.example`, and a proxy that serves it.
fn deployed(bind: &str) -> (Folder, Operated) {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("certs")).unwrap();
    let site = folder.file("certs/site.pem", pem("first.example"));
    folder.file("list.txt", format!("{} first.example\n", site.display()));
    let here = folder.path().display().to_string();
    let text = format!(
        "frontend f\n bind <https> ssl {}\n http-request return status 200\n",
        bind.replace("HERE", &here)
    );
    (folder, Operated::start("level admin", &text))
}

fn set(operated: &Operated, name: &str, pem: &str) -> String {
    converse(&operated.socket(), &format!("set ssl cert {name} <<\n{}\n\n", pem.trim_end()))
}

#[test]
fn a_committed_certificate_is_served_to_the_next_handshake() {
    let (folder, operated) = deployed("crt HERE/certs/site.pem");
    let (to, name) =
        (operated.lockgate.at("https"), folder.path().join("certs/site.pem").display().to_string());
    assert_eq!(shown(to, "first.example"), "CN = first.example");
    assert_eq!(
        set(&operated, &name, &pem("second.example")),
        format!("Transaction created for certificate {name}!\n\n")
    );
    assert_eq!(operated.ask("show ssl cert"), format!("# transaction\n*{name}\n# filename\n{name}\n\n"));
    assert_eq!(shown(to, "first.example"), "CN = first.example");
    assert_eq!(operated.ask(&format!("commit ssl cert {name}")), format!("Committing {name}.\nSuccess!\n\n"));
    assert_eq!(shown(to, "first.example"), "CN = second.example");
    let details = operated.ask(&format!("show ssl cert {name}"));
    assert!(details.starts_with(&format!("Filename: {name}\nStatus: Used\nSerial: ")), "{details}");
    for line in [
        "Subject Alternative Name: DNS:second.example",
        "Algorithm: EC256",
        "Subject: /CN=second.example",
        "Issuer: /CN=e2e",
    ] {
        assert!(details.contains(&format!("\n{line}\n")), "{details}");
    }
    // what does not fit is not served, and waits for what does
    let (certificate, key) = (pem("first.example"), pem("third.example"));
    let other_key = format!(
        "{}{}",
        &certificate[..certificate.find("-----BEGIN PRIVATE").unwrap()],
        &key[key.find("-----BEGIN PRIVATE").unwrap()..]
    );
    assert!(set(&operated, &name, &other_key).starts_with("Transaction created"));
    assert_eq!(
        operated.ask(&format!("commit ssl cert {name}")),
        format!(
            "inconsistencies between private key and certificate loaded '{name}'.\nCan't commit {name}!\n\n"
        )
    );
    assert_eq!(shown(to, "first.example"), "CN = second.example");
    assert!(set(&operated, &name, &pem("third.example")).starts_with("Transaction updated"));
    let aborted = operated.ask(&format!("abort ssl cert {name}"));
    assert_eq!(aborted, format!("Transaction aborted for certificate '{name}'!\n\n"));
    assert_eq!(shown(to, "first.example"), "CN = second.example");
}

/// The sections of a PEM text of a kind.
fn sections(pem: &str, kind: &str) -> String {
    let end = |part: &str| part.find("-----END").map(|at| part[..at].to_owned());
    let begin = format!("-----BEGIN {kind}-----");
    let parts = pem.split(&begin).skip(1).filter_map(end);
    parts.map(|part| format!("{begin}{part}-----END {kind}-----\n")).collect()
}

#[test]
fn the_parts_of_a_certificate_come_one_by_one() {
    let (folder, operated) = deployed("crt HERE/certs/site.pem");
    let (to, name) =
        (operated.lockgate.at("https"), folder.path().join("certs/site.pem").display().to_string());
    let (certificate, key) =
        (sections(&pem("second.example"), "CERTIFICATE"), sections(&pem("second.example"), "PRIVATE KEY"));
    let commit = || operated.ask(&format!("commit ssl cert {name}"));
    let incomplete = "The transaction must contain at least a certificate and a private key!";
    assert!(set(&operated, &name, &certificate).starts_with("Transaction created"));
    assert_eq!(commit(), format!("{incomplete}\nCan't commit {name}!\n\n"));
    assert_eq!(
        set(&operated, &format!("{name}.key"), &key),
        format!("Transaction updated for certificate {name}!\n\n")
    );
    assert_eq!(commit(), format!("Committing {name}.\nSuccess!\n\n"));
    assert_eq!(shown(to, "first.example"), "CN = second.example");

    // beside a file that ends in .crt, that need not be said
    let (other, plain) = (pem("other.example"), format!("{name}.plain"));
    assert!(operated.ask(&format!("new ssl cert {plain}.crt")).starts_with("New empty certificate store"));
    let said = set(&operated, &format!("{plain}.crt"), &sections(&other, "CERTIFICATE"));
    assert!(said.starts_with("Transaction created"), "{said}");
    assert_eq!(
        set(&operated, &format!("{plain}.key"), &sections(&other, "PRIVATE KEY")),
        format!("Transaction updated for certificate {plain}.crt!\n\n")
    );
    assert!(operated.ask(&format!("commit ssl cert {plain}.crt")).ends_with("Success!\n\n"));

    // a key alone waits for its certificate
    let key = sections(&pem("third.example"), "PRIVATE KEY");
    assert!(set(&operated, &format!("{name}.key"), &key).starts_with("Transaction created"));
    let inconsistent = format!("inconsistencies between private key and certificate loaded '{name}'.");
    assert_eq!(commit(), format!("{inconsistent}\nCan't commit {name}!\n\n"));
    assert!(operated.ask("show ssl cert").starts_with(&format!("# transaction\n*{name}\n")));
    assert!(operated.ask(&format!("abort ssl cert {name}")).starts_with("Transaction aborted"));
    let root = std::fs::read_to_string(authority().root()).unwrap();
    assert!(set(&operated, &format!("{name}.issuer"), &root).starts_with("Transaction created"));
    assert_eq!(commit(), format!("Committing {name}.\nSuccess!\n\n"));
    assert_eq!(shown(to, "first.example"), "CN = second.example");
    for (part, payload, why) in [
        (".key", "x", format!("unable to load private key from file '{name}'.")),
        (".issuer", "x", format!("'{name}' cannot be read or parsed'.")),
        (".ocsp", "x", "Error reading OCSP response in base64 format".into()),
        (".sctl", "x", "timestamps are taken from the certificate itself.".into()),
        (".foo", "x", "Can't replace a certificate which is not referenced by the configuration!".into()),
    ] {
        let answer = set(&operated, &format!("{name}{part}"), payload);
        assert!(answer.starts_with(&why), "{part}: {answer}");
        assert!(answer.ends_with(&format!("Can't update {name}{part}!\n\n")), "{answer}");
    }
    assert!(operated.ask("show ssl cert").starts_with("# filename\n"));
}

/// Brings a new certificate into a list in the way of acme.sh.
fn adds_a_new_one(bind: &str, list: &str) {
    let (folder, operated) = deployed(bind);
    let to = operated.lockgate.at("https");
    let list = folder.path().join(list).display().to_string();
    let name = folder.path().join("certs/new.pem").display().to_string();
    assert_eq!(operated.ask("show ssl crt-list"), format!("{list}\n\n"));
    assert_eq!(
        operated.ask(&format!("new ssl cert {name}")),
        format!("New empty certificate store '{name}'!\n\n")
    );
    assert!(set(&operated, &name, &pem("new.example")).starts_with("Transaction created"));
    assert_eq!(operated.ask(&format!("commit ssl cert {name}")), format!("Committing {name}\nSuccess!\n\n"));
    assert_eq!(shown(to, "new.example"), "CN = first.example");
    assert_eq!(
        operated.ask(&format!("add ssl crt-list {list} {name}")),
        format!("Inserting certificate '{name}' in crt-list '{list}'.\nSuccess!\n\n")
    );
    assert_eq!(
        (shown(to, "new.example"), shown(to, "first.example")),
        ("CN = new.example".into(), "CN = first.example".into())
    );
    assert_eq!(
        operated.ask(&format!("del ssl cert {name}")),
        format!("Can't remove the certificate: certificate '{name}' in use, can't be deleted!\n\n\n")
    );
    assert_eq!(
        operated.ask(&format!("del ssl crt-list {list} {name}")),
        format!("Entry '{name}' deleted in crtlist '{list}'!\n\n")
    );
    assert_eq!(shown(to, "new.example"), "CN = first.example");
}

#[test]
fn a_new_certificate_comes_in_by_a_list() {
    adds_a_new_one("crt-list HERE/list.txt", "list.txt");
}

#[test]
fn a_new_certificate_comes_in_by_a_folder() {
    adds_a_new_one("crt HERE/certs/", "certs");
}

#[test]
fn a_line_that_was_deleted_can_be_added_again() {
    let (folder, operated) = deployed("crt-list HERE/list.txt strict-sni");
    let list = folder.path().join("list.txt").display().to_string();
    let name = folder.path().join("certs/site.pem").display().to_string();
    let to = operated.lockgate.at("https");
    let connected = curl_idle(to);
    let deleted = operated.ask(&format!("del ssl crt-list {list} {name}"));
    assert_eq!(deleted, format!("Entry '{name}' deleted in crtlist '{list}'!\n\n"));
    assert!(operated.ask(&format!("show ssl cert {name}")).contains("\nStatus: Unused\n"));
    let line = format!("{name} [ca-file nowhere.pem] first.example");
    assert_eq!(
        converse(&operated.socket(), &format!("add ssl crt-list {list} <<\n{line}\n\n")),
        "Can't edit the crt-list: 'ca-file' : unable to load nowhere.pem\n\n"
    );
    let added = operated.ask(&format!("add ssl crt-list {list} {name}"));
    assert_eq!(added, format!("Inserting certificate '{name}' in crt-list '{list}'.\nSuccess!\n\n"));
    assert_eq!(shown(to, "first.example"), "CN = first.example");
    assert!(operated.ask(&format!("del ssl crt-list {list} {name}")).starts_with("Entry"));
    assert_eq!(operated.ask(&format!("del ssl cert {name}")), format!("Certificate '{name}' deleted!\n\n"));
    drop(connected);
}

/// A connection that stays, to a bind that serves `first.example`.
fn curl_idle(to: SocketAddr) -> Idle {
    let words = ["s_client", "-connect", &to.to_string(), "-servername", "first.example", "-quiet"];
    let mut client = Command::new("openssl");
    client.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut idle = Idle(client.spawn().unwrap());
    idle.0.stdin.as_mut().unwrap().write_all(b"GET / HTTP/1.1\r\nHost: first.example\r\n\r\n").unwrap();
    let mut answer = [0; 12];
    idle.0.stdout.as_mut().unwrap().read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    idle
}

struct Idle(Child);

impl Drop for Idle {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_certificate_of_unknown_names_stays_in_its_list() {
    let folder = Folder::new();
    folder.file("a.pem", pem("a.example"));
    folder.file("b.pem", pem("b.example"));
    let list = folder.file("list.txt", "a.pem   !x.example\n# both\nb.pem [alpn http/1.1]  b.example \n");
    let (list, here) = (list.display(), folder.path().display());
    let text = format!(
        "global\n crt-base {here}\nfrontend f\n bind <https> ssl crt-list {list}\n http-request return status 200\n"
    );
    let operated = Operated::start("level admin", &text);
    assert_eq!(
        operated.ask(&format!("show ssl crt-list -n {list}")),
        format!("# {list}\n{here}/a.pem:1 !x.example\n{here}/b.pem:3 [alpn http/1.1] b.example\n\n")
    );
    let kept = operated.ask(&format!("del ssl crt-list {list} {here}/a.pem"));
    let place = kept.lines().nth(1).unwrap_or_default();
    assert!(place.starts_with("\t- ") && place.contains("haproxy.cfg:"), "{kept}");
    assert!(
        kept.starts_with(&format!(
            "Can't delete the entry: certificate '{here}/a.pem' cannot be deleted, it is used as default certificate by \
             the following frontends:\n"
        )),
        "{kept}"
    );
    let deleted = operated.ask(&format!("del ssl crt-list {list} {here}/b.pem:3"));
    assert_eq!(deleted, format!("Entry '{here}/b.pem' deleted in crtlist '{list}'!\n\n"));
    assert_eq!(shown(operated.lockgate.at("https"), "b.example"), "CN = a.example");
}

#[test]
fn servers_are_shown_a_committed_certificate_too() {
    let folder = Folder::new();
    let own = folder.file("own.pem", pem("one.example"));
    let (site, root) = (authority().leaf("app.example"), authority().root());
    let upstream = Operated::start(
        "level admin",
        &format!(
            "frontend f\n bind <https> ssl crt {} ca-file {} verify required\n http-request return status 200 \
             content-type text/plain lf-string %[ssl_c_s_dn(cn)]\n",
            site.display(),
            root.display()
        ),
    );
    let (to, own) = (upstream.lockgate.at("https"), own.display());
    let operated = Operated::start(
        "level admin",
        &format!("listen l\n bind <http>\n server s {to} ssl verify none crt {own}\n"),
    );
    let told = || curl(&operated.lockgate.url("http", "/")).body;
    assert_eq!(told(), b"one.example");
    assert!(operated.ask(&format!("show ssl cert {own}")).contains("\nStatus: Used\n"));
    assert!(set(&operated, &own.to_string(), &pem("two.example")).starts_with("Transaction created"));
    assert_eq!(operated.ask(&format!("commit ssl cert {own}")), format!("Committing {own}.\nSuccess!\n\n"));
    assert_eq!(told(), b"two.example");
    // It outlives its server, and a new one shows it rather than what the disk holds.
    operated.ask("disable server l/s");
    operated.ask("shutdown sessions server l/s");
    assert!(operated.ask("del server l/s").starts_with("Server deleted."));
    assert!(operated.ask(&format!("show ssl cert {own}")).contains("\nStatus: Unused\n"));
    let added = operated.ask(&format!("add server l/t {to} ssl verify none crt {own}"));
    assert!(added.starts_with("New server registered."), "{added}");
    operated.ask("enable server l/t");
    assert_eq!(told(), b"two.example");
}

#[test]
fn wrong_deployments_are_answered_in_haproxys_words() {
    let (folder, operated) = deployed("crt-list HERE/list.txt");
    let list = folder.path().join("list.txt").display().to_string();
    for (line, answer) in [
        ("set ssl cert x", "'set ssl cert expects a filename and a certificate as a payload\n\n"),
        ("commit ssl cert", "'commit ssl cert expects a filename\n\n"),
        ("abort ssl cert x", "No ongoing transaction!\n\n"),
        ("new ssl cert", "'new ssl cert' expects a filename\n\n"),
        ("del ssl cert nope", "Can't remove the certificate: certificate 'nope' doesn't exist!\n\n\n"),
        (
            "show ssl cert nope",
            "Can't display the certificate: Not found or the certificate is a bundle!\n\n",
        ),
        ("show ssl crt-list nope", "didn't find the specified filename\n\n"),
        ("add ssl crt-list nope x", "Can't edit the crt-list: crt-list 'nope' does not exist!\n\n"),
        ("add ssl crt-list LIST nope", "Can't edit the crt-list: certificate 'nope' does not exist!\n\n"),
        ("del ssl crt-list LIST nope", "Can't delete the entry: certificate 'nope' does not exist!\n\n"),
        ("del ssl crt-list LIST", "'del ssl crtlist' expects a filename and a certificate name\n\n"),
    ] {
        assert_eq!(operated.ask(&line.replace("LIST", &list)), answer, "{line}");
    }
    assert_eq!(
        set(&operated, "nope", &pem("first.example")),
        "Can't replace a certificate which is not referenced by the configuration!\nCan't update nope!\n\n"
    );
}
