//! All that is known of one stream while it lasts, and what counts it in and out. The steps of `stream` and those they call
//! read and write it; it takes none itself.

use super::finish_request;
use crate::agreed::Agreed;
use crate::ending::{Cause, Ending, Phase};
use crate::plan::{BackTimeouts, Backend, Frontend};
use crate::queue::Priority;
use crate::rules::{self, Message};
use crate::server::Server;
use crate::session::Session;
use crate::tally::{self, Count, Pace};
use crate::vars::Vars;
use crate::worker::Worker;
use http::h1::Complete;
use http::{Fields, Request, Response, Slice, Version};
use net::Addr;
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;
use tls::OpensslError;
use tokio::time::Instant;

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
    /// `timeout connect`
    pub connect: Option<Duration>,
    /// `timeout queue`
    pub queue: Option<Duration>,
    /// `timeout tarpit`
    pub tarpit: Option<Duration>,
}

impl StreamTimeouts {
    /// What no rule has set is the backend's from now on.
    fn enter(&mut self, back: &BackTimeouts) {
        self.server = self.server.or(back.server);
        self.tunnel = self.tunnel.or(back.tunnel);
        self.connect = self.connect.or(back.connect);
        self.queue = self.queue.or(back.queue);
    }
}

/// A body as far as it was buffered for rules.
#[derive(Default)]
pub struct Buffered {
    /// What arrived, unframed.
    pub bytes: Vec<u8>,
    /// All of it is here.
    pub complete: bool,
}

/// One request and its response, or one TCP connection's payload.
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
    /// The status that the server sent, whatever rules make of it.
    pub server_status: Option<u16>,
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
    /// The rule that waits for something, until its rules go on.
    pub waiting_rule: Option<rules::Place>,
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
    /// Why the last connection to a server failed in its handshake (`bc_err`, `bc_err_str`).
    pub back_error: Cell<Option<(u8, &'static str)>>,
    /// The same in OpenSSL's words (`ssl_bc_err`, `ssl_bc_err_str`).
    pub back_tls_error: Cell<Option<OpensslError>>,
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

    /// The same of one whose connection failed before it could carry a stream, as HAProxy logs it.
    pub fn of_failed(session: &'s Session) -> Stream<'s> {
        let mut stream = Stream::of_session(session);
        stream.status_logged = Some(0);
        stream.ending = Ending::new(Cause::Proxy, Phase::Request);
        stream
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
            server_status: None,
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
            waiting_rule: None,
            queue_positions: (0, 0),
            unique_id: None,
            presented: crate::persist::Presented::default(),
            guidance: crate::persist::Guidance::default(),
            statistics: false,
            spliced: (0, 0),
            logged_asap: false,
            back_error: Cell::new(None),
            back_tls_error: Cell::new(None),
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
        self.count_request();
        let (method, target) = self.request.start_line();
        self.first_line = Some(FirstLine { method, target, version: self.request.version });
        finish_request::capture(self);
    }

    /// One that could not be read counts too, as with HAProxy.
    pub fn count_request(&self) {
        self.front.tally.add(self.worker.index, Count::Requests, 1);
        self.front.tally.pace(self.worker.index, Pace::Requests, self.worker.now_ms());
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
        self.timeouts.enter(&back.timeouts);
        if back.id != self.front.id {
            // what a frontend's rules said of retries they said of their own proxy
            self.retries_allowed = None;
        }
        self.session.sight.enter(back.index);
        self.in_backend = true;
        self.back = Some(back);
    }

    /// The backend, unless it is the back half of the `listen` that the client came in by: their rules are the same ones,
    /// and have run.
    pub fn other_half(&self) -> Option<&'s Arc<Backend>> {
        self.back.filter(|back| !Arc::ptr_eq(&back.rules, &self.front.rules))
    }

    /// A rule has it end without a word. Its log line shows no time for the request, as HAProxy's.
    pub(super) fn refuse(&mut self) {
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
        self.end();
        self.front.log.stream(self);
    }

    /// Counts what it was, and has it leave.
    pub fn end(&mut self) {
        if self.times.end.is_none() {
            self.times.end = Some(self.worker.tick());
        }
        tally::ended(self);
        // the line counts the others: this stream has left (manual, "beconn")
        self.leave_backend();
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
