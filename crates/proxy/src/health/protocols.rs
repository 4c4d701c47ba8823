//! The built-in protocols: what is sent and how answers read. Pure: bytes in, a decision out.
//!
//! Sources: RFC 5321 (SMTP), RFC 4511 section 4.2 (LDAP bind), RFC 5246 appendix E (an SSLv3 hello), the Redis,
//! PostgreSQL and MySQL protocol documentation. Bytes and wording were compared with the oracle's.

use super::finding::{Finding, INFO_MAX};

/// A built-in check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `option redis-check`
    Redis,
    /// `option ssl-hello-chk`
    SslHello,
    /// `option pgsql-check`
    Pgsql {
        /// `user`
        user: Box<[u8]>,
    },
    /// `option ldap-check`
    Ldap,
    /// `option smtpchk`
    Smtp {
        /// `HELO` or `EHLO`, a space, the domain.
        hello: Box<[u8]>,
    },
    /// `option mysql-check`
    Mysql {
        /// `user`; without one the greeting is enough.
        user: Option<Box<[u8]>>,
        /// `pre-41`
        pre41: bool,
    },
}

/// What the bytes so far mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// More must come.
    More,
    /// This answer is complete and good: on with the next turn. Details for the last one.
    Good(i64, String),
    /// The check has failed.
    Bad(Finding, i64, String),
}

impl Protocol {
    /// What to send in a turn, counted from 0: `None` when the talk is over. Servers that greet first are given an
    /// empty first turn.
    pub(super) fn say(&self, turn: usize) -> Option<Vec<u8>> {
        match (self, turn) {
            (Protocol::Redis, 0) => Some(b"*1\r\n$4\r\nPING\r\n".to_vec()),
            (Protocol::SslHello, 0) => Some(ssl_hello()),
            (Protocol::Pgsql { user }, 0) => Some(pgsql_startup(user)),
            (Protocol::Ldap, 0) => Some(LDAP_BIND.to_vec()),
            (Protocol::Smtp { .. } | Protocol::Mysql { user: None, .. }, 0) => Some(Vec::new()),
            (Protocol::Smtp { hello }, 1) => Some([hello, &b"\r\n"[..]].concat()),
            (Protocol::Smtp { .. }, 2) => Some(b"QUIT\r\n".to_vec()),
            // the login does not wait for the greeting, nor does a proxy in between that looks at it first
            (Protocol::Mysql { user: Some(user), pre41 }, 0) => Some(mysql_login(user, *pre41)),
            (Protocol::Mysql { user: Some(_), .. }, 1) => Some(Vec::new()),
            (Protocol::Redis, _)
            | (Protocol::SslHello, _)
            | (Protocol::Pgsql { .. }, _)
            | (Protocol::Ldap, _)
            | (Protocol::Smtp { .. }, _)
            | (Protocol::Mysql { .. }, _) => None,
        }
    }

    /// Reads the answer of a turn.
    pub(super) fn read(&self, turn: usize, bytes: &[u8]) -> Reading {
        match self {
            Protocol::Redis => read_redis(bytes),
            Protocol::SslHello => read_ssl(bytes),
            Protocol::Pgsql { .. } => read_pgsql(bytes),
            Protocol::Ldap => read_ldap(bytes),
            Protocol::Smtp { .. } => read_smtp(bytes),
            Protocol::Mysql { .. } => read_mysql(turn, bytes),
        }
    }

    /// How many bytes the answer at their start took: what stands behind it answers the next turn.
    pub(super) fn taken(&self, bytes: &[u8]) -> usize {
        match (self, bytes) {
            (Protocol::Mysql { .. }, [a, b, c, ..]) => u32::from_le_bytes([*a, *b, *c, 0]) as usize + 4,
            (
                Protocol::Redis
                | Protocol::SslHello
                | Protocol::Pgsql { .. }
                | Protocol::Ldap
                | Protocol::Smtp { .. }
                | Protocol::Mysql { .. },
                _,
            ) => bytes.len(),
        }
    }

