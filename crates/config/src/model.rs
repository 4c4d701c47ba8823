//! The model: a configuration as its author wrote it, typed, every word with its place. Nothing here is resolved,
//! compiled or opened, and no default is filled in: `None` means "not written". Lowering to what runs, compiling
//! expressions and deciding defaults happens in `proxy::lower`, once.
//!
//! Times are milliseconds unless the name says otherwise; sizes are bytes.

mod acme;
mod balance;
mod bind;
mod check;
mod global;
mod log;
mod option;
mod proxy;
mod reply;
mod rule;
mod section;
mod server;

use crate::env::Environment;
use base::{Span, Word};

pub use acme::{Acme, AcmeChallenge, AcmeKey, ChallengeReady, PROVIDERS};
pub use balance::{Algorithm, Balance, Cookie, CookieMode, HashAffinity, HashFunction, HashType};
pub use bind::{Bind, BindParams, CliLevel, SeverityOutput, UnixOptions};
pub use check::{CheckConnect, CheckExpect, CheckKind, CheckMatch, CheckPattern, CheckStep, CheckText};
pub use global::{
    Capability, CpuMap, Global, GlobalVar, OcspUpdates, ProgramEnv, StateSource, TlsDefaults, TlsOffer,
    TlsVersion, TlsVersionOptions,
};
pub use log::{LogFormat, LogFrame, LogSink, LogTarget, LogTo};
pub use option::{
    ConnectionMode, ForwardFor, Forwarded, HttpReuse, Options, Redispatch, RestrictNames, RetryOn,
};
pub use proxy::{
    Acl, Capture, CookieCapture, Mode, Proxy, ProxyKind, Settings, Statistics, StatisticsAction,
    TcpKeepAlive, Timeouts,
};
pub use reply::{ErrorReply, ErrorReplyKind, Redirect, RedirectTo, Reply, ReplyBody};
pub use rule::{
    HttpAction, LineAction, LineRule, ListAction, ListEdit, MarkValue, NameMatch, Normalizer, PacketMark,
    StreamSetting, TcpAction, VarCondition, VarValue,
};
pub use section::{CrtLoad, CrtStore, HttpErrors, Password, Resolvers, Ring, User, Userlist};
pub use server::{
    HashKey, InitAddr, InitState, Observe, OnError, OnMarkedDown, OnMarkedUp, ProxyV2Option, SendProxy,
    Server, ServerParams, SourceAddress, Verify,
};

/// A sample expression as written: `fetch(args),conv(args)` may be spread over several words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExprText {
    /// Its words; never empty.
    pub words: Vec<Word>,
}

/// A log-format string as written: one word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormatText(pub Word);

/// The condition behind a rule: what follows `if` or `unless`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CondText {
    /// `unless` rather than `if`.
    pub unless: bool,
    /// The words behind it: ACL names, `{ anonymous }`, `!`, `||`, `or`.
    pub words: Vec<Word>,
    /// The word `if` or `unless`.
    pub span: Span,
}

/// A rule: an action and its condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule<A> {
    /// What to do.
    pub action: A,
    /// When; always where there is none.
    pub cond: Option<CondText>,
    /// The line's first words.
    pub span: Span,
}

/// The whole configuration.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Names of the files, by their number.
    pub files: Vec<String>,
    /// The `global` sections, merged.
    pub global: Global,
    /// Frontends, backends and listens in file order.
    pub proxies: Vec<Proxy>,
    /// `userlist` sections.
    pub userlists: Vec<Userlist>,
    /// `http-errors` sections.
    pub http_errors: Vec<HttpErrors>,
    /// `resolvers` sections.
    pub resolvers: Vec<Resolvers>,
    /// `ring` sections.
    pub rings: Vec<Ring>,
    /// `crt-store` sections.
    pub crt_stores: Vec<CrtStore>,
    /// `acme` sections.
    pub acmes: Vec<Acme>,
    /// Environment variables as the last line left them: what `env()` reads and programs are started with.
    pub environment: Environment,
}
