//! A look at a TLS ClientHello (RFC 8446 section 4.1.2) that somebody else will answer: what `req.ssl_sni` and its
//! like need to route a connection that is passed through unread. Nothing is consumed, nothing is decrypted, and
//! nothing here decides about a handshake: our own are rustls' business.

use std::borrow::Cow;

/// Most bytes looked at, record headers included. Hellos with post-quantum key shares are below 2 kB.
const MAX_BYTES: usize = 16384;

/// Longest record (RFC 8446 section 5.1).
const MAX_RECORD: usize = 16384;

const RECORD_HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;

const EXT_SERVER_NAME: u16 = 0;
const EXT_GROUPS: u16 = 10;
const EXT_POINT_FORMATS: u16 = 11;
const EXT_SIGNATURES: u16 = 13;
const EXT_KEY_SHARE: u16 = 51;
const EXT_ALPN: u16 = 16;
const EXT_SESSION_TICKET: u16 = 35;
const EXT_SUPPORTED_VERSIONS: u16 = 43;

/// Outcome of looking at the bytes so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// More is needed.
    Partial,
    /// These bytes do not start with a ClientHello that can be read.
    NotTls,
    /// A whole one.
    Hello(Hello<'a>),
}

/// A whole ClientHello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello<'a> {
    body: Cow<'a, [u8]>,
    ciphers: std::ops::Range<usize>,
    extensions: usize,
}

/// What fingerprints of clients are made of, cut to a bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HelloLists {
    /// The version field of old.
    pub version: u16,
    /// Cipher suites, two bytes each.
    pub ciphers: Box<[u8]>,
    /// The types of the extensions, two bytes each.
    pub extensions: Box<[u8]>,
    /// Groups for key agreement, two bytes each.
    pub groups: Box<[u8]>,
    /// Formats of curve points, a byte each.
    pub formats: Box<[u8]>,
    /// Signature algorithms, two bytes each.
    pub signatures: Box<[u8]>,
    /// `supported_versions`, two bytes each.
    pub versions: Box<[u8]>,
}

/// Why there is no message yet, or will not be one.
enum Stop {
    Partial,
    NotTls,
}

/// Looks at the start of a connection.
pub fn parse(input: &[u8]) -> Parsed<'_> {
    match gather(input).and_then(|message| Hello::new(message).ok_or(Stop::NotTls)) {
        Ok(hello) => Parsed::Hello(hello),
        Err(Stop::Partial) if input.len() < MAX_BYTES => Parsed::Partial,
        Err(Stop::Partial | Stop::NotTls) => Parsed::NotTls,
    }
}

/// The type of the handshake message that a TLS stream starts with (`req.ssl_hello_type`, `rep.ssl_hello_type`):
/// 1 from a client, 2 from a server.
pub fn hello_type(input: &[u8]) -> Option<u8> {
    match input {
        [RECORD_HANDSHAKE, 3, _, _, _, kind @ 1..=2, ..] => Some(*kind),
        [..] => None,
    }
}

/// The message's body. One record is borrowed; only when there are more are they put together in a copy.
fn gather(input: &[u8]) -> Result<Cow<'_, [u8]>, Stop> {
    let (first, mut rest) = record(input.get(..MAX_BYTES).unwrap_or(input))?;
    let mut message = Cow::Borrowed(first);
    let end = loop {
        match message_end(&message) {
            Err(Stop::Partial) => {
                let (payload, after) = record(rest)?;
                message.to_mut().extend_from_slice(payload);
                rest = after;
            }
            outcome => break outcome?,
        }
    };
    let body = match message {
        Cow::Borrowed(m) => m.get(4..end).map(Cow::Borrowed),
        Cow::Owned(m) => m.get(4..end).map(|b| Cow::Owned(b.to_vec())),
    };
    body.ok_or(Stop::NotTls)
}

