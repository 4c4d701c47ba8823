//! OCSP responders, asked over plain HTTP as RFC 6960 appendix A.1 has it, and how often that is. What an answer is worth
//! is for [`tls::OcspQuery`] to say.

mod pace;

pub use pace::{Outcome, Pace, Record};

use crate::dns::Resolver;
use crate::dns::web::read;
use base::innermost_reason;
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use instant_acme::BodyWrapper;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tls::OcspQuery;
use tokio::net::TcpStream;

/// Connecting, asking and reading, together.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read: one with a chain of RSA certificates has 5 KB.
const LONGEST: usize = 64 * 1024;
const REQUEST: &str = "application/ocsp-request";
const RESPONSE: &str = "application/ocsp-response";

/// How responders are reached.
#[derive(Clone, Debug)]
pub struct Responders {
    proxy: Option<String>,
    /// Asked where the system does not know a name, as it does not under another root folder.
    resolver: Resolver,
}

/// Why no answer came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// Nobody was reached, or not in time; the text says more.
    Unreachable(String),
    /// What came is no OCSP response.
    NoResponse,
}

impl std::fmt::Display for Unanswered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unanswered::Unreachable(why) => f.write_str(why),
            Unanswered::NoResponse => write!(f, "what it sent is not of the kind {RESPONSE}"),
        }
    }
}

impl Responders {
    /// Reached through an HTTP proxy, `ADDRESS[:PORT]`, where there is one. Reads `/etc/resolv.conf`.
    pub fn new(proxy: Option<&str>) -> Responders {
        let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
        Responders { proxy: proxy.map(str::to_owned), resolver: Resolver::from_resolv_conf(&text) }
    }

    /// The answer to a query, in DER, as it came.
    pub async fn ask(&self, query: &OcspQuery) -> Result<Vec<u8>, Unanswered> {
        match tokio::time::timeout(PATIENCE, self.exchange(query)).await {
            Ok(answer) => answer,
            Err(_) => Err(Unanswered::Unreachable(format!("no answer within {} s", PATIENCE.as_secs()))),
        }
    }

    async fn exchange(&self, query: &OcspQuery) -> Result<Vec<u8>, Unanswered> {
        let failed = |why: &dyn std::error::Error| Unanswered::Unreachable(innermost_reason(why));
        let uri: Uri = query.responder().parse().map_err(|why| failed(&why))?;
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        let stream = self.connect(&authority).await.map_err(|why| failed(&why))?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|why| failed(&why))?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        // A proxy is told the whole address (RFC 9112 section 3.2.2).
        let target = if self.proxy.is_some() { query.responder() } else { path };
        let request = Request::post(target)
            .header(HOST, &authority)
            .header(USER_AGENT, "lockgate")
            .header(CONTENT_TYPE, REQUEST)
            .header(ACCEPT, RESPONSE)
            .body(BodyWrapper::<Bytes>::from(query.request()))
            .map_err(|why| failed(&why))?;
        let talk = async {
            let response = sender.send_request(request).await.map_err(|why| failed(&why))?;
            let (parts, body) = response.into_parts();
            if parts.status != StatusCode::OK {
                return Err(Unanswered::Unreachable(format!("answered {}", parts.status)));
            }
            let kind =
                parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(RESPONSE) {
                return Err(Unanswered::NoResponse);
            }
            read(body, LONGEST).await.map_err(Unanswered::Unreachable)
        };
        let mut talk = std::pin::pin!(talk);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            answer = &mut talk => answer,
            // Its end leaves the exchange what was received.
            _ = &mut connection => talk.await,
        }
    }

    async fn connect(&self, authority: &str) -> io::Result<TcpStream> {
        let (host, port) = split(self.proxy.as_deref().unwrap_or(authority));
        let mut last = io::Error::new(io::ErrorKind::NotFound, format!("'{host}' has no address"));
        for address in self.addresses(host, port).await? {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(why) => last = why,
            }
        }
        Err(last)
    }

    async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        match tokio::net::lookup_host((host, port)).await {
            Ok(addresses) => Ok(addresses.collect()),
            Err(why) => match self.resolver.hosts(host).await {
                Ok(hosts) => Ok(hosts.into_iter().map(|host| SocketAddr::new(host, port)).collect()),
                Err(_) => Err(why),
            },
        }
    }
}

/// `HOST[:PORT]`, port 80 where none is written; IPv6 in brackets.
fn split(authority: &str) -> (&str, u16) {
    const HTTP: u16 = 80;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().unwrap_or(HTTP)),
        Some(_) | None => (authority, HTTP),
    };
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_split_into_host_and_port() {
        for (text, host, port) in [
            ("ocsp.example", "ocsp.example", 80),
            ("ocsp.example:8080", "ocsp.example", 8080),
            ("192.0.2.1:81", "192.0.2.1", 81),
            ("[2001:db8::1]", "2001:db8::1", 80),
            ("[2001:db8::1]:81", "2001:db8::1", 81),
        ] {
            assert_eq!(split(text), (host, port), "{text}");
        }
    }
}
