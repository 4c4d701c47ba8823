//! How a master and its workers leave: the exit code, what is said, and that nobody is kept waiting.

use crate::household::{Household, Killed};
use crate::place::{is_listening, wait_for};
use crate::program::{Lockgate, Program};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

const TEXT: &str = "defaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
                    frontend f\n bind <http>\n http-request return status 200 content-type text/plain string here\n";

/// The codes are Debian's haproxy's.
#[test]
fn the_signal_decides_about_the_exit_code() {
    for (signal, code, told) in [
        ("TERM", 0, "Current worker (PID) exited with code 143 (Terminated)"),
        ("INT", 130, "Current worker (PID) exited with code 130 (Interrupt)"),
        ("USR1", 0, "Current worker (PID) exited with code 0 (Exit)"),
    ] {
        let mut home = Household::start(TEXT);
        let worker = home.worker().to_string();
        home.lockgate.program().signal(signal);
        assert_eq!(home.lockgate.program().ended().code(), Some(code), "{signal}");
        home.lockgate.logged(&told.replace("PID", &worker));
        home.lockgate.logged(&format!("All workers exited. Exiting... ({code})"));
        assert_eq!(home.lockgate.lines().iter().any(|l| l.contains("[ALERT]")), signal != "USR1");
    }
}

/// Who holds the sockets for the workers to come has none to come.
#[test]
fn a_soft_stop_refuses_newcomers_while_others_finish() {
    let mut home = Household::start(TEXT);
    let mut open = TcpStream::connect(home.lockgate.at("http")).unwrap();
    open.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").unwrap();
    // The worker has taken the connection before it is told to leave.
    wait_for(|| home.ask("@1 show info").contains("\nCurrConns: 1\n").then_some(())).unwrap();
    home.lockgate.program().signal("USR1");
    wait_for(|| (!is_listening(home.lockgate.at("http"))).then_some(())).expect("newcomers are refused");
    assert!(home.lockgate.program().is_running());
    open.write_all(b"\r\n").unwrap();
    let mut all = String::new();
    open.read_to_string(&mut all).unwrap();
    assert!(all.ends_with("here"), "{all}");
    drop(open);
    assert_eq!(home.lockgate.program().ended().code(), Some(0));
}

/// RFC 8446, section 6.1: an end that nobody has announced is one that an attacker may have made.
#[test]
fn tls_connections_end_with_a_word_of_their_end() {
    let chain = crate::authority::authority().leaf("a.example");
    for (more, stops) in [(" timeout client 200ms\n", false), ("", true)] {
        let lockgate = Lockgate::start(&format!(
            "{}{more}",
            TEXT.replace("bind <http>", &format!("bind <http> ssl crt {}", chain.display()))
        ));
        let at = lockgate.at("http").to_string();
        let line = format!(
            "printf 'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n' | openssl s_client -quiet -connect {at}"
        );
        let mut client = Command::new("sh");
        client.args(["-c", &line]);
        let mut client = Program::start(client);
        client.line(|line| line.contains("content-length: 4"));
        if stops {
            let pid = lockgate.pid().to_string();
            assert!(Command::new("kill").args(["-USR1", &pid]).status().unwrap().success());
        }
        assert!(client.ended().success(), "{:?}", client.lines());
        assert!(!client.lines().iter().any(|l| l.contains("unexpected eof")), "{:?}", client.lines());
    }
}

/// An init script waits for its terminal; a service manager is told who serves.
#[test]
fn a_master_in_the_background_tells_its_number() {
    let folder = crate::place::Folder::new();
    let manager = std::os::unix::net::UnixDatagram::bind(folder.path().join("notify")).unwrap();
    manager.set_read_timeout(Some(crate::place::PATIENCE)).unwrap();
    let at = crate::place::free_address();
    let config = folder.file("haproxy.cfg", TEXT.replace("<http>", &at.to_string()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
    command.args(["-D", "-Ws", "-f"]).arg(config).arg("-p").arg(folder.path().join("pid"));
    command.env("NOTIFY_SOCKET", folder.path().join("notify"));
    assert!(Program::start(command).ended().success());
    let pid = std::fs::read_to_string(folder.path().join("pid")).unwrap();
    let _guard = Killed(pid.trim().parse().unwrap());
    let mut piece = [0; 512];
    let count = manager.recv(&mut piece).unwrap();
    assert!(String::from_utf8_lossy(&piece[..count]).contains(&format!("READY=1\nMAINPID={pid}")));
    assert!(Command::new("kill").args(["-TERM", pid.trim()]).status().unwrap().success());
    wait_for(|| (!std::path::Path::new("/proc").join(pid.trim()).exists()).then_some(())).unwrap();
    assert!(!is_listening(at));
}
