//! DNS messages (RFC 1035), as far as looking up addresses needs them: a question, and what an answer says. Pure; every
//! byte of an answer is foreign.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest name in its encoded form, bytes (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 255;
/// Longest label.
const MAX_LABEL: usize = 63;
/// Pointers that one name may follow: there are no more labels than that in a name.
const MAX_JUMPS: usize = 127;
/// Aliases that are followed from the name that was asked for.
const MAX_ALIASES: usize = 16;
/// Addresses that are taken from one answer.
const MAX_ADDRESSES: usize = 128;

const HEADER: usize = 12;
const CLASS_IN: u16 = 1;
const TYPE_CNAME: u16 = 5;
const TYPE_OPT: u16 = 41;

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

    fn record_type(self) -> u16 {
        match self {
            Family::V4 => 1,
            Family::V6 => 28,
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

/// It is no answer to the question.
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
pub(super) fn question(id: u16, name: &str, family: Family, payload: u16) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER + name.len() + 17);
    out.extend_from_slice(&id.to_be_bytes());
    // recursion desired; one question, one additional record
    out.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
    for label in name.trim_end_matches('.').split('.') {
        // `is_host_name` has bounded it
        out.push(label.len() as u8);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out.extend_from_slice(&family.record_type().to_be_bytes());
    out.extend_from_slice(&CLASS_IN.to_be_bytes());
    out.push(0);
    out.extend_from_slice(&TYPE_OPT.to_be_bytes());
    out.extend_from_slice(&payload.to_be_bytes());
    out.extend_from_slice(&[0; 6]);
    out
}

/// Reads the answer to such a question.
pub(super) fn answer(bytes: &[u8], id: u16, name: &str, family: Family) -> Result<Answer, Invalid> {
    let mut reader = Reader { bytes, at: 0 };
    let (its_id, flags) = (reader.u16()?, reader.u16()?);
    let (questions, answers) = (reader.u16()?, reader.u16()?);
    reader.skip(4)?;
    let is_response = flags & 0x8000 != 0;
    if its_id != id || !is_response || questions != 1 {
        return Err(Invalid);
    }
    let asked = (reader.name()?, reader.u16()?, reader.u16()?);
    let own = name.trim_end_matches('.').to_ascii_lowercase();
    if asked != (own.clone(), family.record_type(), CLASS_IN) {
        return Err(Invalid);
    }
    match flags & 0xf {
        0 => {}
        3 => return Ok(Answer::NoSuchName),
        5 => return Ok(Answer::Refused),
        _ => return Ok(Answer::Error),
    }
    let is_truncated = flags & 0x0200 != 0;
    let records = match reader.records(answers) {
        Ok(records) => records,
        Err(Invalid) if is_truncated => return Ok(Answer::Truncated),
        Err(Invalid) => return Err(Invalid),
    };
    let addresses = addresses(&records, own, family);
    Ok(match addresses.is_empty() {
        false => Answer::Addresses(addresses),
        true if is_truncated => Answer::Truncated,
        true => Answer::Nothing,
    })
}

/// The addresses of a name, its aliases followed.
fn addresses(records: &[Record], mut name: String, family: Family) -> Vec<IpAddr> {
    for _ in 0..MAX_ALIASES {
        let of_name = || records.iter().filter(|record| record.owner == name);
        let found: Vec<IpAddr> = of_name()
            .filter_map(|record| match record.data {
                Data::Address(ip) if family.has(ip) => Some(ip),
                Data::Address(_) | Data::Alias(_) | Data::Other => None,
            })
            .take(MAX_ADDRESSES)
            .collect();
        if !found.is_empty() {
            return found;
        }
        let alias = of_name().find_map(|record| match &record.data {
            Data::Alias(to) => Some(to.clone()),
            Data::Address(_) | Data::Other => None,
        });
        match alias {
            Some(alias) => name = alias,
            None => return Vec::new(),
        }
    }
    Vec::new()
}

struct Record {
    owner: String,
    data: Data,
}

enum Data {
    Address(IpAddr),
    Alias(String),
    Other,
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    fn take(&mut self, count: usize) -> Result<&'b [u8], Invalid> {
        let end = self.at.checked_add(count).ok_or(Invalid)?;
        let taken = self.bytes.get(self.at..end).ok_or(Invalid)?;
        self.at = end;
        Ok(taken)
    }

    fn skip(&mut self, count: usize) -> Result<(), Invalid> {
        self.take(count).map(drop)
    }

    fn u8(&mut self) -> Result<u8, Invalid> {
        self.take(1)?.first().copied().ok_or(Invalid)
    }

    fn u16(&mut self) -> Result<u16, Invalid> {
        Ok(u16::from_be_bytes(self.take(2)?.try_into().map_err(|_| Invalid)?))
    }

    /// A name in lower case, its pointers followed (RFC 1035 section 4.1.4): each must lead further back.
    fn name(&mut self) -> Result<String, Invalid> {
        let mut name = String::new();
        let mut behind = None;
        let mut earliest = self.at;
        for _ in 0..=MAX_JUMPS + MAX_NAME {
            let length = usize::from(self.u8()?);
            match length {
                0 => {
                    self.at = behind.unwrap_or(self.at);
                    return Ok(name);
                }
                1..=MAX_LABEL => {
                    let label = self.take(length)?;
                    if !name.is_empty() {
                        name.push('.');
                    }
                    name.extend(label.iter().map(|b| char::from(b.to_ascii_lowercase())));
                    if name.len() > MAX_NAME {
                        return Err(Invalid);
                    }
                }
                0xc0.. => {
                    let to = (length & 0x3f) << 8 | usize::from(self.u8()?);
                    behind.get_or_insert(self.at);
                    if to >= earliest {
                        return Err(Invalid);
                    }
                    (self.at, earliest) = (to, to);
                }
                _ => return Err(Invalid),
            }
        }
        Err(Invalid)
    }

    fn records(&mut self, count: u16) -> Result<Vec<Record>, Invalid> {
        (0..count).map(|_| self.record()).collect()
    }

    fn record(&mut self) -> Result<Record, Invalid> {
        let owner = self.name()?;
        let (kind, class) = (self.u16()?, self.u16()?);
        self.skip(4)?;
        let length = usize::from(self.u16()?);
        let start = self.at;
        let data = self.take(length)?;
        let end = self.at;
        let data = match (kind, class) {
            (1, CLASS_IN) => {
                let octets: [u8; 4] = data.try_into().map_err(|_| Invalid)?;
                Data::Address(Ipv4Addr::from(octets).into())
            }
            (28, CLASS_IN) => {
                let octets: [u8; 16] = data.try_into().map_err(|_| Invalid)?;
                Data::Address(Ipv6Addr::from(octets).into())
            }
            (TYPE_CNAME, CLASS_IN) => {
                self.at = start;
                let alias = self.name()?;
                self.at = end;
                Data::Alias(alias)
            }
            _ => Data::Other,
        };
        Ok(Record { owner, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: u16 = 0x1234;

    /// An answer to the question for `a.test`, with these flags and records.
    fn reply(flags: u16, records: &[&[u8]]) -> Vec<u8> {
        let mut out = question(ID, "A.test", Family::V4, 512);
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
