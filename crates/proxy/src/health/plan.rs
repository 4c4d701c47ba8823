//! What checks run from: compiled once by `lower`, immutable afterwards.

use super::expect::Expect;
use super::finding::Finding;
use super::observe::Observer;
use super::program::Program;
use super::protocols::Protocol;
use super::watch::Watch;
use crate::log::LogPlan;
use crate::terminal::Terminal;
use config::model::{OnError, OnMarkedUp, VarCondition};
use expr::{Expr, Format, VarId};
use net::{ConnectOptions, Target};
use std::sync::Arc;
use std::time::Duration;

/// `rise`
pub const RISE: u32 = 2;
/// `fall`
pub const FALL: u32 = 3;

/// The health of one backend.
#[derive(Default)]
pub struct BackendHealth {
    /// Where changes are told.
    pub log: LogPlan,
    /// Where they are told as well.
    pub terminal: Arc<Terminal>,
    /// `option log-health-checks`
    pub log_checks: bool,
    /// How the log calls it: `backend`, or `proxy` for a `listen`.
    pub kind: &'static str,
}

/// The health of one server.
#[derive(Default)]
pub struct ServerHealth {
    /// `check`
    pub check: Option<Check>,
    /// `agent-check`
    pub agent: Option<Agent>,
    /// `track`: names of backend and server.
    pub track: Option<(Box<str>, Box<str>)>,
    /// `observe`; also carries what comes of it.
    pub observer: Option<Arc<Observer>>,
    /// `on-error`
    pub on_error: Option<OnError>,
    /// `on-marked-down shutdown-sessions`
    pub shutdown_when_down: bool,
    /// `on-marked-up`
    pub on_marked_up: Option<OnMarkedUp>,
    /// What moves.
    pub watch: Watch,
}

/// When checks come.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// `inter`
    pub inter: Duration,
    /// `fastinter`: between up and down.
    pub fast: Duration,
    /// `downinter`
    pub down: Duration,
    /// `spread-checks`, percent
    pub spread: u32,
    /// `rise`
    pub rise: u32,
    /// `fall`
    pub fall: u32,
}

/// A check.
pub struct Check {
    /// When it runs.
    pub pace: Pace,
    /// `timeout connect`
    pub connect: Option<Duration>,
    /// `timeout check`
    pub timeout: Option<Duration>,
    /// What it does.
    pub probe: Probe,
}

/// A sequence of steps.
pub struct Probe {
    /// In order.
    pub steps: Vec<Step>,
    /// How failures are worded and what an empty sequence proves.
    pub style: Style,
    /// `http-check disable-on-404`
    pub disable_on_404: bool,
    /// `http-check send-state`
    pub send_state: bool,
    /// The connection made where no `connect` step opens the sequence.
    pub connect: Connect,
}

/// Families of checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// No `option`: connecting is all.
    Plain,
    /// `option httpchk`
    Http,
    /// `option tcp-check`: details name the step.
    Tcp,
    /// One of the built-in protocols.
    BuiltIn,
}

/// A step.
pub enum Step {
    /// Opens a new connection.
    Connect(Connect),
    /// Sends bytes.
    Send(Text),
    /// Sends a request.
    HttpSend(HttpSend),
    /// Waits for something.
    Expect(Expect),
    /// Talks a built-in protocol to its end.
    Protocol(Protocol),
    /// Runs a program to its end; no connection is made for it.
    Program(Program),
    /// `set-var`, under conditions where there are some.
    SetVar(VarId, Vec<VarCondition>, VarSource),
    /// `unset-var`
    UnsetVar(VarId),
    /// `comment`: the following steps' comment where they have none.
    Comment(Box<str>),
}

/// A variable's new value.
pub enum VarSource {
    /// `set-var`
    Expr(Expr),
    /// `set-var-fmt`
    Format(Format),
}

/// Bytes as written, or from a log-format string.
pub enum Text {
    /// As they are.
    Plain(Box<[u8]>),
    /// A log-format string.
    Format(Format),
    /// A log-format string that yields hexadecimal digits.
    HexFormat(Format),
}

impl Text {
    /// The text, where it is the same each time.
    pub(super) fn fixed(&self) -> Option<&[u8]> {
        match self {
            Text::Plain(text) => Some(text),
            Text::Format(format) => format.fixed(),
            Text::HexFormat(_) => None,
        }
    }
}

/// The version of a PROXY header: the one that the server gets with traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // named as in the protocol
pub enum ProxyHeader {
    V1,
    V2,
}

/// A connection.
pub struct Connect {
    /// Where to, the port apart; `None`: the server's own address.
    pub addr: Option<Target>,
    /// `port`
    pub port: Option<Port>,
    /// TLS.
    pub tls: Option<CheckTls>,
    /// The SOCKS4 proxy in between.
    pub socks4: Option<std::net::SocketAddr>,
    /// A PROXY header comes first.
    pub send_proxy: Option<ProxyHeader>,
    /// Close with FIN rather than RST.
    pub linger: bool,
    /// The server's socket options.
    pub options: Arc<ConnectOptions>,
    /// `comment`
    pub comment: Option<Box<str>>,
}

/// A port.
pub enum Port {
    /// A number.
    Fixed(u16),
    /// Computed when needed.
    Expr(Expr),
}

/// TLS of a check.
#[derive(Clone)]
pub struct CheckTls {
    /// The server's settings.
    pub server: Arc<tls::ServerTls>,
    /// `check-sni`, `sni`
    pub sni: Option<Box<str>>,
    /// `check-alpn`, `alpn`
    pub alpn: Option<Vec<Vec<u8>>>,
}

/// A request. What `option httpchk` said is filled in by lowering.
pub struct HttpSend {
    /// The method.
    pub method: Box<[u8]>,
    /// The target.
    pub uri: Text,
    /// Whole, `HTTP/1.0` or `HTTP/1.1`.
    pub version: Box<[u8]>,
    /// Names in lower case, values.
    pub headers: Vec<(Box<[u8]>, Text)>,
    /// The body.
    pub body: Option<Text>,
}

/// What an `expect` reports when it is over.
#[derive(Default)]
pub struct Reporting {
    /// `ok-status`
    pub ok: Option<Finding>,
    /// `error-status`
    pub error: Option<Finding>,
    /// `tout-status`
    pub timeout: Option<Finding>,
    /// `on-success`
    pub on_success: Option<Format>,
    /// `on-error`
    pub on_error: Option<Format>,
    /// `status-code`
    pub code: Option<Expr>,
    /// `comment`
    pub comment: Option<Box<str>>,
}

/// An agent.
pub struct Agent {
    /// `agent-addr`; the server's own where there is none.
    pub addr: Option<std::net::IpAddr>,
    /// `agent-port`
    pub port: u16,
    /// `agent-inter`
    pub pace: Pace,
    /// `agent-send`
    pub send: Option<Box<[u8]>>,
    /// The server's socket options.
    pub options: Arc<ConnectOptions>,
}
