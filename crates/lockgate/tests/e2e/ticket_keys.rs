//! `tls-ticket-keys`: processes with the same keys accept each other's tickets, and keys are changed at run time.

use crate::authority::authority;
use crate::place::{Folder, wait_for};
use crate::runtime_api::Operated;
use std::path::Path;
use std::process::{Command, Stdio};

fn openssl(words: &str) -> String {
    let output =
        Command::new("openssl").args(words.split_whitespace()).stdin(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn key() -> String {
    openssl("rand -base64 48").replace('\n', "").trim().to_owned()
}

fn process(keys: &Path) -> Operated {
    let leaf = authority().leaf("tickets.example");
    let text = format!(
        "frontend f\n bind <https> ssl crt {} tls-ticket-keys {}\n http-request return status 200\n",
        leaf.display(),
        keys.display()
    );
    Operated::start("level admin", &text)
}

/// A full handshake that keeps its ticket in `session`.
fn begin(to: &Operated, version: &str, session: &Path) {
    let https = to.lockgate.at("https");
    let request = format!(
        "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | openssl s_client -connect {https} -{version} -ign_eof -sess_out {}",
        session.display()
    );
    let output = Command::new("sh").args(["-c", &request]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("\nNew, "), "{said}");
}

/// Whether the ticket in `session` is believed there.
fn resumes(to: &Operated, version: &str, session: &Path) -> bool {
    let https = to.lockgate.at("https");
    openssl(&format!("s_client -connect {https} -{version} -sess_in {}", session.display()))
        .contains("\nReused, ")
}

#[test]
fn processes_with_the_same_keys_believe_each_others_tickets() {
    let folder = Folder::new();
    let keys: Vec<String> = (0..3).map(|_| key()).collect();
    let file = folder.file("keys", keys.join("\n") + "\n");
    let other = folder.file("other", format!("{}\n{}\n{}\n", key(), key(), key()));
    let (first, second, stranger) = (process(&file), process(&file), process(&other));
    for version in ["tls1_2", "tls1_3"] {
        let session = folder.path().join(version);
        begin(&first, version, &session);
        assert!(resumes(&second, version, &session), "{version}");
        assert!(!resumes(&stranger, version, &session), "{version}");
    }

    // Two new keys: tickets of the old ones are still opened after the first, no more after the second.
    let session = folder.path().join("tls1_3");
    let update = |on: &Operated, key: &str| {
        assert_eq!(
            on.ask(&format!("set ssl tls-key {} {key}", file.display())),
            "TLS ticket key updated!\n\n"
        );
    };
    update(&second, &key());
    assert!(resumes(&second, "tls1_3", &session));
    update(&second, &key());
    assert!(!resumes(&second, "tls1_3", &session));
    assert!(resumes(&first, "tls1_3", &session), "the other process keeps its own");
}

#[test]
fn keys_are_shown_to_administrators_and_wrong_ones_refused() {
    let folder = Folder::new();
    let keys: Vec<String> = (0..3).map(|_| key()).collect();
    let file = folder.file("keys", keys.join("\n") + "\n");
    let operated = process(&file);
    let path = file.display();
    assert_eq!(operated.ask("show tls-keys"), format!("# id (file)\n0 ({path})\n\n"));
    let secrets = format!("# id secret\n# 0 ({path})\n0.0 {}\n0.1 {}\n0.2 {}\n\n", keys[0], keys[1], keys[2]);
    for word in ["*".to_owned(), "#0".to_owned(), path.to_string()] {
        assert_eq!(operated.ask(&format!("show tls-keys {word}")), secrets, "{word}");
    }
    for (line, answer) in [
        ("show tls-keys #7".to_owned(), "'show tls-keys' unable to locate referenced filename"),
        (
            "set ssl tls-key".to_owned(),
            "'set ssl tls-key' expects a filename and the new TLS key in base64 encoding.",
        ),
        ("set ssl tls-key x AAAA".to_owned(), "'set ssl tls-key' unable to locate referenced filename"),
        ("set ssl tls-key #0 AAAA".to_owned(), "'set ssl tls-key' received a key of wrong size."),
        ("set ssl tls-key #0 !".to_owned(), "'set ssl tls-key' received invalid base64 encoded TLS key."),
    ] {
        assert_eq!(operated.ask(&line), format!("{answer}\n\n"), "{line}");
    }
    assert_eq!(operated.ask("show tls-keys *"), secrets, "nothing has changed");
}

#[test]
fn sessions_are_taken_up_for_their_lifetime_and_no_longer() {
    let (folder, leaf) = (Folder::new(), authority().leaf("tickets.example"));
    let operated = Operated::start(
        "level admin\n tune.ssl.lifetime 4s",
        &format!("frontend f\n bind <https> ssl crt {}\n http-request return status 200\n", leaf.display()),
    );
    for version in ["tls1_2", "tls1_3"] {
        let session = folder.path().join(version);
        begin(&operated, version, &session);
        assert!(resumes(&operated, version, &session), "{version}");
        assert!(wait_for(|| (!resumes(&operated, version, &session)).then_some(())).is_some(), "{version}");
    }
}
