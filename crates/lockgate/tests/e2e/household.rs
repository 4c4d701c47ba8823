//! A master and its workers: what an operator sees of them, and what a bad configuration or a dead worker costs.

use crate::client::{Raw, curl, exchange, text};
use crate::place::{free_address, is_listening, wait_for};
use crate::program::{Lockgate, Player, Program};
use crate::runtime_api::converse;
use crate::upstream::Upstream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

const HEAD: &str = "defaults\n mode http\n timeout connect 1s\n timeout client 10s\n timeout server 20s\n";

/// A master with its socket; ends with all its workers when it goes.
pub struct Household {
    pub lockgate: Lockgate,
}

impl Household {
    pub fn start(text: &str) -> Household {
        let flags = ["-W", "-db", "-S", "<folder>/master.sock,mode,600"];
        Household { lockgate: Lockgate::called(Player::Tested, &flags, text) }
    }

    /// Sends a line to the master socket.
    pub fn ask(&self, line: &str) -> String {
        converse(&self.lockgate.folder().path().join("master.sock"), &format!("{line}\n"))
    }

    /// Reloads and says how it went.
    pub fn reload(&self) -> String {
        self.ask("reload")
    }

    /// The processes under a title of `show proc`.
    pub fn pids(&self, title: &str) -> Vec<u32> {
        let all = self.ask("show proc");
        let mut lines = all.lines().skip_while(|l| *l != title).skip(1).take_while(|l| !l.starts_with('#'));
        let first = |l: &str| l.split_whitespace().next().and_then(|pid| pid.parse().ok());
        std::iter::from_fn(|| lines.next()).filter_map(first).collect()
    }

    /// The one that serves.
    pub fn worker(&self) -> u32 {
        wait_for(|| self.pids("# workers").first().copied()).expect("a worker serves")
    }
}

impl Drop for Household {
    fn drop(&mut self) {
        if self.lockgate.program().is_running() {
            self.lockgate.program().signal("TERM");
            self.lockgate.program().ended();
        }
    }
}

fn answer(content: &str) -> String {
    format!(
        "frontend f\n bind <http>\n http-request return status 200 content-type text/plain string {content}\n"
    )
}

#[test]
fn a_reload_serves_the_new_configuration_and_a_bad_one_changes_nothing() {
    let mut home = Household::start(&format!("{HEAD}{}", answer("one")));
    let get = |home: &Household| curl(&home.lockgate.url("http", "/")).body;
    assert_eq!(get(&home), b"one");
    let first = home.worker();
    assert_eq!(home.ask("@1 show version"), home.ask("show version"));
    home.lockgate.edit(|text| text.replace("string one", "string two"));
    assert!(home.reload().starts_with("Success=1\n--\n"));
    assert_eq!(get(&home), b"two");
    assert_ne!(home.worker(), first);
    wait_for(|| home.pids("# old workers").is_empty().then_some(())).expect("the former worker leaves");

    let second = home.worker();
    home.lockgate.edit(|text| text.replace("bind", "bidn"));
    let said = home.reload();
    assert!(said.starts_with("Success=0\n--\n") && said.contains("did you mean 'bind'?"), "{said}");
    assert_eq!((get(&home), home.worker()), (b"two".to_vec(), second));
    assert!(home.ask("prompt").contains("master[ReloadFailed]> "));
    assert!(home.ask("show proc").contains(" 2 [failed: 1] "));

    home.lockgate.edit(|text| text.replace("bidn", "bind").replace("string two", "string three"));
    home.lockgate.program().signal("USR2");
    wait_for(|| (get(&home) == b"three").then_some(())).expect("a signal reloads as well");
    assert_eq!(home.ask("@!1 show info"), "Can't find the target PID matching the prefix '@!1'\n");
    let worker = home.worker();
    assert!(home.ask(&format!("@!{worker} show info")).contains(&format!("Pid: {worker}\n")));

    home.lockgate.program().signal("USR1");
    assert_eq!(home.lockgate.program().ended().code(), Some(0));
    assert!(!is_listening(home.lockgate.at("http")));
}

