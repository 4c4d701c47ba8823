//! Log sinks: what arrives, what is counted, and that nobody ever waits.
#![allow(clippy::unwrap_used)] // a failed set-up is a failed test

use net::{LogAddr, LogSink, Ring};
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

fn send_one(addr: &LogAddr, line: &[u8]) -> LogSink {
    let sink = LogSink::open(addr).unwrap();
    sink.socket().unwrap().send(line);
    sink
}

#[test]
fn udp_carries_the_line_as_it_is() {
    let syslog = UdpSocket::bind("127.0.0.1:0").unwrap();
    syslog.set_read_timeout(Some(PATIENCE)).unwrap();
    let sink = send_one(&LogAddr::Udp(syslog.local_addr().unwrap()), b"<134>hello\n");
    let mut buffer = [0; 64];
    let n = syslog.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..n], b"<134>hello\n");
    assert_eq!((sink.sent(), sink.dropped()), (1, 0));
}

#[test]
fn a_syslog_daemon_may_come_later() {
    let path = std::env::temp_dir().join(format!("lockgate-net-{}-dev.log", std::process::id()));
    let sink = send_one(&LogAddr::Unix(path.clone()), b"lost\n");
    assert_eq!((sink.sent(), sink.dropped()), (0, 1));
    let daemon = UnixDatagram::bind(&path).unwrap();
    sink.socket().unwrap().send(b"found\n");
    let mut buffer = [0; 64];
    let n = daemon.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..n], b"found\n");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn an_abstract_socket_is_reached() {
    let name = format!("lockgate-log-{}", std::process::id());
    let daemon = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    send_one(&LogAddr::Abstract(base::addr::AbstractName::exact(&name)), b"x\n");
    assert_eq!(daemon.recv(&mut [0; 8]).unwrap(), 2);
}

#[test]
fn a_full_syslog_socket_drops_instead_of_waiting() {
    let name = format!("lockgate-full-{}", std::process::id());
    let _deaf = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let sink = LogSink::open(&LogAddr::Abstract(base::addr::AbstractName::exact(&name))).unwrap();
    let socket = sink.socket().unwrap();
    for _ in 0..100_000 {
        socket.send(b"line\n");
    }
    assert!(sink.dropped() > 0);
    assert_eq!(sink.sent() + sink.dropped(), 100_000);
}

#[test]
fn a_pipe_gets_all_lines_in_order() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let sink = LogSink::open(&LogAddr::Fd(writer.as_raw_fd())).unwrap();
    let socket = sink.socket().unwrap();
    let expected: String = (0..1000).map(|n| format!("line {n}\n")).collect();
    expected.split_inclusive('\n').for_each(|line| socket.send(line.as_bytes()));
    assert!(sink.flush(PATIENCE));
    drop((socket, sink, writer));
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, expected);
}

#[test]
fn a_reader_that_stopped_reading_costs_lines_but_no_time() {
    let (_reader, writer) = std::io::pipe().unwrap();
    let sink = LogSink::open(&LogAddr::Fd(writer.as_raw_fd())).unwrap();
    let socket = sink.socket().unwrap();
    let line = [b'x'; 1023];
    for _ in 0..20_000 {
        socket.send(&line);
    }
    assert!(sink.dropped() >= 20_000 - 5_000, "{}", sink.dropped());
    assert!(!sink.flush(Duration::from_millis(20)), "nothing can be flushed into a full pipe");
}

#[test]
fn a_ring_keeps_the_newest_lines_within_its_size() {
    let ring = Ring::new("buf", 1000, 40, Vec::new());
    let sink = LogSink::open(&LogAddr::Ring(ring.clone())).unwrap();
    let socket = sink.socket().unwrap();
    (0..100).for_each(|n| socket.send(format!("line {n}\n").as_bytes()));
    socket.send(&[&[b'y'; 200][..], b"\n"].concat());
    assert!(sink.flush(PATIENCE));
    let lines = ring.lines();
    assert!(lines.iter().map(Vec::len).sum::<usize>() <= 1000);
    assert_eq!(lines[lines.len() - 2], b"line 99\n");
    assert_eq!(lines[lines.len() - 1], [&[b'y'; 39][..], b"\n"].concat());
}

#[test]
fn a_ring_passes_its_lines_on() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let ring = Ring::new("buf", 0, 0, vec![server.local_addr().unwrap()]);
    let sink = LogSink::open(&LogAddr::Ring(ring)).unwrap();
    let socket = sink.socket().unwrap();
    socket.send(b"one\n");
    socket.send(b"two\n");
    let (link, _) = server.accept().unwrap();
    let lines: Vec<String> = BufReader::new(link).lines().take(2).map(Result::unwrap).collect();
    assert_eq!(lines, ["one", "two"]);
}
