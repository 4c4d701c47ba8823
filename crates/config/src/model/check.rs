//! Health checks and their steps. As written; `None` where nothing was.

use super::{ExprText, FormatText, NameMatch, VarCondition, VarValue};
use base::{Span, Word};

/// Which check `option …` chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// `option httpchk [METHOD] [URI] [VERSION]`; headers behind the version are split off into `headers`.
    Http {
        /// The method.
        method: Option<Word>,
        /// The URI.
        uri: Option<Word>,
        /// The version.
        version: Option<Word>,
        /// Legacy headers, name and value.
        headers: Vec<(Word, Word)>,
    },
    /// `option tcp-check`
    Tcp,
    /// `option ssl-hello-chk`
    SslHello,
    /// `option mysql-check [user U] [post-41|pre-41]`
    Mysql {
        /// `user`
        user: Option<Word>,
        /// `pre-41`
        pre41: bool,
    },
    /// `option pgsql-check [user U]`
    Pgsql {
        /// `user`
        user: Option<Word>,
    },
    /// `option redis-check`
    Redis,
    /// `option smtpchk [HELO] [DOMAIN]`
    Smtp {
        /// `HELO` or `EHLO`
        hello: Option<Word>,
        /// The domain.
        domain: Option<Word>,
    },
    /// `option ldap-check`
    Ldap,
    /// `option spop-check`
    Spop,
    /// `option external-check`
    External,
}

/// A step of an `http-check` or `tcp-check` sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckStep {
    /// `connect …`
    Connect(CheckConnect),
    /// `http-check send …`
    HttpSend {
        /// `meth`
        method: Option<Word>,
        /// `uri` (a word) or `uri-lf` (a format)
        uri: Option<CheckText>,
        /// `ver`
        version: Option<Word>,
        /// `hdr NAME FORMAT`
        headers: Vec<(Word, FormatText)>,
        /// `body` or `body-lf`
        body: Option<CheckText>,
        /// `comment`
        comment: Option<Word>,
    },
    /// `tcp-check send DATA`, `send-lf FORMAT`
    Send(CheckText, Option<Word>),
    /// `tcp-check send-binary HEX`, `send-binary-lf FORMAT`
    SendBinary(CheckText, Option<Word>),
    /// `expect …`
    Expect(CheckExpect),
    /// `comment`
    Comment(Word),
    /// `set-var`, `set-var-fmt`
    SetVar(Word, VarValue),
    /// `set-var(NAME,CONDITIONS)`: only where all of them hold.
    SetVarIf(Word, Vec<VarCondition>, VarValue),
    /// `unset-var`
    UnsetVar(Word),
}

/// A literal or a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckText {
    /// As it is.
    Plain(Word),
    /// A log-format string.
    Format(FormatText),
}

/// `http-check connect` / `tcp-check connect`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckConnect {
    /// `default`
    pub default: bool,
    /// `port` number or expression
    pub port: Option<ExprText>,
    /// `addr`
    pub addr: Option<Word>,
    /// `send-proxy`
    pub send_proxy: bool,
    /// `via-socks4`
    pub via_socks4: bool,
    /// `ssl`
    pub ssl: bool,
    /// `sni`
    pub sni: Option<Word>,
    /// `alpn`
    pub alpn: Option<Word>,
    /// `proto`
    pub proto: Option<Word>,
    /// `linger`
    pub linger: bool,
    /// `comment`
    pub comment: Option<Word>,
}

/// `http-check expect` / `tcp-check expect`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckExpect {
    /// `!`
    pub negate: bool,
    /// What to look for.
    pub matcher: CheckMatch,
    /// `min-recv`
    pub min_recv: Option<i32>,
    /// `ok-status`, `error-status`, `tout-status`, `on-success`, `on-error`, `status-code`, as written: keyword and value
    pub extras: Vec<(Word, Word)>,
    /// `comment`
    pub comment: Option<Word>,
    /// The matcher's word.
    pub span: Span,
}

/// Matchers of an `expect`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckMatch {
    /// `string TEXT`, `string-lf FORMAT`
    String(CheckText),
    /// `rstring REGEX`
    Rstring(Word),
    /// `binary HEX`, `binary-lf`
    Binary(CheckText),
    /// `rbinary REGEX`
    Rbinary(Word),
    /// `status CODES`: ranges, both ends included
    Status(Vec<(u16, u16)>),
    /// `rstatus REGEX`
    Rstatus(Word),
    /// `hdr { name[-lf|-m ..] … } [ { value … } ]`
    Header {
        /// The name and how to compare it.
        name: CheckPattern,
        /// The value, where one is asked for, and how to compare it.
        value: Option<CheckPattern>,
        /// `full`: compare the whole value, not its list elements.
        full: bool,
    },
}

/// A text and how it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckPattern {
    /// `-m METHOD`
    pub method: NameMatch,
    /// `-lf`: a format
    pub text: CheckText,
}
