//! Questions to servers of the DNS: to the system's resolvers, or to one server by its address. No cache: what counts
//! is what is there now.

use super::DnsError;
use base::reason;
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

/// How long a server has for one answer; asked twice, as datagrams get lost.
const PATIENCE: Duration = Duration::from_secs(3);
const TRIES: usize = 2;
/// Longest chain of CNAME records followed from `_acme-challenge`; authorities follow about as many.
const MAX_ALIASES: usize = 8;
/// Most resolvers used, as the C library does.
const MAX_RESOLVERS: usize = 3;
/// Largest datagram read. We send no EDNS, so servers keep to 512 bytes and set TC beyond.
const MAX_DATAGRAM: usize = 4096;

/// Where questions go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolver {
    /// Recursive servers, asked in turn.
    pub servers: Vec<SocketAddr>,
    /// The port at which authoritative servers are asked: 53.
    pub authority_port: u16,
}

impl Resolver {
    /// The system's, from the text of `/etc/resolv.conf`; without any, the one on this machine.
    pub fn from_resolv_conf(text: &str) -> Resolver {
        let line = |line: &str| {
            let mut words = line.split_whitespace();
            let address = (words.next() == Some("nameserver")).then(|| words.next()).flatten()?;
            Some(SocketAddr::new(address.parse().ok()?, 53))
        };
        let mut servers: Vec<SocketAddr> = text.lines().filter_map(line).take(MAX_RESOLVERS).collect();
        if servers.is_empty() {
            servers.push(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53));
        }
        Resolver { servers, authority_port: 53 }
    }

    /// Where the CNAME records of `name` lead, itself if there are none.
    pub async fn follow(&self, name: &str) -> Result<String, DnsError> {
        let mut at = parse(name)?;
        for _ in 0..MAX_ALIASES {
            let answer = self.ask(&at, RecordType::CNAME).await?;
            let alias = answer.answers.into_iter().find_map(|record| match record.data {
                RData::CNAME(target) if record.name == at => Some(target.0),
                _ => None,
            });
            let Some(target) = alias else { return Ok(shown(&at)) };
            at = target;
        }
        Err(DnsError::Lookup {
            asked: name.to_owned(),
            why: format!("more than {MAX_ALIASES} CNAME records in a row: is it a circle?"),
        })
    }

    /// The addresses of a host, IPv6 first, as authorities try them. None where it has none.
    pub async fn hosts(&self, name: &str) -> Result<Vec<IpAddr>, DnsError> {
        let (name, mut all) = (parse(name)?, Vec::new());
        for kind in [RecordType::AAAA, RecordType::A] {
            let answer = self.ask(&name, kind).await?;
            all.extend(answer.answers.into_iter().filter_map(|record| match record.data {
                RData::A(a) => Some(IpAddr::V4(a.0)),
                RData::AAAA(a) => Some(IpAddr::V6(a.0)),
                _ => None,
            }));
        }
        Ok(all)
    }

    /// The CAA records of this very name (RFC 8659); none where it has none.
    pub async fn caa(&self, name: &str) -> Result<Vec<Caa>, DnsError> {
        let answer = self.ask(&parse(name)?, RecordType::CAA).await?;
        let records = answer.answers.into_iter().filter_map(|record| match record.data {
            RData::CAA(caa) => Some(Caa::of(caa.issuer_critical, caa.tag, &caa.value)),
            _ => None,
        });
        Ok(records.collect())
    }

    /// The addresses of the servers of the zone that holds `name`, each with its own name.
    pub(super) async fn authorities(&self, name: &str) -> Result<Vec<(String, Vec<SocketAddr>)>, DnsError> {
        let mut zone = parse(name)?;
        while !zone.is_root() {
            let answer = self.ask(&zone, RecordType::NS).await?;
            let servers: Vec<Name> = answer.answers.into_iter().filter_map(name_server).collect();
            if !servers.is_empty() {
                return self.addresses(servers).await;
            }
            zone = zone.base_name();
        }
        Err(DnsError::Lookup { asked: name.to_owned(), why: "no zone of this name is known".to_owned() })
    }

    async fn addresses(&self, servers: Vec<Name>) -> Result<Vec<(String, Vec<SocketAddr>)>, DnsError> {
        let mut all = Vec::new();
        for server in servers {
            let mut addresses = Vec::new();
            for kind in [RecordType::A, RecordType::AAAA] {
                let answer = self.ask(&server, kind).await?;
                addresses.extend(answer.answers.into_iter().filter_map(|record| match record.data {
                    RData::A(a) => Some(SocketAddr::new(IpAddr::V4(a.0), self.authority_port)),
                    RData::AAAA(a) => Some(SocketAddr::new(IpAddr::V6(a.0), self.authority_port)),
                    _ => None,
                }));
            }
            all.push((shown(&server), addresses));
        }
        Ok(all)
    }

    async fn ask(&self, name: &Name, kind: RecordType) -> Result<Message, DnsError> {
        let mut last = DnsError::Lookup { asked: shown(name), why: "no resolver is configured".to_owned() };
        for server in &self.servers {
            match ask(*server, name, kind, true).await {
                Ok(answer) if may_stand(&answer) => return Ok(answer),
                Ok(answer) => last = refused(*server, name, kind, answer.metadata.response_code),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// A CAA record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caa {
    /// Whoever does not know the tag must not sign.
    pub critical: bool,
    /// `issue`, `issuewild`, `iodef`, ...
    pub tag: String,
    /// Who may sign; empty for nobody.
    pub issuer: String,
    /// `accounturi`, `validationmethods` and others (RFC 8657).
    pub parameters: Vec<(String, String)>,
}

impl Caa {
    /// `letsencrypt.org; accounturi=https://…`
    fn of(critical: bool, tag: String, value: &[u8]) -> Caa {
        let text: String = String::from_utf8_lossy(value).chars().filter(|c| !c.is_control()).collect();
        let mut parts = text.split(';').map(str::trim);
        let issuer = parts.next().unwrap_or_default().trim_end_matches('.').to_owned();
        let pair = |part: &str| part.split_once('=').map(|(k, v)| (k.trim().to_owned(), v.trim().to_owned()));
        let parameters = parts.filter_map(pair).collect();
        Caa { critical, tag, issuer, parameters }
    }
}

/// The values of the TXT records of `name` at one authoritative server.
pub(super) async fn texts(server: SocketAddr, name: &str) -> Result<Vec<Vec<u8>>, DnsError> {
    let name = parse(name)?;
    let answer = ask(server, &name, RecordType::TXT, false).await?;
    if !may_stand(&answer) {
        return Err(refused(server, &name, RecordType::TXT, answer.metadata.response_code));
    }
    let text = |data| match data {
        RData::TXT(txt) => Some(txt.txt_data.concat()),
        _ => None,
    };
    Ok(answer.answers.into_iter().filter_map(|record| text(record.data)).collect())
}

/// The zone that holds `name` at one authoritative server.
pub(super) async fn zone(server: SocketAddr, name: &Name) -> Result<Name, DnsError> {
    let mut zone = name.clone();
    while !zone.is_root() {
        let answer = ask(server, &zone, RecordType::SOA, false).await?;
        let soa = |data: &RData| matches!(data, RData::SOA(_));
        let records = answer.answers.iter().chain(&answer.authorities);
        let owner = records.filter(|record| soa(&record.data)).map(|record| record.name.clone()).next();
        if let Some(owner) = owner.filter(|owner| owner.zone_of(name)) {
            return Ok(owner);
        }
        zone = zone.base_name();
    }
    Err(DnsError::Lookup { asked: shown(name), why: format!("{server} has no zone that holds it") })
}

pub(super) fn parse(name: &str) -> Result<Name, DnsError> {
    let unfit = |_| DnsError::Unfit { what: "name of the DNS", text: name.escape_default().to_string() };
    let mut name = Name::from_ascii(name).map_err(unfit)?;
    name.set_fqdn(true);
    Ok(name)
}

/// Without the dot at the end.
pub(super) fn shown(name: &Name) -> String {
    let text = name.to_ascii();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

/// Sends a message over TCP and reads the answer.
pub(super) async fn over_tcp(server: SocketAddr, message: &[u8]) -> std::io::Result<Vec<u8>> {
    let exchange = async {
        let length = u16::try_from(message.len()).map_err(std::io::Error::other)?;
        let mut stream = TcpStream::connect(server).await?;
        stream.write_all(&[&length.to_be_bytes(), message].concat()).await?;
        let mut answer = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    };
    tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| silent())?
}

fn silent() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::TimedOut, format!("no answer within {} s", PATIENCE.as_secs()))
}