/// The next record's payload, as much of it as is there, and what follows it.
fn record(input: &[u8]) -> Result<(&[u8], &[u8]), Stop> {
    match input {
        [] | [RECORD_HANDSHAKE] | [RECORD_HANDSHAKE, 3] | [RECORD_HANDSHAKE, 3, _] => Err(Stop::Partial),
        [RECORD_HANDSHAKE, 3, _, _] => Err(Stop::Partial),
        [RECORD_HANDSHAKE, 3, _, high, low, rest @ ..] => {
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            match rest.split_at_checked(len.min(rest.len())) {
                _ if !(1..=MAX_RECORD).contains(&len) => Err(Stop::NotTls),
                None | Some(([], _)) => Err(Stop::Partial),
                Some(payload_and_rest) => Ok(payload_and_rest),
            }
        }
        [..] => Err(Stop::NotTls),
    }
}

/// Length of a whole message, its own header included.
fn message_end(message: &[u8]) -> Result<usize, Stop> {
    match message {
        [] | [CLIENT_HELLO] | [CLIENT_HELLO, _] | [CLIENT_HELLO, _, _] => Err(Stop::Partial),
        [CLIENT_HELLO, a, b, c, ..] => match 4 + u32::from_be_bytes([0, *a, *b, *c]) as usize {
            MAX_BYTES.. => Err(Stop::NotTls),
            len if message.len() >= len => Ok(len),
            _ => Err(Stop::Partial),
        },
        [..] => Err(Stop::NotTls),
    }
}

