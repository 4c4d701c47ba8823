//! Two hundred reloads under traffic of every kind: nothing may be lost.

use crate::household::Household;
use crate::place::{PATIENCE, wait_for};
use crate::upstream::Upstream;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

const RELOADS: usize = 200;
const CLIENTS: usize = 64;
const WEBSOCKETS: usize = 50;
/// Of the slow download, bytes.
const LARGE: usize = 100 << 20;
/// Between two requests of a client: two hundred reloads are tested, not how fast two cores are.
const PAUSE: Duration = Duration::from_millis(20);

fn server() -> Upstream {
    Upstream::start(|mut peer| {
        loop {
            let head = peer.read_message();
            if head.is_empty() {
                return;
            }
            if head.starts_with("GET /large") {
                peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n"));
                let piece = vec![b'x'; 1 << 20];
                (0..LARGE >> 20).for_each(|_| peer.send(&piece));
            } else if head.to_ascii_lowercase().contains("upgrade: websocket") {
                peer.send(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
                );
                loop {
                    let read = peer.read();
                    if read.is_empty() {
                        return;
                    }
                    peer.send(read);
                }
            } else {
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            }
        }
    })
}

fn connect(to: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Reads a response with a body of two bytes; whether the connection stays open.
fn response(stream: &mut TcpStream) -> Result<bool, String> {
    let mut all = Vec::new();
    let mut piece = [0; 1024];
    while !all.ends_with(b"\r\n\r\nok") {
        match stream.read(&mut piece).map_err(|e| e.to_string())? {
            0 => return Err(format!("closed after {:?}", String::from_utf8_lossy(&all))),
            count => all.extend(&piece[..count]),
        }
    }
    let head = String::from_utf8_lossy(&all).to_ascii_lowercase();
    if !head.starts_with("http/1.1 200 ") {
        return Err(head);
    }
    Ok(!head.contains("connection: close"))
}

/// Keeps its connection until it is told to open another.
fn keep_alive(to: SocketAddr, go: &AtomicBool, sent: &AtomicUsize) -> Result<(), String> {
    let mut stream = None;
    while go.load(SeqCst) {
        let mut open = match stream.take() {
            Some(open) => open,
            None => connect(to).map_err(|e| format!("connect: {e}"))?,
        };
        open.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").map_err(|e| format!("write: {e}"))?;
        sent.fetch_add(1, SeqCst);
        if response(&mut open)? {
            stream = Some(open);
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

fn one_each(to: SocketAddr, go: &AtomicBool, sent: &AtomicUsize) -> Result<(), String> {
    while go.load(SeqCst) {
        let mut open = connect(to).map_err(|e| format!("connect: {e}"))?;
        let said = open.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        said.map_err(|e| format!("write: {e}"))?;
        sent.fetch_add(1, SeqCst);
        response(&mut open)?;
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

fn websocket(to: SocketAddr) -> TcpStream {
    let mut stream = connect(to).unwrap();
    stream.write_all(b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").unwrap();
    let mut all = Vec::new();
    let mut byte = [0];
    while !all.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        all.extend(byte);
    }
    assert!(all.starts_with(b"HTTP/1.1 101 "));
    stream
}

fn echoed(stream: &mut TcpStream, number: usize) {
    let said = format!("frame {number}");
    stream.write_all(said.as_bytes()).unwrap();
    let mut heard = vec![0; said.len()];
    stream.read_exact(&mut heard).unwrap();
    assert_eq!(heard, said.as_bytes());
}

/// Takes its time: it ends when the reloads do.
fn download(to: SocketAddr, go: &AtomicBool) -> usize {
    let mut stream = connect(to).unwrap();
    stream.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let (mut piece, mut total) = (vec![0; 256 << 10], 0);
    loop {
        match stream.read(&mut piece).unwrap() {
            0 => return total,
            count => total += count,
        }
        if go.load(SeqCst) && total > LARGE / 2 {
            std::thread::sleep(PAUSE);
        }
    }
}

/// Kilobytes of memory that a process has in use.
fn resident(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn two_hundred_reloads_lose_nothing() {
    let server = server();
    let home = Household::start(&format!(
        "defaults\n mode http\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n timeout tunnel 60s\n\
         listen l\n bind <http>\n server s {}\n",
        server.address()
    ));
    let to = home.lockgate.at("http");
    let (go, sent) = (&AtomicBool::new(true), &AtomicUsize::new(0));
    std::thread::scope(|threads| {
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            clients.push(threads.spawn(|| keep_alive(to, go, sent)));
            clients.push(threads.spawn(|| one_each(to, go, sent)));
        }
        let large = threads.spawn(|| download(to, go));
        let mut sockets: Vec<TcpStream> = (0..WEBSOCKETS).map(|_| websocket(to)).collect();
        let mut memory = Vec::new();
        for number in 0..RELOADS {
            let said = home.reload();
            assert!(said.starts_with("Success=1"), "{number}: {said}");
            echoed(&mut sockets[number % WEBSOCKETS], number);
            memory.push(resident(home.lockgate.pid()));
        }
        sockets.iter_mut().enumerate().for_each(|(number, socket)| echoed(socket, number));
        go.store(false, SeqCst);
        let failed: Vec<String> = clients.into_iter().filter_map(|c| c.join().unwrap().err()).collect();
        assert!(failed.is_empty(), "{} of {} clients: {:?}", failed.len(), 2 * CLIENTS, failed.first());
        assert_eq!(large.join().unwrap(), LARGE, "the download is whole");
        drop(sockets);
        let old = || home.pids("# old workers");
        wait_for(|| old().is_empty().then_some(())).unwrap_or_else(|| panic!("still there: {:?}", old()));
        let (early, late) = (memory[RELOADS / 10], memory[RELOADS - 1]);
        assert!(late < early + early / 4 + 1024, "the master grew from {early} to {late} KiB");
        let requests = sent.load(SeqCst);
        assert!(requests > RELOADS, "{requests}");
        println!("{RELOADS} reloads, {requests} requests, master {early} -> {late} KiB");
    });
}
