//! A new program in the place of the old one: a reload makes worker and master the new one without a request lost, and
//! one that cannot be run changes nothing. A worker that never serves is given up.

use crate::client::curl;
use crate::place::{Folder, free_address, wait_for};
use crate::program::Program;
use crate::runtime_api::converse;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

const HEAD: &str = "defaults\n mode http\n timeout connect 1s\n timeout client 10s\n timeout server 20s\n";

/// The program as a package would install it, and a master that runs it.
struct Site {
    folder: Folder,
    at: SocketAddr,
    master: Program,
}

impl Site {
    fn start(flags: &[&str], setting: &[(&str, String)]) -> Site {
        let (folder, at) = (Folder::new(), free_address());
        folder.file(
            "haproxy.cfg",
            format!("{HEAD}frontend f\n bind {at}\n http-request return status 200 content-type text/plain string one\n"),
        );
        install(&folder);
        let mut command = Command::new(folder.path().join("haproxy"));
        command.args(flags).arg("-f").arg(folder.path().join("haproxy.cfg"));
        command.arg("-S").arg(folder.path().join("master.sock"));
        for (name, value) in setting {
            command.env(name, value.replace("<folder>", &folder.path().display().to_string()));
        }
        let mut master = Program::start(command);
        assert!(master.listens(&[at]));
        Site { folder, at, master }
    }

    fn ask(&self, line: &str) -> String {
        converse(&self.folder.path().join("master.sock"), &format!("{line}\n"))
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("haproxy")
    }

    /// Puts another file in the program's place, as a package manager does.
    fn replace(&self, content: &str, mode: u32) {
        let new = self.folder.file("new", content);
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(mode)).unwrap();
        std::fs::rename(new, self.program()).unwrap();
    }

    fn edit(&self, change: impl FnOnce(String) -> String) {
        let path = self.folder.path().join("haproxy.cfg");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, change(text)).unwrap();
    }

    /// Whether a process runs what lies in the file.
    fn is_current(&self, pid: &str) -> bool {
        let runs = std::fs::metadata(format!("/proc/{pid}/exe")).map(|m| m.ino());
        runs.is_ok_and(|runs| runs == std::fs::metadata(self.program()).unwrap().ino())
    }

    fn master(&self) -> String {
        self.listed("#<PID>")
    }

    fn worker(&self) -> String {
        self.listed("# workers")
    }

    /// The process below a title of `show proc`.
    fn listed(&self, title: &str) -> String {
        let all = self.ask("show proc");
        let line =
            all.lines().skip_while(|l| !l.starts_with(title)).nth(1).unwrap_or_else(|| panic!("{all}"));
        line.split(' ').next().unwrap().to_owned()
    }

    fn body(&self) -> Vec<u8> {
        curl(&format!("http://{}/", self.at)).body
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if self.master.is_running() {
            self.master.signal("TERM");
            self.master.ended();
        }
    }
}

fn install(folder: &Folder) {
    std::fs::copy(env!("CARGO_BIN_EXE_lockgate"), folder.path().join("new")).unwrap();
    std::fs::rename(folder.path().join("new"), folder.path().join("haproxy")).unwrap();
}

/// Sends requests until told to stop: by one connection as long as it is left open, or by one each.
fn client(at: SocketAddr, keeps: bool, go: &AtomicBool, sent: &AtomicUsize) -> Result<(), String> {
    let mut kept = None;
    while go.load(SeqCst) {
        let open =
            kept.take().map_or_else(|| TcpStream::connect(at).map_err(|e| format!("connect: {e}")), Ok);
        let mut open = open?;
        open.set_read_timeout(Some(crate::place::PATIENCE)).unwrap();
        let close = if keeps { "" } else { "Connection: close\r\n" };
        let said = open.write_all(format!("GET / HTTP/1.1\r\nHost: a\r\n{close}\r\n").as_bytes());
        said.map_err(|e| format!("write: {e}"))?;
        let (mut all, mut piece) = (Vec::new(), [0; 512]);
        while !all.ends_with(b"one") {
            match open.read(&mut piece).map_err(|e| format!("read: {e}"))? {
                0 => return Err(format!("closed after {:?}", String::from_utf8_lossy(&all))),
                count => all.extend(&piece[..count]),
            }
        }
        sent.fetch_add(1, SeqCst);
        // What an upgrade loses is tested, not how fast two cores are.
        std::thread::sleep(std::time::Duration::from_millis(5));
        kept = Some(open).filter(|_| keeps && !String::from_utf8_lossy(&all).contains("close"));
    }
    Ok(())
}