async fn ask(
    server: SocketAddr,
    name: &Name,
    kind: RecordType,
    recursive: bool,
) -> Result<Message, DnsError> {
    let mut question = Message::query();
    question.metadata.recursion_desired = recursive;
    question.add_query(Query::query(name.clone(), kind));
    let failed = |why: String| DnsError::Lookup { asked: format!("{} {kind} at {server}", shown(name)), why };
    let bytes = question.to_vec().map_err(|e| failed(e.to_string()))?;
    let answer = over_udp(server, &bytes, &question).await.map_err(|e| failed(reason(&e)))?;
    if !answer.metadata.truncation {
        return Ok(answer);
    }
    let whole = over_tcp(server, &bytes).await.map_err(|e| failed(reason(&e)))?;
    let whole = Message::from_vec(&whole).map_err(|e| failed(e.to_string()))?;
    if answers(&whole, &question) {
        Ok(whole)
    } else {
        Err(failed("the answer is to another question".into()))
    }
}

async fn over_udp(server: SocketAddr, bytes: &[u8], question: &Message) -> std::io::Result<Message> {
    let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    let mut last = silent();
    for _ in 0..TRIES {
        socket.send(bytes).await?;
        match tokio::time::timeout(PATIENCE, matching(&socket, question)).await {
            Ok(answer) => return answer,
            Err(_) => last = silent(),
        }
    }
    Err(last)
}