impl<'a> Hello<'a> {
    /// Walks the fixed part and all extensions, so that the accessors meet no surprise.
    fn new(body: Cow<'a, [u8]>) -> Option<Hello<'a>> {
        let total = body.len();
        // legacy_version and random
        let (_session, rest) = vector8(body.get(34..)?)?;
        let (ciphers, rest) = vector16(rest)?;
        let start = total - rest.len() - ciphers.len();
        let (_compression, rest) = vector8(rest)?;
        let extensions = if rest.is_empty() { rest } else { whole16(rest)? };
        let at = total - extensions.len();
        let range = start..start + ciphers.len();
        let sound = split_extensions(extensions).all(|e| e.is_some());
        sound.then_some(Hello { body, ciphers: range, extensions: at })
    }

    /// The version field of old (`req.ssl_ver`): 0x0303 for TLS 1.2 and later.
    pub fn legacy_version(&self) -> u16 {
        self.body.first_chunk::<2>().map_or(0, |b| u16::from_be_bytes(*b))
    }

    /// The cipher suites as they stand, two bytes each.
    pub fn cipher_suites(&self) -> &[u8] {
        self.body.get(self.ciphers.clone()).unwrap_or_default()
    }

    /// The content of the first extension of that type.
    pub fn extension(&self, kind: u16) -> Option<&[u8]> {
        let list = self.body.get(self.extensions..).unwrap_or_default();
        split_extensions(list).flatten().find(|(k, _)| *k == kind).map(|(_, content)| content)
    }

    /// What fingerprints are made of, `most` bytes of it together.
    pub fn lists(&self, most: usize) -> HelloLists {
        let mut left = most;
        let mut cut = |list: &[u8]| -> Box<[u8]> {
            let kept = list.get(..left.min(list.len())).unwrap_or_default();
            left -= kept.len();
            kept.into()
        };
        let list = self.body.get(self.extensions..).unwrap_or_default();
        let kinds: Vec<u8> = split_extensions(list).flatten().flat_map(|(k, _)| k.to_be_bytes()).collect();
        let inner16 = |kind| self.extension(kind).and_then(whole16).unwrap_or_default();
        let inner8 = |kind| self.extension(kind).and_then(vector8).map_or(&[][..], |(list, _)| list);
        HelloLists {
            version: self.legacy_version(),
            ciphers: cut(self.cipher_suites()),
            extensions: cut(&kinds),
            groups: cut(inner16(EXT_GROUPS)),
            formats: cut(inner8(EXT_POINT_FORMATS)),
            signatures: cut(inner16(EXT_SIGNATURES)),
            versions: cut(inner8(EXT_SUPPORTED_VERSIONS)),
        }
    }

    /// The server name, as sent (RFC 6066 section 3); not empty.
    pub fn sni(&self) -> Option<&[u8]> {
        let mut list = whole16(self.extension(EXT_SERVER_NAME)?)?;
        loop {
            let (&kind, rest) = list.split_first()?;
            let (name, rest) = vector16(rest)?;
            if kind == 0 {
                return (!name.is_empty()).then_some(name);
            }
            list = rest;
        }
    }

    /// The protocols of ALPN, best first (RFC 7301 section 3.1).
    pub fn alpn(&self) -> impl Iterator<Item = &[u8]> {
        let mut list = self.extension(EXT_ALPN).and_then(whole16).unwrap_or_default();
        std::iter::from_fn(move || {
            let (name, rest) = vector8(list)?;
            list = rest;
            Some(name)
        })
    }

    /// The versions that the client speaks, as in `supported_versions`; empty before TLS 1.3.
    pub fn supported_versions(&self) -> impl Iterator<Item = u16> {
        let list = self.extension(EXT_SUPPORTED_VERSIONS).and_then(vector8).map_or(&[][..], |(list, _)| list);
        list.chunks_exact(2).filter_map(|c| c.first_chunk::<2>()).map(|b| u16::from_be_bytes(*b))
    }

    /// Whether the client names elliptic curves (`req.ssl_ec_ext`).
    pub fn has_ec_extension(&self) -> bool {
        self.extension(EXT_GROUPS).is_some()
    }

    /// The groups as they stand, two bytes each.
    pub fn groups(&self) -> Option<&[u8]> {
        self.extension(EXT_GROUPS).and_then(whole16)
    }

    /// The signature algorithms as they stand, two bytes each.
    pub fn signatures(&self) -> Option<&[u8]> {
        self.extension(EXT_SIGNATURES).and_then(whole16)
    }

    /// The groups that keys are offered for, two bytes each (RFC 8446 section 4.2.8).
    pub fn key_share_groups(&self) -> Option<Vec<u8>> {
        let mut list = self.extension(EXT_KEY_SHARE).and_then(whole16)?;
        let mut groups = Vec::new();
        while !list.is_empty() {
            let (group, rest) = list.split_first_chunk::<2>()?;
            groups.extend(group);
            list = vector16(rest)?.1;
        }
        Some(groups)
    }

    /// Session ticket extension (`req.ssl_st_ext`): 0 without, 1 empty, 2 with a ticket.
    pub fn session_ticket(&self) -> u8 {
        match self.extension(EXT_SESSION_TICKET) {
            None => 0,
            Some([]) => 1,
            Some([..]) => 2,
        }
    }
}

/// Extensions as `(type, content)`; one `None` where they break off.
fn split_extensions(mut list: &[u8]) -> impl Iterator<Item = Option<(u16, &[u8])>> {
    std::iter::from_fn(move || {
        if list.is_empty() {
            return None;
        }
        let item = list.split_first_chunk::<2>().and_then(|(kind, rest)| Some((*kind, vector16(rest)?)));
        list = item.map_or(&[], |(_, (_, rest))| rest);
        Some(item.map(|(kind, (content, _))| (u16::from_be_bytes(kind), content)))
    })
}

/// What a one-byte length announces, and what follows.
fn vector8(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&len, rest) = input.split_first()?;
    rest.split_at_checked(usize::from(len))
}

/// What a two-byte length announces, and what follows.
fn vector16(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = input.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))
}

