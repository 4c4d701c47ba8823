//! A flat list of header fields in one buffer: cheap to build, edit and serialise. Names are lower case, in
//! arrival order, duplicates kept. Edits append to the buffer and leave the old bytes behind; a head lives for one
//! exchange, so that waste is bounded by the rules that edit it.

use crate::message::Slice;
use crate::spelling::Spelling;
use memchr::{memchr, memchr3};
use std::ops::Range;

const SEPARATOR: &[u8] = b": ";
pub(crate) const CRLF: &[u8] = b"\r\n";

/// The names that the engine itself looks for. A field's kind is found once, when it is named; looking for one of
/// these then compares no texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Every other name.
    Other,
    Host,
    Expect,
    Upgrade,
    Connection,
    KeepAlive,
    ProxyConnection,
    Te,
    TransferEncoding,
    ContentLength,
    WebSocketKey,
}

impl Kind {
    /// The kind of a name in lower case.
    pub(crate) fn of(name: &[u8]) -> Kind {
        match name.len() {
            2 if name == b"te" => Kind::Te,
            4 if name == b"host" => Kind::Host,
            6 if name == b"expect" => Kind::Expect,
            7 if name == b"upgrade" => Kind::Upgrade,
            10 if name == b"connection" => Kind::Connection,
            10 if name == b"keep-alive" => Kind::KeepAlive,
            14 if name == b"content-length" => Kind::ContentLength,
            16 if name == b"proxy-connection" => Kind::ProxyConnection,
            17 if name == b"transfer-encoding" => Kind::TransferEncoding,
            17 if name == b"sec-websocket-key" => Kind::WebSocketKey,
            _ => Kind::Other,
        }
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kinds(u16);

impl Kinds {
    pub(crate) const fn of(kinds: &[Kind]) -> Kinds {
        let mut set = 0;
        let mut i = 0;
        while i < kinds.len() {
            set |= 1 << kinds[i] as u8;
            i += 1;
        }
        Kinds(set)
    }

    pub(crate) const fn without(self, kind: Kind) -> Kinds {
        Kinds(self.0 & !Kinds::of(&[kind]).0)
    }

    pub(crate) fn contains(self, kind: Kind) -> bool {
        self.0 & Kinds::of(&[kind]).0 != 0
    }

    fn insert(&mut self, kind: Kind) {
        self.0 |= Kinds::of(&[kind]).0;
    }
}

#[derive(Clone, Copy, Debug)]
struct Field {
    kind: Kind,
    name: Slice,
    value: Slice,
}

/// Header or trailer fields, or the start line's texts, in one buffer.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    buf: Vec<u8>,
    list: Vec<Field>,
    /// The kinds of all fields since the last [`Fields::clear`], those of fields removed one by one included.
    kinds: Kinds,
}

impl Fields {
    /// Forgets everything and keeps the memory for the next message.
    pub fn clear(&mut self) {
        self.buf.clear();
        self.list.clear();
        self.kinds = Kinds::default();
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Bytes held, used for limits and for giving large buffers back.
    pub fn capacity(&self) -> usize {
        self.buf.capacity() + self.list.capacity() * size_of::<Field>()
    }

    /// Puts text into the buffer without naming it a field; for start lines.
    pub fn store(&mut self, text: &[u8]) -> Slice {
        let start = self.buf.len();
        self.buf.extend_from_slice(text);
        Slice::new(start, self.buf.len())
    }

    /// The text of a slice that [`Fields::store`] or a parser made.
    pub fn text(&self, slice: Slice) -> &[u8] {
        text(&self.buf, slice)
    }

    /// For parsers: takes the raw head over in one copy. Slices made with [`Fields::note`] point into it.
    pub(crate) fn load(&mut self, raw: &[u8]) {
        self.clear();
        self.buf.extend_from_slice(raw);
    }

    /// For parsers: lower-cases the token that starts at `at` in the loaded bytes and gives its length. One look at
    /// each byte both judges and changes it.
    pub(crate) fn lower_token(&mut self, at: usize) -> usize {
        let mut len = 0;
        for b in self.buf.get_mut(at..).unwrap_or_default() {
            match LOWER.get(usize::from(*b)) {
                None | Some(0) => break,
                Some(lower) => *b = *lower,
            }
            len += 1;
        }
        len
    }

    /// For parsers: lower-cases a name inside the loaded bytes that is no token.
    pub(crate) fn lower(&mut self, name: Slice) {
        if let Some(bytes) = self.buf.get_mut(name.range()) {
            bytes.make_ascii_lowercase();
        }
    }

    /// For parsers: names a field inside the loaded bytes; its name is in lower case already, and of that kind.
    pub(crate) fn note(&mut self, kind: Kind, name: Slice, value: Slice) {
        self.kinds.insert(kind);
        self.list.push(Field { kind, name, value });
    }

    /// Like [`Fields::store`], for text that becomes part of a line: a rule may compute a value from what a client
    /// sent, and a line break or NUL in it would start a field, or a message, of the client's making.
    pub(crate) fn store_line(&mut self, text: &[u8]) -> Slice {
        let slice = self.store(text);
        if memchr3(b'\r', b'\n', 0, text).is_some() {
            for b in self.buf.get_mut(slice.range()).unwrap_or_default() {
                if matches!(b, b'\r' | b'\n' | 0) {
                    *b = b' ';
                }
            }
        }
        slice
    }

    /// Appends a field; the name is lower-cased. Line breaks and NUL become spaces. It is stored as the line that it
    /// becomes, see [`Fields::write_lines`].
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let name = self.store_line(name);
        self.lower(name);
        self.buf.extend_from_slice(SEPARATOR);
        let value = self.store_line(value);
        self.buf.extend_from_slice(CRLF);
        self.note(Kind::of(self.text(name)), name, value);
    }

