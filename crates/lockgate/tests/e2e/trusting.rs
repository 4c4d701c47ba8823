//! Authorities and revocation lists over the runtime API: who is let in changes with the next handshake.

use crate::authority::authority;
use crate::client::{curl, try_curl};
use crate::place::Folder;
use crate::runtime_api::{Operated, converse};
use std::path::{Path, PathBuf};
use std::process::Command;

fn openssl(folder: &Path, words: &str) {
    let output = Command::new("openssl").args(words.split_whitespace()).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Sends a file as the payload of a `set`.
fn set(operated: &Operated, keyword: &str, name: &Path, file: &Path) -> String {
    let pem = std::fs::read_to_string(file).unwrap();
    let pem = pem.trim_end();
    converse(&operated.socket(), &format!("set ssl {keyword} {} <<\n{pem}\n\n", name.display()))
}

/// Another authority's certificate, with a certificate and key of its own in `client.pem`.
fn stranger(folder: &Folder) -> PathBuf {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(folder.path(), &format!("req -x509 {key} -days 30 -subj /CN=other -keyout k -out other.pem"));
    openssl(folder.path(), &format!("req {key} -subj /CN=stranger -keyout key -out csr"));
    openssl(folder.path(), "x509 -req -in csr -CA other.pem -CAkey k -CAcreateserial -days 30 -out crt");
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    folder.file("client.pem", format!("{}{}", read("crt"), read("key")));
    folder.path().join("other.pem")
}

/// Whether a client with this certificate is let in.
fn enters(operated: &Operated, certificate: &Path) -> bool {
    let port = operated.lockgate.at("https").port();
    let (code, _) = try_curl(&format!(
        "--resolve app.example:{port}:127.0.0.1 https://app.example:{port}/ --cert {}",
        certificate.display()
    ));
    code == 0
}

fn guarded(words: &str) -> Operated {
    let site = authority().leaf("app.example");
    let text = format!(
        "frontend f\n bind <https> ssl crt {} verify required {words}\n http-request return status 200\n",
        site.display()
    );
    Operated::start("level admin", &text)
}

#[test]
fn a_committed_authority_decides_who_is_let_in() {
    let folder = Folder::new();
    let other = stranger(&folder);
    let ca = folder.file("ca.pem", std::fs::read(authority().root()).unwrap());
    let operated = guarded(&format!("ca-file {}", ca.display()));
    let (own, strange) = (authority().leaf("client.example"), folder.path().join("client.pem"));
    assert_eq!((enters(&operated, &own), enters(&operated, &strange)), (true, false));

    let name = ca.display().to_string();
    assert_eq!(set(&operated, "ca-file", &ca, &other), format!("transaction created for CA {name}!\n\n"));
    assert_eq!(set(&operated, "ca-file", &ca, &other), format!("transaction updated for CA {name}!\n\n"));
    assert_eq!(
        operated.ask("show ssl ca-file"),
        format!("# transaction\n*{name} - 1 certificate(s)\n# filename\n{name} - 1 certificate(s)\n\n")
    );
    let waiting = operated.ask(&format!("show ssl ca-file *{name}"));
    assert!(waiting.starts_with(&format!("Filename: *{name}\nStatus: Unused\n \nCertificate #1:\nSerial: ")));
    assert!(waiting.ends_with("\nSubject: /CN=other\nIssuer: /CN=other\n\n"), "{waiting}");
    assert_eq!((enters(&operated, &own), enters(&operated, &strange)), (true, false), "not yet committed");

    let said = operated.ask(&format!("commit ssl ca-file {name}"));
    assert_eq!(said, format!("Committing {name}.\nSuccess!\n\n"));
    assert_eq!((enters(&operated, &own), enters(&operated, &strange)), (false, true));
    let now = operated.ask(&format!("show ssl ca-file {name}:1"));
    assert!(now.contains("\nStatus: Used\n") && now.contains("/CN=other"), "{now}");
    assert_eq!(operated.ask(&format!("show ssl ca-file {name}:9")), "\n");
}

#[test]
fn a_committed_list_shuts_out_who_is_revoked() {
    let folder = Folder::new();
    let client = authority().leaf("revoked.example");
    let (root, key) = (authority().root(), authority().root().with_file_name("ca.key"));
    let ca = "database=index\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=30\n";
    folder.file("ca.cnf", format!("[ca]\ndefault_ca=d\n[d]\n{ca}"));
    folder.file("index", "");
    folder.file("number", "01\n");
    let by = format!("ca -config ca.cnf -keyfile {} -cert {}", key.display(), root.display());
    openssl(folder.path(), &format!("{by} -gencrl -out empty.pem"));
    openssl(folder.path(), &format!("{by} -revoke {}", client.display()));
    openssl(folder.path(), &format!("{by} -gencrl -out full.pem"));
    let list = folder.file("crl.pem", std::fs::read(folder.path().join("empty.pem")).unwrap());
    let operated = guarded(&format!("ca-file {} crl-file {}", root.display(), list.display()));
    assert!(enters(&operated, &client));

    let name = list.display().to_string();
    assert!(operated.ask(&format!("show ssl crl-file {name}")).ends_with("\nNo Revoked Certificates.\n\n"));
    let said = set(&operated, "crl-file", &list, &folder.path().join("full.pem"));
    assert_eq!(said, format!("transaction created for CRL {name}!\n\n"));
    let said = operated.ask(&format!("commit ssl crl-file {name}"));
    assert_eq!(said, format!("Committing {name}.\nSuccess!\n\n"));
    assert_eq!(operated.ask("show ssl crl-file"), format!("# filename\n{name}\n\n"));
    let told = operated.ask(&format!("show ssl crl-file {name}"));
    for part in ["Status: Used\n \nCertificate Revocation List #1:\nVersion 2\n", "Issuer: /CN=e2e\n"] {
        assert!(told.contains(part), "{told}");
    }
    assert!(told.contains("\nRevoked Certificates:\n    Serial Number: "), "{told}");
    assert!(!enters(&operated, &client));
    assert!(enters(&operated, &authority().leaf("client.example")));
}

#[test]
fn a_committed_authority_decides_which_servers_are_believed() {
    let folder = Folder::new();
    let other = stranger(&folder);
    let site = authority().leaf("app.example");
    let upstream = Operated::start(
        "level admin",
        &format!("frontend f\n bind <https> ssl crt {}\n http-request return status 200\n", site.display()),
    );
    let ca = folder.file("ca.pem", std::fs::read(authority().root()).unwrap());
    let operated = Operated::start(
        "level admin",
        &format!(
            "listen l\n bind <http>\n server s {} ssl verify required ca-file {}\n",
            upstream.lockgate.at("https"),
            ca.display()
        ),
    );
    let status = || curl(&operated.lockgate.url("http", "/")).status;
    assert_eq!(status(), 200);
    set(&operated, "ca-file", &ca, &other);
    let said = operated.ask(&format!("commit ssl ca-file {}", ca.display()));
    assert_eq!(said, format!("Committing {}.\nSuccess!\n\n", ca.display()));
    // The connection from before is still good.
    assert_eq!(operated.ask("shutdown sessions server l/s"), "\n");
    assert_eq!(status(), 503);
    set(&operated, "ca-file", &ca, &authority().root());
    operated.ask(&format!("commit ssl ca-file {}", ca.display()));
    assert_eq!(status(), 200);
}

#[test]
fn a_new_authority_comes_in_by_a_list() {
    let folder = Folder::new();
    let other = stranger(&folder);
    let site = authority().leaf("app.example");
    let list = folder.file("list", format!("{}\n", site.display()));
    let operated = guarded(&format!("ca-file {} crt-list {}", authority().root().display(), list.display()));
    let new = Path::new("new.pem");
    assert_eq!(operated.ask("new ssl ca-file new.pem"), "New CA file created 'new.pem'!\n\n");
    assert_eq!(operated.ask("new ssl ca-file new.pem"), "CA file 'new.pem' already exists!\n\n");
    assert_eq!(set(&operated, "ca-file", new, &other), "transaction created for CA new.pem!\n\n");
    assert_eq!(operated.ask("commit ssl ca-file new.pem"), "Committing new.pem\nSuccess!\n\n");
    assert!(operated.ask("show ssl ca-file new.pem").contains("\nStatus: Unused\n"));
    let line = format!("{} [ca-file new.pem] strange.example", site.display());
    let said = converse(&operated.socket(), &format!("add ssl crt-list {} <<\n{line}\n\n", list.display()));
    assert!(said.ends_with("Success!\n\n"), "{said}");
    assert!(operated.ask("show ssl ca-file new.pem").contains("\nStatus: Used\n"));
    assert_eq!(
        operated.ask("del ssl ca-file new.pem"),
        "Can't remove the CA file: CA file 'new.pem' in use, can't be deleted!\n\n\n"
    );
    let said = operated.ask(&format!("del ssl crt-list {} {}:2", list.display(), site.display()));
    assert!(said.starts_with("Entry "), "{said}");
    assert_eq!(operated.ask("del ssl ca-file new.pem"), "CA file 'new.pem' deleted!\n\n");
}

#[test]
fn wrong_commands_about_trust_are_answered_in_haproxys_words() {
    let folder = Folder::new();
    let ca = folder.file("ca.pem", std::fs::read(authority().root()).unwrap());
    let operated = guarded(&format!("ca-file {}", ca.display()));
    for (line, answer) in [
        ("show ssl ca-file nope", "Can't display the CA file : Not found!\n\n"),
        ("show ssl crl-file nope", "Can't display the CRL file : Not found!\n\n"),
        ("set ssl ca-file", "'set ssl ca-file expects a filename and CAs as a payload\n\n"),
        ("set ssl crl-file x", "'set ssl crl-file expects a filename and CRLs as a payload\n\n"),
        ("commit ssl ca-file", "'commit ssl ca-file expects a filename\n\n"),
        ("commit ssl ca-file x", "No ongoing transaction! !\nCan't commit x!\n\n"),
        ("abort ssl crl-file", "'abort ssl crl-file' expects a filename\n\n"),
        ("abort ssl crl-file x", "No ongoing transaction!\n\n"),
        ("new ssl ca-file", "'new ssl ca-file' expects a filename\n\n"),
        ("del ssl crl-file", "'del ssl crl-file' expects a CRL file name\n\n"),
        ("del ssl ca-file nope", "Can't remove the CA file: CA file 'nope' doesn't exist!\n\n\n"),
    ] {
        assert_eq!(operated.ask(line), answer, "{line}");
    }
    assert_eq!(
        set(&operated, "ca-file", Path::new("nope"), &ca),
        "Can't replace a CA file which is not referenced by the configuration!\nCan't update nope!\n\n"
    );
    let nothing = folder.file("nothing", "x");
    let name = ca.display();
    assert_eq!(
        set(&operated, "ca-file", &ca, &nothing),
        format!("Invalid payload\nCan't update {name}!\n\n")
    );
    set(&operated, "ca-file", &ca, &ca);
    operated.ask("new ssl ca-file new.pem");
    assert_eq!(
        set(&operated, "ca-file", Path::new("new.pem"), &ca),
        format!(
            "The ongoing transaction is about '{name}' but you are trying to set 'new.pem'\nCan't update new.pem!\n\n"
        )
    );
    assert_eq!(
        operated.ask(&format!("abort ssl ca-file {name}")),
        format!("Transaction aborted for certificate '{name}'!\n\n")
    );
}
