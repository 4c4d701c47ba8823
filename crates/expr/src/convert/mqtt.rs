//! MQTT 3.1, 3.1.1 and 5.0: the first packet of a client (CONNECT) and of a server (CONNACK), OASIS standard sections
//! 3.1 and 3.2. Of a packet that is not whole yet there is no value.

use super::bytes_of;
use crate::args::{Arg, Args, BadArg};
use crate::compile::Env;
use crate::rows::{ArgKind, ConverterRow, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;

const CONNECT: u8 = 1;
const CONNACK: u8 = 2;

pub(super) static ROWS: &[ConverterRow] = &[
    ConverterRow::new(
        "mqtt_field_value",
        SampleType::Bin,
        SampleType::Str,
        field_value,
        "A field or property of an MQTT CONNECT or CONNACK",
    )
    .args(&[arg("packettype", ArgKind::Str), arg("fieldname_or_property_ID", ArgKind::Str)], 2)
    .prepare(read),
    ConverterRow::new(
        "mqtt_is_valid",
        SampleType::Bin,
        SampleType::Bool,
        |input, _, _| match packet(&bytes_of(input)?) {
            Ok(_) => Some(Sample::Bool(true)),
            Err(Bad::Wrong) => Some(Sample::Bool(false)),
            Err(Bad::Partial) => None,
        },
        "Whether an MQTT CONNECT or CONNACK is in order",
    ),
];

/// What a field is called, in the order of [`Packet::field`].
const FIELDS: [&str; 10] = [
    "flags",
    "protocol_name",
    "protocol_version",
    "client_identifier",
    "will_topic",
    "will_payload",
    "username",
    "password",
    "keepalive",
    "reason_code",
];
const OF_CONNECT: std::ops::Range<usize> = 0..9;
const OF_CONNACK: [usize; 3] = [0, 2, 9];

/// The property's number is kept below zero, minus one, so that it cannot be taken for a field's place.
fn read(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    let text = |index| String::from_utf8_lossy(args.str(index).unwrap_or_default()).to_ascii_lowercase();
    let kind = match text(0).as_str() {
        "connect" | "1" => CONNECT,
        "connack" | "2" => CONNACK,
        _ => return Err(BadArg::new(0, "the packet type must be CONNECT (1) or CONNACK (2)")),
    };
    let name = text(1);
    let known = FIELDS.iter().position(|field| *field == name);
    let known =
        known.filter(|i| if kind == CONNECT { OF_CONNECT.contains(i) } else { OF_CONNACK.contains(i) });
    let property = || name.parse::<u8>().ok().filter(|id| property_type(*id).is_some());
    let asked = known.and_then(|i| i64::try_from(i).ok()).or_else(|| property().map(|id| -1 - i64::from(id)));
    let Some(asked) = asked else {
        return Err(BadArg::new(1, format!("unknown field name '{name}' for this packet type")));
    };
    args.put(0, Arg::Int(kind.into()));
    args.put(1, Arg::Int(asked));
    Ok(())
}

fn field_value<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let bytes = bytes_of(input)?;
    let packet = packet(&bytes).ok()?;
    if Some(i64::from(packet.kind)) != args.int(0) {
        return None;
    }
    let asked = args.int(1)?;
    match u8::try_from(-1 - asked) {
        Ok(property) => packet.property(property),
        Err(_) => packet.field(usize::try_from(asked).ok()?),
    }
    .map(Sample::owned)
}

/// What a property holds (section 2.2.2.2).
#[derive(Clone, Copy)]
enum PropertyType {
    Number(usize),
    Text,
}

fn property_type(id: u8) -> Option<PropertyType> {
    match id {
        1 | 23 | 25 | 36 | 37 | 40 | 41 | 42 => Some(PropertyType::Number(1)),
        19 | 33 | 34 => Some(PropertyType::Number(2)),
        2 | 17 | 24 | 39 => Some(PropertyType::Number(4)),
        3 | 8 | 9 | 18 | 21 | 22 | 26 | 28 | 31 => Some(PropertyType::Text),
        _ => None,
    }
}

/// User properties are a pair of texts, and are passed over.
const USER_PROPERTY: u8 = 38;

enum Bad {
    Partial,
    Wrong,
}

