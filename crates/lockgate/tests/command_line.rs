//! The command line as init scripts, test tools and people use it: what is printed where, and the exit code. The
//! expectations of the HAProxy flags are what HAProxy 2.6 does with the same words.
#![allow(clippy::unwrap_used)] // a failed set-up is a failed test

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const GOOD: &str = "defaults\n  mode http\n  timeout client 1s\n  timeout connect 1s\n  timeout server 1s\n\
                    frontend f\n  bind 127.0.0.1:8080\n  http-request return status 200\n";
const BAD: &str = "defaults\n  mode http\nfrontend f\n  bindx 127.0.0.1:8080\n";

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("lockgate-cli-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join("good.cfg"), GOOD).unwrap();
        std::fs::write(path.join("bad.cfg"), BAD).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Answer {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Answer {
    fn from(output: Output) -> Answer {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Answer { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

fn call(program: &Path, folder: &Folder, words: &str, stdin: &str) -> Answer {
    let mut command = Command::new(program);
    command.args(words.split(' ').filter(|w| !w.is_empty())).current_dir(&folder.0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

fn lockgate(folder: &Folder, words: &str) -> Answer {
    call(Path::new(env!("CARGO_BIN_EXE_lockgate")), folder, words, "")
}

#[test]
fn a_good_file_is_called_valid_on_standard_output() {
    let folder = Folder::new("good");
    for words in
        ["-c -f good.cfg", "-c -V -f good.cfg", "-c -- good.cfg", "-c -f good.cfg -Ws -S /x.sock -D -db"]
    {
        let answer = lockgate(&folder, words);
        assert_eq!((answer.code, answer.out.as_str()), (Some(0), "Configuration file is valid\n"), "{words}");
    }
    let quiet = lockgate(&folder, "-c -q -f good.cfg");
    assert_eq!((quiet.code, quiet.out.as_str(), quiet.err.as_str()), (Some(0), "", ""));
}

#[test]
fn a_bad_file_is_refused_with_its_line() {
    let folder = Folder::new("bad");
    let answer = lockgate(&folder, "-c -f bad.cfg");
    assert_eq!((answer.code, answer.out.as_str()), (Some(1), ""));
    assert!(answer.err.contains("parsing [bad.cfg:4]"), "{}", answer.err);
    assert!(answer.err.ends_with(": config : Fatal errors found in configuration.\n"), "{}", answer.err);
    let quiet = lockgate(&folder, "-c -q -f bad.cfg");
    assert_eq!((quiet.code, quiet.err.as_str()), (Some(1), ""));
}

#[test]
fn warnings_are_mentioned_and_fatal_where_none_are_tolerated() {
    let folder = Folder::new("warn");
    std::fs::write(folder.0.join("warn.cfg"), format!("{GOOD}.warning \"look here\"\n")).unwrap();
    let answer = lockgate(&folder, "-c -f warn.cfg");
    assert_eq!(answer.code, Some(0));
    assert_eq!(answer.out, "Warnings were found.\nConfiguration file is valid\n");
    assert!(answer.err.contains("look here"), "{}", answer.err);
    let strict = lockgate(&folder, "-c -dW -f warn.cfg");
    assert_eq!((strict.code, strict.out.as_str()), (Some(1), ""));
    assert!(strict.err.contains("Some warnings were found and 'zero-warning' is set. Aborting."));
}

/// Scripts tell by the code 2 a configuration that is right and would serve nobody.
#[test]
fn a_configuration_that_listens_nowhere_is_no_error_and_does_not_start() {
    let folder = Folder::new("nowhere");
    let nowhere = "Configuration file has no error but will not start (no listener) => exit(2).\n";
    std::fs::write(folder.0.join("empty.cfg"), "").unwrap();
    std::fs::write(folder.0.join("off.cfg"), GOOD.replace("frontend f", "frontend f\n  disabled")).unwrap();
    let socket = folder.0.join("api.sock");
    std::fs::write(folder.0.join("api.cfg"), format!("global\n  stats socket {}\n", socket.display()))
        .unwrap();
    for words in ["-c -f empty.cfg", "-c -f off.cfg", "check off.cfg"] {
        let answer = lockgate(&folder, words);
        assert_eq!((answer.code, answer.out.as_str()), (Some(2), nowhere), "{words}");
    }
    for words in ["-c -f api.cfg", "-c -W -f empty.cfg"] {
        assert_eq!(lockgate(&folder, words).code, Some(0), "{words}");
    }
    let answer = lockgate(&folder, "-f empty.cfg -db");
    assert_eq!(answer.code, Some(1));
    assert!(answer.err.contains("No enabled listener found (check for 'bind' directives) ! Exiting."));
}

#[test]
fn a_master_socket_without_a_master_is_warned_of() {
    let folder = Folder::new("idle");
    let answer = lockgate(&folder, "-c -f good.cfg -S /x.sock");
    assert_eq!(
        (answer.code, answer.out.as_str()),
        (Some(0), "Warnings were found.\nConfiguration file is valid\n")
    );
    assert!(answer.err.contains("but master-worker mode (-W) is not enabled"), "{}", answer.err);
}

#[test]
fn loaded_libraries_are_listed() {
    let folder = Folder::new("libraries");
    let answer = lockgate(&folder, "-q -c -dL -f good.cfg");
    assert_eq!(answer.code, Some(0));
    assert!(answer.out.lines().all(|path| Path::new(path).is_file()), "{}", answer.out);
    assert!(answer.out.lines().any(|path| path.ends_with("/lockgate")), "{}", answer.out);
}

#[test]
fn standard_input_and_folders_are_read() {
    let folder = Folder::new("input");
    let program = Path::new(env!("CARGO_BIN_EXE_lockgate"));
    assert_eq!(call(program, &folder, "-c -f -", GOOD).code, Some(0));
    let bad = call(program, &folder, "-c -f -", BAD);
    assert_eq!(bad.code, Some(1));
    assert!(bad.err.contains("parsing [-:4]"), "{}", bad.err);
    std::fs::create_dir(folder.0.join("conf.d")).unwrap();
    std::fs::write(folder.0.join("conf.d/a.cfg"), GOOD).unwrap();
    std::fs::write(folder.0.join("conf.d/ignored.conf"), BAD).unwrap();
    assert_eq!(lockgate(&folder, "-c -f conf.d").code, Some(0));
    assert_eq!(lockgate(&folder, "-c -C conf.d -f a.cfg").code, Some(0));
}

#[test]
fn what_cannot_be_opened_is_named() {
    let folder = Folder::new("absent");
    let cases = [
        ("-c -f nowhere.cfg", "Cannot open configuration file/directory nowhere.cfg : No such file"),
        ("-C nowhere -c -f good.cfg", "Could not change to directory nowhere : No such file"),
        ("-f good.cfg -Z", "unknown option '-Z'"),
        ("-c", "no configuration file was given"),
    ];
    for (words, said) in cases {
        let answer = lockgate(&folder, words);
        assert_eq!(answer.code, Some(1), "{words}");
        assert!(answer.err.contains(said), "{words}: {}", answer.err);
    }
}

#[test]
fn accounts_that_do_not_exist_are_found_by_the_check() {
    let folder = Folder::new("accounts");
    std::fs::write(folder.0.join("user.cfg"), format!("global\n  user no-such-user\n{GOOD}")).unwrap();
    let answer = lockgate(&folder, "-c -f user.cfg");
    assert_eq!(answer.code, Some(1));
    assert!(
        answer.err.contains("parsing [user.cfg:2] : cannot find user id for 'no-such-user'"),
        "{}",
        answer.err
    );
}

#[test]
fn a_server_without_an_address_is_tolerated_on_request() {
    let folder = Folder::new("resolve");
    // A name with an empty label: no resolver is asked.
    let text = format!("{GOOD}backend b\n  server s no..such.name:80\n");
    std::fs::write(folder.0.join("name.cfg"), text).unwrap();
    let strict = lockgate(&folder, "-c -f name.cfg");
    assert!(strict.code == Some(1) && strict.err.contains("could not resolve"), "{}", strict.err);
    assert_eq!(lockgate(&folder, "-c -dr -f name.cfg").code, Some(0));
}

#[test]
fn conditions_are_answered_by_the_exit_code() {
    let folder = Folder::new("cc");
    let cases =
        [("version_atleast(2.6)", 0), ("version_atleast(2.9)", 1), ("feature(OPENSSL)", 0), ("foo(", 2)];
    for (condition, code) in cases {
        let answer = lockgate(&folder, &format!("-cc {condition}"));
        assert_eq!(answer.code, Some(code), "{condition}: {}", answer.err);
        assert_eq!(answer.err.contains("Failed to evaluate condition"), code == 2);
    }
}

#[test]
fn the_version_is_our_own() {
    let folder = Folder::new("version");
    let short = lockgate(&folder, "-v");
    assert_eq!(short.code, Some(0));
    let first = format!("Lockgate version {} (HAProxy configuration 2.6)", env!("CARGO_PKG_VERSION"));
    assert!(short.out.starts_with(&first), "{}", short.out);
    let long = lockgate(&folder, "-vv");
    assert!(long.out.starts_with(&short.out) && long.out.contains("\nFeature list : +"), "{}", long.out);
    assert_eq!(lockgate(&folder, "--version").out, format!("lockgate {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn under_haproxys_name_every_word_is_haproxys() {
    let folder = Folder::new("name");
    let haproxy = folder.0.join("haproxy");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_lockgate"), &haproxy).unwrap();
    let alone = call(&haproxy, &folder, "", "");
    assert_eq!(alone.code, Some(1));
    assert!(alone.err.contains("Usage : "), "{}", alone.err);
    assert_eq!(call(&haproxy, &folder, "-c -f good.cfg", "").code, Some(0));
    assert!(call(&haproxy, &folder, "check good.cfg", "").err.contains("unknown option 'check'"));
}

#[test]
fn the_verbs_for_people() {
    let folder = Folder::new("verbs");
    let good = lockgate(&folder, "check good.cfg");
    assert_eq!((good.code, good.out.as_str()), (Some(0), "Configuration file is valid\n"));
    assert_eq!(lockgate(&folder, "check bad.cfg").code, Some(1));
    let word = lockgate(&folder, "keywords timeout client");
    assert_eq!(word.code, Some(0));
    assert!(word.out.starts_with("timeout client ") && word.out.contains("frontend"), "{}", word.out);
    for (word, kind) in [("str", "fetch"), ("lower", "converter"), ("%ci", "log item")] {
        let found = lockgate(&folder, &format!("keywords {word}"));
        assert!(found.out.contains(&format!("\n  {kind}: ")), "{word}: {}", found.out);
    }
    let typo = lockgate(&folder, "keywords balnace");
    assert_eq!((typo.code, typo.err.contains("did you mean 'balance'?")), (Some(1), true));
    assert!(lockgate(&folder, "keywords").out.lines().count() > 100);
}
