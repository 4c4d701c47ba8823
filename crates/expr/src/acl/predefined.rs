//! The ACLs that every proxy knows (manual section 7.4).

use super::{Test, compile};
use crate::compile::Env;
use base::{Span, Word};
use std::sync::Arc;

/// Name and meaning.
static TABLE: &[(&str, &[&str])] = &[
    ("FALSE", &["always_false"]),
    ("HTTP", &["req.proto_http"]),
    ("HTTP_1.0", &["req.ver", "1.0"]),
    ("HTTP_1.1", &["req.ver", "1.1"]),
    ("HTTP_2.0", &["req.ver", "2.0"]),
    ("HTTP_3.0", &["req.ver", "3.0"]),
    ("HTTP_CONTENT", &["req.hdr_val(content-length)", "gt", "0"]),
    ("HTTP_URL_ABS", &["url_reg", "^[^/:]*://"]),
    ("HTTP_URL_SLASH", &["url_beg", "/"]),
    ("HTTP_URL_STAR", &["url", "*"]),
    ("LOCALHOST", &["src", "127.0.0.1/8", "::1"]),
    ("METH_CONNECT", &["method", "CONNECT"]),
    ("METH_DELETE", &["method", "DELETE"]),
    ("METH_GET", &["method", "GET", "HEAD"]),
    ("METH_HEAD", &["method", "HEAD"]),
    ("METH_OPTIONS", &["method", "OPTIONS"]),
    ("METH_POST", &["method", "POST"]),
    ("METH_PUT", &["method", "PUT"]),
    ("METH_TRACE", &["method", "TRACE"]),
    ("RDP_COOKIE", &["req.rdp_cookie_cnt", "gt", "0"]),
    ("REQ_CONTENT", &["req.len", "gt", "0"]),
    ("TRUE", &["always_true"]),
    ("WAIT_END", &["wait_end"]),
];

/// The predefined ACL of that name, compiled; `None` where there is none.
pub(crate) fn predefined(env: &mut Env<'_>, name: &str, span: Span) -> Option<Arc<Test>> {
    let (_, words) = TABLE.iter().find(|(n, _)| *n == name)?;
    let words: Vec<Word> = words.iter().map(|w| Word::new(*w, span)).collect();
    compile(env, &words, span).map(Arc::new)
}

/// Whether there is one.
pub(crate) fn is_predefined(name: &str) -> bool {
    predefined_names().any(|n| n == name)
}

/// Their names.
pub(crate) fn predefined_names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(name, _)| *name)
}
