//! A stream: one request and its response (or one TCP connection's payload). **This file alone knows the order of the
//! steps**; every step takes what it needs and returns a decision, and what is decided is done here.

mod answer;
mod cacheable;
mod captured_cookie;
mod challenge;
mod finish_request;
mod finish_response;

pub use answer::{answer_error, flush};

use crate::agreed::Agreed;
use crate::assign;
use crate::back::{self, Checkout, Failure};
use crate::ending::{Cause, Ending, Phase};
use crate::front::h1::Exchange;
use crate::plan::{Backend, Frontend, HttpRules};
use crate::queue::Priority;
use crate::reply::Reply;
use crate::roster::Stage;
use crate::route;
use crate::rules::{self, Decision, HttpRule, Message};
use crate::server::Server;
use crate::session::Session;
use crate::statistics::{Statistics, Verdict};
use crate::tally::{self, Count, Pace};
use crate::vars::Vars;
use crate::worker::Worker;
use config::model::ProxyKind;
use http::h1::Complete;
use http::{Fields, Method, Request, Response, Slice, Version};
use net::Addr;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What becomes of the client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Another request may follow.
    KeepAlive,
    /// It ends in the ordinary way.
    Close,
    /// It ends while the client may still be sending.
    Linger,
    /// It ends so that the client can see that something is missing.
    Abort,
    /// It vanishes; a reset may go so many hops.
    SilentDrop(Option<u32>),
}

/// Moments of a stream; logs and timers are made of their differences.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // in order of time
pub struct Times {
    pub idle_from: Instant,
    pub first_byte: Option<Instant>,
    pub request: Option<Instant>,
    pub assigned: Option<Instant>,
    pub connected: Option<Instant>,
    pub response: Option<Instant>,
    pub end: Option<Instant>,
}

/// Timeouts that rules may change for one stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct StreamTimeouts {
    /// `timeout client`
    pub client: Option<Duration>,
    /// `timeout server`
    pub server: Option<Duration>,
    /// `timeout tunnel`
    pub tunnel: Option<Duration>,
}

/// A body as far as it was buffered for rules.
#[derive(Default)]
pub struct Buffered {
    /// What arrived, unframed.
    pub bytes: Vec<u8>,
    /// All of it is here.
    pub complete: bool,
}