/// Ends the clients, also where a test fails between.
struct Until<'a>(&'a AtomicBool);

impl Drop for Until<'_> {
    fn drop(&mut self) {
        self.0.store(false, SeqCst);
    }
}

#[test]
fn an_upgrade_is_a_reload_for_master_and_worker() {
    let mut site = Site::start(&["-W", "-db"], &[]);
    let (first, pid) = (site.worker(), site.master());
    assert!(site.is_current(&pid));
    let (go, sent) = (&AtomicBool::new(true), &AtomicUsize::new(0));
    let mut files = Vec::new();
    std::thread::scope(|threads| {
        let clients: Vec<_> =
            (0..8).map(|n| threads.spawn(move || client(site.at, n % 2 == 0, go, sent))).collect();
        let until = Until(go);
        for round in 1..=5 {
            install(&site.folder);
            assert!(!site.is_current(&pid));
            let said = site.ask("reload");
            assert!(said.starts_with("Success=1\n--\n"), "{said}");
            assert!(site.is_current(&pid) && site.is_current(&site.worker()), "as soon as it is answered");
            assert_eq!(site.master(), pid, "its number stays");
            let all = site.ask("show proc");
            assert!(all.contains(&format!(" {round} [failed: 0] ")), "{all}");
            files.push(std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count());
        }
        drop(until);
        let failed: Vec<String> = clients.into_iter().filter_map(|c| c.join().unwrap().err()).collect();
        assert!(failed.is_empty(), "{failed:?}");
    });
    assert!(sent.load(SeqCst) > 100);
    assert!(files[4] <= files[0] + 2, "the master keeps what it does not need: {files:?}");
    assert_ne!(site.worker(), first);
    wait_for(|| (!site.ask("show proc").contains("# old workers")).then_some(()))
        .expect("all former workers leave");
    // A signal does the same, and nothing is changed where nothing is new.
    install(&site.folder);
    site.master.signal("USR2");
    wait_for(|| site.is_current(&pid).then_some(())).expect("the master is the new program");
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    assert_eq!(name, "haproxy\n");
    site.edit(|text| text.replace("string one", "string two"));
    assert!(site.ask("reload").starts_with("Success=1"));
    assert_eq!(site.body(), b"two");
    site.master.signal("USR1");
    assert_eq!(site.master.ended().code(), Some(0));
}

