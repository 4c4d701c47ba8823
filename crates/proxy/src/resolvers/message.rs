//! DNS messages (RFC 1035), as far as looking up addresses needs them: a question, and what an answer says. Pure; every
//! byte of an answer is foreign, and taken apart by hickory-proto.

use hickory_proto::op::{Edns, Header, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use hickory_proto::serialize::binary::BinDecodable;
use std::net::IpAddr;

/// Longest name in its encoded form, bytes (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 255;
/// Longest label.
const MAX_LABEL: usize = 63;
/// Aliases that are followed from the name that was asked for.
const MAX_ALIASES: usize = 16;
/// Addresses that are taken from one answer.
const MAX_ADDRESSES: usize = 128;

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// A records.
    V4,
    /// AAAA records.
    V6,
}

impl Family {
    /// The other one.
    pub fn other(self) -> Family {
        match self {
            Family::V4 => Family::V6,
            Family::V6 => Family::V4,
        }
    }

    /// Whether an address is of it.
    pub fn has(self, ip: IpAddr) -> bool {
        ip.is_ipv4() == (self == Family::V4)
    }

    fn record_type(self) -> RecordType {
        match self {
            Family::V4 => RecordType::A,
            Family::V6 => RecordType::AAAA,
        }
    }
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// At least one address.
    Addresses(Vec<IpAddr>),
    /// The name is known and has none of this family.
    Nothing,
    /// There is no such name.
    NoSuchName,
    /// The server does not answer us.
    Refused,
    /// Another error of the server's.
    Error,
    /// It did not fit.
    Truncated,
}

/// It is no answer to the question, or no question that can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Invalid;

/// Whether a text can be asked for: labels of letters, digits, `-` and `_`, none of them empty.
pub fn is_host_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= MAX_LABEL
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    name.len() + 2 <= MAX_NAME && name.split('.').all(label)
}

/// The question for a name's addresses. `payload` is the longest answer that is taken (RFC 6891).
pub(super) fn question(id: u16, name: &str, family: Family, payload: u16) -> Result<Vec<u8>, Invalid> {
    let mut edns = Edns::new();
    edns.set_max_payload(payload);
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(query(name, family)?);
    message.set_edns(edns);
    message.to_vec().map_err(|_| Invalid)
}

fn query(name: &str, family: Family) -> Result<Query, Invalid> {
    let mut name = Name::from_ascii(name).map_err(|_| Invalid)?;
    name.set_fqdn(true);
    Ok(Query::query(name, family.record_type()))
}

/// Reads the answer to such a question.
pub(super) fn answer(bytes: &[u8], id: u16, name: &str, family: Family) -> Result<Answer, Invalid> {
    let query = query(name, family)?;
    let Ok(message) = Message::from_vec(bytes) else {
        return if is_cut(bytes, id) { Ok(Answer::Truncated) } else { Err(Invalid) };
    };
    let head = &message.metadata;
    if head.id != id || head.message_type != MessageType::Response || message.queries != [query.clone()] {
        return Err(Invalid);
    }
    match head.response_code {
        ResponseCode::NoError => {}
        ResponseCode::NXDomain => return Ok(Answer::NoSuchName),
        ResponseCode::Refused => return Ok(Answer::Refused),
        _ => return Ok(Answer::Error),
    }
    let addresses = addresses(&message.answers, query.name(), family);
    Ok(match addresses.is_empty() {
        false => Answer::Addresses(addresses),
        true if head.truncation => Answer::Truncated,
        true => Answer::Nothing,
    })
}

/// Whether an answer of which a record is not whole says itself that it did not fit (RFC 2181 section 9).
fn is_cut(bytes: &[u8], id: u16) -> bool {
    Header::from_bytes(bytes).is_ok_and(|header| {
        let head = header.metadata;
        head.id == id && head.message_type == MessageType::Response && head.truncation
    })
}

