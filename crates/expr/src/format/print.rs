//! Prints the parts of a format, byte for byte as HAProxy 2.6 does, with one exception: control characters inside the
//! values of expressions never reach a log line as they are (they become `#XX`), so that no client can forge one.

use super::datum::Datum;
use super::encode::Encoder;
use super::items::{ItemRow, Print};
use super::{Escape, Flags, date};
use crate::expression::Expr;
use crate::fact::{AddressFact, ClientTlsFact, Fact, NameFact, StreamFact, TimeFact};
use crate::sample::Sample;
use crate::scope::{Direction, Scope};
use memchr::memchr;
use std::io::Write as _;
use std::net::IpAddr;

/// Writes one text.
pub(super) struct Printer<'p> {
    scope: &'p dyn Scope,
    out: &'p mut Vec<u8>,
    escape: Escape,
    /// Nothing but spaces since the last thing printed, or nothing printed yet.
    after_space: bool,
}

impl<'p> Printer<'p> {
    pub(super) fn new(scope: &'p dyn Scope, out: &'p mut Vec<u8>, escape: Escape) -> Printer<'p> {
        Printer { scope, out, escape, after_space: true }
    }

    pub(super) fn text(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
        self.after_space = false;
    }

    pub(super) fn space(&mut self) {
        if !self.after_space {
            self.out.push(b' ');
        }
        self.after_space = true;
    }

    /// The value of an expression.
    pub(super) fn value(&mut self, expr: &Expr, flags: Flags) {
        self.after_space = false;
        let value = expr.eval(self.scope);
        if let Some(Sample::Str(bytes) | Sample::Bin(bytes)) = value.as_ref().filter(|_| flags.binary) {
            return self.out.extend_from_slice(bytes);
        }
        let text = value.as_ref().and_then(Sample::to_str).unwrap_or_default();
        match self.escape {
            Escape::None => self.out.extend_from_slice(&text),
            Escape::Http | Escape::UniqueId => encode(self.out, &text, Flags::default(), b'%', &CONTROLS),
            Escape::Log | Escape::StructuredData if text.is_empty() => self.missing(flags),
            Escape::Log | Escape::StructuredData => {
                self.quoted(flags, |out| encode(out, &text, flags, b'#', &CONTROLS))
            }
        }
    }

    /// A value in an encoding, among text.
    pub(super) fn encoded(&mut self, flags: Flags, value: &Datum<'_>) {
        let Some(encoding) = flags.encoding else { return };
        let mut encoder = Encoder::new(encoding, flags.binary);
        encoder.value(value);
        self.text(&encoder.finish());
    }

    /// A log item.
    pub(super) fn item(&mut self, row: &ItemRow, flags: Flags) {
        // These print nothing at times, and spaces around nothing are one.
        self.after_space &= matches!(row.print, Print::Flags | Print::Captures(_) | Print::CaptureList(_));
        self.print(&row.print, flags);
    }

    pub(super) fn print(&mut self, print: &Print, flags: Flags) {
        match print {
            Print::Flags => {}
            Print::Captures(side) => self.capture_block(*side, flags),
            Print::CaptureList(side) => self.capture_list(*side, flags),
            Print::Text(fact) => self.fact_text(fact, flags),
            Print::TextOr(fact, default) => self.fact_or(fact, default, flags),
            Print::Code(fact, default) => self.fact_or(fact, default, Flags::default()),
            Print::Backend => self.backend(flags),
            Print::FrontendTransport => self.frontend_transport(flags),
            Print::Number(fact) => self.number(self.int(fact, 0)),
            Print::Status => self.number(self.int(&Fact::Stream(StreamFact::StatusSent), self.no_status())),
            Print::Hexable(fact) => self.hexable(self.int(fact, 0), flags),
            Print::Retries => self.retries(),
            Print::Address(fact) => self.address(fact, flags),
            Print::Port(fact) => self.port(fact, flags),
            Print::Timer(fact) => self.number(self.int(fact, -1)),
            Print::Growing(fact) => self.growing(fact),
            Print::TimerToRequest => self.timer_to_request(),
            Print::Date(fact) => date::with_millis(self.out, self.int(fact, 0)),
            Print::DateGmt(fact) => date::gmt(self.out, self.int(fact, 0)),
            Print::DateLocal(fact) => date::local(self.out, self.int(fact, 0)),
            Print::Seconds(fact) => self.hexable(self.int(fact, 0).div_euclid(1_000_000), flags),
            Print::Millis(fact) => self.millis(fact),
            Print::Request(fact) => self.request(fact, flags, |text| text),
            Print::UriPath => self.request(&Fact::Stream(StreamFact::FirstUri), flags, before_query),
            Print::PathOnly => self.request(&Fact::Stream(StreamFact::FirstUri), flags, path_only),
            Print::UriQuery => self.request(&Fact::Stream(StreamFact::FirstUri), flags, query),
        }
    }

    fn missing(&mut self, flags: Flags) {
        if flags.quote {
            self.out.extend_from_slice(b"\"\"");
        } else if self.escape.is_log() {
            self.out.push(b'-');
        }
    }

    fn quoted(&mut self, flags: Flags, print: impl FnOnce(&mut Vec<u8>)) {
        if flags.quote {
            self.out.push(b'"');
        }
        print(self.out);
        if flags.quote {
            self.out.push(b'"');
        }
    }

    /// A text of ours or nearly so: only `E` changes it.
    fn plain(&mut self, text: &[u8], flags: Flags) {
        if text.is_empty() {
            self.missing(flags);
        } else {
            self.quoted(flags, |out| encode(out, text, flags, b'#', &CONTROLS));
        }
    }

    fn fact_text(&mut self, fact: &Fact, flags: Flags) {
        let scope = self.scope;
        let value = scope.fact(fact);
        self.plain(&value.as_ref().and_then(Sample::to_str).unwrap_or_default(), flags);
    }

    fn fact_or(&mut self, fact: &Fact, default: &str, flags: Flags) {
        let scope = self.scope;
        let value = scope.fact(fact);
        match value.as_ref().and_then(Sample::to_str) {
            Some(text) if !text.is_empty() => self.plain(&text, flags),
            Some(_) | None => self.plain(default.as_bytes(), flags),
        }
    }

    fn backend(&mut self, flags: Flags) {
        let known = self.scope.fact(&Fact::Name(NameFact::BackendName)).is_some();
        self.fact_text(
            if known { &Fact::Name(NameFact::BackendName) } else { &Fact::Name(NameFact::FrontendName) },
            flags,
        );
    }

    fn frontend_transport(&mut self, flags: Flags) {
        let scope = self.scope;
        let name = scope.fact(&Fact::Name(NameFact::FrontendName));
        let name = name.as_ref().and_then(Sample::to_str).unwrap_or_default();
        let tls = scope.fact(&Fact::ClientTls(ClientTlsFact::SslFc)).and_then(|v| v.to_bool()) == Some(true);
        self.quoted(flags, |out| {
            encode(out, &name, flags, b'#', &CONTROLS);
            if tls {
                out.push(b'~');
            }
        });
    }

    fn no_status(&self) -> i64 {
        let http = self
            .scope
            .fact(&Fact::Name(NameFact::FrontendMode))
            .is_some_and(|m| m.to_str().is_some_and(|m| *m == *b"http"));
        if http { -1 } else { 0 }
    }

    fn int(&self, fact: &Fact, default: i64) -> i64 {
        self.scope.fact(fact).and_then(|v| v.to_int()).unwrap_or(default)
    }

    fn is(&self, fact: &Fact) -> bool {
        self.scope.fact(fact).and_then(|v| v.to_bool()).unwrap_or(false)
    }

    // Writing into a `Vec` cannot fail, here and below.
    fn number(&mut self, number: i64) {
        let _ = write!(self.out, "{number}");
    }

    fn hexable(&mut self, number: i64, flags: Flags) {
        let _ = if flags.hex { write!(self.out, "{number:04X}") } else { write!(self.out, "{number}") };
    }

    fn retries(&mut self) {
        if self.is(&Fact::Stream(StreamFact::Redispatched)) {
            self.out.push(b'+');
        }
        self.number(self.int(&Fact::Stream(StreamFact::Retries), 0));
    }

    fn growing(&mut self, fact: &Fact) {
        if *fact != Fact::Stream(StreamFact::BytesUploaded) && self.is(&Fact::Stream(StreamFact::LogAsap)) {
            self.out.push(b'+');
        }
        let missing = if matches!(
            fact,
            Fact::Stream(StreamFact::BytesRead) | Fact::Stream(StreamFact::BytesUploaded)
        ) {
            0
        } else {
            -1
        };
        self.number(self.int(fact, missing));
    }

    fn timer_to_request(&mut self) {
        let request = self.int(&Fact::Time(TimeFact::Request), -1);
        let before = self.int(&Fact::Time(TimeFact::Handshake), 0).max(0)
            + self.int(&Fact::Time(TimeFact::Idle), 0).max(0);
        self.number(if request < 0 { -1 } else { before + request });
    }

    fn address(&mut self, fact: &Fact, flags: Flags) {
        let scope = self.scope;
        let value = scope.fact(fact);
        match value {
            Some(Sample::Ip(ip)) if flags.hex => hex_address(self.out, ip),
            Some(Sample::Ip(ip)) => self.quoted(flags, |out| {
                let _ = write!(out, "{ip}");
            }),
            Some(other) => self.plain(&other.to_str().unwrap_or_default(), flags),
            None if self.unix_listener(fact).is_some() => self.plain(b"unix", flags),
            None => self.missing(Flags { quote: flags.quote && !flags.hex, ..flags }),
        }
    }

    /// The number of the listener that a client without an address came by; of a client's side only.
    fn unix_listener(&self, fact: &Fact) -> Option<i64> {
        let ends = [AddressFact::Src, AddressFact::SrcPort, AddressFact::Dst, AddressFact::DstPort];
        let is_client = matches!(fact, Fact::Address(end) if ends.contains(end));
        self.scope.fact(&Fact::Name(NameFact::ListenerId)).filter(|_| is_client)?.to_int()
    }

    fn port(&mut self, fact: &Fact, flags: Flags) {
        let scope = self.scope;
        match scope.fact(fact).and_then(|v| v.to_int()).or_else(|| self.unix_listener(fact)) {
            Some(port) => self.hexable(port, flags),
            None => self.missing(Flags { quote: flags.quote && !flags.hex, ..flags }),
        }
    }

    fn millis(&mut self, fact: &Fact) {
        let millis = self.int(fact, 0).rem_euclid(1_000_000) / 1_000;
        let _ = write!(self.out, "{millis:03}");
    }

    /// A piece of the request line; `<BADREQ>` where none was understood.
    fn request(&mut self, fact: &Fact, flags: Flags, piece: fn(&[u8]) -> &[u8]) {
        let scope = self.scope;
        let value = scope.fact(fact);
        let text = value.as_ref().and_then(Sample::to_str);
        self.quoted(flags, |out| match &text {
            Some(text) => encode(out, piece(text), flags, b'#', &REQUEST),
            None => out.extend_from_slice(b"<BADREQ>"),
        });
    }

    /// How many slots there are; where there is none, nothing is printed.
    fn slots(&mut self, side: Direction) -> u32 {
        let count = match side {
            Direction::Request => self.int(&Fact::Stream(StreamFact::RequestCaptureCount), 0),
            Direction::Response => self.int(&Fact::Stream(StreamFact::ResponseCaptureCount), 0),
        };
        let slots = u32::try_from(count).unwrap_or(0);
        self.after_space &= slots == 0;
        slots
    }

    fn capture_block(&mut self, side: Direction, flags: Flags) {
        let slots = self.slots(side);
        let scope = self.scope;
        if slots == 0 {
            return;
        }
        self.quoted(flags, |out| {
            for slot in 0..slots {
                out.push(if slot == 0 { b'{' } else { b'|' });
                let value = scope.fact(&capture(side, slot));
                let text = value.as_ref().and_then(Sample::to_str).unwrap_or_default();
                encode(out, &text, flags, b'#', &HEADER);
            }
            out.push(b'}');
        });
    }

    /// The captured headers, slot by slot; nothing for an empty one.
    pub(super) fn captured(&mut self, side: Direction) -> Vec<Option<Vec<u8>>> {
        let scope = self.scope;
        let text = |slot| scope.fact(&capture(side, slot))?.to_str().map(|text| text.into_owned());
        (0..self.slots(side)).map(|slot| text(slot).filter(|text| !text.is_empty())).collect()
    }

    fn capture_list(&mut self, side: Direction, flags: Flags) {
        for (slot, text) in self.captured(side).into_iter().enumerate() {
            if slot > 0 {
                self.out.push(b' ');
            }
            match text {
                Some(text) => {
                    self.quoted(flags, |out| encode(out, &text, flags, b'#', &HEADER));
                }
                None if flags.quote => self.out.extend_from_slice(b"\"\""),
                None => self.out.push(b'-'),
            }
        }
    }
}

