//! The actions of rules. As written; `None` where nothing was.

use super::{ExprText, FormatText, Redirect, Reply};
use base::Word;

/// The value of a `set-var` or `set-var-fmt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VarValue {
    /// `set-var`
    Expr(ExprText),
    /// `set-var-fmt`
    Format(FormatText),
}

/// `set-fc-mark`, `set-bc-tos` and their like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketMark {
    /// Packets to the server (`bc`) rather than to the client (`fc`).
    pub to_server: bool,
    /// The TOS field rather than the firewall's mark.
    pub tos: bool,
    /// What to set.
    pub value: MarkValue,
}

/// The value of a [`PacketMark`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkValue {
    /// A number.
    Number(u32),
    /// Whatever the expression yields, an integer.
    Expr(ExprText),
}

/// A condition between the brackets of a `set-var`, on the variable's present value or on the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VarCondition {
    /// `ifexists`: the variable was set before.
    IfExists,
    /// `ifnotexists`: it was not.
    IfNotExists,
    /// `ifempty`: the new value is empty.
    IfEmpty,
    /// `ifnotempty`: it is not.
    IfNotEmpty,
    /// `ifset`: the variable has a value.
    IfSet,
    /// `ifnotset`: it has none.
    IfNotSet,
    /// `ifgt`: its present value is greater than the new one.
    IfGreater,
    /// `iflt`: its present value is less than the new one.
    IfLess,
}

/// What a rule changes of its stream, by an integer that an expression yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamSetting {
    /// `set-priority-class`: its rank in queues, -2047 to 2047, the lowest first.
    PriorityClass,
    /// `set-priority-offset`: milliseconds by which its place in queues is put back, or forward where negative.
    PriorityOffset,
    /// `set-retries`: 0 to 100.
    Retries,
}

/// Actions of `tcp-request` and `tcp-response` rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpAction {
    /// `accept`
    Accept,
    /// `reject`
    Reject,
    /// `silent-drop [rst-ttl N]`
    SilentDrop(Option<u32>),
    /// `close` (tcp-response)
    Close,
    /// `expect-proxy layer4`
    ExpectProxy,
    /// `set-src EXPR`
    SetSrc(ExprText),
    /// `set-src-port EXPR`
    SetSrcPort(ExprText),
    /// `set-dst EXPR`
    SetDst(ExprText),
    /// `set-dst-port EXPR`
    SetDstPort(ExprText),
    /// `set-var`, `set-var-fmt`
    SetVar(Word, VarValue),
    /// `set-var(NAME,CONDITIONS)`: only where all of them hold.
    SetVarIf(Word, Vec<VarCondition>, VarValue),
    /// `unset-var`
    UnsetVar(Word),
    /// `set-log-level`; `None` is `silent`
    SetLogLevel(Option<u8>),
    /// `set-nice N`
    SetNice(i32),
    /// `set-mark`, `set-tos` and their like
    MarkPackets(PacketMark),
    /// `set-priority-class`, `set-retries` and their like
    SetStream(StreamSetting, ExprText),
    /// `do-log`
    DoLog,
    /// `switch-mode http`
    SwitchMode,
    /// `capture EXPR len N`
    Capture(ExprText, u32),
    /// A known action without effect here; a warning was given.
    Ignored,
}

