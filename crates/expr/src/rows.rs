//! The rows: every fetch and converter is one value of [`FetchRow`] or [`ConverterRow`], kept in static tables under
//! `fetch/` and `convert/`. The compiler, "did you mean", `lockgate keywords` and the compatibility list all read the
//! same row. Adding a word is adding a row.

use crate::args::{Args, BadArg};
use crate::compile::Env;
use crate::matching::MatchMethod;
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;
use crate::stage::Stage;
use std::ops::ControlFlow;

/// The answer could still change: bytes are missing that may yet arrive. `now` is what can be said already; an
/// evaluation that cannot wait takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct NotYet<'a> {
    /// The value as of now, if there is one.
    pub now: Option<Sample<'a>>,
}

/// What a fetch yields: a final value, finally none, or not yet.
pub type Fetched<'a> = Result<Option<Sample<'a>>, NotYet<'a>>;

/// Evaluates a fetch. Where a message holds several values (a header on several lines), this is the one that a plain
/// expression means; [`FetchRow::each`] visits them all.
pub type FetchFn = for<'a> fn(&'a Args, &'a dyn Scope) -> Fetched<'a>;

/// Receives one value after the other until it breaks.
pub type Visitor<'v, 'a> = dyn FnMut(Sample<'a>) -> ControlFlow<()> + 'v;

/// Visits every value of a fetch, in order, for ACLs: they match when any value does.
pub type EachFn = for<'a, 'v> fn(&'a Args, &'a dyn Scope, &mut Visitor<'v, 'a>) -> Result<(), NotYet<'a>>;

/// Applies a converter. Its input was cast to [`ConverterRow::input`] before; `None` ends the expression without value.
pub type ConvertFn = for<'a> fn(Sample<'a>, &'a Args, &'a dyn Scope) -> Option<Sample<'a>>;

/// Runs once at load after the arguments were read by their grammar: checks what the grammar cannot, and may replace
/// arguments by what evaluation wants to find (a ready-made [`crate::Fact`], say), so that evaluation allocates nothing.
pub type PrepareFn = for<'e> fn(&mut Args, &mut Env<'e>) -> Result<(), BadArg>;

/// What becomes of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Does what the manual says.
    Supported,
    /// Loads with a warning; the text says what it yields instead.
    NoEffect(&'static str),
    /// Is an error; the text names the alternative or the reason.
    Refused(&'static str),
}

/// The kinds of argument. In the text, arguments stand in parentheses and are parted by commas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    /// Signed integer -> [`crate::Arg::Int`]
    Int,
    /// Any text -> [`crate::Arg::Str`]
    Str,
    /// Duration, bare numbers count milliseconds -> [`crate::Arg::Int`], milliseconds
    Time,
    /// Size with k, m, g -> [`crate::Arg::Int`], bytes
    Size,
    /// IPv4 address -> [`crate::Arg::Ip`]
    Ipv4,
    /// IPv6 address -> [`crate::Arg::Ip`]
    Ipv6,
    /// IPv4 mask, dotted or a bit count -> [`crate::Arg::Mask4`]
    Mask4,
    /// IPv6 mask, an address or a bit count -> [`crate::Arg::Mask6`]
    Mask6,
    /// Regular expression -> [`crate::Arg::Regex`]. An `i` in the flags argument is the row's business.
    Regex,
    /// Variable name with its scope -> [`crate::Arg::Var`]
    Var,
    /// Integer, or the name of a variable that holds one -> [`crate::Arg::Int`] or [`crate::Arg::Var`]
    IntOrVar,
    /// Text, or the name of a variable that holds it -> [`crate::Arg::Str`] or [`crate::Arg::Var`]
    StrOrVar,
    /// `userlist` section -> [`crate::Arg::Userlist`]
    Userlist,
    /// Frontend; the current one where absent -> [`crate::Arg::Proxy`]
    Frontend,
    /// Backend; the current one where absent -> [`crate::Arg::Proxy`]
    Backend,
    /// `[backend/]server` -> [`crate::Arg::Server`]
    Server,
    /// Stick table; not yet there, refused.
    Table,
    /// Map file, read and compiled at load -> [`crate::Arg::Map`]
    Map(MatchMethod, MapValue),
}