    /// Removes every field of that name, then appends one.
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        self.remove(name);
        self.push(name, value);
    }

    /// Replaces the value of the field at `index`. Line breaks and NUL become spaces.
    pub fn set_value(&mut self, index: usize, value: &[u8]) {
        let value = self.store_line(value);
        if let Some(field) = self.list.get_mut(index) {
            field.value = value;
        }
    }

    /// Whether there was a field of one of these kinds; it may have been removed since.
    pub(crate) fn had(&self, kinds: Kinds) -> bool {
        self.kinds.0 & kinds.0 != 0
    }

    /// Removes the fields of these kinds.
    pub(crate) fn remove_kinds(&mut self, kinds: Kinds) {
        self.list.retain(|f| !kinds.contains(f.kind));
        self.kinds = Kinds(self.kinds.0 & !kinds.0);
    }

    /// Removes every field of that name; says whether there was one.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        self.retain(|n, _| !n.eq_ignore_ascii_case(name))
    }

    /// Puts another field in the place of the one at `index`, under the rules of [`Fields::push`].
    pub fn replace_at(&mut self, index: usize, name: &[u8], value: &[u8]) {
        if index < self.list.len() {
            self.push(name, value);
            self.list.swap_remove(index);
        }
    }

    /// Removes the field at `index`.
    pub fn remove_at(&mut self, index: usize) {
        if index < self.list.len() {
            self.list.remove(index);
        }
    }

    /// Keeps the fields that `keep(name, value)` approves; says whether one went.
    pub fn retain(&mut self, mut keep: impl FnMut(&[u8], &[u8]) -> bool) -> bool {
        let before = self.list.len();
        let buf = &self.buf;
        self.list.retain(|f| keep(text(buf, f.name), text(buf, f.value)));
        self.list.len() != before
    }

    /// All fields in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> + ExactSizeIterator {
        self.list.iter().map(|f| (self.text(f.name), self.text(f.value)))
    }

    /// The fields of that name, in lower case.
    fn named<'a>(&'a self, name: &'a [u8]) -> impl DoubleEndedIterator<Item = &'a Field> {
        let kind = Kind::of(name);
        let list = if self.kinds.contains(kind) { &self.list[..] } else { &[] };
        list.iter().filter(move |f| f.kind == kind && (kind != Kind::Other || self.text(f.name) == name))
    }

    /// The value of the first field of that name (`name` in lower case).
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.named(name).next().map(|f| self.text(f.value))
    }

    /// The values of all fields of that name (`name` in lower case), whole, in order.
    pub fn get_all<'a>(&'a self, name: &'a [u8]) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        self.named(name).map(|f| self.text(f.value))
    }

    /// The values of all fields of that name, split at commas outside quotes and trimmed: what RFC 9110 section 5.6.1
    /// calls list elements. Empty elements are skipped.
    pub fn elements<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).flat_map(split_list)
    }

    /// Whether a comma-separated field holds `token`, compared without case.
    pub fn has_token(&self, name: &[u8], token: &[u8]) -> bool {
        self.elements(name).any(|e| e.eq_ignore_ascii_case(token))
    }

    /// Where the first field of these kinds stands; behind all fields where there is none.
    pub(crate) fn place_of(&self, kinds: Kinds) -> usize {
        let at = || self.list.iter().position(|f| kinds.contains(f.kind));
        if self.had(kinds) { at().unwrap_or(self.list.len()) } else { self.list.len() }
    }

    /// Appends the fields of a range as lines, those of the kinds in `but` left out. Neighbours that lie in the buffer as
    /// they are to be written, and that is what most heads consist of, leave in one copy.
    pub(crate) fn write_lines(&self, range: Range<usize>, but: Kinds, out: &mut Vec<u8>) {
        let mut run = 0..0;
        let fields = self.list.get(range).unwrap_or_default();
        for field in fields.iter().filter(|f| !but.contains(f.kind)) {
            match self.line(field) {
                Some(line) if line.start == run.end => run.end = line.end,
                Some(line) => {
                    out.extend_from_slice(self.buf.get(run).unwrap_or_default());
                    run = line;
                }
                None => {
                    out.extend_from_slice(self.buf.get(run).unwrap_or_default());
                    run = 0..0;
                    self.write_line(field, out);
                }
            }
        }
        out.extend_from_slice(self.buf.get(run).unwrap_or_default());
    }

    /// Where the field stands as a line, if it does.
    fn line(&self, field: &Field) -> Option<Range<usize>> {
        let (name, value) = (field.name.range(), field.value.range());
        let end = value.end + CRLF.len();
        let stands = self.buf.get(name.end..value.start) == Some(SEPARATOR)
            && self.buf.get(value.end..end) == Some(CRLF);
        stands.then_some(name.start..end)
    }

    /// As [`Fields::write_lines`], with names spelled as a peer wants them.
    pub(crate) fn write_spelled(
        &self,
        range: Range<usize>,
        but: Kinds,
        spelling: &Spelling,
        out: &mut Vec<u8>,
    ) {
        let fields = self.list.get(range).unwrap_or_default();
        for field in fields.iter().filter(|f| !but.contains(f.kind)) {
            let name = spelling.of(self.text(field.name));
            for piece in [name, SEPARATOR, self.text(field.value), CRLF] {
                out.extend_from_slice(piece);
            }
        }
    }

    fn write_line(&self, field: &Field, out: &mut Vec<u8>) {
        for piece in [self.text(field.name), SEPARATOR, self.text(field.value), CRLF] {
            out.extend_from_slice(piece);
        }
    }
}