/// Actions of `http-request`, `http-response` and `http-after-response` rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpAction {
    /// `allow`
    Allow,
    /// `deny …`
    Deny(Reply),
    /// `tarpit …`
    Tarpit(Reply),
    /// `return …`
    Return(Reply),
    /// `reject`
    Reject,
    /// `silent-drop`
    SilentDrop(Option<u32>),
    /// `auth [realm R]`
    Auth(Option<FormatText>),
    /// `redirect …`
    Redirect(Redirect),
    /// `set-header NAME FORMAT`
    SetHeader(Word, FormatText),
    /// `add-header NAME FORMAT`
    AddHeader(Word, FormatText),
    /// `del-header NAME [-m METHOD]`
    DelHeader(Word, NameMatch),
    /// `replace-header NAME REGEX FORMAT`
    ReplaceHeader(Word, Word, FormatText),
    /// `replace-value NAME REGEX FORMAT`
    ReplaceValue(Word, Word, FormatText),
    /// `replace-path REGEX FORMAT`
    ReplacePath(Word, FormatText),
    /// `replace-pathq REGEX FORMAT`
    ReplacePathq(Word, FormatText),
    /// `replace-uri REGEX FORMAT`
    ReplaceUri(Word, FormatText),
    /// `set-method FORMAT`
    SetMethod(FormatText),
    /// `set-path FORMAT`
    SetPath(FormatText),
    /// `set-pathq FORMAT`
    SetPathq(FormatText),
    /// `set-query FORMAT`
    SetQuery(FormatText),
    /// `set-uri FORMAT`
    SetUri(FormatText),
    /// `set-status N [reason R]`
    SetStatus(u16, Option<Word>),
    /// `set-var`, `set-var-fmt`
    SetVar(Word, VarValue),
    /// `set-var(NAME,CONDITIONS)`: only where all of them hold.
    SetVarIf(Word, Vec<VarCondition>, VarValue),
    /// `unset-var`
    UnsetVar(Word),
    /// `set-map(…)`, `del-map(…)`, `add-acl(…)`, `del-acl(…)`
    EditList(ListEdit),
    /// `capture EXPR len N`
    Capture(ExprText, u32),
    /// `capture EXPR id N`
    CaptureId(ExprText, u32),
    /// `set-log-level`; `None` is `silent`
    SetLogLevel(Option<u8>),
    /// `set-src EXPR`
    SetSrc(ExprText),
    /// `set-src-port EXPR`
    SetSrcPort(ExprText),
    /// `set-dst EXPR`
    SetDst(ExprText),
    /// `set-dst-port EXPR`
    SetDstPort(ExprText),
    /// `set-timeout server|tunnel|client EXPR-or-time`
    SetTimeout(Word, ExprText),
    /// `set-nice N`
    SetNice(i32),
    /// `set-mark`, `set-tos` and their like
    MarkPackets(PacketMark),
    /// `set-priority-class`, `set-retries` and their like
    SetStream(StreamSetting, ExprText),
    /// `do-log`
    DoLog,
    /// `pause EXPR-or-time`
    Pause(ExprText),
    /// `early-hint NAME FORMAT`
    EarlyHint(Word, FormatText),
    /// `wait-for-body time T [at-least N]`
    WaitForBody(u64, Option<u64>),
    /// `normalize-uri NORMALIZER`
    NormalizeUri(Normalizer),
    /// `strict-mode on|off`
    StrictMode(bool),
    /// `cache-use`, `track-sc*` and others that have no effect here; a warning was given.
    Ignored,
    /// `disable-l7-retry`
    DisableL7Retry,
    /// `reqrep`, `rspdel` and their kin
    Line(LineRule),
}

/// A rule of HAProxy 1.8 over the lines of a head, the request line and the status line among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineRule {
    /// What a line matches.
    pub regex: Word,
    /// Without case (`reqirep`).
    pub insensitive: bool,
    /// What follows from it.
    pub then: LineAction,
}

/// What a [`LineRule`] does with a line that matches, or with its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineAction {
    /// `reqallow`: later rules of this kind do not deny the request.
    Allow,
    /// `reqpass`: later rules of this kind and section do not look at the request.
    Pass,
    /// `reqdeny`, `rspdeny`
    Deny,
    /// `reqtarpit`
    Tarpit,
    /// `reqdel`, `rspdel`; a start line stays.
    Delete,
    /// `reqrep`, `rsprep`: by this text, in which `\1` to `\9` are groups.
    Replace(Word),
}

/// How `del-header` compares names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameMatch {
    /// `str`, the default.
    Str,
    /// `beg`
    Beg,
    /// `end`
    End,
    /// `sub`
    Sub,
    /// `reg`
    Reg,
}

/// `normalize-uri`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalizer {
    /// `fragment-encode`
    FragmentEncode,
    /// `fragment-strip`
    FragmentStrip,
    /// `path-merge-slashes`
    PathMergeSlashes,
    /// `path-strip-dot`
    PathStripDot,
    /// `path-strip-dotdot [full]`
    PathStripDotdot {
        /// `full`
        full: bool,
    },
    /// `percent-decode-unreserved [strict]`
    PercentDecodeUnreserved {
        /// `strict`
        strict: bool,
    },
    /// `percent-to-uppercase [strict]`
    PercentToUppercase {
        /// `strict`
        strict: bool,
    },
    /// `query-sort-by-name`
    QuerySortByName,
}

/// An edit of a map or a list of patterns by a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEdit {
    /// What is done.
    pub action: ListAction,
    /// The file that the list was read from.
    pub file: Word,
    /// The key.
    pub key: FormatText,
    /// The value, for `set-map`.
    pub value: Option<FormatText>,
}

/// What a rule does to a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListAction {
    /// `set-map`
    SetMap,
    /// `del-map`
    DelMap,
    /// `add-acl`
    AddAcl,
    /// `del-acl`
    DelAcl,
}
