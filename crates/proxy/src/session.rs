//! A session: one client connection from accept to close. It reads the PROXY protocol header, runs the
//! `tcp-request connection` and `session` rules, does the handshake and hands over to the front of its protocol.

use crate::agreed::Agreed;
use crate::deadline::{Deadline, after};
use crate::ending::{Cause, Ending, Phase};
use crate::front;
use crate::link::{Link, LinkError};
use crate::plan::{Frontend, Listener};
use crate::roster::Sight;
use crate::rules::{TcpDecision, run_tcp};
use crate::stream::Stream;
use crate::tally::{Count, Pace};
use crate::tcp;
use crate::vars::Vars;
use crate::worker::Worker;
use http::proxy_protocol::{self, Addresses, Header};
use net::{Addr, Marks};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Instant;

/// A PROXY header or a handshake that takes longer is given up where no `timeout client` is shorter: long enough for
/// any real client, short enough that silence costs little.
const PREFACE_TIMEOUT: Duration = Duration::from_secs(60);

/// What is known of a client connection.
pub struct Session {
    /// Its number, which no other session ever has.
    pub id: u64,
    /// What it shows of itself.
    pub sight: Sight,
    /// Its thread.
    pub worker: Rc<Worker>,
    /// Its frontend.
    pub front: Arc<Frontend>,
    /// Its listener.
    pub listener: Arc<Listener>,
    /// The client's address, after PROXY protocol.
    pub src: Addr,
    /// The address the client reached, after PROXY protocol.
    pub dst: Addr,
    /// The PROXY header received.
    pub proxy: Option<Box<Header>>,
    /// What the handshake agreed on.
    pub tls: Option<Box<Agreed>>,
    /// When it was accepted.
    pub accepted: Instant,
    /// The same on the wall clock, microseconds since the epoch.
    pub accepted_us: i64,
    /// How long PROXY header and handshake took.
    pub handshake: Duration,
    /// `sess.` variables.
    pub vars: RefCell<Vars>,
    /// Requests on this connection so far.
    pub requests: Cell<u32>,
    /// The server connection that this session keeps for itself (`http-reuse never`, PROXY protocol to the server).
    pub private: RefCell<Option<Box<crate::back::Private>>>,
    /// The server that served the last request, for `option prefer-last-server` and logs.
    pub last_server: Cell<Option<(usize, usize)>>,
    /// What went wrong before its first request (`fc_err`, `fc_err_str`).
    pub error: Cell<Option<(u8, &'static str)>>,
    /// What rules want of packets to the client and was not done yet.
    wish: Cell<Option<Marks>>,
    /// What the kernel measures of the connection, while there is one.
    pub meter: Weak<net::Meter>,
    /// Its one timer.
    pub deadline: RefCell<Deadline>,
}

impl Session {
    /// Milliseconds on the wall clock now, derived from the accept time.
    pub fn wall_us(&self, now: Instant) -> i64 {
        self.accepted_us + i64::try_from(now.duration_since(self.accepted).as_micros()).unwrap_or(i64::MAX)
    }

    /// Ready with the way in which a wait ends: as `late` says once `at` has passed, or killed by an operator.
    pub fn poll_end(&self, cx: &mut Context<'_>, at: Option<Instant>, late: Ending) -> Poll<Ending> {
        if self.sight.is_killed() {
            return Poll::Ready(Ending { cause: Cause::Killed, status: None, ..late });
        }
        self.deadline.borrow_mut().poll(cx, at).map(|()| {
            self.worker.tick();
            late
        })
    }

    /// A rule wants packets marked; [`Session::mark_packets`] does it when the rules are through.
    pub fn wish(&self, marks: Marks) {
        let before = self.wish.get().unwrap_or_default();
        self.wish.set(Some(marks.or(before)));
    }

    /// Marks packets to the client as rules wished. Without the right to do so they go unmarked (manual, `set-mark`).
    pub fn mark_packets(&self, link: &Link) {
        let Some(marks) = self.wish.take() else { return };
        link.stream().mark(marks);
    }

