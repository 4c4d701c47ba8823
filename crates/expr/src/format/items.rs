//! The rows of the log items: what `%ci` and its kin print (manual section 8.2.6).

use crate::fact::{AddressFact, ClientTlsFact, Fact, LiveFact, NameFact, ProcessFact, StreamFact, TimeFact};
use crate::scope::Direction;

/// In which proxies an item exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// Everywhere.
    Any,
    /// `mode http`
    Http,
}

/// Items that HAProxy has and we have not, and why.
pub(crate) const REFUSED: &[(&str, &str)] = &[(
    "OG",
    "there is no 'log-profile': all lines of a session are written at its end, those of 'do-log' at once",
)];

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
    row("B", "Bytes sent to the client", Print::Growing(Fact::Stream(StreamFact::BytesRead))),
    http("CC", "Captured request cookie", Print::Text(Fact::Stream(StreamFact::CapturedRequestCookie))),
    http("CS", "Captured response cookie", Print::Text(Fact::Stream(StreamFact::CapturedResponseCookie))),
    row("H", "Host name of the machine", Print::Text(Fact::Process(ProcessFact::Hostname))),
    http("HM", "Method", Print::Request(Fact::Stream(StreamFact::FirstMethod))),
    http("HP", "Request URI without its query string", Print::UriPath),
    http("HPO", "Path: no host, no query string", Print::PathOnly),
    http("HQ", "Query string with its question mark", Print::UriQuery),
    http("HU", "Request URI", Print::Request(Fact::Stream(StreamFact::FirstUri))),
    http("HV", "HTTP version", Print::Request(Fact::Stream(StreamFact::FirstVersion))),
    row("ID", "Unique id", Print::Text(Fact::Stream(StreamFact::UniqueId))),
    row("ST", "Status code sent", Print::Status),
    row("T", "Accept date, GMT", Print::DateGmt(Fact::Time(TimeFact::AcceptDateUs))),
    http(
        "Ta",
        "Active time of the request, from its first byte to the end",
        Print::Growing(Fact::Time(TimeFact::Active)),
    ),
    row("Tc", "Time to connect to the server", Print::Timer(Fact::Time(TimeFact::Connect))),
    row("Td", "Time to transfer the response", Print::Timer(Fact::Time(TimeFact::Data))),
    row("Tl", "Accept date, local time", Print::DateLocal(Fact::Time(TimeFact::AcceptDateUs))),
    row("Th", "Time for PROXY protocol and TLS handshakes", Print::Timer(Fact::Time(TimeFact::Handshake))),
    http("Ti", "Idle time before the request", Print::Timer(Fact::Time(TimeFact::Idle))),
    http("Tq", "Th + Ti + TR", Print::TimerToRequest),
    http(
        "TR",
        "Time to receive the request from its first byte on",
        Print::Timer(Fact::Time(TimeFact::Request)),
    ),
    http("Tr", "Time the server took to respond", Print::Timer(Fact::Time(TimeFact::Response))),
    row("Ts", "Accept date, seconds since the epoch", Print::Seconds(Fact::Time(TimeFact::AcceptDateUs))),
    row("Tt", "Total time, from accept to the end", Print::Growing(Fact::Time(TimeFact::Total))),
    row("Tu", "Total time as the user sees it", Print::Growing(Fact::Time(TimeFact::User))),
    row("Tw", "Time waiting in queues", Print::Timer(Fact::Time(TimeFact::Queue))),
    row("U", "Bytes received from the client", Print::Growing(Fact::Stream(StreamFact::BytesUploaded))),
    row("ac", "Connections of the process", Print::Number(Fact::Process(ProcessFact::ActConn))),
    row("b", "Backend", Print::Backend),
    row("bc", "Connections of the backend", Print::Number(Fact::Live(LiveFact::BeConn(None)))),
    row("bi", "Address that connected to the server", Print::Address(Fact::Address(AddressFact::BackSrc))),
    row("bp", "Port that connected to the server", Print::Port(Fact::Address(AddressFact::BackSrcPort))),
    row("bq", "Place in the backend's queue", Print::Number(Fact::Stream(StreamFact::BackendQueuePos))),
    row("ci", "Client's address", Print::Address(Fact::Address(AddressFact::Src))),
    row("cp", "Client's port", Print::Port(Fact::Address(AddressFact::SrcPort))),
    row("f", "Frontend", Print::Text(Fact::Name(NameFact::FrontendName))),
    row("fc", "Connections of the frontend", Print::Number(Fact::Live(LiveFact::FeConn(None)))),
    row("fi", "Address the client connected to", Print::Address(Fact::Address(AddressFact::Dst))),
    row("fp", "Port the client connected to", Print::Port(Fact::Address(AddressFact::DstPort))),
    row("ft", "Frontend, '~' behind it for TLS", Print::FrontendTransport),
    row("lc", "Number of the frontend's log line", Print::Hexable(Fact::Stream(StreamFact::LogCounter))),
    row("hr", "Captured request headers, {a|b}", Print::Captures(Direction::Request)),
    row("hrl", "Captured request headers, each a word", Print::CaptureList(Direction::Request)),
    row("hs", "Captured response headers, {a|b}", Print::Captures(Direction::Response)),
    row("hsl", "Captured response headers, each a word", Print::CaptureList(Direction::Response)),
    row("ms", "Accept date, milliseconds", Print::Millis(Fact::Time(TimeFact::AcceptDateUs))),
    row("pid", "Process id", Print::Hexable(Fact::Process(ProcessFact::Pid))),
    http("r", "Request line", Print::Request(Fact::Stream(StreamFact::FirstRequestLine))),
    row("rc", "Retries, '+' before them after a redispatch", Print::Retries),
    row("rt", "Number of the request or session", Print::Hexable(Fact::Stream(StreamFact::RequestCounter))),
    row("s", "Server", Print::TextOr(Fact::Name(NameFact::ServerName), "<NOSRV>")),
    row("sc", "Connections of the server", Print::Number(Fact::Stream(StreamFact::SrvConnNow))),
    row("si", "Server's address", Print::Address(Fact::Address(AddressFact::BackDst))),
    row("sp", "Server's port", Print::Port(Fact::Address(AddressFact::BackDstPort))),
    row("sq", "Place in the server's queue", Print::Number(Fact::Stream(StreamFact::SrvQueuePos))),
    row(
        "sslc",
        "TLS cipher suite of the client's connection",
        Print::Text(Fact::ClientTls(ClientTlsFact::SslFcCipher)),
    ),
    row(
        "sslv",
        "TLS version of the client's connection",
        Print::Text(Fact::ClientTls(ClientTlsFact::SslFcProtocol)),
    ),
    row("t", "Accept date with milliseconds, local time", Print::Date(Fact::Time(TimeFact::AcceptDateUs))),
    http(
        "tr",
        "Date of the request with milliseconds, local time",
        Print::Date(Fact::Time(TimeFact::RequestDateUs)),
    ),
    http("trg", "Date of the request, GMT", Print::DateGmt(Fact::Time(TimeFact::RequestDateUs))),
    http("trl", "Date of the request, local time", Print::DateLocal(Fact::Time(TimeFact::RequestDateUs))),
    row("ts", "Termination state", Print::Code(Fact::Stream(StreamFact::TerminationCode), "--")),
    http(
        "tsc",
        "Termination state with cookie status",
        Print::Code(Fact::Stream(StreamFact::TerminationCodeCookie), "----"),
    ),
];
