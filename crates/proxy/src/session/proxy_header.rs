//! The PROXY protocol header that a proxy in front of this one sends first, and what is said of one that does not come.

use super::Session;
use crate::link::Link;
use crate::stream::Stream;
use http::proxy_protocol::{self, Addresses};
use net::Addr;
use std::future::poll_fn;
use std::task::Poll;
use tokio::time::Instant;

/// Reads the PROXY header; says whether the connection may go on.
pub(super) async fn read(session: &mut Session, link: &mut Link, give_up: Instant) -> bool {
    loop {
        match proxy_protocol::parse(link.input.data()) {
            Ok(proxy_protocol::Parsed::Done { len, header }) => {
                link.input.consume(len);
                if let Addresses::Inet { source, destination } = header.addresses {
                    session.src = Addr::from(source);
                    session.dst = Addr::from(destination);
                }
                session.proxy = Some(Box::new(header));
                return true;
            }
            Ok(proxy_protocol::Parsed::Partial) => {}
            Err(error) => {
                log_proxy_error(session, ProxyError::of(error));
                return false;
            }
        }
        if !fill_before(session, link, give_up).await {
            let error = match (link.input.is_empty(), Instant::now() >= give_up) {
                (false, _) => ProxyError::Truncated,
                (true, true) => ProxyError::Timeout,
                (true, false) => ProxyError::Closed,
            };
            log_proxy_error(session, error);
            return false;
        }
    }
}

/// Reads once; `false` at the end, on an error or after `give_up`.
async fn fill_before(session: &Session, link: &mut Link, give_up: Instant) -> bool {
    poll_fn(|cx| {
        if let Poll::Ready(read) = link.poll_fill(cx) {
            return Poll::Ready(matches!(read, Ok(n) if n > 0));
        }
        session.deadline.borrow_mut().poll(cx, Some(give_up)).map(|()| false)
    })
    .await
}

/// Why there is no PROXY header, in HAProxy's words and numbers (`fc_err_str`, `fc_err`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum ProxyError {
    Closed,
    Timeout,
    Truncated,
    NoHeader,
    Invalid,
    Protocol,
}

impl ProxyError {
    fn of(error: proxy_protocol::Malformed) -> ProxyError {
        match error {
            proxy_protocol::NO_SIGNATURE => ProxyError::NoHeader,
            proxy_protocol::BAD_PROTOCOL => ProxyError::Protocol,
            proxy_protocol::Malformed(_) => ProxyError::Invalid,
        }
    }

    fn told(self) -> (u8, &'static str) {
        match self {
            ProxyError::Closed => (11, "Connection closed while waiting for PROXY protocol header"),
            ProxyError::Timeout => (13, "Timeout while waiting for PROXY protocol header"),
            ProxyError::Truncated => (14, "Truncated PROXY protocol header received"),
            ProxyError::NoHeader => {
                (15, "Received something which does not look like a PROXY protocol header")
            }
            ProxyError::Invalid => (16, "Received an invalid PROXY protocol header"),
            ProxyError::Protocol => (17, "Received an unhandled protocol in the PROXY protocol header"),
        }
    }
}

/// As HAProxy logs it; connections without a byte are silent under `option dontlognull`.
fn log_proxy_error(session: &Session, error: ProxyError) {
    let told = error.told();
    session.error.set(Some(told));
    let silent = matches!(error, ProxyError::Closed | ProxyError::Timeout);
    if !(session.front.dontlognull && silent) {
        session.front.log.connection_error(&Stream::of_failed(session), told.1);
    }
}