/// The addresses of a name, its aliases followed.
fn addresses(records: &[Record], name: &Name, family: Family) -> Vec<IpAddr> {
    let mut name = name;
    for _ in 0..MAX_ALIASES {
        let of_name = || records.iter().filter(|record| record.name == *name);
        let found: Vec<IpAddr> = of_name()
            .filter_map(|record| record.data.ip_addr())
            .filter(|ip| family.has(*ip))
            .take(MAX_ADDRESSES)
            .collect();
        if !found.is_empty() {
            return found;
        }
        let alias = of_name().find_map(|record| match &record.data {
            RData::CNAME(alias) => Some(&alias.0),
            _ => None,
        });
        let Some(alias) = alias else { return Vec::new() };
        name = alias;
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: u16 = 0x1234;
    const HEADER: usize = 12;

    /// An answer to the question for `a.test`, with these flags and records.
    fn reply(flags: u16, records: &[&[u8]]) -> Vec<u8> {
        let mut out = question(ID, "A.test", Family::V4, 512).unwrap();
        out.truncate(HEADER + 8 + 4);
        out[2..4].copy_from_slice(&flags.to_be_bytes());
        out[6..8].copy_from_slice(&(records.len() as u16).to_be_bytes());
        out[10..12].copy_from_slice(&[0, 0]);
        records.iter().for_each(|record| out.extend_from_slice(record));
        out
    }

    fn record(owner: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
        let mut out = owner.to_vec();
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
        out.extend_from_slice(&(data.len() as u16).to_be_bytes());
        out.extend_from_slice(data);
        out
    }

    const OWNER: &[u8] = &[0xc0, 12];

    fn read(bytes: &[u8]) -> Result<Answer, Invalid> {
        answer(bytes, ID, "a.test", Family::V4)
    }

    #[test]
    fn addresses_are_found_behind_aliases() {
        let plain = reply(0x8180, &[&record(OWNER, 1, &[192, 0, 2, 1]), &record(OWNER, 1, &[192, 0, 2, 2])]);
        let two = ["192.0.2.1", "192.0.2.2"].map(|ip| ip.parse().unwrap()).to_vec();
        assert_eq!(read(&plain), Ok(Answer::Addresses(two)));
        let alias = record(OWNER, 5, b"\x01b\xc0\x0e");
        let aliased = reply(0x8180, &[&alias, &record(b"\x01B\x04test\x00", 1, &[192, 0, 2, 3])]);
        assert_eq!(read(&aliased), Ok(Answer::Addresses(vec!["192.0.2.3".parse().unwrap()])));
        let stranger = reply(0x8180, &[&record(b"\x01x\x00", 1, &[192, 0, 2, 4])]);
        assert_eq!(read(&stranger), Ok(Answer::Nothing));
    }

    #[test]
    fn errors_are_told_apart() {
        let cases = [
            (0x8183, Ok(Answer::NoSuchName)),
            (0x8185, Ok(Answer::Refused)),
            (0x8182, Ok(Answer::Error)),
            (0x8180, Ok(Answer::Nothing)),
            (0x8380, Ok(Answer::Truncated)),
            (0x0180, Err(Invalid)),
        ];
        for (flags, expected) in cases {
            assert_eq!(read(&reply(flags, &[])), expected, "{flags:x}");
        }
        assert_eq!(answer(&reply(0x8180, &[]), ID + 1, "a.test", Family::V4), Err(Invalid));
        assert_eq!(answer(&reply(0x8180, &[]), ID, "b.test", Family::V4), Err(Invalid));
        assert_eq!(answer(&reply(0x8180, &[]), ID, "a.test", Family::V6), Err(Invalid));
    }

    #[test]
    fn what_is_broken_is_refused() {
        let whole = reply(0x8180, &[&record(OWNER, 5, b"\xc0\x0c"), &record(OWNER, 1, &[1, 2, 3, 4])]);
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), Err(Invalid), "{end}");
        }
        // pointers that lead nowhere, to themselves or in circles
        for owner in [&[0xc0, 24][..], &[0xc0, 25], &[0xff, 0xff], &[0x80, 1], &[64, 1]] {
            assert_eq!(read(&reply(0x8180, &[&record(owner, 1, &[1, 2, 3, 4])])), Err(Invalid), "{owner:?}");
        }
        assert_eq!(read(&reply(0x8180, &[&record(OWNER, 1, &[1, 2, 3])])), Err(Invalid));
        // an alias of itself ends
        assert_eq!(read(&reply(0x8180, &[&record(OWNER, 5, b"\xc0\x0c")])), Ok(Answer::Nothing));
    }

    #[test]
    fn names_that_can_be_asked_for() {
        for good in ["a", "a.test", "a.test.", "_x._tcp.a-b.test", "127.0.0.1"] {
            assert!(is_host_name(good), "{good}");
        }
        let (label, name) = ("a".repeat(64), "a.".repeat(128));
        for bad in ["", ".", "a..b", "a b", "ä", label.as_str(), name.as_str()] {
            assert!(!is_host_name(bad), "{bad}");
        }
    }
}
