//! The runtime API as clients use it: over the socket, one line or a conversation.

use crate::authority::authority;
use crate::client::{Raw, curl};
use crate::json_schema;
use crate::nginx::Nginx;
use crate::place::{Folder, wait_for};
use crate::program::Lockgate;
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// A proxy with a stats socket of these parameters.
pub struct Operated {
    folder: Folder,
    pub lockgate: Lockgate,
}

impl Operated {
    pub fn start(parameters: &str, rest: &str) -> Operated {
        let folder = Folder::new();
        let text = format!(
            "global\n stats socket {}/api.sock {parameters}\n stats timeout 5s\n\
             defaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n{rest}",
            folder.path().display()
        );
        Operated { lockgate: Lockgate::start(&text), folder }
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("api.sock")
    }

    /// Sends a line as `echo … | socat` does and takes the whole answer.
    pub fn ask(&self, line: &str) -> String {
        converse(&self.socket(), &format!("{line}\n"))
    }
}

/// Says all of `text`, closes that side, and reads to the end. Listeners may be there a moment before the socket is.
pub fn converse(socket: &Path, text: &str) -> String {
    let mut stream = wait_for(|| UnixStream::connect(socket).ok()).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

const ONE_FRONT: &str = "frontend f\n bind <http>\n default_backend b\nbackend b\n server s 127.0.0.1:9\n";

#[test]
fn a_line_of_commands_is_answered_and_the_session_ends() {
    let operated = Operated::start("level admin mode 600", ONE_FRONT);
    let found = std::fs::symlink_metadata(operated.socket()).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    let version = operated.ask("show version");
    assert_eq!(version.lines().count(), 2, "{version}");
    assert_eq!(operated.ask("show version;show cli level"), format!("{version}admin\n\n"));
    assert_eq!(operated.ask("set timeout cli"), "Expects an integer value.\n\n");
    assert_eq!(operated.ask("quit;show version"), "");
    // Without its end a line was not finished and must not be obeyed.
    assert_eq!(converse(&operated.socket(), "show version"), "");
}

#[test]
fn a_prompt_keeps_the_session_and_asks_for_payload() {
    let operated = Operated::start("level admin", ONE_FRONT);
    let said =
        converse(&operated.socket(), "prompt\necho a <<\nline\n\nset severity-output number;echo b\nquit\n");
    assert_eq!(said, "\n> + + a\n\n> \n> [6]: b\n\n> ");
}

#[test]
fn a_payload_without_its_end_and_an_endless_line_are_not_obeyed() {
    let operated = Operated::start("level admin", ONE_FRONT);
    assert_eq!(converse(&operated.socket(), "echo a <<\nhalf"), "");
    assert_eq!(converse(&operated.socket(), "echo a <<%\nb\n\nc\n%\n"), "a\n\n");
    let mut client = UnixStream::connect(operated.socket()).unwrap();
    client.write_all(b"set timeout cli 1;prompt i\necho b <<\nhalf").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "\n\n", "the silence ends it");
    let mut client = UnixStream::connect(operated.socket()).unwrap();
    // It may be cut off while it still sends.
    let _ = client.write_all(&[b'x'; 64 * 1024]);
    let mut rest = Vec::new();
    let _ = client.read_to_end(&mut rest);
    assert_eq!(rest, b"");
}

#[test]
fn a_level_can_only_be_given_up() {
    let operated = Operated::start("", ONE_FRONT);
    assert_eq!(operated.ask("show cli level;expert-mode on"), "operator\n\nPermission denied\n\n");
    assert_eq!(
        operated.ask("user;show env;operator;show cli level"),
        "\nPermission denied\n\nPermission denied\n\nuser\n\n"
    );
}

#[test]
fn an_unknown_command_is_answered_with_the_likely_ones() {
    let operated = Operated::start("level admin", ONE_FRONT);
    let answer = operated.ask("show cli");
    assert!(answer.starts_with(
        "Unknown command, but maybe one of the following ones is a better match:\n  show cli level "
    ));
    assert!(answer.ends_with("\n\n") && !answer.contains("show info"), "{answer}");
    assert!(
        operated.ask("").starts_with("Unknown command. Please enter one of the following commands only:\n")
    );
}

