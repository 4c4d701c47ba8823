//! What frontends and backends have alike: HTTP rules, and headers that are added.

use crate::rules::{HttpRule, RedirectRule};
use crate::statistics::Statistics;
use config::model::RestrictNames;
use expr::Expr;
use std::net::IpAddr;

/// The HTTP rules of one proxy.
#[derive(Default)]
pub struct HttpRules {
    /// `http-request`
    pub request: Vec<HttpRule>,
    /// `stats ...`
    pub statistics: Option<Box<Statistics>>,
    /// `redirect`
    pub redirects: Vec<RedirectRule>,
    /// `http-response`
    pub response: Vec<HttpRule>,
    /// `http-after-response`
    pub after_response: Vec<HttpRule>,
}

/// What options do to the headers of requests.
pub struct HeaderOptions {
    /// `option forwardfor`
    pub forwardfor: Option<AddressHeader>,
    /// `option originalto`
    pub originalto: Option<AddressHeader>,
    /// `option forwarded`
    pub forwarded: Option<Forwarded>,
    /// `option http-restrict-req-hdr-names`
    pub restrict_names: RestrictNames,
}

/// `forwardfor` and `originalto`
pub struct AddressHeader {
    /// Lower case.
    pub name: Box<[u8]>,
    /// Only where the request has none yet.
    pub if_none: bool,
    /// Not for clients of this network: address and prefix length.
    pub except: Option<(IpAddr, u8)>,
}

/// `option forwarded` (RFC 7239): which parameters are written, and from what.
#[derive(Default)]
pub struct Forwarded {
    /// `proto`
    pub proto: bool,
    /// `host`: `Some(None)` is the request's own.
    pub host: Option<Option<Expr>>,
    /// `by`
    pub by: Option<Option<Expr>>,
    /// `by_port`
    pub by_port: Option<Option<Expr>>,
    /// `for`
    pub for_: Option<Option<Expr>>,
    /// `for_port`
    pub for_port: Option<Option<Expr>>,
}
