//! Names and OCSP responses over the runtime API: `show ssl sni`, `show` and `set ssl ocsp-response`.

use crate::authority::authority;
use crate::place::Folder;
use crate::runtime_api::{Operated, converse};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn openssl(folder: &Path, words: &str) -> String {
    let mut command = Command::new("openssl");
    let output =
        command.args(words.split_whitespace()).current_dir(folder).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A response of the authority that a name's certificate is good (`V`) or revoked (`R`) for that many days.
fn response(folder: &Folder, name: &str, letter: &str, days: u32) -> PathBuf {
    let (root, leaf) = (authority().root(), authority().leaf(name));
    let serial = openssl(folder.path(), &format!("x509 -noout -serial -in {}", leaf.display()));
    let serial = serial.trim().trim_start_matches("serial=");
    let since = if letter == "R" { "200101000000Z" } else { "" };
    folder.file("index", format!("{letter}\t401231000000Z\t{since}\t{serial}\tunknown\t/CN={name}\n"));
    folder.file("index.attr", "");
    let (ca, key) = (root.display(), root.with_file_name("ca.key").display().to_string());
    let out = format!("{name}.{letter}.{days}.der");
    openssl(
        folder.path(),
        &format!(
            "ocsp -index index -rsigner {ca} -rkey {key} -CA {ca} -issuer {ca} -cert {} -ndays {days} -respout {out}",
            leaf.display()
        ),
    );
    folder.path().join(out)
}

/// What `openssl s_client -status` says of the stapled response.
fn stapled(to: SocketAddr, name: &str) -> String {
    openssl(Path::new("/"), &format!("s_client -connect {to} -servername {name} -status"))
}

fn base64(file: &Path) -> String {
    openssl(Path::new("/"), &format!("base64 -A -in {}", file.display()))
}

#[test]
fn a_response_that_is_set_is_stapled_to_the_next_handshake() {
    let folder = Folder::new();
    let site = folder.file("site.pem", std::fs::read(authority().leaf("staple.example")).unwrap());
    let text =
        format!("frontend f\n bind <https> ssl crt {}\n http-request return status 200\n", site.display());
    let operated = Operated::start("level admin", &text);
    let to = operated.lockgate.at("https");
    assert!(stapled(to, "staple.example").contains("OCSP response: no response sent"));
    assert_eq!(operated.ask("show ssl ocsp-response"), "\n");

    let good = response(&folder, "staple.example", "V", 7);
    let said = operated.ask(&format!("set ssl ocsp-response {}", base64(&good).trim()));
    assert_eq!(said, "OCSP Response updated!\n\n");
    let seen = stapled(to, "staple.example");
    assert!(seen.contains("Cert Status: good"), "{seen}");

    let ids = operated.ask("show ssl ocsp-response");
    assert!(ids.starts_with("# Certificate IDs\nCertificate ID key : 30"), "{ids}");
    let key = ids.lines().nth(1).unwrap().rsplit(' ').next().unwrap();
    let told = operated.ask(&format!("show ssl ocsp-response {key}"));
    for part in ["    Responder Id: CN = e2e\n", "      Hash Algorithm: sha1\n", "    Cert Status: good\n"] {
        assert!(told.contains(part), "{told}");
    }
    let ours = |line: &str| told.lines().find(|l| l.trim().starts_with(line)).unwrap().trim().to_owned();
    for line in ["Issuer Name Hash", "Issuer Key Hash", "Serial Number", "This Update", "Next Update"] {
        assert!(seen.contains(&ours(line)), "{line}: {told}\n{seen}");
    }
    let name = site.display();
    assert!(
        operated.ask(&format!("show ssl cert {name}")).ends_with(&format!("\nOCSP Response Key: {key}\n\n"))
    );
    assert_eq!(operated.ask(&format!("show ssl cert {name}.ocsp")), told);

    // a payload of several lines
    let longer = response(&folder, "staple.example", "V", 9);
    let lines = openssl(Path::new("/"), &format!("base64 -in {}", longer.display()));
    let said = converse(&operated.socket(), &format!("set ssl ocsp-response <<\n{lines}\n"));
    assert_eq!(said, "OCSP Response updated!\n\n");
    assert_ne!(operated.ask(&format!("show ssl ocsp-response {key}")), told);

    // that it is revoked is told to clients too
    let revoked = response(&folder, "staple.example", "R", 7);
    let said = operated.ask(&format!("set ssl ocsp-response {}", base64(&revoked).trim()));
    assert_eq!(said, "OCSP Response updated!\n\n");
    let told = operated.ask(&format!("show ssl ocsp-response {key}"));
    assert!(told.contains("\n    Cert Status: revoked\n"), "{told}");
    let seen = stapled(to, "staple.example");
    assert!(seen.contains("Cert Status: revoked"), "{seen}");
}

#[test]
fn a_response_comes_in_as_a_part_of_its_certificate() {
    let folder = Folder::new();
    let site = folder.file("site.pem", std::fs::read(authority().leaf("part.example")).unwrap());
    let text =
        format!("frontend f\n bind <https> ssl crt {}\n http-request return status 200\n", site.display());
    let operated = Operated::start("level admin", &text);
    let (to, name) = (operated.lockgate.at("https"), site.display());
    let set = |response: &Path| {
        let lines = openssl(Path::new("/"), &format!("base64 -in {}", response.display()));
        converse(&operated.socket(), &format!("set ssl cert {name}.ocsp <<\n{lines}\n"))
    };
    let good = response(&folder, "part.example", "V", 7);
    let root = std::fs::read_to_string(authority().root()).unwrap();
    let said = converse(&operated.socket(), &format!("set ssl cert {name}.issuer <<\n{root}\n"));
    assert_eq!(said, format!("Transaction created for certificate {name}!\n\n"));
    assert_eq!(set(&good), format!("Transaction updated for certificate {name}!\n\n"));
    assert!(stapled(to, "part.example").contains("OCSP response: no response sent"));
    assert!(operated.ask(&format!("commit ssl cert {name}")).ends_with("\nSuccess!\n\n"));
    assert!(stapled(to, "part.example").contains("Cert Status: good"));
    // one about another certificate is not stapled, and the transaction is over
    set(&response(&folder, "other.example", "V", 7));
    let said = operated.ask(&format!("commit ssl cert {name}"));
    assert!(said.contains("it is about another certificate") && said.ends_with("\nFailed!\n\n"), "{said}");
    assert_eq!(operated.ask(&format!("abort ssl cert {name}")), "No ongoing transaction!\n\n");
    assert!(stapled(to, "part.example").contains("Cert Status: good"));
}

#[test]
fn a_response_that_helps_nobody_is_refused_and_changes_nothing() {
    let folder = Folder::new();
    let site = authority().leaf("refused.example");
    let text =
        format!("frontend f\n bind <https> ssl crt {}\n http-request return status 200\n", site.display());
    let operated = Operated::start("level admin", &text);
    let other = base64(&response(&folder, "another.example", "V", 7));
    for (line, answer) in [
        ("show ssl ocsp-response 00aa", "Certificate ID or path does not match any certificate.\n\n"),
        ("set ssl ocsp-response", "'set ssl ocsp-response' expects response in base64 encoding.\n\n"),
        ("set ssl ocsp-response zz", "'set ssl ocsp-response' received invalid base64 encoded response.\n\n"),
        ("set ssl ocsp-response MIICtwoBAKCC", "Unable to parse OCSP response.\n\n"),
        (
            &format!("set ssl ocsp-response {}", other.trim()),
            "OCSP single response: Certificate ID does not match any certificate or issuer.\n\n",
        ),
    ] {
        assert_eq!(operated.ask(line), answer, "{line}");
    }
    let seen = stapled(operated.lockgate.at("https"), "refused.example");
    assert!(seen.contains("OCSP response: no response sent"), "{seen}");
}

#[test]
fn names_are_told_with_their_certificates() {
    let folder = Folder::new();
    let (one, two) = (authority().leaf("one.example"), authority().leaf("two.example"));
    let list =
        folder.file("list", format!("{}\n{} *.two.example !no.two.example\n", one.display(), two.display()));
    let text = format!(
        "frontend f\n bind <https> ssl crt-list {}\n http-request return status 200\n\
         frontend g\n bind <other> ssl strict-sni crt {}\n http-request return status 200\n",
        list.display(),
        two.display()
    );
    let operated = Operated::start("level operator", &text);
    let answer = operated.ask("show ssl sni");
    let rows: Vec<Vec<&str>> =
        answer.lines().filter(|line| !line.is_empty()).map(|line| line.split('\t').collect()).collect();
    assert_eq!(
        rows[0],
        ["# Frontend/Bind", "SNI", "Negative Filter", "Type", "Filename", "NotAfter", "NotBefore"]
    );
    let (one, two) = (one.display().to_string(), two.display().to_string());
    let told: Vec<_> = rows[1..].iter().map(|row| (&row[0][..2], row[1], row[2], row[3], row[4])).collect();
    assert_eq!(
        told,
        [
            ("f/", "one.example", "-", "ecdsa", one.as_str()),
            ("f/", "*", "-", "ecdsa", one.as_str()),
            ("f/", "*.two.example", "!no.two.example", "ecdsa", two.as_str()),
            ("g/", "two.example", "-", "ecdsa", two.as_str()),
        ]
    );
    assert!(rows[1][0].rsplit_once(':').is_some_and(|(_, line)| line.parse::<u32>().is_ok()), "{answer}");
    assert!(rows[1][5].ends_with(" GMT") && rows[1][6].ends_with(" GMT"), "{answer}");
    assert_eq!(operated.ask("show ssl sni -f g").lines().filter(|line| line.starts_with("g/")).count(), 1);
    // the authority's certificates live for 30 days
    let lines = |line: &str| operated.ask(line).lines().filter(|l| l.contains(".example")).count();
    assert_eq!((lines("show ssl sni -A"), lines("show ssl sni -A -t 31d")), (0, 4));
    assert_eq!(operated.ask("show ssl sni -f x"), "Couldn't find the specified frontend!\n\n");
    assert_eq!(operated.ask("show ssl sni -f"), "'-f' requires a frontend name!\n\n");
}
