//! What stands in the way of a start or a reload: it is told with its place and the remedy before anything is given up,
//! nothing is half started, and what serves already goes on.

use crate::client::curl;
use crate::household::Household;
use crate::place::{Folder, free_address, is_listening};
use crate::program::{Lockgate, Player, Program};
use crate::upstream::Upstream;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;

const HEAD: &str = "defaults\n mode http\n timeout connect 1s\n timeout client 10s\n timeout server 20s\n";
const LOCKGATE: &str = env!("CARGO_BIN_EXE_lockgate");

/// A configuration in a folder of its own. In texts, `<folder>` stands for that folder and `<http>` for the address.
struct Case {
    folder: Folder,
    at: SocketAddr,
}

impl Case {
    fn new(text: &str) -> Case {
        let case = Case { folder: Folder::new(), at: free_address() };
        case.folder.file("haproxy.cfg", case.filled(text));
        case
    }

    fn filled(&self, text: &str) -> String {
        let place = self.folder.path().display().to_string();
        text.replace("<folder>", &place).replace("<http>", &self.at.to_string())
    }

    /// The program, started by a shell line in namespaces of its own: `"$@"` is the call.
    fn within(&self, namespaces: &str, line: &str, flags: &[&str]) -> Program {
        let mut command = Command::new("unshare");
        command.args(namespaces.split(' ')).args(["sh", "-c", &self.filled(line), "sh", LOCKGATE]);
        command.args(flags.iter().map(|flag| self.filled(flag)));
        command.arg("-f").arg(self.folder.path().join("haproxy.cfg"));
        Program::start(command)
    }

    /// That it does not start, with what it says; nobody listens.
    fn refused(&self, namespaces: &str, line: &str, flags: &[&str]) -> String {
        let mut program = self.within(namespaces, line, flags);
        assert_eq!(program.ended().code(), Some(1), "{}", program.lines().join("\n"));
        program.line(|line| line.contains("[ALERT]"));
        assert!(!is_listening(self.at), "nothing is half started");
        program.lines().join("\n")
    }
}

fn frontend(more: &str) -> String {
    format!(
        "{HEAD}frontend f\n bind <http>\n{more} http-request return status 200 content-type text/plain string here\n"
    )
}

/// A disk of one page and two files, and those are taken.
const FULL: &str = "mkdir <folder>/full && mount -t tmpfs -o size=4k,nr_inodes=3 none <folder>/full \
                    && head -c 4096 /dev/zero > <folder>/full/filler && touch <folder>/full/log && exec \"$@\"";
const MOUNTS: &str = "--map-root-user --mount";

#[test]
fn a_full_disk_is_told_and_nothing_starts() {
    for (flags, more, global) in [
        (&["-D", "-p", "<folder>/full/pid"][..], "", ""),
        (&["-W", "-db", "-p", "<folder>/full/pid"], "", ""),
        (&["-W", "-db", "-S", "<folder>/full/master.sock"], "", ""),
        (&["-db"], " bind <folder>/full/http.sock\n", ""),
        (&["-W", "-db"], " bind <folder>/full/http.sock\n", ""),
        (&["-db"], "", "global\n stats socket <folder>/full/api.sock\n"),
    ] {
        let case = Case::new(&format!("{global}{}", frontend(more)));
        let said = case.refused(MOUNTS, FULL, flags);
        assert!(said.contains("/full/") && said.contains("No space left on device"), "{flags:?}: {said}");
        if !more.is_empty() {
            assert!(said.contains("haproxy.cfg:8] for frontend f: cannot bind"), "{said}");
        }
    }
}

#[test]
fn a_pid_file_is_changed_by_a_start_that_succeeds_alone() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let line = format!(" bind {}\n", taken.local_addr().unwrap());
    for flags in [["-D", "-q"], ["-W", "-db"], ["-D", "-W"], ["-D", "-Ws"]] {
        let case = Case::new(&frontend(&line));
        let pidfile = case.folder.file("pid", "4711\n");
        let mut command = Command::new(LOCKGATE);
        command.args(flags).arg("-f").arg(case.folder.path().join("haproxy.cfg")).arg("-p").arg(&pidfile);
        let mut program = Program::start(command);
        assert_eq!(program.ended().code(), Some(1), "{flags:?}");
        assert_eq!(std::fs::read_to_string(&pidfile).unwrap(), "4711\n", "{flags:?}: it names who serves");
        assert_eq!(std::fs::read_dir(case.folder.path()).unwrap().count(), 2, "{flags:?}: nothing is left");
    }
}

/// What is printed goes to a file on a full disk: lines are lost, requests are not.
#[test]
fn a_log_that_cannot_be_written_costs_no_request() {
    let case = Case::new(&format!("global\n log stdout format raw local0\n{} log global\n", frontend("")));
    let line = FULL.replace("exec \"$@\"", "exec \"$@\" > <folder>/full/log");
    let mut program = case.within(MOUNTS, &line, &["-db"]);
    assert!(program.listens(&[case.at]));
    for _ in 0..50 {
        assert_eq!(curl(&format!("http://{}/", case.at)).body, b"here");
    }
    assert!(program.is_running());
}