/// See the module's head.
pub struct Stream<'s> {
    /// The connection it came on.
    pub session: &'s Session,
    /// Its thread.
    pub worker: &'s Worker,
    /// Its number in the process (`%rt`).
    pub number: u64,
    /// Where it came in.
    pub front: &'s Arc<Frontend>,
    /// Where it goes.
    pub back: Option<&'s Arc<Backend>>,
    /// It is counted among the backend's streams.
    in_backend: bool,
    /// The server, by index.
    pub server: Option<Arc<Server>>,
    /// The request's head as it stands after the rules so far.
    pub request: Request,
    /// Whether there is one.
    pub has_request: bool,
    /// The response's head.
    pub response: Response,
    /// Whether there is one.
    pub has_response: bool,
    /// Buffered request body.
    pub body: Buffered,
    /// The response's body, as far as it was buffered for rules.
    pub response_body: Buffered,
    /// Raw client bytes lent for an inspection.
    pub payload: crate::buf::Buf,
    /// No more raw bytes will come.
    pub payload_complete: bool,
    /// Raw server bytes lent for an inspection.
    pub response_payload: crate::buf::Buf,
    /// No more of them will come.
    pub response_payload_complete: bool,
    vars: RefCell<[Vars; 3]>,
    src: Option<SocketAddr>,
    dst: Option<SocketAddr>,
    /// Timeouts in force.
    pub timeouts: StreamTimeouts,
    /// `set-log-level`: `Some(None)` is silent.
    pub log_level: Option<Option<u8>>,
    /// Captured texts by slot.
    pub request_captures: Vec<Option<Vec<u8>>>,
    /// The same of the response.
    pub response_captures: Vec<Option<Vec<u8>>>,
    /// Texts that converters keep; they take their slots before the next look at these.
    pub kept_captures: RefCell<Vec<(Message, usize, Vec<u8>)>>,
    /// `capture cookie`: of the request, of the response.
    pub captured_cookies: [Option<Vec<u8>>; 2],
    /// Method, target and version as first received, for logs.
    pub first_line: Option<FirstLine>,
    /// Moments.
    pub times: Times,
    /// Request bytes received.
    pub bytes_uploaded: u64,
    /// Response bytes sent.
    pub bytes_read: u64,
    /// Body bytes that passed inside the kernel, from and to the client.
    pub spliced: (u64, u64),
    /// What of these was counted already, up and down (`option contstats`).
    pub counted: (u64, u64),
    /// How it ended.
    pub ending: Ending,
    /// The status sent, for logs; without one there is -1.
    pub status_logged: Option<u16>,
    /// Persistence letters of the termination code.
    pub cookie_letters: [u8; 2],
    /// Connection attempts beyond the first.
    pub retries: u32,
    /// The server was changed after a failure.
    pub redispatched: bool,
    /// Its place in queues.
    pub priority: Priority,
    /// `set-retries`
    pub retries_allowed: Option<u32>,
    /// `reqallow`: rules over lines do not deny it.
    pub spared: bool,
    /// `http-request disable-l7-retry` was not met.
    pub l7_retry: bool,
    /// The last final rule.
    pub last_rule: Option<rules::Place>,
    /// Places in the queues when it got in line.
    pub queue_positions: (u32, u32),
    /// The unique id, once made.
    pub unique_id: Option<Vec<u8>>,
    /// What the request's cookie said.
    pub presented: crate::persist::Presented,
    /// Who else has a say in the choice of server.
    pub guidance: crate::persist::Guidance,
    /// It was answered by the statistics page.
    pub statistics: bool,
    /// The line was written when the response began.
    pub logged_asap: bool,
    /// Addresses of the connection to the server.
    pub back_addrs: Option<(Addr, Addr)>,
    /// How packets to the server are to be marked.
    pub back_marks: net::Marks,
    /// The connection to the server was a kept one.
    pub back_reused: bool,
    /// Asks the kernel about it.
    pub back_meter: Weak<net::Meter>,
    /// What the handshake with the server agreed on.
    pub back_tls: Option<Rc<Agreed>>,
}

/// The request line as first received; its texts live in the request's buffer.
#[derive(Clone, Copy, Debug)]
pub struct FirstLine {
    /// The method.
    pub method: Slice,
    /// The target.
    pub target: Slice,
    /// The version.
    pub version: Version,
}