    /// What an answer comes to that ended too early.
    pub(super) fn cut_short(&self, bytes: &[u8]) -> (Finding, String) {
        match self {
            Protocol::SslHello => (Finding::L6Response, String::new()),
            Protocol::Mysql { .. } => (Finding::L7Response, String::new()),
            Protocol::Pgsql { .. } if bytes.first() == Some(&b'E') => (Finding::L7Response, String::new()),
            Protocol::Pgsql { .. } => (Finding::L7Status, "PostgreSQL unknown error".into()),
            Protocol::Redis => (Finding::L7Status, lossy(first_line(bytes))),
            Protocol::Ldap if bytes.first() != Some(&0x30) => (Finding::L7Response, NOT_LDAP.into()),
            Protocol::Ldap => (Finding::L7Response, String::new()),
            Protocol::Smtp { .. } => (Finding::L7Response, lossy(first_line(bytes))),
        }
    }

    /// What no answer at all comes to in a turn. The steps are those that HAProxy makes of the talk.
    pub(super) fn silence(&self, turn: usize) -> (Finding, String) {
        let empty = |step: u32| format!("TCPCHK got an empty response at step {step}");
        match (self, turn) {
            (Protocol::Smtp { .. }, 1) => (Finding::L7Status, empty(5)),
            (Protocol::Smtp { .. }, 2..) => (Finding::L7Status, empty(7)),
            (Protocol::Mysql { user: Some(_), .. }, 1..) => (Finding::L7Response, String::new()),
            (Protocol::Mysql { user: Some(_), .. } | Protocol::Pgsql { .. }, _) => {
                (Finding::L7Response, empty(3))
            }
            (Protocol::SslHello, _) => (Finding::L6Response, empty(2)),
            (Protocol::Redis, _) => (Finding::L7Status, empty(2)),
            (Protocol::Ldap | Protocol::Smtp { .. } | Protocol::Mysql { user: None, .. }, _) => {
                (Finding::L7Response, empty(2))
            }
        }
    }

    /// The finding of a talk that ended well, and of one that came too late.
    pub(super) fn findings(&self) -> (Finding, Finding) {
        match self {
            Protocol::SslHello => (Finding::L6Ok, Finding::L6Timeout),
            Protocol::Redis
            | Protocol::Pgsql { .. }
            | Protocol::Ldap
            | Protocol::Smtp { .. }
            | Protocol::Mysql { .. } => (Finding::L7Ok, Finding::L7Timeout),
        }
    }
}

fn read_redis(bytes: &[u8]) -> Reading {
    if bytes.starts_with(b"+PONG\r\n") {
        return Reading::Good(0, "Redis server is ok".into());
    }
    Reading::More
}

/// A hello in the SSLv3 format that every TLS server of old understands: fixed random bytes, all old cipher suites.
fn ssl_hello() -> Vec<u8> {
    let suites = (1..=0x1b).chain(0x2f..=0x3a).flat_map(|n: u16| n.to_be_bytes());
    let suites: Vec<u8> = suites.collect();
    let mut hello = vec![3, 0];
    hello.extend_from_slice(b"k\0\x8d\xd0HAPROXYSSLCHK\nHAPROXYSSLCHK\n");
    hello.push(0);
    hello.extend_from_slice(&(suites.len() as u16).to_be_bytes());
    hello.extend_from_slice(&suites);
    hello.extend_from_slice(&[1, 0]);
    let mut record = vec![0x16, 3, 0];
    record.extend_from_slice(&(hello.len() as u16 + 4).to_be_bytes());
    record.extend_from_slice(&[1, 0]);
    record.extend_from_slice(&(hello.len() as u16).to_be_bytes());
    record.extend_from_slice(&hello);
    record
}

/// A handshake record or an alert: either way somebody speaks TLS there.
fn read_ssl(bytes: &[u8]) -> Reading {
    match bytes.first() {
        _ if bytes.len() < 5 => Reading::More,
        Some(0x15 | 0x16) => Reading::Good(0, String::new()),
        Some(_) | None => Reading::Bad(Finding::L6Response, 0, String::new()),
    }
}

fn pgsql_startup(user: &[u8]) -> Vec<u8> {
    let mut body = b"\0\x03\0\0user\0".to_vec();
    body.extend_from_slice(user);
    body.extend_from_slice(b"\0\0");
    let mut out = (body.len() as u32 + 4).to_be_bytes().to_vec();
    out.extend_from_slice(&body);
    out
}

