//! What an expression may ask of the world. The data plane implements [`Scope`] once; tests implement it with a few
//! fields. Everything that is no message and no variable is a [`Fact`].

use crate::fact::Fact;
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
    /// The whole subject as RFC 2253 has it.
    SubjectRfc2253,
    /// The whole issuer as RFC 2253 has it.
    IssuerRfc2253,
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

/// What AES does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum AesMode {
    GcmEncrypt,
    GcmDecrypt,
    CbcEncrypt,
    CbcDecrypt,
}

/// A text for AES and what goes with it.
#[derive(Clone, Copy)]
pub struct Aes<'a> {
    /// What is done.
    pub mode: AesMode,
    /// 16, 24 or 32 bytes.
    pub key: &'a [u8],
    /// 12 bytes for GCM, 16 for CBC.
    pub nonce: &'a [u8],
    /// What GCM's decryption verifies.
    pub tag: Option<&'a [u8]>,
    /// Authenticated beside the text.
    pub aad: &'a [u8],
    /// The text.
    pub text: &'a [u8],
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
    /// How long an HTTP message is so far, where there is one (`req.len`, `res.len`).
    fn message_len(&self, _of: Direction) -> Option<u64> {
        None
    }
    /// Anything else.
    fn fact(&self, fact: &Fact) -> Option<Sample<'_>>;
    /// A variable's value.
    fn var(&self, id: VarId) -> Option<Sample<'static>>;
    /// Sets a variable, or unsets it with `None`; silently refused beyond the scope's memory limit.
    fn set_var(&self, id: VarId, value: Option<Sample<'static>>);
    /// Keeps a text in a declared slot (`capture-req`, `capture-res`); where there is no such slot nothing happens.
    fn capture(&self, _of: Direction, _slot: usize, _text: &[u8]) {}
    /// Runs a cipher: the text that comes out, and the tag where one is made. `None` where it fails, or there is none.
    fn aes(&self, _job: &Aes<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
        None
    }
    /// Wall clock, microseconds since the epoch. One stream sees one value per event.
    fn now_us(&self) -> i64;
    /// A fresh random number.
    fn random(&self) -> u32;
}
