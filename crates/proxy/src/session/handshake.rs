//! The TLS handshake with a client: waits for it, counts it, logs one that fails.

use super::{Session, preface};
use crate::agreed::Agreed;
use crate::deadline::after;
use crate::link::{Link, LinkError};
use crate::stream::Stream;
use crate::tally::{Count, Pace};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, ready};
use tls::{BindTls, OpensslError};
use tokio::time::Instant;

/// Why a handshake did not succeed.
enum HandshakeError {
    Timeout,
    Link(LinkError),
}

impl HandshakeError {
    fn openssl(&self) -> Option<OpensslError> {
        match self {
            HandshakeError::Link(LinkError::Tls(error)) => Some(error.openssl()),
            HandshakeError::Link(LinkError::Io(_)) | HandshakeError::Timeout => None,
        }
    }

    /// In HAProxy's numbers and words (`fc_err`, `fc_err_str`).
    fn told(&self, session: &Session) -> (u8, &'static str) {
        let client = session.tls.as_ref().and_then(|tls| tls.client.as_ref());
        match self {
            HandshakeError::Link(LinkError::Io(_)) => (24, "Connection closed during SSL handshake"),
            HandshakeError::Timeout => (26, "Timeout during SSL handshake"),
            HandshakeError::Link(LinkError::Tls(error)) if error.distrusts() => match client {
                Some(client) if client.report.err == 0 => (30, "SSL client CA chain cannot be verified"),
                Some(_) | None => (31, "SSL client certificate not trusted"),
            },
            HandshakeError::Link(LinkError::Tls(_)) => (34, "SSL handshake failure"),
        }
    }
}

/// Says whether the connection may go on.
pub(super) async fn run(
    session: &mut Session,
    link: &mut Link,
    tls: &Arc<BindTls>,
    give_up: Instant,
) -> bool {
    session.front.tally.pace(session.worker.index, Pace::Tls, session.worker.now_ms());
    if let Err(error) = handshake(session, link, tls, give_up).await {
        session.count(Count::TlsFailed);
        if let Some(tls) = link.session() {
            let agreed = Agreed::with_failed_client(&tls.info(), error.openssl());
            session.tls = Some(Box::new(agreed));
        }
        log_failed(session, &error);
        return false;
    }
    let chain = session.worker.plan.process.keeps_client_chains;
    session.tls = link.session().map(|s| Box::new(Agreed::with_client(&s.info(), chain)));
    session.count(Count::TlsSessions);
    if session.tls.as_ref().is_some_and(|tls| tls.resumed) {
        session.count(Count::TlsResumed);
    } else {
        let worker = &session.worker;
        session.front.tally.pace(worker.index, Pace::TlsKeys, worker.now_ms());
    }
    true
}

async fn handshake(
    session: &Session,
    link: &mut Link,
    bind: &Arc<BindTls>,
    give_up: Instant,
) -> Result<(), HandshakeError> {
    link.start_tls(tls::Session::accept(bind.clone()));
    let start = Instant::now();
    let mut give_up = give_up.min(after(start, Some(preface::TIMEOUT)).unwrap_or(give_up));
    let mut patience = bind.patience();
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(done) = link.poll_handshake(cx) {
                return Poll::Ready(done.map_err(HandshakeError::Link));
            }
            // What is obtained on demand takes its time, which is not the client's fault.
            if link.awaits_certificate()
                && let Some(patience) = patience.take()
            {
                give_up += patience;
            }
            let (waits, until) = match (link.awaits_certificate(), bind.patience()) {
                (true, Some(patience)) => (true, start + patience),
                (true | false, _) => (false, give_up),
            };
            ready!(session.deadline.borrow_mut().poll(cx, Some(until)));
            if !waits {
                return Poll::Ready(Err(HandshakeError::Timeout));
            }
            link.go_on_without_certificate();
        }
    })
    .await
}

/// Failed handshakes are logged as HAProxy does: with the error log format, or a short line. Connections that ended
/// without a byte are silent under `option dontlognull`.
fn log_failed(session: &Session, error: &HandshakeError) {
    let told = error.told(session);
    session.error.set(Some(told));
    if !session.front.dontlognull || !matches!(error, HandshakeError::Link(LinkError::Io(_))) {
        session.front.log.connection_error(&Stream::of_failed(session), told.1);
    }
}