/// An authentication request of whatever kind proves the server; an error names itself in its first field.
fn read_pgsql(bytes: &[u8]) -> Reading {
    if bytes.first() == Some(&b'E') {
        if bytes.len() < 6 {
            return Reading::More;
        }
        let text = bytes.get(6..).unwrap_or_default();
        let end = memchr::memchr(0, text).unwrap_or(text.len());
        return Reading::Bad(Finding::L7Response, 0, lossy(text.get(..end).unwrap_or_default()));
    }
    match (bytes.first(), bytes.get(5..9)) {
        (_, None) | (None, _) => Reading::More,
        (Some(b'R'), Some([0, 0, 0, 0 | 2..=10])) => Reading::Good(0, "PostgreSQL server is ok".into()),
        (Some(_), _) => Reading::Bad(Finding::L7Status, 0, "PostgreSQL unknown error".into()),
    }
}

/// An anonymous simple bind, version 3 (RFC 4511 section 4.2).
const LDAP_BIND: &[u8] = &[0x30, 0x0c, 2, 1, 1, 0x60, 7, 2, 1, 3, 4, 0, 0x80, 0];

const NOT_LDAP: &str = "Not LDAPv3 protocol";

/// A BindResponse: sequence, message id 1, `[APPLICATION 1]`, and the result code as an enumeration.
fn read_ldap(bytes: &[u8]) -> Reading {
    const LEAST: usize = 14;
    let bad = |code, info: &str| Reading::Bad(Finding::L7Response, code, info.into());
    if bytes.len() < LEAST {
        return Reading::More;
    }
    if bytes.first() != Some(&0x30) {
        return bad(0, NOT_LDAP);
    }
    let Some(rest) = after_length(bytes, 1) else { return Reading::More };
    if !rest.starts_with(&[2, 1, 1]) {
        return bad(0, NOT_LDAP);
    }
    if rest.get(3) != Some(&0x61) {
        return bad(0, NOT_LDAP);
    }
    match after_length(rest, 4) {
        Some([0x0a, 1, 0, ..]) => Reading::Good(0, "Success".into()),
        Some([0x0a, 1, code, ..]) => {
            let info = "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9";
            Reading::Bad(Finding::L7Status, i64::from(*code), info.into())
        }
        // the answer may come in pieces, and its lengths in up to five bytes
        Some([] | [0x0a] | [0x0a, 1]) | None => Reading::More,
        Some(_) => bad(0, NOT_LDAP),
    }
}

/// What follows the length octets at `at` (X.690 section 8.1.3); `None` before they have arrived.
fn after_length(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let first = *bytes.get(at)?;
    let more = if first & 0x80 != 0 { usize::from(first & 0x7f) } else { 0 };
    bytes.get(at + 1 + more..)
}

/// A reply of one or more lines, the last with a space behind its code (RFC 5321 section 4.2).
fn read_smtp(bytes: &[u8]) -> Reading {
    let mut rest = bytes;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let line = rest.get(..end).unwrap_or_default().trim_ascii_end();
        let code = line.get(..3).filter(|c| c.iter().all(u8::is_ascii_digit));
        let Some(code) = code else { return Reading::Bad(Finding::L7Response, 0, lossy(line)) };
        if line.get(3) != Some(&b'-') {
            let number = code.iter().fold(0, |n, d| n * 10 + i64::from(*d - b'0'));
            let text = lossy(line.get(3..).unwrap_or_default().trim_ascii());
            return match number {
                200..=299 => Reading::Good(number, text),
                _ => Reading::Bad(Finding::L7Status, number, text),
            };
        }
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    Reading::More
}

/// A packet: its length in three bytes, low first, a sequence number, the body.
fn mysql_packet(sequence: u8, body: &[u8]) -> Vec<u8> {
    let [a, b, c, _] = (body.len() as u32).to_le_bytes();
    [&[a, b, c, sequence][..], body].concat()
}

