//! Binding: what is shared between threads, what is refused, and what the refusal says.
#![allow(clippy::unwrap_used)] // a failed set-up is a failed test

use net::{BindCause, Inherited, ListenAddr, ListenOptions, UnixOwner, bind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("lockgate-net-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn inet(text: &str) -> ListenAddr {
    ListenAddr::Inet(text.parse().unwrap())
}

#[test]
fn every_thread_gets_a_listener_on_the_same_port() {
    let all = bind(&inet("127.0.0.1:0"), &ListenOptions::default(), 3, &mut Inherited::none()).unwrap();
    assert_eq!(all.len(), 3);
    let port = all[0].local_addr().port().unwrap();
    assert!(port > 0);
    assert!(all.iter().all(|l| l.local_addr().port() == Some(port)));
}

#[test]
fn a_taken_port_says_what_to_do() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let error =
        bind(&inet(&format!("127.0.0.1:{port}")), &ListenOptions::default(), 1, &mut Inherited::none())
            .unwrap_err();
    assert!(matches!(error.cause, BindCause::Taken));
    let text = error.to_string();
    assert!(text.contains(&format!("(Address already in use) for [127.0.0.1:{port}]")), "{text}");
    assert!(text.contains(&format!("port {port} is taken by another program")), "{text}");
}

#[test]
fn what_the_system_refuses_names_the_remedy() {
    let foreign =
        bind(&inet("192.0.2.77:0"), &ListenOptions::default(), 1, &mut Inherited::none()).unwrap_err();
    assert!(foreign.to_string().contains("no interface of this machine has that address"), "{foreign}");
    let options = ListenOptions { interface: Some("nosuch0".into()), ..Default::default() };
    let nowhere = bind(&inet("127.0.0.1:0"), &options, 1, &mut Inherited::none()).unwrap_err();
    assert!(nowhere.to_string().contains("interface 'nosuch0'"), "{nowhere}");
}

#[test]
fn rights_that_are_missing_are_named() {
    let error = net::BindError { addr: inet("0.0.0.0:80"), cause: BindCause::Rights };
    assert!(error.to_string().ends_with("ports below 1024 need root or CAP_NET_BIND_SERVICE"), "{error}");
}

#[test]
fn socket_options_of_a_bind_line_are_accepted() {
    let options = ListenOptions {
        backlog: Some(16),
        mss: Some(1400),
        congestion: Some("reno".into()),
        tfo: true,
        defer_accept: true,
        user_timeout: Some(std::time::Duration::from_secs(9)),
        receive_buffer: Some(65_536),
        send_buffer: Some(65_536),
        interface: Some("lo".into()),
        ..Default::default()
    };
    assert_eq!(bind(&inet("127.0.0.1:0"), &options, 1, &mut Inherited::none()).unwrap().len(), 1);
}

#[test]
fn a_dead_unix_socket_is_replaced_and_a_live_one_only_by_its_successor() {
    let folder = Folder::new("dead");
    let path = folder.0.join("front.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let live =
        bind(&ListenAddr::Unix(path.clone()), &ListenOptions::default(), 2, &mut Inherited::none()).unwrap();
    assert_eq!(live.len(), 2);
    let error = bind(&ListenAddr::Unix(path.clone()), &ListenOptions::default(), 1, &mut Inherited::none())
        .unwrap_err();
    assert!(matches!(error.cause, BindCause::Taken), "{error}");
    let successor = ListenOptions { take_over: true, ..Default::default() };
    drop(bind(&ListenAddr::Unix(path.clone()), &successor, 1, &mut Inherited::none()).unwrap());
    drop(live);
    bind(&ListenAddr::Unix(path), &ListenOptions::default(), 1, &mut Inherited::none()).unwrap();
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1, "no temporary name stays behind");
}

#[test]
fn a_file_that_is_no_socket_is_never_replaced() {
    let folder = Folder::new("file");
    let path = folder.0.join("precious");
    std::fs::write(&path, "data").unwrap();
    let error = bind(&ListenAddr::Unix(path.clone()), &ListenOptions::default(), 1, &mut Inherited::none())
        .unwrap_err();
    assert!(matches!(error.cause, BindCause::NotASocket));
    assert_eq!(std::fs::read(&path).unwrap(), b"data");
}