fn capture(side: Direction, slot: u32) -> Fact {
    match side {
        Direction::Request => Fact::Stream(StreamFact::CapturedRequestHeader(slot)),
        Direction::Response => Fact::Stream(StreamFact::CapturedResponseHeader(slot)),
    }
}

fn before_query(uri: &[u8]) -> &[u8] {
    uri.get(..memchr(b'?', uri).unwrap_or(uri.len())).unwrap_or(uri)
}

fn query(uri: &[u8]) -> &[u8] {
    memchr(b'?', uri).and_then(|at| uri.get(at..)).unwrap_or_default()
}

/// Without scheme, host and query; nothing for `*`.
fn path_only(uri: &[u8]) -> &[u8] {
    let path = before_query(uri);
    if path.first() == Some(&b'/') {
        return path;
    }
    let host = memchr::memmem::find(path, b"://").and_then(|at| path.get(at + 3..)).unwrap_or_default();
    memchr(b'/', host).and_then(|at| host.get(at..)).unwrap_or_default()
}

fn hex_address(out: &mut Vec<u8>, ip: IpAddr) {
    let _ = match ip {
        IpAddr::V4(ip) => write!(out, "{:08X}", u32::from(ip)),
        IpAddr::V6(ip) => write!(out, "{:032X}", u128::from(ip)),
    };
}

