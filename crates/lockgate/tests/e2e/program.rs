//! Programs under test or around it: started, watched, killed on drop.

use crate::place::{Folder, free_address, is_listening, wait_for};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

/// A running program and what it has printed.
pub struct Program {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Program {
    pub fn start(mut command: Command) -> Program {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
        let lines = Arc::default();
        gather(child.stdout.take().unwrap(), &lines);
        gather(child.stderr.take().unwrap(), &lines);
        Program { child, lines }
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits for a printed line that `wanted` likes.
    pub fn line(&self, wanted: impl Fn(&str) -> bool) -> String {
        wait_for(|| self.lines().into_iter().find(|l| wanted(l)))
            .unwrap_or_else(|| panic!("no such line in:\n{}", self.lines().join("\n")))
    }

    /// Waits until all of `addresses` are listened on; `false` if the program ended instead.
    pub fn listens(&mut self, addresses: &[SocketAddr]) -> bool {
        wait_for(|| match self.child.try_wait().unwrap() {
            Some(_) => Some(false),
            None => addresses.iter().all(|a| is_listening(*a)).then_some(true),
        })
        .unwrap_or_else(|| panic!("not listening on {addresses:?}:\n{}", self.lines().join("\n")))
    }

    /// The process's number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> ExitStatus {
        wait_for(|| self.child.try_wait().unwrap())
            .unwrap_or_else(|| panic!("still running:\n{}", self.lines().join("\n")))
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn gather(from: impl Read + Send + 'static, into: &Arc<Mutex<Vec<String>>>) {
    let into = into.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            into.lock().unwrap().push(String::from_utf8_lossy(&line).into_owned());
        }
    });
}

/// The proxy under test with its configuration. In the text, `<name>` stands for an address of its own.
pub struct Lockgate {
    program: Program,
    addresses: BTreeMap<String, SocketAddr>,
    folder: Folder,
}

/// Which program plays the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Player {
    /// The one under test; Debian's haproxy where `LOCKGATE_ORACLE` is set.
    Tested,
    /// Debian's haproxy.
    Oracle,
}

impl Lockgate {
    /// Starts with `text` and waits until every address in it is listened on.
    pub fn start(text: &str) -> Lockgate {
        Lockgate::played_by(Player::Tested, text)
    }

    pub fn played_by(player: Player, text: &str) -> Lockgate {
        Lockgate::called(player, &["-db"], text)
    }

    /// The same with other flags than `-db`. In them, `<folder>` stands for the folder of the configuration.
    pub fn called(player: Player, flags: &[&str], text: &str) -> Lockgate {
        let folder = Folder::new();
        let place = folder.path().display().to_string();
        let (flags, text): (Vec<String>, _) = (
            flags.iter().map(|f| f.replace("<folder>", &place)).collect(),
            &text.replace("<folder>", &place),
        );
        // A free port may be taken before the program binds it: then the next set is tried.
        for _ in 0..5 {
            let (addresses, text) = fill_in(text);
            let path = folder.file("haproxy.cfg", &text);
            let mut command = command(player);
            command.args(&flags).arg("-f").arg(&path);
            let mut program = Program::start(command);
            let all: Vec<SocketAddr> = addresses.values().copied().collect();
            if program.listens(&all) {
                return Lockgate { program, addresses, folder };
            }
            let said = program.lines().join("\n");
            assert!(said.contains("in use"), "did not start:\n{said}\n{text}");
        }
        panic!("no free ports");
    }

    /// Starts with `text`, which it must not accept, and returns what it said.
    pub fn refused(text: &str) -> String {
        Lockgate::refused_as(&["-db"], text)
    }

    /// The same with other flags than `-db`.
    pub fn refused_as(flags: &[&str], text: &str) -> String {
        let folder = Folder::new();
        let (_, text) = fill_in(text);
        let mut command = command(Player::Tested);
        command.args(flags).arg("-f").arg(folder.file("haproxy.cfg", &text));
        let mut program = Program::start(command);
        assert!(!program.ended().success());
        program.line(|_| true);
        program.lines().join("\n")
    }

    /// Where its configuration is.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Changes its configuration, which it is not told yet.
    pub fn edit(&self, change: impl FnOnce(String) -> String) {
        let path = self.folder.path().join("haproxy.cfg");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, change(text)).unwrap();
    }

    /// The process's number.
    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// The address of a placeholder.
    pub fn at(&self, name: &str) -> SocketAddr {
        self.addresses[name]
    }

    /// `http://address/path`
    pub fn url(&self, name: &str, path: &str) -> String {
        format!("http://{}{path}", self.at(name))
    }

    /// Waits for a log line that contains `part`.
    pub fn logged(&self, part: &str) -> String {
        self.program.line(|l| l.contains(part))
    }

    pub fn lines(&self) -> Vec<String> {
        self.program.lines()
    }

    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }
}

fn command(player: Player) -> Command {
    let oracle = player == Player::Oracle || std::env::var_os("LOCKGATE_ORACLE").is_some();
    Command::new(if oracle { "/usr/sbin/haproxy" } else { env!("CARGO_BIN_EXE_lockgate") })
}

/// Gives each `<name>` an address.
fn fill_in(text: &str) -> (BTreeMap<String, SocketAddr>, String) {
    let mut addresses = BTreeMap::new();
    let mut rest = text;
    let mut filled = String::new();
    while let Some((before, after)) = rest.split_once('<') {
        filled.push_str(before);
        let (name, after) = after.split_once('>').unwrap();
        let address = addresses.entry(name.to_owned()).or_insert_with(free_address);
        filled.push_str(&address.to_string());
        rest = after;
    }
    filled.push_str(rest);
    (addresses, filled)
}