/// A login without a password, and the goodbye right behind it.
fn mysql_login(user: &[u8], pre41: bool) -> Vec<u8> {
    let mut body = Vec::new();
    if pre41 {
        // long capabilities are unknown before 4.1: two bytes of them, three of packet size
        body.extend_from_slice(&[0, 0x80, 0, 0, 1]);
    } else {
        // protocol 4.1, secure connection; packets up to 16 MiB; utf8; 23 bytes of filler
        body.extend_from_slice(&[0, 0x82, 0, 0, 0, 0x80, 0, 1, 0x21]);
        body.extend_from_slice(&[0; 23]);
    }
    body.extend_from_slice(user);
    body.extend_from_slice(&[0, 0]);
    let mut out = mysql_packet(1, &body);
    out.extend_from_slice(&mysql_packet(0, &[1]));
    out
}

/// The greeting's version, or the answer to the login; an error packet says which and why.
fn read_mysql(turn: usize, bytes: &[u8]) -> Reading {
    let Some(length) = bytes.get(..4) else { return Reading::More };
    let length = usize::from(length[0]) | usize::from(length[1]) << 8 | usize::from(length[2]) << 16;
    let Some(body) = bytes.get(4..4 + length) else { return Reading::More };
    match body.split_first() {
        Some((0xff, error)) => {
            let code = error.get(..2).map_or(0, |c| i64::from(c[0]) | i64::from(c[1]) << 8);
            Reading::Bad(Finding::L7Status, code, lossy(error.get(2..).unwrap_or_default()))
        }
        Some((_, rest)) if turn == 0 => {
            let end = memchr::memchr(0, rest).unwrap_or(rest.len());
            Reading::Good(0, lossy(rest.get(..end).unwrap_or_default()))
        }
        Some(_) => Reading::Good(0, String::new()),
        None => Reading::Bad(Finding::L7Response, 0, "MySQL server sent an empty packet".into()),
    }
}

/// Bytes of a server as text. Whoever shows it cares for its control characters, and `Report` for its length.
pub(super) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..bytes.len().min(INFO_MAX)).unwrap_or_default()).into_owned()
}

