//! What comes before a connection's first request: `tcp-request connection` rules, which see the connection as it is,
//! then the PROXY protocol header, the handshake, and `tcp-request session` rules, which see whom the header names.

use super::{Ends, Session, handshake, proxy_header};
use crate::link::Link;
use crate::rules::{TcpDecision, TcpRule, run_tcp};
use crate::stream::Stream;
use crate::tally::Count;
use net::Addr;
use std::time::Duration;

/// A PROXY header or a handshake that takes longer is given up where no `timeout client` is shorter: long enough for
/// any real client, short enough that silence costs little.
pub(super) const TIMEOUT: Duration = Duration::from_secs(60);

/// How a session's preface went.
pub(super) enum Preface {
    Go,
    Close,
    /// Closed by a reset: it leaves nothing behind here, however many are rejected.
    Reset,
    SilentDrop(Option<u32>),
}

pub(super) fn is_needed(session: &Session) -> bool {
    session.listener.accept_proxy
        || session.listener.tls.is_some()
        || !session.front.tcp_connection.is_empty()
        || !session.front.tcp_session.is_empty()
        || session.front.keepalive.is_some()
        || session.front.nolinger
}

pub(super) async fn run(session: &mut Session, link: &mut Link) -> Preface {
    if session.front.nolinger {
        // Best effort, like the probes: a connection that ends in order works too.
        let _ = link.stream().set_nolinger();
    }
    if let Some(probes) = &session.front.keepalive {
        // Best effort: a connection without probes still works.
        let _ = link.stream().set_keepalive(probes);
    }
    let give_up = session.accepted + timeout(session);
    let decided = connection_rules(session);
    session.mark_packets(link);
    let proxied = match decided {
        Ok(proxied) => proxied,
        Err(stop) => {
            session.count(Count::DeniedConnections);
            return stop;
        }
    };
    if proxied || !session.front.tcp_session.is_empty() {
        session.own = Some(Box::new(Ends { src: session.src, dst: session.dst }));
    }
    if proxied && !proxy_header::read(session, link, give_up).await {
        return Preface::Close;
    }
    if let Some(tls) = session.listener.tls.clone()
        && !handshake::run(session, link, &tls, give_up).await
    {
        return Preface::Close;
    }
    session_rules(session, link)
}

/// How long all of it may take.
fn timeout(session: &Session) -> Duration {
    let timeouts = &session.front.timeouts;
    let usual = || timeouts.http_request.or(timeouts.client).unwrap_or(TIMEOUT).min(TIMEOUT);
    timeouts.client_hs.unwrap_or_else(usual)
}

/// Whether a PROXY header comes next, or how the connection ends. Rules behind `expect-proxy` still see the connection as
/// it is: the header is read when they are through (as with HAProxy).
fn connection_rules(session: &mut Session) -> Result<bool, Preface> {
    let front = session.front.clone();
    let mut proxied = session.listener.accept_proxy;
    let mut from = 0;
    loop {
        match tcp_rules(session, &front.tcp_connection, from) {
            TcpDecision::Accept | TcpDecision::Wait | TcpDecision::SwitchMode => return Ok(proxied),
            TcpDecision::Reject | TcpDecision::Close => return Err(Preface::Reset),
            TcpDecision::SilentDrop(ttl) => return Err(Preface::SilentDrop(ttl)),
            TcpDecision::ExpectProxy(next) => {
                from = next;
                proxied = true;
            }
        }
    }
}

fn session_rules(session: &mut Session, link: &Link) -> Preface {
    let front = session.front.clone();
    let decision = tcp_rules(session, &front.tcp_session, 0);
    session.mark_packets(link);
    let denied = match decision {
        TcpDecision::Accept | TcpDecision::Wait | TcpDecision::SwitchMode | TcpDecision::ExpectProxy(_) => {
            return Preface::Go;
        }
        TcpDecision::Reject | TcpDecision::Close => Preface::Close,
        TcpDecision::SilentDrop(ttl) => Preface::SilentDrop(ttl),
    };
    session.count(Count::DeniedSessions);
    denied
}

/// Runs a rule set that sees addresses only, and keeps what it changed.
fn tcp_rules(session: &mut Session, rules: &[TcpRule], from: usize) -> TcpDecision {
    if rules.is_empty() {
        return TcpDecision::Accept;
    }
    let (decision, src, dst) = {
        let mut stream = Stream::of_session(session);
        let decision = run_tcp(rules, from, true, &mut stream);
        (decision, stream.src(), stream.dst())
    };
    if let Some(src) = src {
        session.src = Addr::from(src);
    }
    if let Some(dst) = dst {
        session.dst = Addr::from(dst);
    }
    decision
}