/// What a two-byte length announces, when nothing follows.
fn whole16(input: &[u8]) -> Option<&[u8]> {
    vector16(input).filter(|(_, rest)| rest.is_empty()).map(|(content, _)| content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_len16(content: &[u8]) -> Vec<u8> {
        [&(content.len() as u16).to_be_bytes()[..], content].concat()
    }

    fn ext(kind: u16, content: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &with_len16(content)].concat()
    }

    fn sni(name: &[u8]) -> Vec<u8> {
        ext(0, &with_len16(&[&[0][..], &with_len16(name)].concat()))
    }

    /// A handshake message with these extensions.
    fn message(extensions: &[Vec<u8>]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 4, 0x13, 0x01, 0x13, 0x02, 1, 0]);
        if !extensions.is_empty() {
            body.extend(with_len16(&extensions.concat()));
        }
        let len = (body.len() as u32).to_be_bytes();
        [&[1, len[1], len[2], len[3]][..], &body].concat()
    }

    /// The message in records of at most `size` bytes.
    fn records(message: &[u8], size: usize) -> Vec<u8> {
        message.chunks(size).flat_map(|c| [&[22, 3, 1][..], &with_len16(c)].concat()).collect()
    }

    fn full() -> Vec<u8> {
        message(&[
            ext(0xabab, b""),
            sni(b"a.example"),
            ext(16, &with_len16(b"\x02h2\x08http/1.1")),
            ext(43, &[4, 3, 4, 3, 3]),
            ext(10, &with_len16(&[0, 29])),
            ext(35, b""),
        ])
    }

    #[test]
    fn a_hello_is_read_from_any_number_of_records() {
        let message = full();
        for size in [1, 3, 50, message.len()] {
            let input = records(&message, size);
            for n in 0..input.len() {
                assert_eq!(parse(&input[..n]), Parsed::Partial, "{n} bytes");
            }
            let Parsed::Hello(hello) = parse(&input) else { panic!("records of {size}") };
            assert_eq!(hello.sni(), Some(&b"a.example"[..]));
            assert_eq!(hello.alpn().collect::<Vec<_>>(), [&b"h2"[..], b"http/1.1"]);
            assert_eq!(hello.supported_versions().collect::<Vec<_>>(), [0x304, 0x303]);
            assert_eq!((hello.legacy_version(), hello.cipher_suites()), (0x303, &[0x13, 1, 0x13, 2][..]));
            assert_eq!((hello.has_ec_extension(), hello.session_ticket()), (true, 1));
        }
    }

    #[test]
    fn lists_for_fingerprints_are_cut_to_a_bound() {
        let input = records(&full(), 1000);
        let Parsed::Hello(hello) = parse(&input) else { panic!() };
        let lists = hello.lists(100);
        assert_eq!((lists.version, &*lists.ciphers), (0x303, &[0x13, 1, 0x13, 2][..]));
        assert_eq!(&*lists.extensions, [0xab, 0xab, 0, 0, 0, 16, 0, 43, 0, 10, 0, 35]);
        assert_eq!((&*lists.groups, &*lists.versions), (&[0, 29][..], &[3, 4, 3, 3][..]));
        assert_eq!((lists.formats.len(), lists.signatures.len()), (0, 0));
        let lists = hello.lists(6);
        assert_eq!((lists.ciphers.len(), lists.extensions.len(), lists.groups.len()), (4, 2, 0));
    }

    #[test]
    fn extensions_may_be_missing() {
        let input = records(&message(&[]), 1000);
        let Parsed::Hello(hello) = parse(&input) else { panic!() };
        assert_eq!((hello.sni(), hello.alpn().count(), hello.session_ticket()), (None, 0, 0));
        let input = records(&message(&[sni(b"")]), 1000);
        let Parsed::Hello(hello) = parse(&input) else { panic!() };
        assert_eq!(hello.sni(), None);
    }

    #[test]
    fn anything_else_is_not_tls() {
        let mut cut = full();
        cut.truncate(60);
        let len = (cut.len() as u32 - 4).to_be_bytes();
        cut[1..4].copy_from_slice(&len[1..]);
        let server_hello = [&[2, 0, 0, 2][..], &[3, 3]].concat();
        let bad: [Vec<u8>; 9] = [
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            b"\x16\x02".to_vec(),
            b"\x15\x03\x01".to_vec(),
            vec![22, 3, 1, 0, 0],
            vec![22, 3, 1, 0xff, 0xff],
            vec![22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff],
            records(&server_hello, 100),
            records(&cut, 100),
            records(&message(&[vec![0, 0, 0, 9, 1]]), 100),
        ];
        for input in bad {
            assert_eq!(parse(&input), Parsed::NotTls, "{}", input.escape_ascii());
        }
        assert_eq!(parse(&records(&message(&[vec![0; 40000]]), 16384)), Parsed::NotTls);
    }

    #[test]
    fn the_first_message_tells_its_type() {
        assert_eq!(hello_type(&records(&full(), 1000)), Some(1));
        assert_eq!(hello_type(&records(&[2, 0, 0, 0], 1000)), Some(2));
        assert_eq!(hello_type(b"GET / HTTP/1.1"), None);
    }
}
