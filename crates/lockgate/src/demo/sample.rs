//! A sample server: says its name and shows what reached it. Enough HTTP for a proxy that frames its requests well.

use base::reason;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Connections served at once; the front door needs fewer.
const CONNECTIONS: usize = 256;
/// Longest line of a request's head, bytes.
const LINE: u64 = 64 * 1024;

/// A running server; it ends with the process.
pub(super) struct Sample {
    addr: SocketAddr,
}

impl Sample {
    /// Starts one on a port of the system's choice.
    pub(super) fn start(name: &'static str) -> Result<Sample, String> {
        let failed = |e: std::io::Error| format!("sample server {name} cannot be started: {}", reason(&e));
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        std::thread::Builder::new()
            .name(format!("sample-{name}"))
            .spawn(move || accept(&listener, name))
            .map_err(failed)?;
        Ok(Sample { addr })
    }

    /// Where it listens.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

fn accept(listener: &TcpListener, name: &'static str) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming().flatten() {
        if open.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS {
            open.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let open = open.clone();
        std::thread::spawn(move || {
            // A connection that fails concerns nobody but its peer.
            let _ = serve(stream, name);
            open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

fn serve(stream: TcpStream, name: &str) -> std::io::Result<()> {
    let mut write = stream.try_clone()?;
    let mut read = BufReader::new(stream);
    loop {
        let mut head = String::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            if read.by_ref().take(LINE).read_line(&mut line)? == 0 || head.len() as u64 > LINE {
                return Ok(());
            }
            if line.trim().is_empty() {
                break;
            }
            if let Some((field, value)) = line.split_once(':')
                && field.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
            head.push_str(&line);
        }
        std::io::copy(&mut read.by_ref().take(length), &mut std::io::sink())?;
        let page = page(name, &head);
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nX-Served-By: {name}\r\nContent-Length: {}\r\n\r\n{page}",
            page.len()
        );
        write.write_all(answer.as_bytes())?;
    }
}

fn page(name: &str, head: &str) -> String {
    let escaped = head.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<!doctype html><title>Server {name}</title>\n<h1>Server {name}</h1>\n\
         <p>Reload the page: the two servers take turns. This is what reached this one:</p>\n<pre>{escaped}</pre>\n"
    )
}