#[test]
fn what_is_wrong_with_a_start_is_told_with_its_line() {
    for (global, told) in [
        ("chroot /no/such/place", "haproxy.cfg:2] : cannot chroot to '/no/such/place'"),
        ("chroot /etc/passwd", "haproxy.cfg:2] : cannot chroot to '/etc/passwd': not a directory"),
        ("user no-such-user", "haproxy.cfg:2] : cannot find user id for 'no-such-user'"),
        ("group no-such-group", "haproxy.cfg:2] : cannot find group id for 'no-such-group'"),
    ] {
        let text = format!("global\n {global}\n{}", frontend(""));
        for flags in [&["-db"][..], &["-W", "-db"], &["-D"]] {
            let case = Case::new(&text);
            let mut command = Command::new(LOCKGATE);
            command.args(flags).arg("-f").arg(case.folder.path().join("haproxy.cfg"));
            let mut program = Program::start(command);
            assert_eq!(program.ended().code(), Some(1), "{flags:?}");
            program.line(|line| line.contains(told));
            assert!(!is_listening(case.at));
        }
    }
}

#[test]
fn obstacles_of_a_reload_change_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!(" bind {}\n", taken.local_addr().unwrap());
    let folder = Folder::new();
    let path = folder.path().join("live.sock");
    let _other = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let live = format!(" bind {}\n", path.display());
    let home = Household::start(&format!("global\n user nobody\n{}", frontend("")));
    let worker = home.worker();
    let serves = || curl(&home.lockgate.url("http", "/")).body == b"here" && home.worker() == worker;
    for (from, to, told) in [
        (" user nobody\n", " chroot /no/such/place\n", "cannot chroot to '/no/such/place'"),
        (" user nobody\n", " user no-such-user\n", "cannot find user id for 'no-such-user'"),
        (" http-request", &*format!("{port} http-request"), "Address already in use"),
        (" http-request", &*format!("{live} http-request"), "stop it or choose another path"),
        (" http-request", " bind /no/such/folder/x.sock\n http-request", "No such file or directory"),
        (" http-request", " bind 192.0.2.1:1\n http-request", "no interface of this machine"),
        (" http-request", " bind :1 ssl crt /no/such.pem\n http-request", "unable to read '/no/such.pem'"),
    ] {
        home.lockgate.edit(|text| text.replacen(from, to, 1));
        let said = home.reload();
        assert!(said.starts_with("Success=0\n--\n") && said.contains(told), "{to}: {said}");
        assert!(said.contains("haproxy.cfg:"), "it names the line: {said}");
        assert!(serves(), "{to}");
        home.lockgate.edit(|text| text.replacen(to, from, 1));
    }
    assert!(home.reload().starts_with("Success=1"), "and the right one is taken");
}

#[test]
fn all_addresses_that_cannot_be_bound_are_told_at_once() {
    let taken = [0; 2].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let [one, two] = taken.each_ref().map(|l| l.local_addr().unwrap().to_string());
    let said = Lockgate::refused(&format!(
        "{HEAD}frontend f\n bind {one}\nfrontend g\n bind <http>,{two}\nglobal\n stats socket /no/such/a.sock\n"
    ));
    for (line, name, at, why) in [
        (7, "f", &*one, "Address already in use"),
        (9, "g", &two, "Address already in use"),
        (11, "GLOBAL", "/no/such/a.sock", "No such file or directory"),
    ] {
        let told = format!("haproxy.cfg:{line}] for frontend {name}: cannot bind socket ({why}) for [{at}]");
        let line = said.lines().find(|text| text.contains(&told));
        assert!(line.is_some_and(|line| line.starts_with("[ALERT] ")), "{told} in {said}");
    }
    assert!(said.contains("stop it or choose another port"), "{said}");
}

#[test]
fn rights_and_limits_that_are_missing_are_told() {
    let case = Case::new(&format!("{HEAD}frontend f\n bind 127.0.0.1:80\n"));
    let said = case.refused("--user --net", "exec \"$@\"", &["-db"]);
    assert!(said.contains("haproxy.cfg:7]") && said.contains("need root or CAP_NET_BIND_SERVICE"), "{said}");
    let case = Case::new(&format!("global\n maxconn 5000\n{}", frontend("")));
    for flags in [&["-db"][..], &["-W", "-db"]] {
        let said = case.refused("--user", "ulimit -n 100; exec \"$@\"", flags);
        assert!(said.contains("limit is 100.") && said.contains("lower 'maxconn'"), "{said}");
    }
    let case = Case::new(&format!("global\n ulimit-n 300\n{}", frontend("")));
    let said = case.refused("--user", "ulimit -n 100; exec \"$@\"", &["-db"]);
    assert!(said.contains("Cannot raise FD limit to 300, limit is 100."), "{said}");
    // Without a wish the number follows from what is granted.
    let case = Case::new(&frontend(""));
    let mut program = case.within("--user", "ulimit -n 100; exec \"$@\"", &["-db"]);
    assert!(program.listens(&[case.at]));
}