#[test]
fn a_program_that_cannot_be_run_changes_nothing() {
    let site = Site::start(&["-W", "-db"], &[]);
    let (pid, worker) = (site.master(), site.worker());
    let stays = |said: &str| {
        assert!(said.starts_with("Success=0\n--\n"), "{said}");
        assert!(said.contains("program"), "it says what is wrong: {said}");
        assert_eq!(
            (site.master(), site.worker(), site.body()),
            (pid.clone(), worker.clone(), b"one".to_vec())
        );
        assert_eq!(curl(&format!("http://{}/", site.at)).status, 200);
    };
    site.replace("#!/bin/sh\nexit 1\n", 0o755);
    let said = site.ask("reload");
    assert!(said.contains("cannot be the master") && said.contains("code 1"), "{said}");
    stays(&said);
    site.replace("#!/bin/sh\nexit 0\n", 0o755);
    stays(&site.ask("reload"));
    site.replace("no program at all", 0o755);
    stays(&site.ask("reload"));
    site.replace("#!/bin/sh\nexit 0\n", 0o644);
    let said = site.ask("reload");
    assert!(said.contains("ermission denied"), "{said}");
    stays(&said);
    std::fs::copy("/usr/sbin/haproxy", site.folder.path().join("other")).unwrap();
    std::fs::rename(site.folder.path().join("other"), site.program()).unwrap();
    stays(&site.ask("reload"));
    std::fs::remove_file(site.program()).unwrap();
    let said = site.ask("reload");
    assert!(said.contains("cannot find the program"), "{said}");
    stays(&said);
    // A worker that dies meanwhile is replaced by what runs.
    assert!(Command::new("kill").args(["-KILL", &worker]).status().unwrap().success());
    assert_eq!(site.body(), b"one");
    assert!(wait_for(|| Some(site.worker()).filter(|now| *now != worker)).is_some());
    install(&site.folder);
    assert!(site.ask("reload").starts_with("Success=1"), "and a good one is taken");
    assert!(site.is_current(&pid));
}

#[test]
fn whoever_asks_during_an_upgrade_is_answered() {
    let site = Site::start(&["-W", "-db"], &[]);
    let pid = site.master();
    for _ in 0..3 {
        install(&site.folder);
        std::thread::scope(|threads| {
            for _ in 0..6 {
                threads.spawn(|| {
                    let said = site.ask("reload");
                    assert!(said.starts_with("Success=1"), "{said:?}");
                });
                threads.spawn(|| {
                    let said = site.ask("@1 show version");
                    assert!(said.starts_with("2.") || said.starts_with("Can't find"), "{said:?}");
                });
            }
        });
        assert!(site.is_current(&pid));
    }
}

#[test]
fn the_service_manager_sees_one_process_over_an_upgrade() {
    let folder = Folder::new();
    let manager = std::os::unix::net::UnixDatagram::bind(folder.path().join("notify")).unwrap();
    manager.set_read_timeout(Some(crate::place::PATIENCE)).unwrap();
    let socket = folder.path().join("notify").display().to_string();
    let setting = [("NOTIFY_SOCKET", socket), ("WATCHDOG_USEC", "200000".to_owned())];
    let mut site = Site::start(&["-Ws"], &setting);
    let heard = |wanted: &str| {
        let mut piece = [0; 512];
        loop {
            let count = manager.recv(&mut piece).unwrap_or_else(|e| panic!("{wanted} is not heard: {e}"));
            if String::from_utf8_lossy(&piece[..count]).contains(wanted) {
                return;
            }
        }
    };
    heard("READY=1");
    let pid = site.master();
    install(&site.folder);
    // As many signals as there may be: none ends the process.
    for _ in 0..20 {
        site.master.signal("USR2");
    }
    heard("RELOADING=1");
    heard("READY=1");
    wait_for(|| site.is_current(&pid).then_some(())).expect("the master is the new program");
    heard("WATCHDOG=1");
    site.master.signal("TERM");
    heard("STOPPING=1");
    assert_eq!(site.master.ended().code(), Some(0));
}

#[test]
fn a_worker_that_never_serves_is_given_up() {
    let site = Site::start(&["-W", "-db"], &[("LOCKGATE_START_TIMEOUT", "1".to_owned())]);
    let worker = site.worker();
    let pipe = site.folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let line = format!(" http-request set-header x %[src,map_ip({})]\n http-request return", pipe.display());
    site.edit(|text| text.replace(" http-request return", &line));
    // A second one waits for the first, and is not lost with it.
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                let said = site.ask("reload");
                assert!(said.starts_with("Success=0") && said.contains("LOCKGATE_START_TIMEOUT"), "{said}");
            });
        }
    });
    assert_eq!((site.worker(), site.body()), (worker, b"one".to_vec()));
    site.edit(|text| text.replace(&line, " http-request return"));
    assert!(site.ask("reload").starts_with("Success=1"));
}
