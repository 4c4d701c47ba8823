//! `option` lines and the settings that are like them. As written; `None` where nothing was.

use super::ExprText;
use base::Word;

/// How connections are kept (the last of these options wins).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionMode {
    /// `option http-keep-alive`
    KeepAlive,
    /// `option http-server-close`
    ServerClose,
    /// `option httpclose`, `option forceclose`
    Close,
}

/// `option …` switches; `None` = not written, `Some(false)` = `no option …`.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // named after the keyword, each
pub struct Options {
    pub connection_mode: Option<ConnectionMode>,
    pub http_pretend_keepalive: Option<bool>,
    pub forwardfor: Option<ForwardFor>,
    pub originalto: Option<ForwardFor>,
    pub forwarded: Option<Forwarded>,
    pub dontlognull: Option<bool>,
    pub dontlog_normal: Option<bool>,
    pub log_separate_errors: Option<bool>,
    pub log_health_checks: Option<bool>,
    pub logasap: Option<bool>,
    pub redispatch: Option<Redispatch>,
    pub persist: Option<bool>,
    pub allbackups: Option<bool>,
    pub abortonclose: Option<bool>,
    pub tcpka: Option<bool>,
    pub clitcpka: Option<bool>,
    pub srvtcpka: Option<bool>,
    pub prefer_last_server: Option<bool>,
    pub http_ignore_probes: Option<bool>,
    pub http_no_delay: Option<bool>,
    pub http_buffer_request: Option<bool>,
    pub http_use_htx: Option<bool>,
    pub accept_unsafe_request: Option<bool>,
    pub accept_unsafe_response: Option<bool>,
    pub independent_streams: Option<bool>,
    pub splice_auto: Option<bool>,
    pub splice_request: Option<bool>,
    pub splice_response: Option<bool>,
    pub tcp_smart_accept: Option<bool>,
    pub tcp_smart_connect: Option<bool>,
    pub nolinger: Option<bool>,
    pub transparent: Option<bool>,
    pub socket_stats: Option<bool>,
    pub contstats: Option<bool>,
    pub http_use_proxy_header: Option<bool>,
    pub restrict_req_hdr_names: Option<RestrictNames>,
    pub h1_case_adjust_client: Option<bool>,
    pub h1_case_adjust_server: Option<bool>,
    pub idle_close_on_response: Option<bool>,
    pub checkcache: Option<bool>,
    pub drop_request_trailers: Option<bool>,
    pub drop_response_trailers: Option<bool>,
}

/// `option http-restrict-req-hdr-names`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestrictNames {
    /// `preserve`
    Preserve,
    /// `delete`
    Delete,
    /// `reject`
    Reject,
}

/// `option redispatch [N]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redispatch {
    /// 0: switched off. Positive: at every N-th retry. Negative: at the N-th retry before the last (-1 = the last).
    pub interval: i32,
}

/// `option forwardfor` and `option originalto`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForwardFor {
    /// `no option …`
    pub off: bool,
    /// `except NETWORK`
    pub except: Option<Word>,
    /// `header NAME`
    pub header: Option<Word>,
    /// `if-none`
    pub if_none: bool,
}

/// `option forwarded` (RFC 7239)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwarded {
    /// `no option forwarded`
    pub off: bool,
    /// `proto`
    pub proto: bool,
    /// `host` (`Some(None)`) or `host-expr EXPR`
    pub host: Option<Option<ExprText>>,
    /// `by` or `by-expr EXPR`
    pub by: Option<Option<ExprText>>,
    /// `by_port` or `by_port-expr EXPR`
    pub by_port: Option<Option<ExprText>>,
    /// `for` or `for-expr EXPR`
    pub for_: Option<Option<ExprText>>,
    /// `for_port` or `for_port-expr EXPR`
    pub for_port: Option<Option<ExprText>>,
}

/// `http-reuse`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpReuse {
    /// `never`
    Never,
    /// `safe`, the default.
    Safe,
    /// `aggressive`
    Aggressive,
    /// `always`
    Always,
}

/// `retry-on` conditions, groups expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetryOn {
    /// `none`
    None,
    /// `conn-failure`
    ConnFailure,
    /// `empty-response`
    EmptyResponse,
    /// `junk-response`
    JunkResponse,
    /// `response-timeout`
    ResponseTimeout,
    /// `0rtt-rejected`
    EarlyDataRejected,
    /// A status: 401, 403, 404, 408, 421, 425, 429, 500, 501, 502, 503, 504
    Status(u16),
}
