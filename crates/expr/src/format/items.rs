//! The rows of the log items: what `%ci` and its kin print (manual section 8.2.6).

use crate::scope::{Direction, Fact};

/// In which proxies an item exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// Everywhere.
    Any,
    /// `mode http`
    Http,
}

/// How an item is printed.
#[derive(Clone, Debug)]
pub(crate) enum Print {
    /// Nothing; its flags hold for all items behind it.
    Flags,
    /// A text; `-` or nothing where there is none.
    Text(Fact),
    /// A text, or this where there is none.
    TextOr(Fact, &'static str),
    /// Letters of ours that no flag changes, or this where there are none.
    Code(Fact, &'static str),
    /// A backend's name, the frontend's as long as there is none.
    Backend,
    /// The frontend's name, `~` behind it for TLS.
    FrontendTransport,
    /// A number.
    Number(Fact),
    /// The status sent; without one -1 in HTTP mode, 0 otherwise.
    Status,
    /// A number that `X` prints as at least four hexadecimal digits.
    Hexable(Fact),
    /// Connection attempts, `+` before them after a redispatch.
    Retries,
    /// An address; `X` prints its bytes.
    Address(Fact),
    /// A port; missing where the address is.
    Port(Fact),
    /// Milliseconds, -1 for a phase that was not reached.
    Timer(Fact),
    /// The same or a count, `+` before it under `option logasap`.
    Growing(Fact),
    /// Until the whole request was there, from accept on: `%Tq`.
    TimerToRequest,
    /// Date with milliseconds, local time.
    Date(Fact),
    /// Date with offset, in GMT.
    DateGmt(Fact),
    /// Date with offset, local time.
    DateLocal(Fact),
    /// Seconds since the epoch.
    Seconds(Fact),
    /// The date's milliseconds, three digits.
    Millis(Fact),
    /// A text out of the request line, escaped.
    Request(Fact),
    /// Its URI before the question mark.
    UriPath,
    /// That without scheme and host.
    PathOnly,
    /// Its URI from the question mark on.
    UriQuery,
    /// Captured headers: `{a|b}`.
    Captures(Direction),
    /// Captured headers, each a word.
    CaptureList(Direction),
}

/// A log item.
#[derive(Clone, Debug)]
pub struct ItemRow {
    /// Without the `%`.
    pub name: &'static str,
    /// One line of documentation.
    pub doc: &'static str,
    /// Where it exists.
    pub only: Only,
    pub(crate) print: Print,
}

/// The item of that name.
pub fn item(name: &str) -> Option<&'static ItemRow> {
    ITEMS.iter().find(|row| row.name == name)
}

const fn row(name: &'static str, doc: &'static str, print: Print) -> ItemRow {
    ItemRow { name, doc, only: Only::Any, print }
}

const fn http(name: &'static str, doc: &'static str, print: Print) -> ItemRow {
    ItemRow { name, doc, only: Only::Http, print }
}

/// All items, in the manual's order.
pub static ITEMS: &[ItemRow] = &[
    row("o", "Nothing; its flags hold for all items behind it", Print::Flags),
    row("B", "Bytes sent to the client", Print::Growing(Fact::BytesRead)),
    http("CC", "Captured request cookie", Print::Text(Fact::CapturedRequestCookie)),
    http("CS", "Captured response cookie", Print::Text(Fact::CapturedResponseCookie)),
    row("H", "Host name of the machine", Print::Text(Fact::Hostname)),
    http("HM", "Method", Print::Request(Fact::FirstMethod)),
    http("HP", "Request URI without its query string", Print::UriPath),
    http("HPO", "Path: no host, no query string", Print::PathOnly),
    http("HQ", "Query string with its question mark", Print::UriQuery),
    http("HU", "Request URI", Print::Request(Fact::FirstUri)),
    http("HV", "HTTP version", Print::Request(Fact::FirstVersion)),
    row("ID", "Unique id", Print::Text(Fact::UniqueId)),
    row("ST", "Status code sent", Print::Status),
    row("T", "Accept date, GMT", Print::DateGmt(Fact::AcceptDateUs)),
    http(
        "Ta",
        "Active time of the request, from its first byte to the end",
        Print::Growing(Fact::TimeActive),
    ),
    row("Tc", "Time to connect to the server", Print::Timer(Fact::TimeConnect)),
    row("Td", "Time to transfer the response", Print::Timer(Fact::TimeData)),
    row("Tl", "Accept date, local time", Print::DateLocal(Fact::AcceptDateUs)),
    row("Th", "Time for PROXY protocol and TLS handshakes", Print::Timer(Fact::TimeHandshake)),
    http("Ti", "Idle time before the request", Print::Timer(Fact::TimeIdle)),
    http("Tq", "Th + Ti + TR", Print::TimerToRequest),
    http("TR", "Time to receive the request from its first byte on", Print::Timer(Fact::TimeRequest)),
    http("Tr", "Time the server took to respond", Print::Timer(Fact::TimeResponse)),
    row("Ts", "Accept date, seconds since the epoch", Print::Seconds(Fact::AcceptDateUs)),
    row("Tt", "Total time, from accept to the end", Print::Growing(Fact::TimeTotal)),
    row("Tu", "Total time as the user sees it", Print::Growing(Fact::TimeUser)),
    row("Tw", "Time waiting in queues", Print::Timer(Fact::TimeQueue)),
    row("U", "Bytes received from the client", Print::Growing(Fact::BytesUploaded)),
    row("ac", "Connections of the process", Print::Number(Fact::ActConn)),
    row("b", "Backend", Print::Backend),
    row("bc", "Connections of the backend", Print::Number(Fact::BeConn(None))),
    row("bi", "Address that connected to the server", Print::Address(Fact::BackSrc)),
    row("bp", "Port that connected to the server", Print::Port(Fact::BackSrcPort)),
    row("bq", "Place in the backend's queue", Print::Number(Fact::BackendQueuePos)),
    row("ci", "Client's address", Print::Address(Fact::Src)),
    row("cp", "Client's port", Print::Port(Fact::SrcPort)),
    row("f", "Frontend", Print::Text(Fact::FrontendName)),
    row("fc", "Connections of the frontend", Print::Number(Fact::FeConn(None))),
    row("fi", "Address the client connected to", Print::Address(Fact::Dst)),
    row("fp", "Port the client connected to", Print::Port(Fact::DstPort)),
    row("ft", "Frontend, '~' behind it for TLS", Print::FrontendTransport),
    row("lc", "Number of the frontend's log line", Print::Hexable(Fact::LogCounter)),
    row("hr", "Captured request headers, {a|b}", Print::Captures(Direction::Request)),
    row("hrl", "Captured request headers, each a word", Print::CaptureList(Direction::Request)),
    row("hs", "Captured response headers, {a|b}", Print::Captures(Direction::Response)),
    row("hsl", "Captured response headers, each a word", Print::CaptureList(Direction::Response)),
    row("ms", "Accept date, milliseconds", Print::Millis(Fact::AcceptDateUs)),
    row("pid", "Process id", Print::Hexable(Fact::Pid)),
    http("r", "Request line", Print::Request(Fact::FirstRequestLine)),
    row("rc", "Retries, '+' before them after a redispatch", Print::Retries),
    row("rt", "Number of the request or session", Print::Hexable(Fact::RequestCounter)),
    row("s", "Server", Print::TextOr(Fact::ServerName, "<NOSRV>")),
    row("sc", "Connections of the server", Print::Number(Fact::SrvConnNow)),
    row("si", "Server's address", Print::Address(Fact::BackDst)),
    row("sp", "Server's port", Print::Port(Fact::BackDstPort)),
    row("sq", "Place in the server's queue", Print::Number(Fact::SrvQueuePos)),
    row("sslc", "TLS cipher suite of the client's connection", Print::Text(Fact::SslFcCipher)),
    row("sslv", "TLS version of the client's connection", Print::Text(Fact::SslFcProtocol)),
    row("t", "Accept date with milliseconds, local time", Print::Date(Fact::AcceptDateUs)),
    http("tr", "Date of the request with milliseconds, local time", Print::Date(Fact::RequestDateUs)),
    http("trg", "Date of the request, GMT", Print::DateGmt(Fact::RequestDateUs)),
    http("trl", "Date of the request, local time", Print::DateLocal(Fact::RequestDateUs)),
    row("ts", "Termination state", Print::Code(Fact::TerminationCode, "--")),
    http("tsc", "Termination state with cookie status", Print::Code(Fact::TerminationCodeCookie, "----")),
];