/// A whole packet. Texts that it does not have are `None`.
struct Packet<'a> {
    kind: u8,
    version: u8,
    flags: u8,
    name: &'a [u8],
    keepalive: u16,
    reason: u8,
    texts: [Option<&'a [u8]>; 5],
    properties: Vec<(u8, &'a [u8])>,
}

impl Packet<'_> {
    fn field(&self, index: usize) -> Option<Vec<u8>> {
        let number = |n: u16| Some(n.to_string().into_bytes());
        match index {
            0 => number(self.flags.into()),
            1 => Some(self.name.to_vec()),
            2 => number(self.version.into()),
            3..=7 => self.texts.get(index - 3).copied().flatten().map(<[u8]>::to_vec),
            8 => number(self.keepalive),
            9 => number(self.reason.into()),
            _ => None,
        }
    }

    /// Only version 5 has any; a number that is not stated is 0.
    fn property(&self, id: u8) -> Option<Vec<u8>> {
        let stated = self.properties.iter().find(|(known, _)| *known == id).map(|(_, value)| *value);
        match property_type(id)? {
            _ if self.version != 5 => None,
            PropertyType::Text => stated.map(<[u8]>::to_vec),
            PropertyType::Number(_) => {
                let number = stated.unwrap_or_default().iter().fold(0u32, |n, b| n << 8 | u32::from(*b));
                Some(number.to_string().into_bytes())
            }
        }
    }
}

/// The first packet of the bytes.
fn packet(bytes: &[u8]) -> Result<Packet<'_>, Bad> {
    let (&first, rest) = bytes.split_first().ok_or(Bad::Partial)?;
    if !matches!(first, 0x10 | 0x20) {
        return Err(Bad::Wrong);
    }
    let (len, rest) = varint(rest)?;
    let mut body = Reader(rest.get(..len).ok_or(Bad::Partial)?);
    let packet = if first >> 4 == CONNECT { connect(&mut body) } else { connack(&mut body) };
    packet.filter(|_| body.0.is_empty()).ok_or(Bad::Wrong)
}

/// "Variable Byte Integer" (section 1.5.5), at most four bytes.
fn varint(bytes: &[u8]) -> Result<(usize, &[u8]), Bad> {
    let mut value = 0;
    for index in 0..4 {
        let byte = *bytes.get(index).ok_or(Bad::Partial)?;
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((value, bytes.get(index + 1..).unwrap_or_default()));
        }
    }
    Err(Bad::Wrong)
}

fn connect<'a>(body: &mut Reader<'a>) -> Option<Packet<'a>> {
    let name = body.text()?;
    let version = body.byte()?;
    // 3.1 has a name of its own, but clients write the newer one, too
    let known = matches!((name, version), (b"MQIsdp", 3) | (b"MQTT", 3..=5));
    let flags = body.byte().filter(|_| known)?;
    let keepalive = body.short()?;
    let properties = if version == 5 { body.properties()? } else { Vec::new() };
    let mut texts = [None; 5];
    texts[0] = Some(body.text()?);
    let will = flags & 0x04 != 0;
    // the will's own properties count among those of the packet
    let mut all = properties;
    if will && version == 5 {
        all.extend(body.properties()?);
    }
    let wanted = [will, will, flags & 0x80 != 0, flags & 0x40 != 0];
    for (place, _) in texts.iter_mut().skip(1).zip(wanted).filter(|(_, wanted)| *wanted) {
        *place = Some(body.text()?);
    }
    Some(Packet { kind: CONNECT, version, flags, name, keepalive, reason: 0, texts, properties: all })
}

/// Its length tells the version: 5.0 has properties, if only their length.
fn connack<'a>(body: &mut Reader<'a>) -> Option<Packet<'a>> {
    let (flags, reason) = (body.byte()?, body.byte()?);
    let version = if body.0.is_empty() { 4 } else { 5 };
    let properties = if version == 5 { body.properties()? } else { Vec::new() };
    let (name, keepalive, texts) = (&b""[..], 0, [None; 5]);
    (flags <= 1).then_some(Packet {
        kind: CONNACK,
        version,
        flags,
        name,
        keepalive,
        reason,
        texts,
        properties,
    })
}

/// What is left of a packet.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn short(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(*self.take(2)?.first_chunk()?))
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let len = self.short()?;
        self.take(len.into())
    }

    fn properties(&mut self) -> Option<Vec<(u8, &'a [u8])>> {
        let (len, rest) = varint(self.0).ok()?;
        self.0 = rest;
        let mut list = Reader(self.take(len)?);
        let mut all = Vec::new();
        while let Some(id) = list.byte() {
            match property_type(id) {
                Some(PropertyType::Number(len)) => all.push((id, list.take(len)?)),
                Some(PropertyType::Text) => all.push((id, list.text()?)),
                None if id == USER_PROPERTY => drop((list.text()?, list.text()?)),
                None => return None,
            }
        }
        Some(all)
    }
}