/// Token characters (RFC 9110 section 5.6.2) in lower case, 0 for all others.
const LOWER: [u8; 256] = lower_table();

const fn lower_table() -> [u8; 256] {
    let mut table = [0; 256];
    let mut b = 0u8;
    while b < 128 {
        if b.is_ascii_alphanumeric() {
            table[b as usize] = b.to_ascii_lowercase();
        }
        b += 1;
    }
    let marks = b"!#$%&'*+-.^_`|~";
    let mut i = 0;
    while i < marks.len() {
        table[marks[i] as usize] = marks[i];
        i += 1;
    }
    table
}

/// `tchar` of RFC 9110 section 5.6.2.
pub fn is_token_byte(b: u8) -> bool {
    LOWER.get(usize::from(b)).is_some_and(|lower| *lower != 0)
}

fn text(buf: &[u8], slice: Slice) -> &[u8] {
    buf.get(slice.range()).unwrap_or_default()
}

/// List elements of one field value: split at commas outside double quotes, trimmed, empty ones skipped.
pub fn split_list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = comma(text);
        rest = text.get(end + 1..);
        Some(trim(text.get(..end).unwrap_or(text)))
    })
    .filter(|e| !e.is_empty())
}

fn comma(text: &[u8]) -> usize {
    if memchr(b'"', text).is_none() {
        return memchr(b',', text).unwrap_or(text.len());
    }
    let (mut quoted, mut escaped) = (false, false);
    for (i, b) in text.iter().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return i,
            _ => {}
        }
    }
    text.len()
}