#[test]
fn mode_is_applied_before_the_path_appears() {
    let folder = Folder::new("mode");
    let path = folder.0.join("m.sock");
    let unix = UnixOwner { mode: Some(0o660), ..Default::default() };
    let _bound = bind(
        &ListenAddr::Unix(path.clone()),
        &ListenOptions { unix, ..Default::default() },
        1,
        &mut Inherited::none(),
    )
    .unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
}

#[test]
fn a_path_beyond_the_limit_is_refused_with_the_reason() {
    let path = PathBuf::from(format!("/tmp/{}", "x".repeat(120)));
    let error =
        bind(&ListenAddr::Unix(path), &ListenOptions::default(), 1, &mut Inherited::none()).unwrap_err();
    assert!(matches!(error.cause, BindCause::PathTooLong));
}

#[test]
fn an_inherited_listener_is_shared_and_anything_else_refused() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let all =
        bind(&ListenAddr::Fd(listener.as_raw_fd()), &ListenOptions::default(), 2, &mut Inherited::none())
            .unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].local_addr().inet(), Some(listener.local_addr().unwrap()));
    let file = std::fs::File::open("/dev/null").unwrap();
    for number in [file.as_raw_fd(), 9_999, -1] {
        let error =
            bind(&ListenAddr::Fd(number), &ListenOptions::default(), 1, &mut Inherited::none()).unwrap_err();
        assert!(matches!(error.cause, BindCause::NotListening), "{error}");
    }
}

/// A connection that waits in a queue is not lost when the listener changes hands.
#[tokio::test]
async fn what_waits_is_served_by_the_successor() {
    let options = ListenOptions::default();
    let first = bind(&inet("127.0.0.1:0"), &options, 2, &mut Inherited::none()).unwrap();
    let at = ListenAddr::Inet(match first[0].local_addr() {
        net::Addr::Inet(at) => at,
        net::Addr::Unix => unreachable!(),
    });
    let handed = || first.iter().map(|l| l.share().unwrap());
    let mut inherited = Inherited::of(handed());
    let one = bind(&at, &options, 1, &mut inherited).unwrap();
    assert_eq!(one.len(), 2, "no queue is given up where there are fewer threads");
    let mut inherited = Inherited::of(handed());
    assert_eq!(bind(&at, &options, 3, &mut inherited).unwrap().len(), 3, "the others are made");
    drop(one);
    let mut inherited = Inherited::of(handed());
    let waiting = std::net::TcpStream::connect(at.to_string()).unwrap();
    drop(first);
    let successor = bind(&at, &options, 2, &mut inherited).unwrap();
    let listeners: Vec<_> = successor.into_iter().map(|l| l.into_tokio().unwrap()).collect();
    let (_, peer) = tokio::select! {
        accepted = listeners[0].accept() => accepted.unwrap(),
        accepted = listeners[1].accept() => accepted.unwrap(),
    };
    assert!(matches!(peer, net::Addr::Inet(peer) if peer == waiting.local_addr().unwrap()));
}

#[test]
fn a_unix_socket_is_handed_over_under_its_path() {
    let path = std::env::temp_dir().join(format!("lockgate-handed-{}.sock", std::process::id()));
    let options = ListenOptions::default();
    let at = ListenAddr::Unix(path.clone());
    let first = bind(&at, &options, 1, &mut Inherited::none()).unwrap();
    let mut inherited = Inherited::of([first[0].share().unwrap()]);
    let unix = net::UnixOwner { mode: Some(0o600), ..Default::default() };
    let second = bind(&at, &ListenOptions { unix, ..options }, 1, &mut inherited).unwrap();
    drop(first);
    std::os::unix::net::UnixStream::connect(&path).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let mut inherited = Inherited::of([second[0].share().unwrap()]);
    std::fs::remove_file(&path).unwrap();
    drop(bind(&at, &ListenOptions::default(), 1, &mut inherited).unwrap());
    assert!(path.exists(), "a socket whose path was removed is of no use and made anew");
    std::fs::remove_file(&path).unwrap();
}
