//! Getting a connection to the assigned server: a kept one where the rules of `http-reuse` allow it, else a new one
//! with its PROXY header and handshake.

use super::Connection;
use super::attempts::{Failure, FailureKind};
use super::h1::Checkout;
use super::pool::Key;
use crate::agreed::Agreed;
use crate::assign::{Assigned, HasLeft};
use crate::deadline::{Deadline, after};
use crate::ending::{Cause, Ending, Phase};
use crate::link::{Link, LinkError};
use crate::plan::{Backend, ProxyV2, Target};
use crate::server::{Endpoint, Server};
use crate::socks4;
use crate::stream::Stream;
use crate::tally::{Count, Pace};
use crate::transfer::Transfer;
use config::model::{HttpReuse, SendProxy};
use expr::{Expr, Format};
use http::proxy_protocol::{self, Addresses, Ssl, V2};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use tls::CertView;
use tokio::time::Instant;

/// A connection for one HTTP exchange.
pub async fn checkout<'s>(
    stream: &mut Stream<'s>,
    assigned: &Assigned<'_>,
    fresh: bool,
    has_left: HasLeft<'_>,
) -> Result<Checkout<'s>, Failure> {
    let Some(back) = stream.back else { return Err(unreachable_server()) };
    let server = assigned.server();
    let target = &server.target;
    let sni = server_name(stream, server);
    let private = target.send_proxy.is_some();
    // connections to other places must not stand in for the one that this client's destination asks for
    let to = if target.follows_client { address(stream, server) } else { None };
    let name = match &target.pool_name {
        Some(expression) => text_of(expression, stream),
        None => sni.clone(),
    };
    let header = proxy_header(stream, target).map(Vec::into_boxed_slice);
    let key = Key { place: target.place, name, moves: server.moves(), to, marks: stream.back_marks, header };
    let kept = if fresh { None } else { kept(stream, back, &key, private) };
    if kept.is_some() {
        note(stream, back, target, Count::Reuses);
    }
    stream.back_reused = kept.is_some();
    let mut connection = match kept {
        Some(kept) => kept,
        None => {
            make_room(stream, server);
            let names = (sni.as_deref(), key.header.as_deref());
            let link = Box::pin(open(stream, back, server, names, has_left)).await?;
            Box::new(Connection { key, link, uses: 0 })
        }
    };
    stream.times.connected = Some(stream.worker.now());
    learn(stream, &mut connection.link);
    let watch = assigned.watch.clone();
    Ok(Checkout { connection, watch, private, download: Transfer::none(), deaf: false, back })
}

/// Keeps what expressions may ask of the connection.
pub fn learn(stream: &mut Stream<'_>, link: &mut Link) {
    let certificate = stream.worker.plan.process.keeps_server_certificates;
    stream.back_addrs = link.ends();
    stream.back_meter = link.lend_meter();
    stream.back_tls = link.agreed(|info| Agreed::with_server(info, certificate));
}

fn unreachable_server() -> Failure {
    Failure::new(FailureKind::Connect, Cause::Internal, Phase::Connect)
}

/// A connection that is open already. The first request of a session goes over its own under `never` and `safe`, and
/// under `aggressive` unless one has shown already that its server serves it again (manual, `http-reuse`).
fn kept(stream: &Stream<'_>, back: &Backend, key: &Key, private: bool) -> Option<Box<Connection>> {
    if let Some(own) = stream.session.private.borrow_mut().take()
        && own.key == *key
        && !own.link.is_stale()
    {
        return Some(own);
    }
    let first = stream.session.requests.get() == 0;
    let least = match back.reuse {
        HttpReuse::Never => return None,
        HttpReuse::Safe if first => return None,
        HttpReuse::Aggressive if first => 2,
        HttpReuse::Safe | HttpReuse::Aggressive | HttpReuse::Always => 0,
    };
    if private {
        return None;
    }
    stream.worker.pool.borrow_mut().take(key, least)
}

/// The name to ask the server's certificate for.
pub fn server_name(stream: &Stream<'_>, server: &Server) -> Option<Box<[u8]>> {
    server.tls()?;
    text_of(server.target.sni.as_ref()?, stream)
}

/// What an expression yields, where that is not nothing.
fn text_of(expression: &Expr, stream: &Stream<'_>) -> Option<Box<[u8]>> {
    let sample = expression.eval(stream)?;
    let text = sample.to_str()?;
    (!text.is_empty()).then(|| text.into_owned().into_boxed_slice())
}

/// `strict-maxconn`: a connection more may end an idle one. All that rest are this thread's, see `h1`'s `rest`.
fn make_room(stream: &Stream<'_>, server: &Server) {
    let most = server.maxconn();
    if !server.target.strict || most == 0 {
        return;
    }
    let mut pool = stream.worker.pool.borrow_mut();
    while server.sessions().saturating_add(server.idle()) > most && pool.end_one(server.target.place) {}
}

