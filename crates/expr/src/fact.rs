//! What the world knows beside messages and variables, by topic: [`Scope::fact`](crate::Scope::fact) is asked for one of
//! these. Names follow the fetch or the log item that asks. A new fetch is a variant here and one arm in the data plane,
//! whose matches name every variant of their topic.

use crate::scope::{CertField, Measure, TimeoutName};

/// One thing to know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fact {
    /// The running process.
    Process(ProcessFact),
    /// Addresses of both connections.
    Address(AddressFact),
    /// Names and numbers of what the configuration calls the stream's parts.
    Name(NameFact),
    /// The connections below TLS.
    Connection(ConnectionFact),
    /// TLS with the client.
    ClientTls(ClientTlsFact),
    /// TLS with the server.
    ServerTls(ServerTlsFact),
    /// Live numbers; `None` is the current proxy.
    Live(LiveFact),
    /// The stream, for logs and late rules.
    Stream(StreamFact),
    /// Dates, microseconds since the epoch, and times of the stream, milliseconds, -1 where the phase was not reached.
    Time(TimeFact),
    /// The client's certificate.
    SslClient(CertField),
    /// The certificate we presented.
    SslServed(CertField),
    /// The certificate that the server presented.
    SslServer(CertField),
}

/// The running process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is named after its fetch or log item
pub enum ProcessFact {
    Hostname,
    Node,
    Pid,
    ThreadId,
    NbThread,
    NbProc,
    ActConn,
    Uptime,
    /// The process finishes what is open and leaves.
    Stopping,
}

/// Addresses of both connections; those of the client as rules left them, `Fc` as they are of the connection itself:
/// neither a PROXY header nor rules other than `tcp-request connection` change these.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is named after its fetch or log item
pub enum AddressFact {
    Src,
    SrcPort,
    Dst,
    DstPort,
    DstIsLocal,
    SrcIsLocal,
    FcSrc,
    FcSrcPort,
    FcSrcIsLocal,
    FcDst,
    FcDstPort,
    FcDstIsLocal,
    /// Addresses of the connection to the server.
    BackSrc,
    BackSrcPort,
    BackDst,
    BackDstPort,
}

/// Names and numbers of what the configuration calls the stream's parts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is named after its fetch or log item
pub enum NameFact {
    FrontendName,
    FrontendId,
    FrontendMode,
    FrontendDefaultBackend,
    BackendName,
    BackendId,
    ListenerName,
    ListenerId,
    ServerName,
    ServerId,
}

/// The connections below TLS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is named after its fetch or log item
pub enum ConnectionFact {
    FcHttpMajor,
    FcRcvdProxy,
    FcPpAuthority,
    FcPpUniqueId,
    FcPpTlv(u8),
    FcMeasured(Measure),
    BcMeasured(Measure),
    /// The connection to the server served others before.
    BcReused,
    /// Number and message of the connection's error (manual, `fc_err_str`); 0 and "Success" without.
    FcErr,
    FcErrText,
    BcHttpMajor,
    BcErr,
    BcErrText,
}

/// Lists of a ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is named after its fetch
pub enum HelloPart {
    Version,
    Ciphers,
    Extensions,
    Groups,
    PointFormats,
    Signatures,
    Versions,
}

/// TLS with the client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is named after its fetch or log item
pub enum ClientTlsFact {
    /// Number and message of its error; 0 and "Success" without.
    SslFcErr,
    SslFcErrText,
    SslFc,
    SslFcSni,
    SslFcAlpn,
    SslFcProtocol,
    SslFcCipher,
    SslFcKeysize,
    SslFcSessionId,
    SslFcIsResumed,
    SslFcHasEarly,
    SslFcCurve,
    /// What was kept of the ClientHello (`tune.ssl.capture-buffer-size`).
    Hello(HelloPart),
    /// A client certificate was presented on this connection or its resumed session.
    SslClientUsed,
    SslClientVerify,
    SslClientCaErr,
    SslClientCaErrDepth,
    SslClientErr,
    /// What the client showed above its certificate.
    SslClientChain,
}

