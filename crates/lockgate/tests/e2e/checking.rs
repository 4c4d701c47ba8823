//! Health checks that need more than a connection: programs that judge servers, and certificates.

use crate::authority::authority;
use crate::nginx::Nginx;
use crate::place::{Folder, free_address, wait_for};
use crate::program::{Lockgate, Player};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

fn script(folder: &Folder, name: &str, text: &str) -> PathBuf {
    let path = folder.file(name, format!("#!/bin/sh\n{text}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn judged_by(program: &Path, rest: &str) -> Lockgate {
    Lockgate::start(&format!(
        "global\n external-check\n insecure-fork-wanted\n log stdout format raw local0\n\
         defaults\n log global\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
         listen judged\n bind <http>\n option external-check\n option log-health-checks\n\
         external-check path \"/usr/bin:/bin\"\n external-check command {}\n{rest}\n",
        program.display()
    ))
}

#[test]
fn a_program_judges_a_server_and_knows_whom() {
    let folder = Folder::new();
    let told = folder.path().join("told");
    let told = told.display();
    let text = format!(
        "(echo \"$@\"; env | sort) > {told}.tmp; mv {told}.tmp {told}; test -e {told}.good || exit 3"
    );
    let program = script(&folder, "judge", &text);
    let server = " server a 127.0.0.1:4711 maxconn 9 check inter 200ms rise 1 fall 1";
    let lockgate = judged_by(&program, server);
    let line = lockgate.logged("Health check for server judged/a failed");
    assert!(line.contains(", reason: External check error, code: 3, check duration: "), "{line}");
    assert!(line.ends_with("ms, status: 0/1 DOWN."), "{line}");

    folder.file("told.good", "");
    let line = lockgate.logged("Health check for server judged/a succeeded");
    assert!(line.contains(", reason: External check passed, code: 0, check duration: "), "{line}");

    let said = wait_for(|| std::fs::read_to_string(folder.path().join("told")).ok()).unwrap();
    let http = lockgate.at("http");
    let expected = format!(
        "127.0.0.1 {port} 127.0.0.1 4711\nHAPROXY_PROXY_ADDR=127.0.0.1\nHAPROXY_PROXY_ID=1\n\
         HAPROXY_PROXY_NAME=judged\nHAPROXY_PROXY_PORT={port}\nHAPROXY_SERVER_ADDR=127.0.0.1\n\
         HAPROXY_SERVER_CURCONN=0\nHAPROXY_SERVER_ID=1\nHAPROXY_SERVER_MAXCONN=9\nHAPROXY_SERVER_NAME=a\n\
         HAPROXY_SERVER_PORT=4711\nHAPROXY_SERVER_PROTO=h1\nHAPROXY_SERVER_SSL=0\nPATH=/usr/bin:/bin\n",
        port = http.port()
    );
    assert!(said.starts_with(&expected), "{said}");
    assert_eq!(said.replace(&expected, "").lines().filter(|l| !l.starts_with("PWD=")).count(), 0, "{said}");
}

#[test]
fn a_program_that_hangs_is_ended_with_all_it_started() {
    let folder = Folder::new();
    let mark = folder.path().join("running").display().to_string();
    let program = script(&folder, "hang", &format!("echo $$ >> {mark}; sleep 60"));
    let lockgate = judged_by(&program, " server a 127.0.0.1:4711 check inter 300ms rise 1 fall 1");
    let line = lockgate.logged("Health check for server judged/a failed");
    assert!(line.contains(", reason: External check timeout, code: 0, check duration: 3"), "{line}");
    let leader = std::fs::read_to_string(&mark).unwrap().lines().next().unwrap().to_owned();
    let left = || Command::new("pgrep").args(["-g", &leader]).output().unwrap().status.success();
    wait_for(|| (!left()).then_some(())).unwrap();
}

#[test]
fn checks_of_servers_with_another_certificate_say_so_in_haproxys_words() {
    let server = Nginx::start_tls("one.example");
    let root = authority().root();
    let config = format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n timeout connect 5s\n timeout client 5s\n \
         timeout server 5s\n timeout check 5s\nfrontend f\n bind <http>\nbackend b\n default-server check fall 1 inter 300ms ssl \
         verify required ca-file {}\n server configured {at} verifyhost two.example\n server expected {at} check-sni two.example\n",
        root.display(),
        at = server.address(),
    );
    let [theirs, ours] = [Player::Oracle, Player::Tested].map(|player| {
        let proxy = Lockgate::played_by(player, &config);
        ["Server b/configured is DOWN", "Server b/expected is DOWN"].map(|part| {
            let line = proxy.logged(part);
            let from = line.find("reason: ").unwrap();
            line[from..line.find(", check duration").unwrap()].to_owned()
        })
    });
    assert_eq!(theirs, ours);
}

#[test]
fn servers_that_come_and_go_are_told_of_on_standard_error_where_no_log_is_configured() {
    let config = format!(
        "defaults\n timeout connect 5s\n timeout client 10s\n timeout server 10s\nlisten l\n bind <tcp>\n \
         server s {} check inter 100ms rise 1 fall 1\n",
        free_address()
    );
    let mut loud = Lockgate::start(&config);
    let pid = loud.pid();
    let down = format!(
        "[WARNING]  ({pid}) : Server l/s is DOWN, reason: Layer4 connection problem, info: \"Connection refused\""
    );
    loud.logged(&down);
    loud.logged(&format!("[ALERT]    ({pid}) : proxy 'l' has no server available!"));
    loud.program().signal("TERM");
    loud.program().ended();
    let told = |lockgate: &Lockgate| lockgate.lines().iter().filter(|l| l.contains("is DOWN")).count();
    assert_eq!(told(&loud), 1);
    let quiet = Lockgate::called(
        Player::Tested,
        &["-db", "-q"],
        &format!("global\n log stdout format raw local0\n{config} log global\n"),
    );
    quiet.logged("proxy l has no server available!");
    assert_eq!(told(&quiet), 1);
}