/// Opens a connection to a server: connect, PROXY `header`, handshake asking for `sni`, all within `timeout connect`. The
/// client may leave meanwhile (`option abortonclose`).
pub async fn open(
    stream: &Stream<'_>,
    back: &Backend,
    server: &Server,
    (sni, header): (Option<&[u8]>, Option<&[u8]>),
    has_left: HasLeft<'_>,
) -> Result<Link, Failure> {
    let started = Instant::now();
    let target = &server.target;
    let Some(address) = address(stream, server) else { return Err(unreachable_server()) };
    note(stream, back, target, Count::Connects);
    stream.back_error.set(None);
    stream.back_tls_error.set(None);
    let give_up = after(started, stream.timeouts.connect);
    let marks = stream.back_marks;
    let mut deadline = Deadline::default();
    let connecting = async {
        let socket = match target.socks4 {
            None => net::connect_marked(&address, &target.options, marks).await?,
            Some(proxy) => {
                let proxy = net::Target::Inet(proxy);
                let mut socket = net::connect_marked(&proxy, &target.options, marks).await?;
                socks4::ask(&mut socket, &address).await?;
                socket
            }
        };
        let mut link = Link::new(socket);
        if let Some(header) = header {
            link.output().extend_from_slice(header);
        }
        match handshake(&mut link, server.tls(), sni).await {
            Ok(()) => Ok::<Link, LinkError>(link),
            Err(error) => {
                stream.back_error.set(Some(told(&error, sni.is_some())));
                stream.back_tls_error.set(match &error {
                    LinkError::Tls(error) => Some(error.openssl()),
                    LinkError::Io(_) => None,
                });
                Err(error)
            }
        }
    };
    let mut connecting = std::pin::pin!(connecting);
    let session = stream.session;
    let opened = poll_fn(|cx| {
        if let Poll::Ready(opened) = connecting.as_mut().poll(cx) {
            return Poll::Ready(Ok(opened));
        }
        if has_left(cx) {
            return Poll::Ready(Err(Failure::finally(Ending::new(Cause::ClientAbort, Phase::Connect))));
        }
        if session.sight.is_killed() {
            return Poll::Ready(Err(Failure::finally(Ending::new(Cause::Killed, Phase::Connect))));
        }
        let late = Failure::new(FailureKind::Connect, Cause::ServerTimeout, Phase::Connect);
        deadline.poll(cx, give_up).map(|()| Err(late))
    })
    .await;
    match opened? {
        Ok(link) => {
            stream.worker.tick();
            if link.session().is_some_and(|session| !session.info().resumed()) {
                back.tally.pace(stream.worker.index, Pace::TlsKeys, stream.worker.now_ms());
            }
            prepare(back, &link);
            Ok(link)
        }
        Err(error) => Err(failure(&error, sni.is_some())),
    }
}

fn note(stream: &Stream<'_>, back: &Backend, target: &Target, what: Count) {
    back.tally.add(stream.worker.index, what, 1);
    target.tally.add(stream.worker.index, what, 1);
}

/// Whoever asked for a name that the server does not have would get the same answer again.
fn failure(error: &LinkError, by_sni: bool) -> Failure {
    let wrong = by_sni && is_wrong_name(error);
    let kind = if wrong { FailureKind::WrongName } else { FailureKind::Connect };
    Failure::new(kind, cause_of(error), Phase::Connect)
}

fn is_wrong_name(error: &LinkError) -> bool {
    matches!(error, LinkError::Tls(error) if error.is_wrong_name())
}

/// Why a handshake failed, in HAProxy's numbers and words (manual, `fc_err_str`). The name came from `sni`, or else from
/// `verifyhost`.
fn told(error: &LinkError, by_sni: bool) -> (u8, &'static str) {
    if is_wrong_name(error) { wrong_name(by_sni) } else { (34, "SSL handshake failure") }
}

/// The server showed a certificate for somebody else than was asked for, or than it is configured for.
pub fn wrong_name(by_sni: bool) -> (u8, &'static str) {
    match by_sni {
        false => (32, "Server presented an SSL certificate different from the configured one"),
        true => (33, "Server presented an SSL certificate different from the expected one"),
    }
}

/// Descriptors or source ports that run out are our shortage, not the server's fault.
fn cause_of(error: &LinkError) -> Cause {
    match error {
        LinkError::Io(e)
            if matches!(
                e.kind(),
                std::io::ErrorKind::AddrNotAvailable
                    | std::io::ErrorKind::AddrInUse
                    | std::io::ErrorKind::OutOfMemory
            ) || matches!(e.raw_os_error(), Some(23 | 24)) =>
        {
            Cause::Resource
        }
        LinkError::Io(_) | LinkError::Tls(_) => Cause::ServerAbort,
    }
}

async fn handshake(
    link: &mut Link,
    tls: Option<&Arc<tls::ServerTls>>,
    sni: Option<&[u8]>,
) -> Result<(), LinkError> {
    let Some(tls) = tls else { return Ok(()) };
    // What waits (a PROXY header) must leave in clear, before the first record.
    poll_fn(|cx| link.poll_flush(cx)).await?;
    let sni = sni.and_then(|name| std::str::from_utf8(name).ok());
    link.start_tls(tls::Session::connect(tls, sni)?);
    poll_fn(|cx| link.poll_handshake(cx)).await
}