#[test]
fn a_reload_during_a_reload_comes_after_it() {
    let home = Household::start(&format!("{HEAD}{}", answer("0")));
    let socket = home.lockgate.folder().path().join("master.sock");
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| assert!(converse(&socket, "reload\n").starts_with("Success=1")));
        }
    });
    home.lockgate.edit(|text| text.replace("string 0", "string last"));
    home.reload();
    assert_eq!(curl(&home.lockgate.url("http", "/")).body, b"last");
}

#[test]
fn a_worker_that_dies_is_replaced_and_its_queue_waits() {
    let log = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    log.set_read_timeout(Some(crate::place::PATIENCE)).unwrap();
    let home = Household::start(&format!(
        "global\n log {} local0\n{HEAD} log global\n{}",
        log.local_addr().unwrap(),
        answer("here")
    ));
    let first = home.worker();
    assert!(Command::new("kill").args(["-KILL", &first.to_string()]).status().unwrap().success());
    // The port stays open all the while: a client waits and is served by the next.
    assert_eq!(curl(&home.lockgate.url("http", "/")).body, b"here");
    assert_ne!(home.worker(), first);
    let reason = format!("Current worker ({first}) exited with code 137 (Killed)");
    home.lockgate.logged(&reason);
    // The next worker writes the reason into the log, for the one that died cannot.
    let mut piece = [0; 2048];
    loop {
        let count = log.recv(&mut piece).expect("the log tells why");
        if String::from_utf8_lossy(&piece[..count]).contains(&reason) {
            break;
        }
    }
}

#[test]
fn rights_are_given_up_by_the_worker_alone() {
    let home = Household::start(&format!("global\n user nobody\n group nogroup\n{HEAD}{}", answer("x")));
    let owner = |pid: u32| {
        let ps = Command::new("ps").args(["-o", "user=,args=", "-p", &pid.to_string()]).output().unwrap();
        String::from_utf8(ps.stdout).unwrap()
    };
    let (master, worker) = (owner(home.lockgate.pid()), owner(home.worker()));
    assert!(worker.starts_with("nobody") && worker.contains(" worker ") && worker.contains("haproxy.cfg"));
    assert!(!master.starts_with("nobody") && !master.contains(" worker ") && master.contains("haproxy.cfg"));
    assert!(home.reload().starts_with("Success=1"), "the next worker begins with the master's rights");
    assert!(owner(home.worker()).starts_with("nobody"));
}

#[test]
fn what_cannot_start_ends_the_master() {
    let said = Lockgate::refused_as(
        &["-W", "-db"],
        "global\n chroot /no/such/place\n listen l\n bind <http>\n mode http\n",
    );
    assert!(said.contains("/no/such/place") && said.contains("nothing serves"), "{said}");
}

#[test]
fn a_server_that_is_down_stays_down_over_a_reload() {
    let down = Arc::new(AtomicBool::new(false));
    let (state, asked) = (down.clone(), Arc::new(AtomicBool::new(false)));
    let hit = asked.clone();
    let sick = Upstream::start(move |mut peer| {
        while peer.read_head() {
            if state.load(SeqCst) {
                return hit.store(true, SeqCst);
            }
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsick");
        }
    });
    let well = Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell");
    let home = Household::start(&format!(
        "global\n log stdout format raw local0\n{HEAD} log global\nlisten l\n bind <http>\n option httpchk\n timeout check 1s\n \
         default-server fall 1 rise 1\n server sick {} check inter 100ms\n server well {} check inter 100ms\n",
        sick.address(),
        well.address()
    ));
    down.store(true, SeqCst);
    home.lockgate.logged("Server l/sick is DOWN");
    // The successor checks so seldom that it could not know by itself.
    home.lockgate.edit(|text| text.replace("inter 100ms", "inter 1h"));
    assert!(home.reload().starts_with("Success=1"));
    wait_for(|| home.pids("# old workers").is_empty().then_some(())).expect("the former worker leaves");
    assert!(home.ask("@1 show servers state l").lines().any(|l| l.contains(" sick ") && l.contains(" 0 0 ")));
    asked.store(false, SeqCst);
    for _ in 0..10 {
        assert_eq!(curl(&home.lockgate.url("http", "/")).body, b"well");
    }
}