/// What stands before the first end of line or NUL.
fn first_line(bytes: &[u8]) -> &[u8] {
    let end = memchr::memchr3(b'\r', b'\n', 0, bytes).unwrap_or(bytes.len());
    bytes.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_what_the_oracle_sends() {
        let user: Box<[u8]> = b"joe"[..].into();
        let mysql = |pre41| Protocol::Mysql { user: Some(user.clone()), pre41 };
        let new = b"%\0\0\x01\0\x82\0\0\0\x80\0\x01!\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0joe\0\0\x01\0\0\0\x01";
        let cases: [(Protocol, usize, &[u8]); 7] = [
            (Protocol::Redis, 0, b"*1\r\n$4\r\nPING\r\n"),
            (Protocol::Pgsql { user: user.clone() }, 0, b"\0\0\0\x12\0\x03\0\0user\0joe\0\0"),
            (Protocol::Ldap, 0, b"0\x0c\x02\x01\x01`\x07\x02\x01\x03\x04\0\x80\0"),
            (Protocol::Smtp { hello: b"HELO localhost"[..].into() }, 1, b"HELO localhost\r\n"),
            (Protocol::Smtp { hello: b"HELO localhost"[..].into() }, 2, b"QUIT\r\n"),
            (mysql(true), 0, b"\n\0\0\x01\0\x80\0\0\x01joe\0\0\x01\0\0\0\x01"),
            (mysql(false), 0, new),
        ];
        for (protocol, turn, bytes) in cases {
            assert_eq!(protocol.say(turn).as_deref(), Some(bytes), "{protocol:?}");
        }
        let hello = ssl_hello();
        assert_eq!((hello.len(), &hello[..9]), (126, &b"\x16\x03\0\0y\x01\0\0u"[..]));
        assert!(hello.ends_with(b"\x009\0:\x01\0"));
    }

    #[test]
    fn answers_read_as_by_the_oracle() {
        use Finding::{L6Response, L7Response, L7Status};
        let good = |code, text: &str| Reading::Good(code, text.into());
        let bad = |finding, code, text: &str| Reading::Bad(finding, code, text.into());
        let smtp = Protocol::Smtp { hello: Box::default() };
        let pgsql = Protocol::Pgsql { user: Box::default() };
        let mysql = Protocol::Mysql { user: None, pre41: false };
        let ldap =
            |code: u8| [&b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01"[..], &[code], b"\x04\0\x04\0"].concat();
        let long_ldap = b"0\x84\0\0\0\x10\x02\x01\x01\x61\x84\0\0\0\x07\x0a\x01\0\x04\0\x04\0";
        let rfc = "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9";
        let cases: Vec<(&Protocol, Vec<u8>, Reading)> = vec![
            (&Protocol::Redis, b"+PONG\r\n".to_vec(), good(0, "Redis server is ok")),
            (&Protocol::Redis, b"-ERR\r\n".to_vec(), Reading::More),
            (&smtp, b"220 hi there\r\n".to_vec(), good(220, "hi there")),
            (&smtp, b"250-a\r\n".to_vec(), Reading::More),
            (&smtp, b"250-a\r\n250 ok\r\n".to_vec(), good(250, "ok")),
            (&smtp, b"500 hi\r\n".to_vec(), bad(L7Status, 500, "hi")),
            (&smtp, b"hello\r\n".to_vec(), bad(L7Response, 0, "hello")),
            (&Protocol::SslHello, b"\x15\x03\0\0\x02\x02\x28".to_vec(), good(0, "")),
            (&Protocol::SslHello, b"\x16".to_vec(), Reading::More),
            (&Protocol::SslHello, b"hello".to_vec(), bad(L6Response, 0, "")),
            (&pgsql, b"R\0\0\0\x08\0\0\0\0".to_vec(), good(0, "PostgreSQL server is ok")),
            (&pgsql, b"R\0\0\0\x08\0\0\0\x05".to_vec(), good(0, "PostgreSQL server is ok")),
            (&pgsql, b"E\0\0\0\x08SFATAL\0Mnope\0".to_vec(), bad(L7Response, 0, "FATAL")),
            (&pgsql, b"HTTP/1.1 400".to_vec(), bad(L7Status, 0, "PostgreSQL unknown error")),
            (&Protocol::Ldap, ldap(0), good(0, "Success")),
            (&Protocol::Ldap, long_ldap[..17].to_vec(), Reading::More),
            (&Protocol::Ldap, long_ldap.to_vec(), good(0, "Success")),
            (&Protocol::Ldap, ldap(49), bad(L7Status, 49, rfc)),
            (&Protocol::Ldap, b"HTTP".to_vec(), Reading::More),
            (&Protocol::Ldap, b"HTTP/1.1 400 Bad".to_vec(), bad(L7Response, 0, "Not LDAPv3 protocol")),
            (&mysql, b"\x0a\0\0\0\x0a5.7.1-x\0a".to_vec(), good(0, "5.7.1-x")),
            (&mysql, b"\x10\0\0\0\xff\x10\x04Too many12345".to_vec(), bad(L7Status, 1040, "Too many12345")),
            (&mysql, b"\x10\0\0\0\xff".to_vec(), Reading::More),
        ];
        for (protocol, bytes, expected) in cases {
            assert_eq!(protocol.read(0, &bytes), expected, "{protocol:?} {bytes:?}");
        }
    }

    /// Observed from HAProxy: a greeting and the answer to the login may come at once.
    #[test]
    fn an_answer_takes_its_packet_only() {
        let mysql = Protocol::Mysql { user: Some(Box::default()), pre41: false };
        let greeting = mysql_packet(0, b"\x0a8.0\0abc");
        let both = [&greeting[..], &mysql_packet(2, b"\xff\x15\x04denied")].concat();
        assert_eq!(mysql.read(0, &both), Reading::Good(0, "8.0".into()));
        assert_eq!(mysql.taken(&both), greeting.len());
        let rest = &both[greeting.len()..];
        assert_eq!(mysql.read(1, rest), Reading::Bad(Finding::L7Status, 1045, "denied".into()));
        assert_eq!(mysql.cut_short(b"xx"), (Finding::L7Response, String::new()));
        assert_eq!(Protocol::Redis.cut_short(b"-ERR no\r\n"), (Finding::L7Status, "-ERR no".into()));
    }
}