/// Without leading and trailing spaces and tabs (OWS of RFC 9110 section 5.6.3).
pub fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_split_outside_quotes() {
        let mut fields = Fields::default();
        fields.push(b"Accept", b"a, \"b,c\" ,, d");
        fields.push(b"accept", b"e");
        let all: Vec<&[u8]> = fields.elements(b"accept").collect();
        assert_eq!(all, [&b"a"[..], b"\"b,c\"", b"d", b"e"]);
    }

    #[test]
    fn edits_keep_order_and_other_fields() {
        let mut fields = Fields::default();
        fields.push(b"a", b"1");
        fields.push(b"b", b"2");
        fields.push(b"a", b"3");
        fields.set_value(1, b"22");
        assert!(fields.remove(b"A"));
        fields.push(b"C", b"4");
        let all: Vec<_> = fields.iter().collect();
        assert_eq!(all, [(&b"b"[..], &b"22"[..]), (&b"c"[..], &b"4"[..])]);
    }

    #[test]
    fn a_field_takes_the_place_of_another() {
        let mut fields = Fields::default();
        fields.push(b"a", b"1");
        fields.push(b"b", b"2");
        fields.replace_at(0, b"Host", b"c");
        fields.replace_at(7, b"none", b"");
        let all: Vec<_> = fields.iter().collect();
        assert_eq!(all, [(&b"host"[..], &b"c"[..]), (b"b", b"2")]);
        assert_eq!(fields.get(b"host"), Some(&b"c"[..]));
    }

    #[test]
    fn lines_are_the_same_in_one_copy_and_in_pieces() {
        let head = b"a: 1\r\nb:2\r\nc: 3 \r\nte: x\r\nd: \r\n";
        let mut fields = Fields::default();
        fields.load(head);
        for (name, value) in
            [(0..1, 3..4), (6..7, 8..9), (11..12, 14..15), (18..20, 22..23), (25..26, 28..28)]
        {
            let kind = Kind::of(&head[name.clone()]);
            fields.note(kind, Slice::new(name.start, name.end), Slice::new(value.start, value.end));
        }
        fields.push(b"E", b"5");
        fields.set_value(0, b"11");
        let mut out = Vec::new();
        fields.write_lines(0..fields.len(), Kinds::of(&[Kind::Te]), &mut out);
        assert_eq!(out, b"a: 11\r\nb: 2\r\nc: 3\r\nd: \r\ne: 5\r\n");
    }

    #[test]
    fn an_edit_cannot_start_a_line() {
        let mut fields = Fields::default();
        fields.push(b"a", b"1\r\nb: 2");
        fields.set_value(0, b"3\nc\0");
        fields.push(b"d\r\ne", b"");
        let all: Vec<_> = fields.iter().collect();
        assert_eq!(all, [(&b"a"[..], &b"3 c "[..]), (&b"d  e"[..], &b""[..])]);
    }
}
