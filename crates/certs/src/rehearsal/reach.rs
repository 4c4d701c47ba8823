//! Does a name lead here: all its addresses are looked up, and each is asked for a token that only we could answer, as
//! an authority would.

use super::{Finding, Rehearsal};
use crate::hatch::{Answer, Challenge};
use base::reason;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long an address has to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// More of an answer is not read.
const MAX_ANSWER: u64 = 64 * 1024;
/// Addresses of one name that are asked.
const MAX_ADDRESSES: usize = 16;

/// What an address answered.
enum Probe {
    /// Our token.
    Us,
    /// Something else.
    Another(String),
    /// Nothing.
    Nobody(String),
}

pub(super) async fn look(order: &Rehearsal<'_>, name: &str, findings: &mut Vec<Finding>) {
    if let Some(host) = name.strip_prefix("*.") {
        if !order.challenges.iter().any(|kind| kind.is_by_record()) {
            findings.push(Finding::bad(
                name,
                format!("a wildcard is proven by a record of _acme-challenge.{host} alone"),
                "use --manual with hooks that make records and --preferred-challenges dns, or 'challenge dns-01' in an \
                 acme section"
                    .to_owned(),
            ));
        }
        return;
    }
    let addresses = match name.parse::<IpAddr>() {
        Ok(address) => Ok(vec![address]),
        Err(_) => order.resolver.hosts(name).await,
    };
    match addresses {
        Err(why) => {
            findings.push(Finding::bad(name, why.to_string(), "see that its name servers answer".to_owned()))
        }
        Ok(none) if none.is_empty() => findings.push(Finding::bad(
            name,
            "it has neither an A nor an AAAA record".to_owned(),
            "add one with this machine's address".to_owned(),
        )),
        Ok(all) => {
            for address in all.into_iter().take(MAX_ADDRESSES) {
                findings.push(one(order, name, address).await);
            }
        }
    }
}

async fn one(order: &Rehearsal<'_>, name: &str, address: IpAddr) -> Finding {
    let at = SocketAddr::new(address, order.http_port);
    let content = format!("{}.rehearsal", token());
    let answer = Answer::Http { name: name.to_owned(), token: token(), content: content.clone() };
    let posted = order.hatch.post(&answer).await;
    let probe = probe(at, name, &answer, &content).await;
    // That it cannot be taken back keeps nobody from finding what was found.
    let _ = order.hatch.withdraw(&answer).await;
    let port = order.http_port;
    match (probe, posted) {
        (Probe::Us, _) => Finding::good(name, format!("{address}: port {port} reaches us")),
        (_, Err(why)) => Finding::bad(
            name,
            format!("{address}: nobody here would answer: {why}"),
            "let the proxy run, with a 'stats socket' of level admin and a frontend on port 80".to_owned(),
        ),
        (Probe::Another(what), Ok(())) => Finding::bad(
            name,
            format!("{address}: port {port} is answered by somebody else ({what})"),
            format!(
                "let the record name this machine, or have that server forward http://{name}/.well-known/acme-challenge/"
            ),
        ),
        (Probe::Nobody(why), Ok(())) => nobody(order, name, address, &why).await,
    }
}

async fn nobody(order: &Rehearsal<'_>, name: &str, address: IpAddr, why: &str) -> Finding {
    let port = order.http_port;
    let by_handshake = order.challenges.contains(&Challenge::TlsAlpn01);
    if by_handshake && connects(SocketAddr::new(address, order.tls_port)).await {
        let what = format!("{address}: port {port} does not answer ({why}), port {} does", order.tls_port);
        return Finding::doubtful(
            name,
            what,
            "tls-alpn-01 goes through if that port leads to the proxy".to_owned(),
        );
    }
    let first = if address.is_ipv6() { "; authorities try AAAA records first" } else { "" };
    // Whoever can bind to an address has it.
    match UdpSocket::bind((address, 0)) {
        Ok(_) => Finding::bad(
            name,
            format!("{address} is this machine, but port {port} does not answer ({why}){first}"),
            "bind a frontend to it, and see that no firewall is in between".to_owned(),
        ),
        Err(_) => Finding::doubtful(
            name,
            format!("{address}: port {port} cannot be reached from here ({why}){first}"),
            "look from outside: a router may not lead its own traffic back in; else change the record or the firewall"
                .to_owned(),
        ),
    }
}

async fn connects(at: SocketAddr) -> bool {
    matches!(tokio::time::timeout(PATIENCE, TcpStream::connect(at)).await, Ok(Ok(_)))
}

async fn probe(at: SocketAddr, name: &str, answer: &Answer, content: &str) -> Probe {
    let Answer::Http { token, .. } = answer else { return Probe::Nobody("not asked".to_owned()) };
    let request = format!(
        "GET /.well-known/acme-challenge/{token} HTTP/1.1\r\nHost: {name}\r\nUser-Agent: lockgate\r\nConnection: close\r\n\r\n"
    );
    let exchange = async {
        let mut stream = TcpStream::connect(at).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut said = Vec::new();
        stream.take(MAX_ANSWER).read_to_end(&mut said).await?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&said).into_owned())
    };
    match tokio::time::timeout(PATIENCE, exchange).await {
        Err(_) => Probe::Nobody(format!("no answer within {} s", PATIENCE.as_secs())),
        Ok(Err(why)) => Probe::Nobody(reason(&why)),
        Ok(Ok(said)) if said.contains(content) => Probe::Us,
        Ok(Ok(said)) => Probe::Another(described(&said)),
    }
}

/// The status line, and what the server calls itself; printable.
fn described(said: &str) -> String {
    let head = said.split("\r\n\r\n").next().unwrap_or_default();
    let server = head.lines().find(|line| line.to_lowercase().starts_with("server:"));
    let all = head.lines().take(1).chain(server).collect::<Vec<_>>().join(", ");
    let printable: String = all.chars().filter(|c| !c.is_control()).take(100).collect();
    if printable.is_empty() { "it says nothing".to_owned() } else { printable }
}

/// A word of a token's alphabet that nobody else uses.
fn token() -> String {
    let number = || RandomState::new().build_hasher().finish();
    format!("rehearsal-{:016x}{:016x}", number(), number())
}