fn prepare(back: &Backend, link: &Link) {
    if back.nolinger {
        // Best effort, like the probes: a connection that ends in order works too.
        let _ = link.stream().set_nolinger();
    }
    if let Some(probes) = &back.keepalive {
        // Best effort: a connection without probes still works.
        let _ = link.stream().set_keepalive(probes);
    }
}

/// Where the server is: its own address, or the client's destination where it has none.
fn address(stream: &Stream<'_>, server: &Server) -> Option<net::Target> {
    let endpoint = server.endpoint();
    match endpoint.as_deref()? {
        Endpoint::Unix(path) => Some(net::Target::Unix(path.clone())),
        Endpoint::Abstract(name) => Some(net::Target::Abstract(name.clone())),
        Endpoint::Inet { ip, port } => {
            let client_dst = stream.dst();
            let ip = if ip.is_unspecified() { client_dst?.ip() } else { *ip };
            let port = port.resolve(client_dst.map_or(0, |d| d.port()));
            (port != 0).then(|| net::Target::Inet(SocketAddr::new(ip, port)))
        }
    }
}

/// The PROXY header this server wants, if any.
pub fn proxy_header(stream: &Stream<'_>, target: &Target) -> Option<Vec<u8>> {
    let version = target.send_proxy?;
    let mut out = Vec::with_capacity(64);
    let addresses = match (stream.src(), stream.dst()) {
        (Some(src), Some(dst)) => Addresses::Inet { source: src, destination: dst },
        (None, _) | (_, None) => Addresses::Unknown,
    };
    let want = target.proxy_v2;
    let tls = stream.session.tls.as_deref();
    let own: Vec<(u8, Vec<u8>)> =
        target.proxy_tlvs.iter().map(|(kind, format)| (*kind, text(format, stream))).collect();
    let own: Vec<(u8, &[u8])> = own.iter().map(|(kind, value)| (*kind, &value[..])).collect();
    let said = tls.map(|tls| TlsSaid::of(tls, want)).unwrap_or_default();
    let with = V2 {
        alpn: None,
        authority: tls.filter(|_| want.authority).and_then(|t| t.sni.as_deref()).map(str::as_bytes),
        unique_id: stream.unique_id.as_deref().filter(|_| want.unique_id),
        ssl: want.says_tls().then(|| said.tlv(tls, want)),
        others: &own,
        crc32c: want.crc32c,
    };
    match version {
        SendProxy::Off => return None,
        SendProxy::V1 => proxy_protocol::write_v1(addresses, &mut out),
        SendProxy::V2 | SendProxy::V2Ssl | SendProxy::V2SslCn => {
            proxy_protocol::write_v2(addresses, &with, &mut out)
        }
    }
    Some(out)
}

fn text(format: &Format, stream: &Stream<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    format.write(stream, &mut out);
    out
}

/// What the header says of the client's TLS, its texts owned.
#[derive(Default)]
struct TlsSaid {
    cn: Option<Vec<u8>>,
    sig_alg: Option<Vec<u8>>,
    key_alg: Option<Vec<u8>>,
}

impl TlsSaid {
    /// What was asked for: the client certificate's name, the algorithms of the one we have shown.
    fn of(tls: &Agreed, want: ProxyV2) -> TlsSaid {
        let client = tls.client.as_ref().filter(|_| want.cert_cn).and_then(|shown| CertView::new(&shown.der));
        let served = tls.served.as_ref().filter(|_| want.cert_sig || want.cert_key).and_then(|s| s.view());
        TlsSaid {
            cn: client.and_then(|c| c.subject_entry("CN", 1)),
            sig_alg: served.as_ref().filter(|_| want.cert_sig).map(|c| c.sig_alg().into()),
            key_alg: served.as_ref().filter(|_| want.cert_key).map(|c| c.key_name().into()),
        }
    }

    fn tlv<'a>(&'a self, tls: Option<&'a Agreed>, want: ProxyV2) -> Ssl<'a> {
        let Some(tls) = tls else { return Ssl::default() };
        let shown = if tls.client.is_none() {
            0
        } else if tls.resumed {
            proxy_protocol::SSL_CERT_ON_SESSION
        } else {
            proxy_protocol::SSL_CERT_ON_SESSION | proxy_protocol::SSL_CERT_ON_CONNECTION
        };
        Ssl {
            client: proxy_protocol::SSL_CONNECTION | shown,
            verify: tls.client.as_ref().map_or(0, |client| client.report.verify.into()),
            version: Some(tls.version.as_bytes()),
            cipher: Some(tls.cipher.as_bytes()).filter(|_| want.cipher),
            cn: self.cn.as_deref(),
            sig_alg: self.sig_alg.as_deref(),
            key_alg: self.key_alg.as_deref(),
        }
    }
}