impl<'s> Stream<'s> {
    /// A stream on `session` before anything was read.
    pub fn new(session: &'s Session) -> Stream<'s> {
        Stream::numbered(session, session.worker.next_number())
    }

    /// What stands in for a stream where a session itself is looked at; it has no number.
    pub fn of_session(session: &'s Session) -> Stream<'s> {
        Stream::numbered(session, 0)
    }

    // The number comes in, for a value of this size should be made where it stays.
    fn numbered(session: &'s Session, number: u64) -> Stream<'s> {
        Stream {
            number,
            session,
            worker: &session.worker,
            front: &session.front,
            back: None,
            in_backend: false,
            server: None,
            request: session.worker.take_request(),
            has_request: false,
            response: session.worker.take_response(),
            has_response: false,
            body: Buffered::default(),
            response_body: Buffered::default(),
            payload: crate::buf::Buf::default(),
            payload_complete: false,
            response_payload: crate::buf::Buf::default(),
            response_payload_complete: false,
            vars: RefCell::default(),
            src: None,
            dst: None,
            timeouts: StreamTimeouts { client: session.front.timeouts.client, ..StreamTimeouts::default() },
            log_level: None,
            request_captures: Vec::new(),
            response_captures: Vec::new(),
            kept_captures: RefCell::default(),
            captured_cookies: [None, None],
            first_line: None,
            times: Times {
                idle_from: session.worker.now(),
                first_byte: None,
                request: None,
                assigned: None,
                connected: None,
                response: None,
                end: None,
            },
            bytes_uploaded: 0,
            bytes_read: 0,
            counted: (0, 0),
            ending: Ending::default(),
            status_logged: None,
            cookie_letters: *b"--",
            retries: 0,
            redispatched: false,
            priority: Priority::default(),
            retries_allowed: None,
            spared: false,
            l7_retry: true,
            last_rule: None,
            queue_positions: (0, 0),
            unique_id: None,
            presented: crate::persist::Presented::default(),
            guidance: crate::persist::Guidance::default(),
            statistics: false,
            spliced: (0, 0),
            logged_asap: false,
            back_addrs: None,
            back_marks: net::Marks::default(),
            back_reused: false,
            back_meter: Weak::new(),
            back_tls: None,
        }
    }

    /// The request's head is here.
    pub fn begin(&mut self, _complete: &Complete) {
        self.has_request = true;
        self.session.sight.begin(self.worker.now());
        self.times.request = Some(self.worker.now());
        self.front.tally.add(self.worker.index, Count::Requests, 1);
        self.front.tally.pace(self.worker.index, Pace::Requests, self.worker.now_ms());
        let (method, target) = self.request.start_line();
        self.first_line = Some(FirstLine { method, target, version: self.request.version });
        finish_request::capture(self);
    }

    /// The client's address as rules see it.
    pub fn src(&self) -> Option<SocketAddr> {
        self.src.or_else(|| self.session.src.inet())
    }

    /// The address the client reached, as rules see it.
    pub fn dst(&self) -> Option<SocketAddr> {
        self.dst.or_else(|| self.session.dst.inet())
    }

    /// `set-src`
    pub fn set_src(&mut self, addr: SocketAddr) {
        self.src = Some(addr);
    }

    /// `set-dst`
    pub fn set_dst(&mut self, addr: SocketAddr) {
        self.dst = Some(addr);
    }

    /// The fields that a rule set edits.
    pub fn fields_mut(&mut self, message: Message) -> &mut Fields {
        match message {
            Message::Request => &mut self.request.fields,
            Message::Response => &mut self.response.fields,
        }
    }

    /// Keeps a captured text.
    pub fn store_capture(&mut self, message: Message, slot: usize, text: Vec<u8>) {
        let (list, slots) = match message {
            Message::Request => (&mut self.request_captures, self.front.request_captures.len()),
            Message::Response => (&mut self.response_captures, self.front.response_captures.len()),
        };
        if slot < slots {
            list.resize(slots, None);
            if let Some(place) = list.get_mut(slot) {
                *place = Some(text);
            }
        }
    }

    /// What converters kept takes its slots.
    pub fn settle_captures(&mut self) {
        for (message, slot, text) in std::mem::take(self.kept_captures.get_mut()) {
            self.store_capture(message, slot, text);
        }
    }

    pub(crate) fn vars(&self) -> &RefCell<[Vars; 3]> {
        &self.vars
    }

    /// Chooses the backend and lets its settings apply.
    pub fn enter_backend(&mut self, back: &'s Arc<Backend>) {
        back.balance.load().enter();
        let (worker, now) = (self.worker.index, self.worker.now_ms());
        back.tally.pace(worker, Pace::Sessions, now);
        back.tally.add(worker, Count::Sessions, 1);
        self.timeouts.server = self.timeouts.server.or(back.timeouts.server);
        self.timeouts.tunnel = self.timeouts.tunnel.or(back.timeouts.tunnel);
        self.session.sight.enter(back.index);
        self.in_backend = true;
        self.back = Some(back);
    }

    /// A rule has it end without a word. Its log line shows no time for the request, as HAProxy's.
    fn refuse(&mut self) {
        self.times.request = None;
        self.ending = Ending::new(Cause::Proxy, Phase::Request);
    }

    /// Makes the unique id, where one is wanted and not there yet.
    pub fn make_unique_id(&mut self) {
        finish_request::make_unique_id(self);
    }

    /// Whether this ending counts as an error for logs: a failure, or a 5xx.
    pub fn is_error(&self) -> bool {
        self.ending.is_error() || self.retries > 0 || self.status_logged.is_some_and(|s| s >= 500)
    }

    /// Writes the log line now, before the response's data (`option logasap`).
    pub fn log_asap(&mut self) {
        self.settle_captures();
        self.front.log.stream_begun(self);
        self.logged_asap = true;
    }

    /// Writes the log line.
    pub fn log(&mut self) {
        self.settle_captures();
        if self.times.end.is_none() {
            self.times.end = Some(self.worker.tick());
        }
        tally::ended(self);
        // the line counts the others: this stream has left (manual, "beconn")
        self.leave_backend();
        self.front.log.stream(self);
    }

    /// Before the log line, which counts those that go on.
    fn leave_backend(&mut self) {
        if self.in_backend
            && let Some(back) = self.back
        {
            back.balance.load().leave();
        }
        self.in_backend = false;
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        self.leave_backend();
        self.session.sight.end();
        self.worker.give_request(std::mem::take(&mut self.request));
        self.worker.give_response(std::mem::take(&mut self.response));
    }
}

/// What a step wants next.
enum Flow {
    /// Go on with the next step.
    Next,
    /// The exchange is over.
    Done(After),
}

/// Serves one request: the order of the steps.
pub async fn serve(stream: &mut Stream<'_>, exchange: &mut Exchange<'_>) -> After {
    let after = match steps(stream, exchange).await {
        Ok(after) => after,
        Err(ending) => fail(stream, exchange, ending).await,
    };
    stream.log();
    match after {
        After::KeepAlive if exchange.close => After::Close,
        after => after,
    }
}

async fn steps(stream: &mut Stream<'_>, exchange: &mut Exchange<'_>) -> Result<After, Ending> {
    let front = stream.front;
    if challenge::is_asked(stream)
        && let Some(after) = challenge::answered(stream, exchange).await?
    {
        return Ok(after);
    }
    if finish_request::names_refused(stream) {
        return Err(Ending::bad_request(403));
    }
    if let Some(after) = answer::monitor(stream, exchange).await? {
        return Ok(after);
    }
    if !front.tcp_content.is_empty()
        && let Flow::Done(after) = inspect(stream, exchange, &front.tcp_content).await?
    {
        // HAProxy has not read the request then, and its log line does not show it.
        stream.first_line = None;
        return Ok(after);
    }
    if front.buffer_request {
        buffer_body(stream, exchange, None, None).await?;
    }
    if stream.worker.plan.process.reads_request_bodies {
        answer::take_body(stream, exchange)?;
    }
    if let Flow::Done(after) = request_rules(stream, exchange, &front.rules).await? {
        return Ok(after);
    }
    // a connection that a TCP frontend made HTTP of cannot go to a TCP server
    let Some(back) = route::backend(stream).filter(|back| back.http) else { return Err(route::NOWHERE) };
    stream.enter_backend(back);
    if !back.tcp_content.is_empty()
        && let Flow::Done(after) = inspect(stream, exchange, &back.tcp_content).await?
    {
        return Ok(after);
    }
    if back.buffer_request && !front.buffer_request {
        buffer_body(stream, exchange, None, None).await?;
    }
    if back.kind != ProxyKind::Listen
        && let Flow::Done(after) = request_rules(stream, exchange, &back.rules).await?
    {
        return Ok(after);
    }
    assign::persistence(stream, back);
    finish_request::add_headers(stream);
    forward(stream, exchange, back).await
}

/// `tcp-request content` rules in HTTP mode: the request is their payload, nothing is left to wait for.
async fn inspect(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    rules: &[rules::TcpRule],
) -> Result<Flow, Ending> {
    let decision = rules::run_tcp(rules, 0, true, stream);
    stream.session.mark_packets(exchange.link);
    match decision {
        rules::TcpDecision::Accept
        | rules::TcpDecision::Wait
        | rules::TcpDecision::SwitchMode
        | rules::TcpDecision::ExpectProxy(_) => Ok(Flow::Next),
        rules::TcpDecision::Reject | rules::TcpDecision::Close => {
            stream.refuse();
            Ok(Flow::Done(After::Close))
        }
        rules::TcpDecision::SilentDrop(ttl) => {
            stream.refuse();
            Ok(Flow::Done(After::SilentDrop(ttl)))
        }
    }
}

/// Runs `http-request` and `redirect` rules of one proxy and does what they decide.
async fn request_rules(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    set: &HttpRules,
) -> Result<Flow, Ending> {
    if set.request.is_empty() && set.redirects.is_empty() && set.statistics.is_none() {
        return Ok(Flow::Next);
    }
    let mut from = 0;
    loop {
        let decision = rules::run_http(&set.request, from, Message::Request, stream);
        stream.session.mark_packets(exchange.link);
        match decision {
            Decision::Continue => break,
            Decision::WaitForBody(time, least, next) => {
                buffer_body(stream, exchange, Some(time), least).await?;
                from = next;
            }
            Decision::Pause(time, next) => {
                answer::hold(stream, exchange, time, Phase::Request).await?;
                from = next;
            }
            Decision::EarlyHints(fields, next) => {
                answer::early_hints(exchange, &fields).await;
                from = next;
            }
            Decision::Deny(_)
            | Decision::Tarpit(_)
            | Decision::Return(_)
            | Decision::Redirect(_)
            | Decision::Auth(_)
            | Decision::Reject
            | Decision::SilentDrop(_) => return act(stream, exchange, decision).await.map(Flow::Done),
        }
    }
    if let Some(page) = set.statistics.as_deref().filter(|page| page.is_asked(&stream.request)) {
        return show_statistics(stream, exchange, page).await.map(Flow::Done);
    }
    match rules::run_redirects(&set.redirects, stream) {
        Decision::Continue => Ok(Flow::Next),
        decision => act(stream, exchange, decision).await.map(Flow::Done),
    }
}

/// Answers a request for the statistics page.
async fn show_statistics(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    page: &Statistics,
) -> Result<After, Ending> {
    match page.verdict(stream) {
        Verdict::Allow => {}
        Verdict::Deny => return act(stream, exchange, Decision::Deny(Arc::new(Reply::of_status(403)))).await,
        Verdict::Auth(realm) => return act(stream, exchange, Decision::Auth(realm.into_vec())).await,
    }
    if stream.request.method == Method::Post {
        buffer_body(stream, exchange, None, None).await?;
    }
    answer::statistics(stream, exchange, page).await
}

/// Does what a final decision asks for.
async fn act(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    decision: Decision,
) -> Result<After, Ending> {
    match decision {
        Decision::Deny(reply) => {
            stream.ending = Ending::new(Cause::Proxy, Phase::Request);
            answer::with(stream, exchange, &reply).await
        }
        Decision::Return(reply) => {
            stream.ending = Ending::new(Cause::Local, Phase::Request);
            answer::with(stream, exchange, &reply).await
        }
        Decision::Tarpit(reply) => tarpit(stream, exchange, &reply).await,
        Decision::Redirect(target) => {
            stream.ending = Ending::new(Cause::Local, Phase::Request);
            answer::redirect(stream, exchange, target).await
        }
        Decision::Auth(realm) => {
            stream.ending = Ending::new(Cause::Local, Phase::Request);
            answer::ask_password(stream, exchange, &realm).await
        }
        Decision::Reject => {
            stream.refuse();
            Ok(After::Close)
        }
        Decision::SilentDrop(ttl) => {
            stream.refuse();
            Ok(After::SilentDrop(ttl))
        }
        Decision::Continue | Decision::WaitForBody(..) | Decision::Pause(..) | Decision::EarlyHints(..) => {
            Ok(After::KeepAlive)
        }
    }
}

/// Without any timeout a tarpit still ends.
const TARPIT_DEFAULT: Duration = Duration::from_secs(60);

async fn tarpit(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    reply: &Reply,
) -> Result<After, Ending> {
    let back = stream.back.as_ref().map(|b| b.timeouts);
    let timeout = match back {
        Some(t) => t.tarpit.or(t.connect),
        None => stream.front.timeouts.tarpit,
    };
    answer::hold(stream, exchange, timeout.unwrap_or(TARPIT_DEFAULT), Phase::Tarpit).await?;
    // Log lines count the tarpit as time in a queue.
    stream.times.assigned = Some(stream.worker.now());
    stream.ending = Ending::new(Cause::Proxy, Phase::Tarpit);
    exchange.close = true;
    answer::with(stream, exchange, reply).await
}

/// Buffers the request's body for rules: at most `time`, until all of it or `least` bytes are here, and never more
/// than a buffer.
async fn buffer_body(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    time: Option<Duration>,
    least: Option<u64>,
) -> Result<(), Ending> {
    answer::buffer_body(stream, exchange, time, least).await
}

/// Finds a server, sends the request, brings the response back; again where that may help.
async fn forward<'s>(
    stream: &mut Stream<'s>,
    exchange: &mut Exchange<'_>,
    back: &'s Arc<Backend>,
) -> Result<After, Ending> {
    if back::Attempts::keeps_request(stream, back) && !exchange.upload.is_drained() {
        buffer_body(stream, exchange, None, None).await?;
    }
    let mut attempts = back::Attempts::new(stream, back);
    loop {
        let assigned = assign::server(stream, exchange.link, back, &attempts).await?;
        if let Some(after) = answer::server_redirect(stream, exchange, assigned.server()).await? {
            return Ok(after);
        }
        let failure = match back::checkout(stream, &assigned, attempts.fresh_only()).await {
            Ok(checkout) => {
                assigned.connected();
                match through(stream, exchange, checkout, &attempts).await {
                    Ok(after) => {
                        assigned.answered(stream.response.status);
                        return Ok(after);
                    }
                    Err(failure) => failure,
                }
            }
            Err(failure) => failure,
        };
        assigned.report(&failure);
        attempts.again(stream, exchange, failure).await?;
    }
}

/// One exchange with a server over a connection that is ready.
async fn through(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    mut checkout: Checkout<'_>,
    attempts: &back::Attempts<'_>,
) -> Result<After, Failure> {
    stream.session.sight.turn(Stage::Headers);
    checkout.send_request(stream, exchange);
    if let Some(after) = inspect_response(stream, exchange)? {
        checkout.abandon();
        return Ok(after);
    }
    let complete = checkout.response_head(stream, exchange, attempts).await?;
    if switches(stream, &complete) {
        finish_response::before_rules(stream);
        return Ok(checkout.tunnel(stream, exchange).await);
    }
    finish_response::before_rules(stream);
    match response_rules(stream, exchange, &mut checkout).await {
        Ok(Flow::Next) => {}
        Ok(Flow::Done(after)) => {
            checkout.abandon();
            return Ok(after);
        }
        Err(ending) => {
            checkout.abandon();
            return Err(Failure::finally(ending));
        }
    }
    if stream.back.is_some_and(|back| back.checkcache) && cacheable::sets_cookie_for_all(stream) {
        checkout.abandon();
        return Err(Failure::finally(Ending::new(Cause::Proxy, Phase::Headers).with_status(502)));
    }
    finish_response::add_headers(stream);
    after_response_rules(stream);
    Ok(checkout.body(stream, exchange, complete).await)
}

/// Whether what follows the response is no HTTP: an upgrade, or the tunnel that CONNECT asked for (RFC 9110 section
/// 9.3.6).
fn switches(stream: &Stream<'_>, complete: &Complete) -> bool {
    match stream.response.status {
        101 => complete.upgrade,
        200..=299 => stream.request.method == Method::Connect,
        _ => false,
    }
}

/// `tcp-response content` rules in HTTP mode: they see the connection, and nothing of the response yet.
fn inspect_response(stream: &mut Stream<'_>, exchange: &mut Exchange<'_>) -> Result<Option<After>, Failure> {
    let Some(back) = stream.back.filter(|back| !back.tcp_response.is_empty()) else { return Ok(None) };
    let decision = rules::run_tcp(&back.tcp_response, 0, true, stream);
    stream.session.mark_packets(exchange.link);
    stream.ending = match decision {
        rules::TcpDecision::Accept
        | rules::TcpDecision::Wait
        | rules::TcpDecision::SwitchMode
        | rules::TcpDecision::ExpectProxy(_) => return Ok(None),
        rules::TcpDecision::Close => {
            return Err(Failure::finally(Ending::new(Cause::ServerAbort, Phase::Headers)));
        }
        rules::TcpDecision::Reject | rules::TcpDecision::SilentDrop(_) => {
            Ending::new(Cause::Proxy, Phase::Data)
        }
    };
    Ok(Some(match decision {
        rules::TcpDecision::SilentDrop(ttl) => After::SilentDrop(ttl),
        rules::TcpDecision::Accept
        | rules::TcpDecision::Wait
        | rules::TcpDecision::SwitchMode
        | rules::TcpDecision::ExpectProxy(_)
        | rules::TcpDecision::Close
        | rules::TcpDecision::Reject => After::Close,
    }))
}

/// `http-response` rules: the backend's, then the frontend's.
async fn response_rules(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    checkout: &mut Checkout<'_>,
) -> Result<Flow, Ending> {
    let back = stream.back.filter(|b| b.kind != ProxyKind::Listen);
    let front = stream.front;
    let sets: [Option<&[HttpRule]>; 2] = [back.map(|b| &b.rules.response[..]), Some(&front.rules.response)];
    for set in sets.into_iter().flatten().filter(|set| !set.is_empty()) {
        let mut from = 0;
        loop {
            let decision = rules::run_http(set, from, Message::Response, stream);
            stream.session.mark_packets(exchange.link);
            match decision {
                Decision::Continue => break,
                Decision::EarlyHints(_, next) => from = next,
                Decision::WaitForBody(time, least, next) => {
                    checkout.buffer_body(stream, time, least).await?;
                    from = next;
                }
                Decision::Pause(time, next) => {
                    answer::hold(stream, exchange, time, Phase::Headers).await?;
                    from = next;
                }
                decision => {
                    // What the client gets is not the server's response: there is no time of one (HAProxy's log lines).
                    stream.times.response = None;
                    let after = act(stream, exchange, decision).await?;
                    stream.ending.phase = Phase::Headers;
                    return Ok(Flow::Done(after));
                }
            }
        }
    }
    Ok(Flow::Next)
}

/// `http-after-response` rules: they see every response, ours too, and cannot end it.
fn after_response_rules(stream: &mut Stream<'_>) {
    let front = stream.front;
    let back = stream.back.filter(|b| b.kind != ProxyKind::Listen).map(|b| &b.rules.after_response[..]);
    for set in [back.unwrap_or_default(), &front.rules.after_response] {
        if !set.is_empty() {
            rules::run_http(set, 0, Message::Response, stream);
        }
    }
}

/// An ending that is not a response: tell the client where it can still be told.
async fn fail(stream: &mut Stream<'_>, exchange: &mut Exchange<'_>, ending: Ending) -> After {
    stream.ending = ending;
    if exchange.responded {
        return After::Abort;
    }
    answer_error(stream, exchange);
    match ending.cause {
        Cause::ClientAbort => After::Close,
        Cause::Normal
        | Cause::ClientTimeout
        | Cause::ServerAbort
        | Cause::ServerTimeout
        | Cause::Proxy
        | Cause::Local
        | Cause::Resource
        | Cause::Internal
        | Cause::ServerDown
        | Cause::ServerUp
        | Cause::Killed => answer::flush(stream, exchange).await,
    }
}