/// What was known of one machine is not believed of another.
#[test]
fn a_server_that_is_moved_away_from_a_dead_machine_is_used_at_once() {
    let well = Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell");
    let dead = free_address();
    let home = Household::start(&format!(
        "global\n log stdout format raw local0\n{HEAD} log global\nlisten l\n bind <http>\n server a {dead} check inter 50ms fall 1\n"
    ));
    home.lockgate.logged("Server l/a is DOWN");
    home.lockgate.edit(|text| {
        text.replace(
            &format!("{dead} check inter 50ms"),
            &format!("{} check inter 1h rise 3", well.address()),
        )
    });
    assert!(home.reload().starts_with("Success=1"));
    assert_eq!(curl(&home.lockgate.url("http", "/")).body, b"well");
}

/// Servers that operators added are gone with a reload, as with haproxy; what they serve is finished.
#[test]
fn a_reload_starts_from_the_configuration() {
    let slow = Upstream::start(|mut peer| {
        peer.read_head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsl");
        peer.read_head();
        peer.send("ow");
    });
    let home = Household::start(&format!(
        "{HEAD}listen l\n bind <http>\n balance roundrobin\n server a 127.0.0.1:1 disabled\n"
    ));
    let added = format!("@1 add server l/b {} enabled", slow.address());
    assert_eq!(home.ask(&added), "New server registered.\n\n");
    let mut client = Raw::connect(home.lockgate.at("http"));
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read_until("sl");
    assert!(home.reload().starts_with("Success=1"));
    let listed = home.ask("@1 show servers state l");
    assert!(listed.contains(" a ") && !listed.contains(" b "), "{listed}");
    assert_eq!(curl(&home.lockgate.url("http", "/")).status, 503);
    assert_eq!(home.pids("# old workers").len(), 1, "it finishes");
    assert_eq!(home.ask(&added), "New server registered.\n\n", "its name is free");
}

