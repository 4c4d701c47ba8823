//! One look-up: a question to all name servers of a section over UDP, again after a while, and what comes of it (manual
//! 5.3). The first good answer counts; a bad one only once all servers have given one.

use super::message::{Answer, Family, answer, question};
use super::{Counted, Section};
use std::collections::hash_map::RandomState;
use std::future::poll_fn;
use std::hash::BuildHasher;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// What a look-up found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Addresses, and the name server that told them, by its position.
    Addresses(Vec<IpAddr>, usize),
    /// None.
    Failed(Failure),
}

/// Why there is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is no such name, or it has no address.
    NoSuchName,
    /// Nobody answered.
    Timeout,
    /// The name servers do not answer us.
    Refused,
    /// Anything else.
    Other,
}

impl Failure {
    /// As HAProxy's logs have it.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Failure::NoSuchName => "DNS NX status",
            Failure::Timeout => "DNS timeout status",
            Failure::Refused => "DNS refused status",
            Failure::Other => "unspecified DNS error",
        }
    }
}

/// Asks for the preferred family, and for the other one where that has nothing.
pub(super) async fn look_up(section: &Section, name: &str, prefer: Family) -> Found {
    match ask(section, name, prefer).await {
        Found::Failed(Failure::NoSuchName | Failure::Other) => ask(section, name, prefer.other()).await,
        found @ (Found::Addresses(..) | Found::Failed(Failure::Timeout | Failure::Refused)) => found,
    }
}

/// A name server being asked.
struct Asked {
    socket: Option<UdpSocket>,
    failure: Option<Failure>,
}

async fn ask(section: &Section, name: &str, family: Family) -> Found {
    // foreign answers must guess it, and the port, which is the system's choice
    let id = RandomState::new().hash_one(name) as u16;
    let Ok(question) = question(id, name, family, section.payload) else {
        // no name server could know it
        return Found::Failed(Failure::Other);
    };
    let mut asked: Vec<Asked> = Vec::with_capacity(section.servers.len());
    for server in &section.servers {
        asked.push(Asked { socket: open(server.addr).await.ok(), failure: None });
    }
    let mut buffer = vec![0; usize::from(section.payload)];
    for _ in 0..section.tries.max(1) {
        send(section, &asked, &question).await;
        let listening = poll_fn(|cx| poll_answers(cx, section, &mut asked, &mut buffer, (id, name, family)));
        if let Ok(found) = timeout(section.retry_after, listening).await {
            return found;
        }
        let silent = section.servers.iter().zip(&asked).filter(|(_, asked)| asked.failure.is_none());
        silent.for_each(|(server, _)| server.count(Counted::Timeout));
    }
    Found::Failed(asked.iter().find_map(|asked| asked.failure).unwrap_or(Failure::Timeout))
}

async fn open(to: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
    // only this server's answers arrive
    socket.connect(to).await?;
    Ok(socket)
}

async fn send(section: &Section, asked: &[Asked], question: &[u8]) {
    for (server, asked) in section.servers.iter().zip(asked).filter(|(_, asked)| asked.failure.is_none()) {
        let sent = match &asked.socket {
            Some(socket) => socket.send(question).await.is_ok(),
            None => false,
        };
        server.count(if sent { Counted::Sent } else { Counted::SendError });
    }
}

/// Ready with addresses, or once every server has said that it has none.
fn poll_answers(
    cx: &mut Context<'_>,
    section: &Section,
    asked: &mut [Asked],
    buffer: &mut [u8],
    (id, name, family): (u16, &str, Family),
) -> Poll<Found> {
    for (position, (server, asked)) in section.servers.iter().zip(asked.iter_mut()).enumerate() {
        let Some(socket) = &asked.socket else { continue };
        while asked.failure.is_none() {
            let mut received = ReadBuf::new(buffer);
            match socket.poll_recv(cx, &mut received) {
                Poll::Pending => break,
                // what the system says of an earlier question; the next one is tried all the same
                Poll::Ready(Err(_)) => {
                    server.count(Counted::SendError);
                    break;
                }
                Poll::Ready(Ok(())) => {}
            }
            let (what, failure) = match answer(received.filled(), id, name, family) {
                Err(_) => {
                    server.count(Counted::Invalid);
                    continue;
                }
                Ok(Answer::Addresses(found)) => {
                    server.count(Counted::Valid);
                    return Poll::Ready(Found::Addresses(found, position));
                }
                Ok(Answer::Nothing) => (Counted::AnyError, Failure::Other),
                Ok(Answer::NoSuchName) => (Counted::NoSuchName, Failure::NoSuchName),
                Ok(Answer::Refused) => (Counted::Refused, Failure::Refused),
                Ok(Answer::Error) => (Counted::Other, Failure::Other),
                Ok(Answer::Truncated) => (Counted::Truncated, Failure::Other),
            };
            server.count(what);
            asked.failure = Some(failure);
        }
    }
    let all_failed = asked.iter().all(|asked| asked.failure.is_some());
    match asked.iter().find_map(|asked| asked.failure) {
        Some(failure) if all_failed => Poll::Ready(Found::Failed(failure)),
        Some(_) | None => Poll::Pending,
    }
}