#[test]
fn the_process_tells_its_numbers_in_three_forms() {
    let operated = Operated::start("level user", ONE_FRONT);
    let pid = operated.lockgate.pid();
    let plain = operated.ask("show info");
    assert!(plain.starts_with("Name: HAProxy\n"), "haproxyadmin talks to no other name: {plain}");
    assert!(plain.contains(&format!("\nPid: {pid}\n")), "{plain}");
    let typed = operated.ask("show info typed");
    assert!(typed.contains(&format!("\n6.Pid.1:SGP:u32:{pid}\n")), "{typed}");
    let json = operated.ask("show info json");
    assert!(json.starts_with("[{\"field\":{\"pos\":0,\"name\":\"Name\"},\"processNum\":1,"), "{json}");
    assert!(json.ends_with("}}]\n\n"), "{json}");
}

#[test]
fn the_json_answers_keep_their_schema() {
    let operated = Operated::start(
        "level user",
        "defaults\n mode http\n option socket-stats\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
         frontend f\n bind <http>\n default_backend b\nbackend b\n server s 127.0.0.1:9 check cookie a\n",
    );
    let json = |line: &str| serde_json::from_str::<serde_json::Value>(&operated.ask(line)).unwrap();
    let answer = operated.ask("show schema json");
    assert_eq!(answer.trim_end().lines().count(), 1, "{answer}");
    let schema = json("show schema json");
    let (info, stat) = (json("show info json"), json("show stat json"));
    assert_eq!(stat.as_array().unwrap().len(), 4, "a subject of each kind: {stat}");
    for answer in [&info, &stat, &json("show stat -1 0 -1 json")] {
        json_schema::check(&schema, answer).unwrap();
    }
    for (place, wrong) in [("/0/value/type", "float"), ("/0/tags/nature", "Colour"), ("/0/field/pos", "0")] {
        let mut other = info.clone();
        *other.pointer_mut(place).unwrap() = wrong.into();
        assert!(json_schema::check(&schema, &other).is_err(), "{place}");
        let mut other = stat.clone();
        *other.pointer_mut(&format!("/0{place}")).unwrap() = wrong.into();
        assert!(json_schema::check(&schema, &other).is_err(), "{place}");
    }
}

#[test]
fn a_socket_that_lives_is_refused_and_a_dead_one_replaced() {
    let operated = Operated::start("", ONE_FRONT);
    let socket = operated.socket();
    let text = format!("global\n stats socket {}\n{ONE_FRONT}", socket.display());
    let said = Lockgate::refused(&text);
    assert!(said.contains("Address already in use"), "{said}");
    assert!(operated.ask("show version").ends_with("\n\n"));
    let Operated { folder: _folder, lockgate } = operated;
    drop(lockgate);
    assert!(socket.exists());
    let _second = Lockgate::start(&text);
    assert!(converse(&socket, "show version\n").ends_with("\n\n"));
}

