//! Replies that are not a server's: error pages, `return`, redirects. As written; `None` where nothing was.

use super::FormatText;
use base::{Span, Word};

/// What is sent instead of an error's own page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorReply {
    /// The statuses it stands for.
    pub statuses: Vec<u16>,
    /// What is sent.
    pub kind: ErrorReplyKind,
    /// The line's first word.
    pub span: Span,
}

/// Kinds of error replies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorReplyKind {
    /// `errorfile CODE FILE`: a raw HTTP response.
    File(Word),
    /// `errorloc302`, `errorloc`: `Location` and status 302.
    Location302(Word),
    /// `errorloc303`
    Location303(Word),
    /// `errorfiles NAME`: from an `http-errors` section.
    Section(Word),
    /// `http-error status …`
    Reply(Reply),
}

/// A reply described in a rule: `return`, `deny`, `tarpit`, `http-error`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// `status`, `deny_status`
    pub status: Option<u16>,
    /// `content-type`
    pub content_type: Option<Word>,
    /// The body.
    pub body: ReplyBody,
    /// `hdr NAME FORMAT`, in order
    pub headers: Vec<(Word, FormatText)>,
}

/// A reply's body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ReplyBody {
    /// Not written: the proxy's error page for the status (`deny`), or none (`return`).
    #[default]
    Default,
    /// `default-errorfiles`
    DefaultErrorfiles,
    /// `errorfile FILE`
    Errorfile(Word),
    /// `errorfiles NAME`
    Errorfiles(Word),
    /// `file FILE`
    File(Word),
    /// `lf-file FILE`
    LfFile(Word),
    /// `string TEXT`
    String(Word),
    /// `lf-string FORMAT`
    LfString(FormatText),
}

/// `redirect …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The kind and its argument.
    pub to: RedirectTo,
    /// `code`; 302 where none is written.
    pub code: Option<u16>,
    /// `drop-query`
    pub drop_query: bool,
    /// `append-slash`
    pub append_slash: bool,
    /// `ignore-empty`
    pub ignore_empty: bool,
    /// `keep-query`
    pub keep_query: bool,
    /// `set-cookie NAME[=VALUE]`
    pub set_cookie: Option<Word>,
    /// `clear-cookie NAME[=]`
    pub clear_cookie: Option<Word>,
}

/// Redirect kinds. The text of a `redirect` line is literal (only rules take formats); it arrives here as the format
/// that yields it, `%` doubled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectTo {
    /// `location`
    Location(FormatText),
    /// `prefix`
    Prefix(FormatText),
    /// `scheme`
    Scheme(FormatText),
}