/// TLS with the server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is named after its fetch or log item
pub enum ServerTlsFact {
    SslBc,
    SslBcAlpn,
    SslBcProtocol,
    SslBcCipher,
    SslBcIsResumed,
    SslBcCurve,
    SslBcKeysize,
    SslBcErr,
    SslBcErrText,
    /// All that the server showed.
    SslServerChain,
}

/// Live numbers; `None` is the current proxy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is named after its fetch or log item
pub enum LiveFact {
    /// Connections on the listener of this one.
    DstConn,
    FeConn(Option<Box<str>>),
    FeReqRate(Option<Box<str>>),
    FeSessRate(Option<Box<str>>),
    BeConn(Option<Box<str>>),
    BeSessRate(Option<Box<str>>),
    NbSrv(Option<Box<str>>),
    Queue(Option<Box<str>>),
    AvgQueue(Option<Box<str>>),
    ConnSlots(Option<Box<str>>),
    /// Free connections of its usable servers; -1 where a server has no limit.
    BeConnFree(Option<Box<str>>),
    SrvConn(Option<Box<str>>, Box<str>),
    SrvIsUp(Option<Box<str>>, Box<str>),
    SrvQueue(Option<Box<str>>, Box<str>),
    /// Effective, initial and user-visible weight.
    SrvWeight(Option<Box<str>>, Box<str>),
    SrvInitialWeight(Option<Box<str>>, Box<str>),
    SrvUserWeight(Option<Box<str>>, Box<str>),
    /// Free connections; -1 without limit.
    SrvConnFree(Option<Box<str>>, Box<str>),
    SrvSessRate(Option<Box<str>>, Box<str>),
}

/// The stream, for logs and late rules.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is named after its fetch or log item
pub enum StreamFact {
    /// The first request of its connection.
    FirstRequest,
    /// Milliseconds; of the frontend (client, tarpit) or backend, 0 without.
    ConfiguredTimeout(TimeoutName),
    /// Milliseconds; as rules left it for this stream.
    CurrentTimeout(TimeoutName),
    UniqueId,
    Retries,
    Redispatched,
    StatusSent,
    /// As the server sent it.
    ServerStatus,
    BytesRead,
    BytesUploaded,
    TerminationCode,
    TerminationCodeCookie,
    RequestCounter,
    SrvConnNow,
    SrvQueuePos,
    /// The backend's `retries`.
    ConfiguredRetries,
    /// The same, or what a rule made of it.
    CurrentRetries,
    BackendQueuePos,
    /// The request line as first received: method, target, version.
    FirstRequestLine,
    FirstMethod,
    FirstUri,
    FirstVersion,
    CapturedRequestHeader(u32),
    CapturedResponseHeader(u32),
    CapturedRequestCookie,
    CapturedResponseCookie,
    LogLevel,
    /// It went wrong, in the sense of `option dontlog-normal`.
    IsError,
    /// It went to a server, or was to.
    Forwarded,
    /// The program answered it itself (statistics).
    ToApplet,
    /// `%lc`-style counters and others that later issues add stand here.
    LogCounter,
    /// The line is written before the end (`option logasap`): what still grows gets a `+`.
    LogAsap,
    /// How many `capture` slots the frontend has.
    RequestCaptureCount,
    ResponseCaptureCount,
    /// `set-priority-class` and `set-priority-offset`
    PriorityClass,
    PriorityOffset,
    LastRuleFile,
    LastRuleLine,
    /// The place of the last final rule, `FILE:LINE`.
    LastEntity,
    /// The place of the rule that waits, or waited when the end came.
    WaitingEntity,
    WaitEnd,
}

/// Dates, microseconds since the epoch, and times of the stream, milliseconds, -1 where the phase was not reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is named after its fetch or log item
pub enum TimeFact {
    /// When the connection was accepted.
    AcceptDateUs,
    /// When the request's first byte arrived.
    RequestDateUs,
    Handshake,
    Idle,
    Request,
    Queue,
    Connect,
    Response,
    Data,
    Active,
    Total,
    User,
}