/// A line of `show stat` by its columns.
fn columns(csv: &str, proxy: &str, server: &str) -> std::collections::BTreeMap<String, String> {
    let mut lines = csv.lines();
    let names = lines.next().unwrap().trim_start_matches("# ").split(',');
    let line = lines.find(|l| l.starts_with(&format!("{proxy},{server},"))).unwrap();
    names.zip(line.split(',')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn what_clients_and_servers_did_is_counted_where_it_happened() {
    let nginx = Nginx::start("counted");
    let operated = Operated::start(
        "level admin",
        &format!(
            "frontend f\n bind <http>\n http-request deny if {{ path /denied }}\n default_backend b\n\
             backend b\n balance leastconn\n server s {}\n",
            nginx.address()
        ),
    );
    for path in ["/", "/", "/", "/denied"] {
        curl(&operated.lockgate.url("http", path));
    }
    // A refused request is counted when its exchange has ended, which may be after the client has its answer.
    let counted = || {
        let stat = operated.ask("show stat");
        (columns(&stat, "f", "FRONTEND")["dreq"] == "1").then_some(stat)
    };
    let stat = wait_for(counted).expect("the refused request is counted");
    let of = |proxy, server, names: [&str; 4]| {
        let all = columns(&stat, proxy, server);
        names.map(|name| all[name].clone())
    };
    assert_eq!(of("f", "FRONTEND", ["stot", "req_tot", "hrsp_2xx", "dreq"]), ["4", "4", "3", "1"]);
    assert_eq!(of("b", "s", ["stot", "lbtot", "hrsp_2xx", "status"]), ["3", "3", "3", "no check"]);
    assert_eq!(of("b", "BACKEND", ["stot", "algo", "hrsp_4xx", "act"]), ["3", "leastconn", "0", "1"]);
    assert_eq!(columns(&stat, "f", "FRONTEND").len(), 131, "a column each, and the end of the line");
    assert_eq!(operated.ask("clear counters all"), "\n");
    let stat = operated.ask("show stat f 1 -1");
    assert_eq!(stat.lines().count(), 3, "{stat}");
    assert_eq!(columns(&stat, "f", "FRONTEND")["req_tot"], "0");
}

#[test]
fn requests_that_cannot_be_read_count_as_such() {
    let operated = Operated::start(
        "level admin",
        "frontend f\n bind <http>\n option dontlognull\n http-request return status 200\n",
    );
    for bytes in ["", "GET / HT", "BAD\r\n\r\n"] {
        Raw::connect(operated.lockgate.at("http")).send(bytes).finish();
    }
    let counted = || {
        let stat = operated.ask("show stat");
        let all = columns(&stat, "f", "FRONTEND");
        let names = ["stot", "req_tot", "ereq", "hrsp_4xx"];
        names.iter().all(|name| all[*name] == "3").then_some(())
    };
    assert!(wait_for(counted).is_some(), "{}", operated.ask("show stat"));
}

#[test]
fn ctl_shows_tables_and_fails_where_the_command_does() {
    let operated = Operated::start("level operator", ONE_FRONT);
    let ctl_at = |socket: &Path, arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lockgate"));
        command.args(["ctl", "--socket"]).arg(socket).args(arguments).output().unwrap()
    };
    let ctl = |arguments: &[&str]| ctl_at(&operated.socket(), arguments);
    let shown = ctl(&["show", "stat"]);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.status.success() && text.starts_with("pxname  svname    status"), "{text}");
    assert!(text.contains("\nb       s         no check"), "{text}");
    let json = ctl(&["--json", "show", "info"]);
    assert!(json.status.success() && json.stdout.starts_with(b"[{\"field\""));
    let servers = ctl(&["--json", "show", "servers", "state"]);
    assert!(servers.stdout.starts_with(b"[{\"be_id\":\""), "{}", String::from_utf8_lossy(&servers.stdout));
    let refused = ctl(&["expert-mode", "on"]);
    assert!(!refused.status.success() && refused.stderr.starts_with(b"Permission denied"));
    let nowhere = ctl_at(Path::new("/nonexistent/api.sock"), &["show", "info"]);
    assert!(!nowhere.status.success());
    assert!(nowhere.stderr.starts_with(b"lockgate ctl: /nonexistent/api.sock: "));
}

#[test]
fn the_sessions_of_a_server_end_when_told_to() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let operated = Operated::start(
        "level admin",
        &format!("listen t\n mode tcp\n bind <tcp>\n server s {}\n", server.local_addr().unwrap()),
    );
    let mut client = std::net::TcpStream::connect(operated.lockgate.at("tcp")).unwrap();
    client.set_read_timeout(Some(crate::place::PATIENCE)).unwrap();
    let (mut accepted, _) = server.accept().unwrap();
    accepted.write_all(b"x").unwrap();
    let mut byte = [0];
    client.read_exact(&mut byte).unwrap();
    assert_eq!(operated.ask("shutdown sessions server t/nobody"), "No such server.\n\n");
    assert_eq!(operated.ask("shutdown sessions server t/s"), "\n");
    // Cut off: the end, or a reset, and no time-out.
    match client.read(&mut byte) {
        Ok(read) => assert_eq!(read, 0),
        Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::ConnectionReset),
    }
}

/// The one place is taken by a client that asks for much and reads nothing; it is given up and the next one served.
#[test]
fn a_client_that_does_not_read_loses_its_place() {
    let limits = "frontend f\n bind <http>\n default_backend b\nbackend b\n server s 127.0.0.1:9\n\
                  global\n stats maxconn 1\n stats timeout 300ms\n";
    let operated = Operated::start("level admin", limits);
    let mut deaf = UnixStream::connect(operated.socket()).unwrap();
    deaf.write_all(format!("{}\n", "show stat;".repeat(1_500)).as_bytes()).unwrap();
    let version = operated.ask("show version");
    assert_eq!(version.lines().count(), 2, "{version}");
}

#[test]
fn a_command_of_too_many_words_is_refused_whole() {
    let operated = Operated::start("level admin", ONE_FRONT);
    assert_eq!(operated.ask(&format!("echo {}", "w ".repeat(64))), "More than 64 words.\n\n");
}