/// Which bytes are written as two digits.
type Map = [bool; 256];

/// Control characters without the tab.
static CONTROLS: Map = map(b"", false);
/// Request line: whatever is not printable ASCII, and what would end a quoted field.
static REQUEST: Map = map(b"\"#", true);
/// Captured headers: that and what parts them.
static HEADER: Map = map(b"\"#{|}", true);

const fn map(also: &[u8], only_printable: bool) -> Map {
    let mut map = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let control = byte < 0x20 || byte == 0x7f;
        map[byte] = if only_printable { control || byte > 0x7f } else { control && byte != 0x09 };
        byte += 1;
    }
    let mut i = 0;
    while i < also.len() {
        map[also[i] as usize] = true;
        i += 1;
    }
    map
}

/// Writes a text: mapped bytes as `mark` and two digits, and under `E` what RFC 5424 wants behind a backslash.
fn encode(out: &mut Vec<u8>, text: &[u8], flags: Flags, mark: u8, map: &Map) {
    if flags.raw {
        return out.extend_from_slice(text);
    }
    for byte in text {
        if map[usize::from(*byte)] {
            let _ = write!(out, "{}{byte:02X}", char::from(mark));
            continue;
        }
        if flags.escape && matches!(byte, b'"' | b'\\' | b']') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
}