/// What the second column of a map file is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MapValue {
    /// Text.
    Str,
    /// Integer.
    Int,
    /// Address.
    Ip,
    /// Nothing: the first column comes out, as it is written.
    Key,
}

/// One argument of a row: its name in the manual and its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgRow {
    /// As in the manual, without brackets.
    pub name: &'static str,
    /// How it is read.
    pub kind: ArgKind,
}

/// Shorthand for tables.
pub const fn arg(name: &'static str, kind: ArgKind) -> ArgRow {
    ArgRow { name, kind }
}

/// Which data a fetch needs, and so at which [`Stage`]s it can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Needs {
    /// Nothing: constants, the clock, variables.
    Nothing,
    /// The running process.
    Process,
    /// The client's connection (addresses, PROXY protocol, TCP).
    Client,
    /// The client's connection above TCP: TLS.
    ClientTls,
    /// The frontend.
    Frontend,
    /// Request bytes, head or body.
    Request,
    /// What is kept of the request to the end: captures, the method.
    RequestKept,
    /// The chosen backend.
    Backend,
    /// The chosen server.
    Server,
    /// The connection to the server.
    ServerConnection,
    /// Response bytes, head or body.
    Response,
    /// What is kept of the response to the end: its status, captures.
    ResponseKept,
    /// The message that the rule is about, whichever it is.
    Message,
}

impl Needs {
    /// Whether the data can exist at that stage (the table that `haproxy -dKsmp` prints).
    pub fn met_at(self, stage: Stage) -> bool {
        if stage == Stage::ErrorReply {
            return true;
        }
        match self {
            Needs::Nothing => true,
            Needs::Process => stage != Stage::Config,
            Needs::Client => stage != Stage::Config,
            Needs::ClientTls => !matches!(stage, Stage::Config | Stage::TcpConnection | Stage::Check),
            Needs::Frontend => !matches!(stage, Stage::Config | Stage::Check),
            Needs::Request => {
                matches!(stage, Stage::TcpContent | Stage::Request | Stage::ServerConnect)
            }
            Needs::RequestKept => {
                matches!(stage, Stage::TcpContent | Stage::Request | Stage::ServerConnect)
                    || from_response_on(stage) && stage != Stage::Check
            }
            Needs::Backend => {
                matches!(stage, Stage::TcpContent | Stage::Request | Stage::ServerConnect)
                    || from_response_on(stage)
            }
            Needs::Server => stage == Stage::ServerConnect || from_response_on(stage),
            Needs::ServerConnection | Needs::ResponseKept => from_response_on(stage),
            Needs::Response => from_response_on(stage) && stage != Stage::Log,
            Needs::Message => Needs::Request.met_at(stage) || Needs::Response.met_at(stage),
        }
    }

    /// For complaints: "it needs 'HTTP response'".
    pub fn what(self) -> &'static str {
        match self {
            Needs::Nothing => "nothing",
            Needs::Process => "internal state",
            Needs::Client => "client connection",
            Needs::ClientTls => "client TLS connection",
            Needs::Frontend => "frontend",
            Needs::Request => "HTTP request",
            Needs::RequestKept => "HTTP request captures",
            Needs::Backend => "backend",
            Needs::Server => "server",
            Needs::ServerConnection => "server connection",
            Needs::Response => "HTTP response",
            Needs::ResponseKept => "HTTP response status",
            Needs::Message => "HTTP request or response",
        }
    }
}

