//! Certificates that the command line obtains through the proxies that run on the machine: several of them, behind a
//! master, over TCP, and those that are closed to it or are another program.

use super::{By, Machine, Said};
use crate::pebble::Pebble;
use crate::place::{Folder, free_address};
use crate::program::{Lockgate, Player};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

const DEFAULTS: &str = "defaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\nfrontend f\n bind <http>\n \
     http-request return status 404\n";

/// A proxy whose runtime API is served as these words say.
fn proxy(player: Player, flags: &[&str], global: &str) -> Lockgate {
    Lockgate::called(player, flags, &format!("global\n {global}\n{DEFAULTS}"))
}

/// A machine without a port of its own for proofs: the authority looks at a proxy's.
fn machine(http: SocketAddr, socket: &str) -> Machine {
    let pebble =
        Pebble::start(http, free_address(), &[("PEBBLE_WFE_NONCEREJECT", "0"), ("PEBBLE_AUTHZREUSE", "0")]);
    Machine::of(pebble, http, socket.into())
}

const WORDS: &str = "certonly -n --agree-tos -m me@example.com -d a.example";

/// Standalone would want the port that the proxy has.
fn obtain(machine: &Machine) -> Said {
    machine.run(By::Us, &format!("{WORDS} --standalone --http-01-port {}", machine.http.port()))
}

#[test]
fn behind_a_master_in_another_root_folder() {
    let jail = Folder::new();
    let master = format!("{}/master.sock", jail.path().display());
    let global = format!("user nobody\n chroot {}", jail.path().display());
    let proxy = proxy(Player::Tested, &["-W", "-S", &master], &global);
    let machine = machine(proxy.at("http"), &master);
    let said = obtain(&machine);
    assert_eq!(said.code, 0, "{said:?}");
    // No way is named: the proxy is one.
    let said = machine.run(By::Us, "certonly -n -d b.example");
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn over_tcp_on_this_machine_alone() {
    let tcp = free_address();
    let proxy = proxy(Player::Tested, &["-db"], &format!("stats socket ipv4@{tcp} level admin"));
    let machine = machine(proxy.at("http"), &tcp.to_string());
    let said = obtain(&machine);
    assert_eq!(said.code, 0, "{said:?}");
    let away = Machine { socket: "192.0.2.1:9999".into(), ..machine };
    let port = away.http.port();
    let said = away.run(By::Us, &format!("certonly -n -d b.example --standalone --http-01-port {port}"));
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.err.contains("192.0.2.1:9999 is not on this machine, and keys are not sent to another"),
        "{said:?}"
    );
}

#[test]
fn what_keeps_a_proxy_from_answering_is_said() {
    let proxy = proxy(
        Player::Tested,
        &["-db"],
        "stats socket <folder>/low.sock level operator mode 666\n stats socket <folder>/closed.sock level admin mode 600",
    );
    let at = |name: &str| proxy.folder().path().join(name).display().to_string();
    let low = machine(proxy.at("http"), &at("low.sock"));
    let said = obtain(&low);
    assert_eq!(said.code, 1, "{said:?}");
    for part in
        ["cannot be listened on", "low.sock does not let challenges be answered", "needs 'level admin'"]
    {
        assert!(said.err.contains(part), "{part}: {said:?}");
    }
    // Somebody without rights.
    let closed = machine(proxy.at("http"), &at("closed.sock"));
    let everybody = std::fs::Permissions::from_mode(0o777);
    for folder in [closed.folder.path(), proxy.folder().path()] {
        std::fs::set_permissions(folder, everybody.clone()).unwrap();
    }
    let mut inner = closed.command(By::Us, &WORDS.split(' ').collect::<Vec<_>>());
    inner.args(["--standalone", "--http-01-port", &closed.http.port().to_string()]);
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(inner.get_program())
        .args(inner.get_args());
    command
        .envs(inner.get_envs().filter_map(|(key, value)| Some((key, value?))))
        .current_dir(closed.folder.path());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(err.contains("closed.sock is closed to this user: run as one to whom it is open"), "{err}");
}

/// Several sockets in the machine's configuration: another program's, one that is closed to us, and two of ours, of which
/// the authority meets the second.
#[test]
fn all_proxies_of_the_machine_answer() {
    let tcp = free_address();
    let haproxy = proxy(Player::Oracle, &["-db"], "stats socket <folder>/api.sock level admin");
    let low = proxy(Player::Tested, &["-db"], "stats socket <folder>/api.sock level operator");
    let first = proxy(Player::Tested, &["-db"], "stats socket <folder>/api.sock level admin");
    let second = proxy(Player::Tested, &["-db"], &format!("stats socket ipv4@{tcp} level admin"));
    let socket = |proxy: &Lockgate| format!(" stats socket {}/api.sock\n", proxy.folder().path().display());
    let sockets = [&haproxy, &low, &first].map(socket).concat();
    let machine = machine(second.at("http"), "");
    let config = machine.folder.file("haproxy.cfg", format!("global\n{sockets} stats socket ipv4@{tcp}\n"));
    let inner = machine.command(By::Us, &WORDS.split(' ').collect::<Vec<_>>());
    let mut command = Command::new("unshare");
    let line = format!("mount --bind {} /etc/haproxy/haproxy.cfg && exec \"$0\" \"$@\"", config.display());
    command
        .args(["--map-root-user", "--mount", "sh", "-c", &line])
        .arg(inner.get_program())
        .args(inner.get_args());
    command
        .envs(inner.get_envs().filter_map(|(key, value)| Some((key, value?))))
        .current_dir(machine.folder.path());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(machine.etc("live/a.example/fullchain.pem").exists());
}
