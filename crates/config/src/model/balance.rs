//! How a server is chosen, and how a client is kept on it. As written; `None` where nothing was.

use super::ExprText;
use base::{Span, Word};

/// `balance …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The algorithm's word.
    pub span: Span,
}

/// Balancing algorithms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `roundrobin`, the default.
    RoundRobin,
    /// `static-rr`
    StaticRr,
    /// `leastconn`
    LeastConn,
    /// `first`
    First,
    /// `source`
    Source,
    /// `uri`
    Uri {
        /// `len N`
        len: Option<u32>,
        /// `depth N`
        depth: Option<u32>,
        /// `whole`
        whole: bool,
        /// `path-only`
        path_only: bool,
    },
    /// `url_param NAME [check_post]`
    UrlParam {
        /// The parameter.
        name: Word,
        /// `check_post`
        check_post: bool,
    },
    /// `hdr(NAME) [use_domain_only]`
    Header {
        /// The header.
        name: Word,
        /// `use_domain_only`
        domain_only: bool,
    },
    /// `random[(DRAWS)]`
    Random(Option<u32>),
    /// `rdp-cookie[(NAME)]`
    RdpCookie(Option<Word>),
    /// `hash EXPR`
    Hash(ExprText),
}

/// `hash-type METHOD FUNCTION MODIFIER`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashType {
    /// `consistent` rather than `map-based`
    pub consistent: bool,
    /// The function; `sdbm` where none is written.
    pub function: Option<HashFunction>,
    /// `avalanche`
    pub avalanche: bool,
}

/// `hash-preserve-affinity`: how long a request keeps to the server that its hash names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HashAffinity {
    /// Whatever its load: it waits there.
    #[default]
    Always,
    /// Until it has no free slot.
    Maxconn,
    /// Until its queue is full as well.
    Maxqueue,
}

/// Hash functions by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashFunction {
    /// `sdbm`
    Sdbm,
    /// `djb2`
    Djb2,
    /// `crc32`
    Crc32,
    /// `none`
    None,
}

/// `cookie NAME …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: Word,
    /// `insert`, `rewrite`, `prefix`, or none of them (passive).
    pub mode: CookieMode,
    /// `indirect`
    pub indirect: bool,
    /// `nocache`
    pub nocache: bool,
    /// `postonly`
    pub postonly: bool,
    /// `preserve`
    pub preserve: bool,
    /// `httponly`
    pub httponly: bool,
    /// `secure`
    pub secure: bool,
    /// `domain`, several allowed
    pub domains: Vec<Word>,
    /// `maxidle`, seconds
    pub maxidle: Option<u64>,
    /// `maxlife`, seconds
    pub maxlife: Option<u64>,
    /// `dynamic`
    pub dynamic: bool,
    /// `attr`, several allowed
    pub attrs: Vec<Word>,
}

/// What is done to a persistence cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieMode {
    /// Only read.
    Passive,
    /// `insert`
    Insert,
    /// `rewrite`
    Rewrite,
    /// `prefix`
    Prefix,
}

impl Algorithm {
    /// The configuration's word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Algorithm::RoundRobin => "roundrobin",
            Algorithm::StaticRr => "static-rr",
            Algorithm::LeastConn => "leastconn",
            Algorithm::First => "first",
            Algorithm::Source => "source",
            Algorithm::Uri { .. } => "uri",
            Algorithm::UrlParam { .. } => "url_param",
            Algorithm::Header { .. } => "hdr",
            Algorithm::Random(_) => "random",
            Algorithm::RdpCookie(_) => "rdp-cookie",
            Algorithm::Hash(_) => "hash",
        }
    }
}