#[test]
fn a_unix_socket_is_taken_over_from_the_dead_alone() {
    let text = format!("global\n stats socket <folder>/api.sock\n{}", frontend(" bind <folder>/http.sock\n"));
    let folder = Folder::new();
    for name in ["api.sock", "http.sock", "master.sock"] {
        drop(std::os::unix::net::UnixListener::bind(folder.path().join(name)).unwrap());
    }
    let place = folder.path().display().to_string();
    let master = format!("{place}/master.sock");
    let first =
        Lockgate::called(Player::Tested, &["-W", "-db", "-S", &master], &text.replace("<folder>", &place));
    for name in ["api.sock", "http.sock"] {
        let (stats, bind) = if name == "api.sock" { (name, "other.sock") } else { ("other.sock", name) };
        let said = Lockgate::refused(&format!(
            "global\n stats socket {place}/{stats}\n{HEAD}frontend f\n bind {place}/{bind}\n"
        ));
        let told = "another program listens there: stop it or choose another path";
        assert!(said.contains(&format!("{place}/{name}")) && said.contains(told), "{said}");
        assert!(said.contains("haproxy.cfg:"), "it names the line: {said}");
    }
    let said = Lockgate::refused_as(&["-W", "-db", "-S", &master], &frontend(""));
    assert!(said.contains("master socket: ") && said.contains("stop it or choose another path"), "{said}");
    assert_eq!(curl(&first.url("http", "/")).body, b"here", "the first goes on");
}

#[test]
fn a_port_that_would_be_shared_is_told_of() {
    let first = Lockgate::start(&frontend(""));
    let second = Lockgate::start(&frontend(&format!(" bind {}\n", first.at("http"))));
    let told = second.logged("another process listens on");
    assert!(
        told.contains("haproxy.cfg:8] for frontend f:") && told.contains("'-sf PID' replaces it"),
        "{told}"
    );
    // Somebody who types a verb did not mean to share.
    let port = first.at("http").port().to_string();
    for (verb, flags) in [("demo", &["--once"][..]), ("demo", &[])] {
        let mut command = Command::new(LOCKGATE);
        let free = free_address().port().to_string();
        command.arg(verb).args(flags).args(["--http-port", &port, "--https-port", &free]);
        let mut program = Program::start(command);
        assert_eq!(program.ended().code(), Some(1));
        program
            .line(|line| line.contains(&format!("127.0.0.1:{port}")) && line.contains("choose another port"));
    }
}

/// Manual section 2.3: what the configuration sets, programs and expressions see.
#[test]
fn the_environment_is_what_the_configuration_made_it() {
    let server = Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let folder = Folder::new();
    let program = folder.file(
        "check.sh",
        "#!/bin/sh\nprintf '%s' \"$GREETING $HAPROXY_MWORKER\" > $SEEN.new && mv $SEEN.new $SEEN\n",
    );
    let mut rights = std::fs::metadata(&program).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut rights, 0o755);
    std::fs::set_permissions(&program, rights).unwrap();
    let seen = folder.path().join("seen");
    let home = Household::start(&format!(
        "global\n stats socket <folder>/api.sock level admin\n external-check preserve-env\n insecure-fork-wanted\n \
         setenv GREETING hello\n setenv SEEN {}\n unsetenv HOME\n{HEAD}frontend f\n bind <http>\n http-request return status 200 \
         content-type text/plain lf-string \"%[env(GREETING)] %[env(HOME)] %[env(HAPROXY_CLI)] %[env(HAPROXY_MASTER_CLI)]\"\n\
         backend b\n option external-check\n external-check path /usr/bin:/bin\n external-check command {}\n \
         server s {} check inter 100ms\n",
        seen.display(),
        program.display(),
        server.address()
    ));
    let place = home.lockgate.folder().path().display().to_string();
    let told = format!("hello  unix@{place}/api.sock unix@{place}/master.sock");
    assert_eq!(String::from_utf8(curl(&home.lockgate.url("http", "/")).body).unwrap(), told);
    let said = crate::place::wait_for(|| std::fs::read_to_string(&seen).ok());
    assert_eq!(said.as_deref(), Some("hello 1"));
    let api = home.lockgate.folder().path().join("api.sock");
    let ask = |line: &str| crate::runtime_api::converse(&api, line);
    assert_eq!(ask("show env GREETING\n"), "GREETING=hello\n\n");
    assert_eq!(ask("show env HOME\n"), "Variable not found\n\n");
}

/// HAProxy reads a limit of 0 as none at all.
#[test]
fn a_limit_of_nothing_limits_nothing() {
    for (global, line, flags) in [
        ("global\n maxconn 0\n", "", &["-db"][..]),
        ("", " maxconn 0\n backlog 0\n", &["-db"]),
        ("", "", &["-db", "-n", "0", "-N", "0"]),
        ("", " rate-limit sessions 0\n", &["-db"]),
    ] {
        let lockgate = Lockgate::called(Player::Tested, flags, &format!("{global}{}", frontend(line)));
        assert_eq!(curl(&lockgate.url("http", "/")).body, b"here", "{global}{line}{flags:?}");
    }
}
