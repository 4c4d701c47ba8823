//! What an expression may ask of the world. The data plane implements [`Scope`] once; tests implement it with a few
//! fields. Everything that is no message and no variable is a [`Fact`], so that a new fetch is a row here and one arm
//! there.

use crate::sample::Sample;
use http::{Request, Response};

/// Which side's bytes or message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Client to server.
    Request,
    /// Server to client.
    Response,
}

/// Bytes at hand that were not consumed: a raw TCP stream's beginning, or a message body.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    /// What has arrived.
    pub bytes: &'a [u8],
    /// No more will come (the end was seen, or the buffer is full).
    pub complete: bool,
}

/// A variable's lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VarScope {
    /// `proc.`
    Proc,
    /// `sess.`
    Sess,
    /// `txn.`
    Txn,
    /// `req.`
    Req,
    /// `res.`
    Res,
    /// `check.`
    Check,
}

/// A variable, its name interned at load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VarId {
    /// Its lifetime.
    pub scope: VarScope,
    /// Index into the load's list of names.
    pub name: u32,
}

/// Pieces of a certificate that a fetch may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CertField {
    /// The whole certificate.
    Der,
    /// SHA-1 of it.
    Sha1,
    /// Serial number, bytes.
    Serial,
    /// Subject: whole, or `(entry, occurrence)`.
    Subject(Option<(Box<str>, i32)>),
    /// Issuer: whole, or `(entry, occurrence)`.
    Issuer(Option<(Box<str>, i32)>),
    /// `YYMMDDhhmmssZ`
    NotBefore,
    /// `YYMMDDhhmmssZ`
    NotAfter,
    /// Signature algorithm's name.
    SigAlg,
    /// Key algorithm's name.
    KeyAlg,
    /// X.509 version.
    Version,
}

/// Timeouts that a fetch may ask for, named after their `timeout` lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum TimeoutName {
    Client,
    Connect,
    Queue,
    Server,
    Tarpit,
    Tunnel,
}

/// What the kernel measures of a TCP connection. Times are microseconds, the rest counts packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is named after its fetch
pub enum Measure {
    Rtt,
    RttVar,
    Unacked,
    Sacked,
    Lost,
    Retrans,
    Fackets,
    Reordering,
}

/// Everything else the world knows. Names follow the fetch or the log item that asks for them. Times are
/// milliseconds, -1 where the phase was not reached, as in logs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is named after its fetch or log item
pub enum Fact {
    // the process
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
    // addresses
    Src,
    SrcPort,
    Dst,
    DstPort,
    DstIsLocal,
    SrcIsLocal,
    /// As they were before rules changed them.
    FcSrc,
    FcSrcPort,
    FcDst,
    FcDstPort,
    /// Addresses of the connection to the server.
    BackSrc,
    BackSrcPort,
    BackDst,
    BackDstPort,
    // names and numbers
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
    // the client's connection
    FcHttpMajor,
    FcRcvdProxy,
    FcPpAuthority,
    FcPpUniqueId,
    FcPpTlv(u8),
    FcMeasured(Measure),
    /// Number and message of the connection's error (manual, `fc_err_str`); 0 and "Success" without.
    FcErr,
    FcErrText,
    /// The same of its TLS.
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
    /// A client certificate was presented on this connection or its resumed session.
    SslClientUsed,
    SslClientVerify,
    SslClientCaErr,
    SslClientCaErrDepth,
    SslClientErr,
    SslClient(CertField),
    /// The certificate we presented.
    SslServed(CertField),
    // the server's connection
    SslBc,
    SslBcAlpn,
    SslBcProtocol,
    SslBcCipher,
    SslBcIsResumed,
    BcHttpMajor,
    SslBcKeysize,
    /// The certificate that the server presented.
    SslServer(CertField),
    BcErr,
    BcErrText,
    SslBcErr,
    SslBcErrText,
    // live numbers; `None` is the current proxy
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
    // the stream, for logs and late rules
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
    BytesRead,
    BytesUploaded,
    TerminationCode,
    TerminationCodeCookie,
    RequestCounter,
    SrvConnNow,
    SrvQueuePos,
    BackendQueuePos,
    /// Microseconds since the epoch of: connection accepted, first byte of the request, log time.
    AcceptDateUs,
    RequestDateUs,
    TimeHandshake,
    TimeIdle,
    TimeRequest,
    TimeQueue,
    TimeConnect,
    TimeResponse,
    TimeData,
    TimeActive,
    TimeTotal,
    TimeUser,
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
    /// `%lc`-style counters and others that later issues add stand here.
    LogCounter,
    /// The line is written before the end (`option logasap`): what still grows gets a `+`.
    LogAsap,
    /// How many `capture` slots the frontend has.
    RequestCaptureCount,
    ResponseCaptureCount,
    LastRuleFile,
    LastRuleLine,
    WaitEnd,
}

/// The world at one moment. Each answer is `None` where the thing does not exist here or now.
pub trait Scope {
    /// The request head.
    fn request(&self) -> Option<&Request>;
    /// The response head.
    fn response(&self) -> Option<&Response>;
    /// Buffered message body (`req.body`, `res.body`).
    fn body(&self, of: Direction) -> Option<Payload<'_>>;
    /// Buffered raw bytes (`req.payload`, `req.len`, ClientHello fetches).
    fn payload(&self, of: Direction) -> Option<Payload<'_>>;
    /// Anything else.
    fn fact(&self, fact: &Fact) -> Option<Sample<'_>>;
    /// A variable's value.
    fn var(&self, id: VarId) -> Option<Sample<'static>>;
    /// Sets a variable, or unsets it with `None`; silently refused beyond the scope's memory limit.
    fn set_var(&self, id: VarId, value: Option<Sample<'static>>);
    /// Wall clock, microseconds since the epoch. One stream sees one value per event.
    fn now_us(&self) -> i64;
    /// A fresh random number.
    fn random(&self) -> u32;
}