#[test]
fn what_is_loaded_is_told_and_what_is_not_there_is_not_made_up() {
    let operated = Operated::start("level admin", ONE_FRONT);
    let libraries = operated.ask("show libs");
    let program = env!("CARGO_BIN_EXE_lockgate");
    assert!(libraries.lines().any(|l| l.starts_with("0x") && l.ends_with(program)), "{libraries}");
    assert!(libraries.contains("/libc.so"), "{libraries}");
    assert_eq!(operated.ask("show events x"), "No such event sink\n");
    assert_eq!(operated.ask("show resolvers x"), "Can't find that resolvers section\n\n");
    // the system's name servers, where it has some
    let resolvers = operated.ask("show resolvers");
    assert!(
        resolvers == "\n" || resolvers.starts_with("Resolvers section default\n nameserver "),
        "{resolvers}"
    );
}

#[test]
fn it_is_spoken_over_tls_with_the_clients_certificate() {
    let (ca, crt) = (authority().root(), authority().leaf("api.example"));
    let folder = Folder::new();
    let [asked, open] = ["asked.sock", "open.sock"].map(|name| folder.path().join(name));
    let more = format!(
        "{ONE_FRONT}global\n stats socket {} ssl crt {crt} verify required ca-file {ca} level operator\n \
         stats socket {} ssl crt {crt} level admin\n",
        asked.display(),
        open.display(),
        crt = crt.display(),
        ca = ca.display()
    );
    let operated = Operated::start("level admin", &more);
    let client = authority().leaf("client.example").display().to_string();
    let own = ["-cert", &client, "-key", &client];
    assert_eq!(over_tls(&asked, &own, "show cli level\n"), "operator\n\n");
    assert_eq!(over_tls(&asked, &[], "show cli level\n"), "");
    assert_eq!(over_tls(&open, &[], "prompt\nshow cli level\nquit\n"), "\n> admin\n\n> ");
    // a long answer, and a payload
    let long = over_tls(&open, &[], &format!("echo {} <<\nx\n\n", "a ".repeat(60)));
    assert_eq!(long, format!("{}\n\n", ["a"; 60].join(" ")));
    assert_eq!(
        over_tls(&open, &[], &format!("{}\n", "show env;".repeat(50))).matches("PATH=").count() % 50,
        0
    );
    // in clear it is not spoken there
    assert!(!converse_raw(&open, "show version\n").windows(3).any(|w| w == b"2.6"));
    let listed = operated.ask("show cli sockets");
    assert!(listed.contains(&format!("unix@{} operator all\n", asked.display())), "{listed}");
    // the certificate is one like others
    let name = crt.display();
    assert!(operated.ask(&format!("show ssl cert {name}")).contains("\nStatus: Used\n"));
    assert!(operated.ask("show ssl sni").contains("GLOBAL/"));
}

/// What is answered over a TLS connection to this socket.
fn over_tls(socket: &Path, words: &[&str], text: &str) -> String {
    let mut client = std::process::Command::new("openssl")
        .args(["s_client", "-quiet", "-servername", "api.example", "-unix", socket.to_str().unwrap()])
        .args(words)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // It may be refused before it has said all.
    let _ = client.stdin.take().unwrap().write_all(text.as_bytes());
    String::from_utf8(client.wait_with_output().unwrap().stdout).unwrap()
}

fn converse_raw(socket: &Path, text: &str) -> Vec<u8> {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // It may be cut off.
    let _ = stream.read_to_end(&mut answer);
    answer
}

#[test]
fn variables_of_the_process_are_read_and_set() {
    let text = "global\n set-var proc.site str(old)\nfrontend f\n bind <http>\n \
                http-request return status 200 hdr x-site %[var(proc.site)]\n";
    let operated = Operated::start("level admin", text);
    let site = || curl(&operated.lockgate.url("http", "/")).field("x-site").unwrap().to_owned();
    assert_eq!(operated.ask("get var proc.site"), "proc.site: type=str value=<old>\n");
    let refused = "This command is restricted to experimental mode only.\n\n";
    assert_eq!((operated.ask("set var proc.site str(new)"), site()), (refused.into(), "old".into()));
    let set = |rest: &str| operated.ask(&format!("experimental-mode on;set var {rest}"));
    assert_eq!((set("proc.site str(new),upper"), site()), ("\n\n".into(), "NEW".into()));
    assert_eq!((set("proc.site fmt a%[int(1)]b"), site()), ("\n\n".into(), "a1b".into()));
    for (rest, answer) in [
        ("", "Missing process-wide variable identifier.\n\n"),
        ("proc.x", "Missing either 'expr', 'fmt' or expression.\n\n"),
        ("proc.x nope(1)", "unknown fetch method 'nope'\n"),
        ("txn.x int(1)", "'set var': cannot set variable 'txn.x', only scope 'proc' is permitted here.\n"),
    ] {
        assert_eq!(set(rest), format!("\n{answer}"), "{rest}");
    }
    assert_eq!(operated.ask("get var proc.nope"), "Variable not found.\n\n");
    assert!(operated.ask("experimental-mode on;help set").contains("\n  set var <name> "));
    assert!(!operated.ask("help set").contains("\n  set var "));
}