/// The first datagram that answers the question; others are forged or late.
async fn matching(socket: &UdpSocket, question: &Message) -> std::io::Result<Message> {
    let mut datagram = vec![0; MAX_DATAGRAM];
    loop {
        let length = socket.recv(&mut datagram).await?;
        let answer = datagram.get(..length).and_then(|bytes| Message::from_vec(bytes).ok());
        if let Some(answer) = answer.filter(|answer| answers(answer, question)) {
            return Ok(answer);
        }
    }
}

fn answers(answer: &Message, question: &Message) -> bool {
    answer.metadata.id == question.metadata.id && answer.queries == question.queries
}

fn name_server(record: hickory_proto::rr::Record) -> Option<Name> {
    match record.data {
        RData::NS(server) => Some(server.0),
        _ => None,
    }
}

/// Also that there is nothing is an answer.
fn may_stand(answer: &Message) -> bool {
    matches!(answer.metadata.response_code, ResponseCode::NoError | ResponseCode::NXDomain)
}

fn refused(server: SocketAddr, name: &Name, kind: RecordType, code: ResponseCode) -> DnsError {
    DnsError::Lookup {
        asked: format!("{} {kind} at {server}", shown(name)),
        why: format!("it answers {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolvers_come_from_resolv_conf() {
        let text = "# x\nsearch a\nnameserver 192.0.2.1\nnameserver bad\nnameserver ::1\noptions edns0\n";
        let resolver = Resolver::from_resolv_conf(text);
        assert_eq!(resolver.servers, ["192.0.2.1:53".parse().unwrap(), "[::1]:53".parse().unwrap()]);
        assert_eq!(Resolver::from_resolv_conf("").servers, ["127.0.0.1:53".parse().unwrap()]);
    }
}
