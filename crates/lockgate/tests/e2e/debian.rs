//! In haproxy's place on Debian: its package's own init script and unit file, with the program under haproxy's name.

use crate::client::curl;
use crate::household::Killed;
use crate::place::{Folder, PATIENCE, free_address, is_listening, wait_for};
use crate::program::Program;
use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;

const SCRIPT: &str = "/etc/init.d/haproxy";
const UNIT: &str = "/lib/systemd/system/haproxy.service";

/// What the package installs, in a folder of its own.
struct Installed {
    folder: Folder,
    at: SocketAddr,
}

impl Installed {
    fn new() -> Installed {
        let installed = Installed { folder: Folder::new(), at: free_address() };
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_lockgate"), installed.path("haproxy")).unwrap();
        installed.configure("one");
        installed
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn configure(&self, word: &str) {
        let text = format!(
            "global\n stats socket {} mode 660 level admin\n stats timeout 30s\n daemon\ndefaults\n mode http\n \
             timeout connect 5000\n timeout client 50000\n timeout server 50000\nfrontend f\n bind {}\n \
             http-request return status 200 content-type text/plain string {word}\n",
            self.path("admin.sock"),
            self.at
        );
        self.folder.file("haproxy.cfg", text);
    }

    fn body(&self) -> Vec<u8> {
        curl(&format!("http://{}/", self.at)).body
    }

    fn pid(&self) -> Option<u32> {
        std::fs::read_to_string(self.path("pid")).ok()?.trim().parse().ok()
    }

    /// The package's script, told where things are here.
    fn script(&self, extra: &str) {
        let text = std::fs::read_to_string(SCRIPT).expect("the package haproxy is installed");
        let places = [
            ("PIDFILE=", self.path("pid")),
            ("CONFIG=", self.path("haproxy.cfg")),
            ("HAPROXY=", self.path("haproxy")),
            ("RUNDIR=", self.path("run")),
            ("EXTRAOPTS=", format!("\"{extra}\"")),
        ];
        let line = |line: &str| match places.iter().find(|(name, _)| line.starts_with(name)) {
            Some((name, value)) => format!("{name}{value}\n"),
            None => format!("{}\n", line.replace("/etc/default/${BASENAME}", "/nonexistent")),
        };
        self.folder.file("script", text.lines().map(line).collect::<String>());
    }

    /// The exit code of the script. One that waits for ever is ended.
    fn run(&self, action: &str) -> Option<i32> {
        let mut command = Command::new("sh");
        command.arg(self.path("script")).arg(action);
        Program::start(command).ended().code()
    }
}

#[test]
fn the_init_script_starts_reloads_and_stops() {
    for extra in ["", "-W", "-Ws", "-W -S SOCKET"] {
        let here = Installed::new();
        here.script(&extra.replace("SOCKET", &here.path("master.sock")));
        assert_eq!(here.run("status"), Some(3), "{extra}");
        assert_eq!((here.run("start"), here.body()), (Some(0), b"one".to_vec()), "{extra}");
        let first = here.pid().unwrap();
        let _guard = Killed(first);
        assert_eq!(here.run("status"), Some(0), "{extra}");
        here.configure("two");
        assert_eq!(here.run("reload"), Some(0), "{extra}");
        let second = here.pid().unwrap();
        let _guard = Killed(second);
        assert_ne!(first, second);
        wait_for(|| (here.body() == b"two").then_some(())).expect("the new configuration is served");
        // A configuration that is wrong, or cannot be served, leaves who serves and how to reach it.
        here.folder.file("haproxy.cfg", "nonsense\n");
        assert_eq!(here.run("reload"), Some(1), "{extra}");
        assert_eq!((here.pid(), here.body()), (Some(second), b"two".to_vec()), "{extra}");
        here.configure("three");
        assert_eq!((here.run("restart"), here.body()), (Some(0), b"three".to_vec()), "{extra}");
        let _guard = Killed(here.pid().unwrap());
        assert_eq!((here.run("stop"), here.pid()), (Some(0), None), "{extra}");
        assert!(!is_listening(here.at), "{extra}");
    }
}

/// A command of the unit file with its variables replaced, as systemd runs it.
fn command_of(line: &str, here: &Installed, main: u32) -> Command {
    let text =
        line.replace("/usr/sbin/haproxy", &here.path("haproxy")).replace("$MAINPID", &main.to_string());
    let text = text.replace("$CONFIG", &here.path("haproxy.cfg")).replace("$PIDFILE", &here.path("pid"));
    let text = text.replace("$EXTRAOPTS", &format!("-S {}", here.path("master.sock")));
    let mut words = text.split(' ');
    let mut command = Command::new(words.next().unwrap());
    command.args(words).env("NOTIFY_SOCKET", here.path("notify"));
    command
}

#[test]
fn the_unit_file_starts_reloads_and_stops() {
    let here = Installed::new();
    let manager = UnixDatagram::bind(here.path("notify")).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let heard = |wanted: &str| {
        let mut piece = [0; 512];
        while !String::from_utf8_lossy(&piece).contains(wanted) {
            piece = [0; 512];
            manager.recv(&mut piece).unwrap_or_else(|e| panic!("{wanted} is not heard: {e}"));
        }
    };
    let unit = std::fs::read_to_string(UNIT).expect("the package haproxy is installed");
    let lines = |key: &str| unit.lines().filter_map(|l| l.strip_prefix(key)).collect::<Vec<_>>();
    let mut master = Program::start(command_of(lines("ExecStart=")[0], &here, 0));
    heard("READY=1");
    let main = here.pid().unwrap();
    assert_eq!((main, here.body()), (master.pid(), b"one".to_vec()));
    here.configure("two");
    let reload =
        || lines("ExecReload=").iter().all(|l| command_of(l, &here, main).status().unwrap().success());
    assert!(reload());
    heard("RELOADING=1");
    heard("READY=1");
    assert_eq!(here.body(), b"two");
    here.folder.file("haproxy.cfg", "nonsense\n");
    assert!(!reload(), "it is found before the signal is sent");
    assert_eq!(here.body(), b"two");
    master.signal("TERM");
    heard("STOPPING=1");
    assert!(matches!(master.ended().code(), Some(0 | 143)), "SuccessExitStatus=143");
    assert!(!is_listening(here.at) && Path::new(&here.path("pid")).exists());
}