#[test]
fn a_successor_without_a_master_takes_the_listeners_over() {
    let config = |word: &str| {
        format!(
            "global\n stats socket <folder>/api.sock expose-fd listeners level admin\n{HEAD}{}",
            answer(word)
        )
    };
    let mut first = Lockgate::called(Player::Tested, &["-db"], &config("one"));
    let at = first.at("http");
    let socket = first.folder().path().join("api.sock");
    first.edit(|text| text.replace("string one", "string two"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
    command.args(["-db", "-f"]).arg(first.folder().path().join("haproxy.cfg"));
    command.arg("-x").arg(&socket).args(["-sf", &first.pid().to_string()]);
    let mut second = crate::program::Program::start(command);
    assert_eq!(first.program().ended().code(), Some(0), "it is asked to leave");
    let get = || text(&exchange(at, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    assert!(get().ends_with("two"));
    assert!(second.is_running());
    // Debian's haproxy speaks the same language.
    let mut third = Command::new("/usr/sbin/haproxy");
    third.args(["-db", "-f"]).arg(first.folder().path().join("haproxy.cfg")).arg("-x").arg(&socket);
    first.edit(|text| text.replace("string two", "string three"));
    let third = crate::program::Program::start(third);
    wait_for(|| get().ends_with("three").then_some(())).expect("both serve the same queue");
    drop(third);
    second.signal("TERM");
    second.ended();
}

#[test]
fn what_operators_changed_survives_by_a_state_file() {
    let server = Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let home = Household::start(&format!(
        "global\n server-state-base <folder>\n server-state-file all.state\n{HEAD} load-server-state-from-file global\n\
         listen l\n bind <http>\n server a {0} weight 10\n server b {0} weight 10\n\
         listen own\n bind <own>\n load-server-state-from-file local\n server c {0}\n",
        server.address()
    ));
    home.ask("@1 set server l/a state maint");
    home.ask("@1 set server l/b weight 3");
    home.ask("@1 set server own/c state drain");
    let state = |home: &Household, backend: &str| home.ask(&format!("@1 show servers state {backend}"));
    let folder = home.lockgate.folder();
    folder.file("all.state", state(&home, "l"));
    folder.file("own", state(&home, "own"));
    assert!(home.reload().starts_with("Success=1"));
    let fields = |text: &str, name: &str| -> Vec<String> {
        let line =
            text.lines().find(|l| l.contains(&format!(" {name} "))).unwrap_or_else(|| panic!("{text}"));
        line.split(' ').map(str::to_owned).collect()
    };
    let (l, own) = (state(&home, "l"), state(&home, "own"));
    assert_eq!(fields(&l, "a")[6], "1", "maintenance: {l}");
    assert_eq!((&*fields(&l, "b")[7], &*fields(&l, "b")[8]), ("3", "10"), "weight: {l}");
    assert_eq!(fields(&own, "c")[6], "8", "drain: {own}");
    folder.file("all.state", "9\n");
    std::fs::remove_file(folder.path().join("own")).unwrap();
    assert!(home.reload().starts_with("Success=1"), "files that cannot be used are told of, no more");
    home.lockgate.logged("its version is '9', not 1");
    home.lockgate.logged("Can't open server state file");
    assert_eq!(fields(&state(&home, "l"), "a")[6], "0");
}

#[test]
fn a_right_can_be_kept() {
    let home = Household::start(&format!(
        "global\n user nobody\n setcap cap_net_bind_service\n set-dumpable\n{HEAD}{}",
        answer("x")
    ));
    let status = std::fs::read_to_string(format!("/proc/{}/status", home.worker())).unwrap();
    assert!(status.contains("CapEff:\t0000000000000400\n"), "{status}");
}

/// What systemd hears of a `Type=notify` service with a watchdog.
#[test]
fn the_service_manager_hears_of_start_reload_health_and_end() {
    let folder = crate::place::Folder::new();
    let manager = std::os::unix::net::UnixDatagram::bind(folder.path().join("notify")).unwrap();
    manager.set_read_timeout(Some(crate::place::PATIENCE)).unwrap();
    let at = free_address();
    let text = format!("{HEAD}{}", answer("one")).replace("<http>", &at.to_string());
    let config = folder.file("haproxy.cfg", &text);
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
    command.args(["-Ws", "-f"]).arg(&config).env("NOTIFY_SOCKET", folder.path().join("notify"));
    command.env("WATCHDOG_USEC", "200000").env_remove("WATCHDOG_PID");
    let mut program = Program::start(command);
    let heard = |wanted: &str| {
        let mut piece = [0; 512];
        loop {
            let count = manager.recv(&mut piece).unwrap_or_else(|e| panic!("{wanted} is not heard: {e}"));
            let said = String::from_utf8_lossy(&piece[..count]).into_owned();
            if said.contains(wanted) {
                return said;
            }
        }
    };
    heard("READY=1");
    assert!(is_listening(at), "not before it serves");
    heard("WATCHDOG=1");
    program.signal("USR2");
    assert!(heard("RELOADING=1").contains("MONOTONIC_USEC="));
    heard("READY=1");
    std::fs::write(&config, "nonsense\n").unwrap();
    program.signal("HUP");
    heard("RELOADING=1");
    heard("READY=1");
    heard("STATUS=Reload failed");
    heard("WATCHDOG=1");
    program.signal("TERM");
    heard("STOPPING=1");
    assert_eq!(program.ended().code(), Some(0));
}

#[test]
fn in_the_background_the_master_is_what_the_pid_file_names() {
    let folder = crate::place::Folder::new();
    let at = free_address();
    let text = format!("global\n daemon\n{HEAD}{}", answer("one")).replace("<http>", &at.to_string());
    let (config, pidfile) = (folder.file("haproxy.cfg", &text), folder.path().join("pid"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
    command.args(["-W", "-f"]).arg(&config).arg("-p").arg(&pidfile);
    command.arg("-S").arg(folder.path().join("master.sock"));
    assert!(Program::start(command).ended().success(), "the caller gets its terminal back");
    let pid: u32 = std::fs::read_to_string(&pidfile).unwrap().trim().parse().unwrap();
    let _guard = Killed(pid);
    assert!(is_listening(at), "not before it serves");
    assert!(
        converse(&folder.path().join("master.sock"), "show proc\n").contains(&format!("{pid:<16}master"))
    );
    for fd in 0..3 {
        let null = std::fs::read_link(format!("/proc/{pid}/fd/{fd}")).unwrap();
        assert_eq!(null.to_str(), Some("/dev/null"));
    }
    std::fs::write(&config, text.replace("string one", "string two")).unwrap();
    assert!(converse(&folder.path().join("master.sock"), "reload\n").starts_with("Success=1"));
    assert_eq!(curl(&format!("http://{at}/")).body, b"two");
    assert!(Command::new("kill").args(["-TERM", &pid.to_string()]).status().unwrap().success());
    wait_for(|| (!is_listening(at)).then_some(())).expect("it leaves");
}

/// A process that is not our child, killed on drop.
pub struct Killed(pub u32);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-KILL", &self.0.to_string()]).stderr(Stdio::null()).status();
    }
}

#[test]
fn counters_survive_by_a_stats_file() {
    let server = Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let home = Household::start(&format!(
        "global\n stats-file <folder>/counters\n{HEAD}listen l\n guid site\n bind <http>\n server a {} guid first\n",
        server.address()
    ));
    home.lockgate.logged("Can't open stats file");
    for _ in 0..3 {
        assert_eq!(curl(&home.lockgate.url("http", "/")).body, b"ok");
    }
    let counters = |home: &Household| {
        let csv = home.ask("@1 show stat");
        let columns: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
        let at = |name: &str| columns.iter().position(|c| *c == name).unwrap();
        let of = |who: &str| -> Vec<u64> {
            let line = csv.lines().find(|l| l.starts_with(&format!("l,{who},"))).unwrap();
            let fields: Vec<&str> = line.split(',').collect();
            ["stot", "hrsp_2xx", "bout"].iter().map(|c| fields[at(c)].parse().unwrap()).collect()
        };
        [of("FRONTEND"), of("BACKEND"), of("a")]
    };
    let before = wait_for(|| Some(counters(&home)).filter(|c| c.iter().all(|of| of[1] == 3))).unwrap();
    home.lockgate.folder().file("counters", home.ask("@1 dump stats-file"));
    assert!(home.reload().starts_with("Success=1"));
    assert_eq!(counters(&home), before);
    // What was renamed is known by its guid.
    home.lockgate.edit(|text| text.replace("server a", "server b"));
    assert!(home.reload().starts_with("Success=1"));
    let renamed = home.ask("@1 show stat");
    let line = renamed.lines().find(|l| l.starts_with("l,b,")).unwrap();
    assert_eq!(line.split(',').nth(7), Some("3"), "{line}");
}

/// A reload runs the program that lies where the master was called: an upgrade is a reload.
#[test]
fn a_reload_runs_the_program_that_is_there_by_then() {
    let folder = crate::place::Folder::new();
    let at = free_address();
    let text = format!("{HEAD}{}", answer("one")).replace("<http>", &at.to_string());
    let (config, program) = (folder.file("haproxy.cfg", text), folder.path().join("haproxy"));
    let install = || std::fs::copy(env!("CARGO_BIN_EXE_lockgate"), folder.path().join("new")).unwrap();
    install();
    std::fs::rename(folder.path().join("new"), &program).unwrap();
    let mut command = Command::new(&program);
    command.args(["-W", "-db", "-f"]).arg(&config).arg("-S").arg(folder.path().join("master.sock"));
    let mut master = Program::start(command);
    assert!(master.listens(&[at]));
    install();
    std::fs::rename(folder.path().join("new"), &program).unwrap();
    let said = converse(&folder.path().join("master.sock"), "reload\n");
    assert!(said.starts_with("Success=1"), "{said}");
    let all = converse(&folder.path().join("master.sock"), "show proc\n");
    let worker = all.lines().skip_while(|l| *l != "# workers").nth(1).unwrap().split(' ').next().unwrap();
    let runs = std::fs::read_link(format!("/proc/{worker}/exe")).unwrap();
    assert_eq!(runs, program.canonicalize().unwrap());
    master.signal("TERM");
    master.ended();
}