    /// Counts in the frontend and its listener.
    fn count(&self, what: Count) {
        self.front.tally.add(self.worker.index, what, 1);
        self.listener.tally.add(self.worker.index, what, 1);
    }

    /// The timeout of whatever precedes the first request.
    fn preface_timeout(&self) -> Duration {
        let timeouts = &self.front.timeouts;
        let usual =
            || timeouts.http_request.or(timeouts.client).unwrap_or(PREFACE_TIMEOUT).min(PREFACE_TIMEOUT);
        timeouts.client_hs.unwrap_or_else(usual)
    }
}

/// Counts a connection for as long as it lives: from when it is taken from its queue, for its session begins a turn or
/// more later, and by then a limit may be exceeded and a thread without connections has ended.
pub struct Counted {
    worker: Rc<Worker>,
    front: Arc<Frontend>,
    listener: Arc<Listener>,
    accepted: Instant,
}

impl Counted {
    /// It was taken now.
    pub fn new(worker: &Rc<Worker>, front: &Arc<Frontend>, listener: &Arc<Listener>) -> Counted {
        let accepted = worker.tick();
        let now = worker.now_ms();
        worker.connection_opened();
        worker.plan.process.connections.enter();
        front.connections.enter();
        listener.connections.enter();
        for tally in [&front.tally, &listener.tally] {
            tally.add(worker.index, Count::Connections, 1);
            tally.pace(worker.index, Pace::Connections, now);
        }
        Counted { worker: worker.clone(), front: front.clone(), listener: listener.clone(), accepted }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.worker.plan.process.connections.leave();
        self.front.connections.leave();
        self.listener.connections.leave();
        self.worker.connection_closed();
    }
}

/// How a session's preface went.
enum Preface {
    Go,
    Close,
    SilentDrop(Option<u32>),
}

/// Serves one client connection to its end.
pub async fn run(counted: Counted, stream: net::Stream, peer: Addr) {
    let worker = counted.worker.clone();
    let registered = worker.register().await;
    let dst = stream.local_addr().unwrap_or(Addr::Unix);
    // In a box: the link is handed on from room to room, and each would keep a place for all of it.
    let mut link = Box::new(Link::new(stream));
    let mut session = Rc::new(Session {
        id: worker.next_session(),
        sight: Sight::default(),
        accepted_us: worker.wall_us(),
        worker,
        front: counted.front.clone(),
        listener: counted.listener.clone(),
        src: peer,
        dst,
        proxy: None,
        tls: None,
        accepted: counted.accepted,
        handshake: Duration::ZERO,
        vars: RefCell::default(),
        requests: Cell::new(0),
        private: RefCell::new(None),
        last_server: Cell::new(None),
        error: Cell::new(None),
        wish: Cell::new(None),
        meter: link.lend_meter(),
        deadline: RefCell::default(),
    });
    // it is nobody else's before it is shown
    if needs_preface(&session)
        && let Some(session) = Rc::get_mut(&mut session)
    {
        match Box::pin(preface(session, &mut link)).await {
            Preface::Go => {}
            Preface::Close => return,
            Preface::SilentDrop(ttl) => return link.silent_drop(ttl),
        }
        session.handshake = session.worker.tick().duration_since(session.accepted);
    }
    registered.show(session.clone());
    session.count(Count::Sessions);
    session.front.tally.pace(session.worker.index, Pace::Sessions, session.worker.now_ms());
    let link = if session.front.http { Some(link) } else { Box::pin(tcp::run(&session, link)).await };
    if let Some(link) = link {
        front::h1::run(&session, link).await;
    }
}

fn needs_preface(session: &Session) -> bool {
    session.listener.accept_proxy
        || session.listener.tls.is_some()
        || !session.front.tcp_connection.is_empty()
        || !session.front.tcp_session.is_empty()
        || session.front.keepalive.is_some()
        || session.front.nolinger
}

async fn preface(session: &mut Session, link: &mut Link) -> Preface {
    if session.front.nolinger {
        // Best effort, like the probes: a connection that ends in order works too.
        let _ = link.stream().set_nolinger();
    }
    if let Some(probes) = &session.front.keepalive {
        // Best effort: a connection without probes still works.
        let _ = link.stream().set_keepalive(probes);
    }
    let give_up = session.accepted + session.preface_timeout();
    if session.listener.accept_proxy && !read_proxy_header(session, link, give_up).await {
        return Preface::Close;
    }
    let decided = connection_rules(session, link, give_up).await;
    session.mark_packets(link);
    match decided {
        Preface::Go => {}
        stop @ (Preface::Close | Preface::SilentDrop(_)) => {
            session.count(Count::DeniedConnections);
            return stop;
        }
    }
    if let Some(tls) = session.listener.tls.clone() {
        session.front.tally.pace(session.worker.index, Pace::Tls, session.worker.now_ms());
        let accepted = handshake(session, link, &tls, give_up).await;
        if let Err(error) = accepted {
            session.count(Count::TlsFailed);
            log_failed_handshake(session, &error);
            return Preface::Close;
        }
        session.tls = link.session().map(|s| Box::new(Agreed::of(&s.info())));
        session.count(Count::TlsSessions);
        if session.tls.as_ref().is_some_and(|tls| tls.resumed) {
            session.count(Count::TlsResumed);
        } else {
            let worker = &session.worker;
            session.front.tally.pace(worker.index, Pace::TlsKeys, worker.now_ms());
        }
    }
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

async fn connection_rules(session: &mut Session, link: &mut Link, give_up: Instant) -> Preface {
    let front = session.front.clone();
    let mut from = 0;
    loop {
        match tcp_rules(session, &front.tcp_connection, from) {
            TcpDecision::Accept | TcpDecision::Wait | TcpDecision::SwitchMode => return Preface::Go,
            TcpDecision::Reject | TcpDecision::Close => return Preface::Close,
            TcpDecision::SilentDrop(ttl) => return Preface::SilentDrop(ttl),
            TcpDecision::ExpectProxy(next) => {
                from = next;
                if !read_proxy_header(session, link, give_up).await {
                    return Preface::Close;
                }
            }
        }
    }
}

/// Runs a rule set that sees addresses only, and keeps what it changed.
fn tcp_rules(session: &mut Session, rules: &[crate::rules::TcpRule], from: usize) -> TcpDecision {
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

/// Reads the PROXY header; says whether the connection may go on.
async fn read_proxy_header(session: &mut Session, link: &mut Link, give_up: Instant) -> bool {
    loop {
        match proxy_protocol::parse(link.input.data()) {
            Ok(proxy_protocol::Parsed::Done { len, header }) => {
                link.input.consume(len);
                if let Addresses::Inet { source, destination } = header.addresses {
                    session.src = Addr::from(source);
                    session.dst = Addr::from(destination);
                }
                session.proxy = Some(Box::new(header));
                return true;
            }
            Ok(proxy_protocol::Parsed::Partial) => {}
            Err(error) => {
                log_proxy_error(session, ProxyError::of(error));
                return false;
            }
        }
        if !fill_before(session, link, give_up).await {
            let error = match (link.input.is_empty(), Instant::now() >= give_up) {
                (false, _) => ProxyError::Truncated,
                (true, true) => ProxyError::Timeout,
                (true, false) => ProxyError::Closed,
            };
            log_proxy_error(session, error);
            return false;
        }
    }
}

/// Why there is no PROXY header, in HAProxy's words and numbers (`fc_err_str`, `fc_err`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum ProxyError {
    Closed,
    Timeout,
    Truncated,
    NoHeader,
    Invalid,
    Protocol,
}

impl ProxyError {
    fn of(error: proxy_protocol::Malformed) -> ProxyError {
        match error {
            proxy_protocol::NO_SIGNATURE => ProxyError::NoHeader,
            proxy_protocol::BAD_PROTOCOL => ProxyError::Protocol,
            proxy_protocol::Malformed(_) => ProxyError::Invalid,
        }
    }

    fn told(self) -> (u8, &'static str) {
        match self {
            ProxyError::Closed => (11, "Connection closed while waiting for PROXY protocol header"),
            ProxyError::Timeout => (13, "Timeout while waiting for PROXY protocol header"),
            ProxyError::Truncated => (14, "Truncated PROXY protocol header received"),
            ProxyError::NoHeader => {
                (15, "Received something which does not look like a PROXY protocol header")
            }
            ProxyError::Invalid => (16, "Received an invalid PROXY protocol header"),
            ProxyError::Protocol => (17, "Received an unhandled protocol in the PROXY protocol header"),
        }
    }
}

/// As HAProxy logs it; connections without a byte are silent under `option dontlognull`.
fn log_proxy_error(session: &Session, error: ProxyError) {
    let told = error.told();
    session.error.set(Some(told));
    let silent = matches!(error, ProxyError::Closed | ProxyError::Timeout);
    if !(session.front.dontlognull && silent) {
        session.front.log.connection_error(&Stream::of_session(session), told.1);
    }
}

/// Reads once; `false` at the end, on an error or after `give_up`.
async fn fill_before(session: &Session, link: &mut Link, give_up: Instant) -> bool {
    poll_fn(|cx| {
        if let Poll::Ready(read) = link.poll_fill(cx) {
            return Poll::Ready(matches!(read, Ok(n) if n > 0));
        }
        session.deadline.borrow_mut().poll(cx, Some(give_up)).map(|()| false)
    })
    .await
}

/// Why a handshake did not succeed.
enum HandshakeError {
    Timeout,
    Link(LinkError),
}

async fn handshake(
    session: &Session,
    link: &mut Link,
    bind: &Arc<tls::BindTls>,
    give_up: Instant,
) -> Result<(), HandshakeError> {
    link.start_tls(tls::Session::accept(bind.clone()));
    let start = Instant::now();
    let mut give_up = give_up.min(after(start, Some(PREFACE_TIMEOUT)).unwrap_or(give_up));
    let mut patience = bind.patience();
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(done) = link.poll_handshake(cx) {
                return Poll::Ready(done.map_err(HandshakeError::Link));
            }
            // What is obtained on demand takes its time, which is not the client's fault.
            if link.awaits_certificate()
                && let Some(patience) = patience.take()
            {
                give_up += patience;
            }
            let (waits, until) = match (link.awaits_certificate(), bind.patience()) {
                (true, Some(patience)) => (true, start + patience),
                (true | false, _) => (false, give_up),
            };
            ready!(session.deadline.borrow_mut().poll(cx, Some(until)));
            if !waits {
                return Poll::Ready(Err(HandshakeError::Timeout));
            }
            link.go_on_without_certificate();
        }
    })
    .await
}

/// Failed handshakes are logged as HAProxy does: with the error log format, or a short line. Connections that ended
/// without a byte are silent under `option dontlognull`.
fn log_failed_handshake(session: &Session, error: &HandshakeError) {
    let mut stream = Stream::of_session(session);
    let cause = match error {
        HandshakeError::Timeout => Cause::ClientTimeout,
        HandshakeError::Link(LinkError::Io(_)) => Cause::ClientAbort,
        HandshakeError::Link(LinkError::Tls(_)) => Cause::Proxy,
    };
    stream.ending = Ending::new(cause, Phase::Request);
    let text: &str = match error {
        HandshakeError::Timeout => "Timeout during SSL handshake",
        HandshakeError::Link(LinkError::Io(_)) => "Connection closed during SSL handshake",
        HandshakeError::Link(LinkError::Tls(e)) if e.distrusts() => "SSL client certificate not trusted",
        HandshakeError::Link(LinkError::Tls(_)) => "SSL handshake failure",
    };
    if !session.front.dontlognull || !matches!(error, HandshakeError::Link(LinkError::Io(_))) {
        session.front.log.connection_error(&stream, text);
    }
}
