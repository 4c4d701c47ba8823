//! What is asked at a terminal, and what is not where nobody sits at one.

use super::{By, Machine};
use std::io::Write;
use std::process::Stdio;

impl Machine {
    /// Runs at a terminal where somebody types these lines; what stood there, and the exit code.
    fn at_terminal(&self, words: &str, lines: &[&str]) -> (String, i32) {
        let words: Vec<&str> = words.split_whitespace().collect();
        let inner = self.command(By::Us, &words);
        let quoted = |word: &std::ffi::OsStr| format!("'{}'", word.to_string_lossy());
        let line: Vec<String> =
            std::iter::once(inner.get_program()).chain(inner.get_args()).map(quoted).collect();
        // `script` makes the terminal and hands on the exit code.
        let mut command = std::process::Command::new("script");
        command.args(["-qec", &line.join(" "), "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.current_dir(self.folder.path());
        command.envs(inner.get_envs().filter_map(|(key, value)| Some((key, value?))));
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        for line in lines {
            writeln!(input, "{line}").unwrap();
        }
        let output = child.wait_with_output().unwrap();
        drop(input);
        (String::from_utf8_lossy(&output.stdout).replace('\r', ""), output.status.code().unwrap())
    }
}

#[test]
fn a_newcomer_is_asked_for_what_is_missing() {
    let machine = Machine::new();
    let port = machine.http.port();
    let (said, code) = machine.at_terminal(
        &format!("certonly --http-01-port {port}"),
        &["a.example, www.a.example", "1", "me@example.com", "y"],
    );
    assert_eq!(code, 0, "{said}");
    for part in [
        "Please enter the domain name(s)",
        "How would you like to authenticate with the ACME CA?",
        "Enter email address",
        "(Y)es/(N)o",
        "Successfully received certificate.",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }

    let standalone = format!("certonly --standalone --http-01-port {port}");
    let (said, code) = machine.at_terminal(&format!("{standalone} -d a.example,www.a.example"), &["1"]);
    assert!(code == 0 && said.contains("1: Keep the existing certificate for now"), "{said}");
    assert_eq!(machine.linked("live/a.example/cert.pem"), "../../archive/a.example/cert1.pem");
    let (said, code) = machine.at_terminal(&format!("{standalone} -d a.example,www.a.example"), &["2"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(machine.linked("live/a.example/cert.pem"), "../../archive/a.example/cert2.pem");

    let more = format!("{standalone} -d a.example,www.a.example,b.example");
    let (said, code) = machine.at_terminal(&more, &["C"]);
    assert!(code == 1 && said.contains("(E)xpand/(C)ancel"), "{said}");
    let (said, code) = machine.at_terminal(&more, &["E"]);
    assert_eq!(code, 0, "{said}");
    assert!(machine.done(By::Us, "certificates").contains("Domains: a.example www.a.example b.example"));
    let (said, code) =
        machine.at_terminal(&format!("{standalone} --cert-name a.example -d a.example"), &["n"]);
    assert!(code == 1 && said.contains("Do you want to replace it?"), "{said}");

    let look = format!("certonly --standalone --http-01-port {port} --debug-challenges -d d.example");
    let (said, code) = machine.at_terminal(&look, &[""]);
    assert!(code == 0 && said.contains("Press Enter to Continue"), "{said}");
    machine.done(By::Us, "delete --cert-name d.example -n");
    let (said, code) = machine.at_terminal("delete", &["1", "n"]);
    assert!(code == 0 && said.contains("Deletion of certificate(s) canceled."), "{said}");
    let (said, code) = machine.at_terminal("delete", &["1", "y"]);
    assert!(code == 0 && said.contains("Deleted all files relating to certificate a.example."), "{said}");
}

#[test]
fn without_somebody_to_ask_the_flag_is_named() {
    let machine = Machine::new();
    let port = machine.http.port();
    let standalone = format!("certonly --standalone --http-01-port {port} -d a.example");
    // -q asks as little as -n, even at a terminal.
    for quiet in ["-n", "-q"] {
        let (said, code) = machine.at_terminal(&format!("{standalone} {quiet} -m me@example.com"), &[]);
        assert!(code == 1 && said.contains("(You can set this with the --agree-tos flag)"), "{said}");
    }
    // The terms are refused: no account, no certificate.
    let (said, code) = machine.at_terminal(&format!("{standalone} -m me@example.com"), &["n"]);
    assert!(code == 1 && !machine.etc("live").exists(), "{said}");
    // Of two accounts one has to be chosen.
    machine.obtain(By::Us, "-d a.example", "");
    let accounts = machine.etc("accounts");
    let aside = machine.folder.path().join("aside");
    std::fs::rename(&accounts, &aside).unwrap();
    machine.obtain(By::Us, "-d b.example", "");
    let mut copy = std::process::Command::new("cp");
    assert!(copy.arg("-rT").arg(&aside).arg(&accounts).status().unwrap().success());
    let new = format!("certonly --standalone --http-01-port {port} -d c.example");
    let said = machine.run(By::Us, &format!("{new} -n"));
    assert!(said.code == 1 && said.err.contains("(You can set this with the --account flag)"), "{said:?}");
    let (said, code) = machine.at_terminal(&new, &["2"]);
    assert!(code == 0 && said.contains("Please choose an account"), "{said}");
    let new = new.replace("c.example", "d.example");
    let none = machine.run(By::Us, &format!("{new} -n --account 0123456789abcdef0123456789abcdef"));
    assert!(none.code == 1 && none.err.contains("does not exist"), "{none:?}");
}