fn from_response_on(stage: Stage) -> bool {
    match stage {
        Stage::TcpResponse
        | Stage::Response
        | Stage::AfterResponse
        | Stage::Log
        | Stage::ErrorReply
        | Stage::Check => true,
        Stage::Config
        | Stage::TcpConnection
        | Stage::TcpSession
        | Stage::TcpContent
        | Stage::Request
        | Stage::ServerConnect => false,
    }
}

/// What a fetch's name means as the first word of an ACL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AclForm {
    /// Just the fetch; its type decides how it matches.
    Plain,
    /// The fetch named first, matched by the method; e.g. `req_ver` is `req.ver -m str`.
    As(&'static str, MatchMethod),
    /// The fetch named first, matched as a whole string, and with `_beg _dir _dom _end _len _reg _sub` behind the
    /// row's name by those methods; e.g. `hdr`, `path`.
    Texts(&'static str),
    /// Plain, matched as integers that patterns write as versions (`3.1`); e.g. `req.ssl_ver`.
    Versions,
    /// Plain, and with those methods' suffixes; e.g. `ssl_fc_sni_end`.
    Suffixes(&'static [MatchMethod]),
}

/// A fetch.
#[derive(Clone, Copy, Debug)]
pub struct FetchRow {
    /// As written in configurations.
    pub name: &'static str,
    /// Argument grammar.
    pub args: &'static [ArgRow],
    /// How many of them are mandatory.
    pub min_args: usize,
    /// Type of what it yields.
    pub output: SampleType,
    /// The data it needs.
    pub needs: Needs,
    /// One line of documentation.
    pub doc: &'static str,
    /// Whether it works.
    pub status: Status,
    /// What it means in an ACL.
    pub acl: AclForm,
    /// Load-time completion of the arguments.
    pub prepare: Option<PrepareFn>,
    /// Evaluation.
    pub eval: FetchFn,
    /// All values, where there may be several.
    pub each: Option<EachFn>,
}

impl FetchRow {
    /// The same row for data of another kind.
    pub(crate) const fn needs(mut self, needs: Needs) -> FetchRow {
        self.needs = needs;
        self
    }

    /// A supported fetch without arguments; the other methods add what it has beyond that.
    pub const fn new(
        name: &'static str,
        output: SampleType,
        needs: Needs,
        eval: FetchFn,
        doc: &'static str,
    ) -> FetchRow {
        FetchRow {
            name,
            args: &[],
            min_args: 0,
            output,
            needs,
            doc,
            status: Status::Supported,
            acl: AclForm::Plain,
            prepare: None,
            eval,
            each: None,
        }
    }

    /// A word that is known and not served; `why` names the alternative.
    pub const fn refused(name: &'static str, needs: Needs, why: &'static str) -> FetchRow {
        let mut row = FetchRow::new(name, SampleType::Any, needs, no_value, why);
        row.status = Status::Refused(why);
        row
    }

    /// Its arguments, of which the first `min` are mandatory.
    pub const fn args(mut self, args: &'static [ArgRow], min: usize) -> FetchRow {
        self.args = args;
        self.min_args = min;
        self
    }

    /// What it means in an ACL.
    pub const fn acl(mut self, form: AclForm) -> FetchRow {
        self.acl = form;
        self
    }

    /// Load-time completion of the arguments.
    pub const fn prepare(mut self, prepare: PrepareFn) -> FetchRow {
        self.prepare = Some(prepare);
        self
    }

    /// It may hold several values.
    pub const fn each(mut self, each: EachFn) -> FetchRow {
        self.each = Some(each);
        self
    }

    /// Name and arguments as the manual writes them: `url_param(name[,delim])`.
    pub fn usage(&self) -> String {
        format!("{}{}", self.name, grammar(self.args, self.min_args))
    }

    /// It loads with a warning.
    pub const fn no_effect(mut self, what: &'static str) -> FetchRow {
        self.status = Status::NoEffect(what);
        self
    }
}

fn no_value<'a>(_: &'a Args, _: &'a dyn Scope) -> Fetched<'a> {
    Ok(None)
}

/// A converter.
#[derive(Clone, Copy, Debug)]
pub struct ConverterRow {
    /// As written in configurations.
    pub name: &'static str,
    /// Argument grammar.
    pub args: &'static [ArgRow],
    /// How many of them are mandatory.
    pub min_args: usize,
    /// What it takes; the value before it is cast to this.
    pub input: SampleType,
    /// What it yields; `Any` where it passes its input's type on.
    pub output: SampleType,
    /// One line of documentation.
    pub doc: &'static str,
    /// Whether it works.
    pub status: Status,
    /// Load-time completion of the arguments.
    pub prepare: Option<PrepareFn>,
    /// Evaluation.
    pub eval: ConvertFn,
}

impl ConverterRow {
    /// A supported converter without arguments; the other methods add what it has beyond that.
    pub const fn new(
        name: &'static str,
        input: SampleType,
        output: SampleType,
        eval: ConvertFn,
        doc: &'static str,
    ) -> ConverterRow {
        ConverterRow {
            name,
            args: &[],
            min_args: 0,
            input,
            output,
            doc,
            status: Status::Supported,
            prepare: None,
            eval,
        }
    }

    /// A word that is known and not served; `why` names the alternative.
    pub const fn refused(name: &'static str, why: &'static str) -> ConverterRow {
        let mut row = ConverterRow::new(name, SampleType::Any, SampleType::Any, nothing, why);
        row.status = Status::Refused(why);
        row
    }

    /// Its arguments, of which the first `min` are mandatory.
    pub const fn args(mut self, args: &'static [ArgRow], min: usize) -> ConverterRow {
        self.args = args;
        self.min_args = min;
        self
    }

    /// Name and arguments as the manual writes them.
    pub fn usage(&self) -> String {
        format!("{}{}", self.name, grammar(self.args, self.min_args))
    }

    /// Load-time completion of the arguments.
    pub const fn prepare(mut self, prepare: PrepareFn) -> ConverterRow {
        self.prepare = Some(prepare);
        self
    }
}

/// `(mandatory[,optional])` as the manual writes it; nothing without arguments.
pub(crate) fn grammar(rows: &[ArgRow], min: usize) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let names = |rows: &[ArgRow]| rows.iter().map(|r| r.name).collect::<Vec<_>>().join(",");
    let (must, may) = rows.split_at(min.min(rows.len()));
    match (must.is_empty(), may.is_empty()) {
        (_, true) => format!("({})", names(must)),
        (true, false) => format!("([{}])", names(may)),
        (false, false) => format!("({}[,{}])", names(must), names(may)),
    }
}

fn nothing<'a>(_: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    None
}

/// All fetches.
pub fn fetches() -> impl Iterator<Item = &'static FetchRow> {
    crate::fetch::TABLES.iter().copied().flatten()
}

/// All converters.
pub fn converters() -> impl Iterator<Item = &'static ConverterRow> {
    crate::convert::TABLES.iter().copied().flatten()
}

/// An ACL keyword that is no fetch of its own name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclKeyword {
    /// As written, e.g. `path_beg`.
    pub name: String,
    /// The fetch it stands for.
    pub fetch: &'static str,
    /// How its patterns are compared.
    pub method: MatchMethod,
}

/// All ACL keywords that stand for a fetch and a match method.
pub fn acl_keywords() -> impl Iterator<Item = AclKeyword> {
    crate::acl::keyword::all()
}

/// All log items.
pub fn log_items() -> &'static [crate::format::items::ItemRow] {
    crate::format::items::ITEMS
}

/// The fetch of that name.
pub fn fetch(name: &str) -> Option<&'static FetchRow> {
    fetches().find(|row| row.name == name)
}

/// The converter of that name.
pub fn converter(name: &str) -> Option<&'static ConverterRow> {
    converters().find(|row| row.name == name)
}