#[test]
fn a_ring_is_listed_shown_and_followed() {
    let text = "ring trail\n description \"The trail\"\nfrontend f\n bind <http>\n log ring@trail format raw local0\n \
                log-format seen:%HP\n http-request return status 200\n";
    let operated = Operated::start("level operator", text);
    assert!(operated.ask("show events").contains("\n    trail      : type=buffer, 0 dropped, The trail\n"));
    curl(&operated.lockgate.url("http", "/first"));
    let has = |part: &str| operated.ask("show events trail").contains(part).then_some(());
    assert!(wait_for(|| has("seen:/first\n")).is_some());
    assert_eq!(operated.ask("show events trail -n"), "\n");
    let mut follower = UnixStream::connect(operated.socket()).unwrap();
    follower.set_read_timeout(Some(crate::place::PATIENCE)).unwrap();
    follower.write_all(b"show events trail -w -n\n").unwrap();
    let mut seen = Vec::new();
    let mut requests = 0;
    while !String::from_utf8_lossy(&seen).contains("seen:/second") {
        // it may not follow yet
        requests += 1;
        assert!(requests < 100, "{}", String::from_utf8_lossy(&seen));
        curl(&operated.lockgate.url("http", "/second"));
        follower.set_read_timeout(Some(std::time::Duration::from_millis(300))).unwrap();
        let mut some = [0; 4096];
        if let Ok(count) = follower.read(&mut some) {
            seen.extend_from_slice(&some[..count]);
        }
    }
    assert!(!String::from_utf8_lossy(&seen).contains("seen:/first"));
    // any key ends it
    follower.write_all(b"\n").unwrap();
    follower.set_read_timeout(Some(crate::place::PATIENCE)).unwrap();
    follower.read_to_end(&mut seen).unwrap();
    assert_eq!(operated.ask("show events trail -x"), "unknown option\n");
}

#[test]
fn cookies_follow_the_key_and_are_switched() {
    let nginx = Nginx::start("one");
    let text = format!(
        "listen b\n bind <http>\n cookie C insert dynamic\n dynamic-cookie-key k1\n server s {}\n",
        nginx.address()
    );
    let operated = Operated::start("level admin", &text);
    let cookie = || curl(&operated.lockgate.url("http", "/")).field("set-cookie").map(str::to_owned);
    let first = cookie().unwrap();
    assert_eq!(operated.ask("set dynamic-cookie-key backend b k2"), "\n");
    let second = cookie().unwrap();
    assert_ne!(first, second);
    assert_eq!(operated.ask("disable dynamic-cookie backend b"), "\n");
    // as with any server that has no value
    assert!(cookie().unwrap().starts_with("C=; Expires=Thu, 01-Jan-1970"));
    assert_eq!(operated.ask("enable dynamic-cookie backend b"), "\n");
    assert_eq!(cookie(), Some(second));
    assert_eq!(operated.ask("enable dynamic-cookie backend x"), "No such backend.\n\n");
    assert_eq!(operated.ask("set dynamic-cookie-key backend b"), "String value expected.\n\n");
}

#[test]
fn proxies_are_shown_in_their_order_and_none_has_the_number_of_another() {
    let operated = Operated::start(
        "level user",
        "defaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
         listen a\n bind <http>\nbackend b\n id 6\nbackend c\n id 2\n",
    );
    let shown = operated.ask("show stat");
    let of = |line: &str| {
        let words: Vec<&str> = line.split(',').collect();
        (words[0].to_owned(), words[27].to_owned())
    };
    let found: Vec<_> = shown.lines().skip(1).filter(|l| l.contains(",BACKEND,")).map(of).collect();
    assert_eq!(found, [("a", "3"), ("b", "6"), ("c", "2")].map(|(n, id)| (n.to_owned(), id.to_owned())));
}
