//! What an OCSP response (RFC 6960) says, and whether it may be stapled: successful, one answer, for this certificate,
//! good, and in date. Who signed it is looked at where it was fetched (`ocsp_query`); a stored one is the client's to check.

use crate::der::{Der, ENUMERATED, EXPLICIT_0, INTEGER, Malformed, OCTETS, OID, SEQUENCE, TIME};

/// Seconds that a responder's clock may be ahead of ours, as HAProxy has it.
const SKEW: i64 = 300;

/// Whether the response can be stapled, for a certificate of this serial at this time (seconds since the epoch). That it is
/// revoked is for the client to know.
pub(crate) fn check(response: &[u8], serial: &[u8], now: i64) -> Result<(), &'static str> {
    check_answer(&Answer::read(response)?, serial, now)
}

/// The same of a response that was read.
pub(crate) fn check_answer(answer: &Answer<'_>, serial: &[u8], now: i64) -> Result<(), &'static str> {
    if trim(answer.serial) != trim(serial) {
        return Err("it is about another certificate");
    }
    match answer.status {
        Status::Good | Status::Revoked => {}
        Status::Unknown => return Err("certificate status is unknown"),
    }
    check_dates(answer, now)
}

/// It has been said already, and holds still.
pub(crate) fn check_dates(answer: &Answer<'_>, now: i64) -> Result<(), &'static str> {
    if time(answer.this_update)? > now + SKEW {
        return Err("it is of the future");
    }
    if answer.next_update()?.is_some_and(|next| next < now) {
        return Err("it is out of date");
    }
    Ok(())
}

/// Leading zeros of an INTEGER say nothing.
pub(crate) fn trim(serial: &[u8]) -> &[u8] {
    let zeros = serial.iter().take_while(|byte| **byte == 0).count();
    serial.get(zeros..).unwrap_or_default()
}

/// `certStatus` (RFC 6960 section 4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Good,
    Revoked,
    Unknown,
}

/// Who signed a response.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Responder<'d> {
    /// A distinguished name in DER.
    Name(&'d [u8]),
    /// SHA-1 of its key.
    Key(&'d [u8]),
}

/// What a response of one answer says. Times are GeneralizedTime as written.
#[derive(Debug)]
pub(crate) struct Answer<'d> {
    pub(crate) responder: Option<Responder<'d>>,
    pub(crate) produced_at: &'d [u8],
    /// The whole `CertID`.
    pub(crate) id: &'d [u8],
    /// An object identifier.
    pub(crate) hash: &'d [u8],
    pub(crate) name_hash: &'d [u8],
    pub(crate) key_hash: &'d [u8],
    pub(crate) serial: &'d [u8],
    pub(crate) status: Status,
    /// When it was revoked, and why (`CRLReason`) where that is said.
    pub(crate) revoked: Option<(&'d [u8], Option<u8>)>,
    pub(crate) this_update: &'d [u8],
    pub(crate) next_update: Option<&'d [u8]>,
}

/// What makes a response believable (RFC 6960 section 4.2.1, `BasicOCSPResponse`). All with tags and lengths.
#[derive(Debug)]
pub(crate) struct Signed<'d> {
    pub(crate) data: &'d [u8],
    pub(crate) algorithm: &'d [u8],
    pub(crate) signature: &'d [u8],
    /// Of the responder, where it is not the issuer itself.
    pub(crate) certificates: Vec<&'d [u8]>,
}

/// A responder sends its own certificate, perhaps with the issuer's; more are not looked at.
const MAX_CERTIFICATES: usize = 4;

impl<'d> Signed<'d> {
    pub(crate) fn read(response: &'d [u8]) -> Result<Signed<'d>, &'static str> {
        let mut basic = basic(response)?;
        let (data, algorithm, signature) = (basic.whole()?, basic.whole()?, basic.whole()?);
        let mut certificates = Vec::new();
        if basic.peek() == Some(EXPLICIT_0) {
            let mut list = Der(Der(basic.take(EXPLICIT_0)?).take(SEQUENCE)?);
            while list.peek().is_some() && certificates.len() < MAX_CERTIFICATES {
                certificates.push(list.whole()?);
            }
        }
        Ok(Signed { data, algorithm, signature, certificates })
    }
}

/// The inside of the `BasicOCSPResponse` of a response that has one.
fn basic(response: &[u8]) -> Result<Der<'_>, &'static str> {
    let mut outer = Der(Der(response).take(SEQUENCE)?);
    match outer.take(ENUMERATED)? {
        [0] => {}
        // RFC 6960 section 4.2.1, `OCSPResponseStatus`.
        [1] => return Err("the responder found the question malformed"),
        [2] => return Err("the responder has a trouble of its own"),
        [3] => return Err("the responder is busy: try later"),
        [5] => return Err("the responder wants signed questions"),
        [6] => return Err("the responder does not answer for this authority"),
        _ => return Err("the responder had no answer"),
    }
    let mut bytes = Der(Der(outer.take(EXPLICIT_0)?).take(SEQUENCE)?);
    bytes.take(OID)?;
    Ok(Der(Der(bytes.take(OCTETS)?).take(SEQUENCE)?))
}

const MALFORMED: &str = "it is no OCSP response in DER form";

impl From<Malformed> for &'static str {
    fn from(_: Malformed) -> &'static str {
        MALFORMED
    }
}

/// `[0] IMPLICIT NULL` and `[1] IMPLICIT RevokedInfo`.
const GOOD: u8 = 0x80;
const REVOKED: u8 = 0xa1;
/// `responderID`: `[1]` or `[2]`.
const BY_NAME: u8 = 0xa1;
const BY_KEY: u8 = 0xa2;

impl<'d> Answer<'d> {
    pub(crate) fn read(response: &'d [u8]) -> Result<Answer<'d>, &'static str> {
        let mut data = Der(basic(response)?.take(SEQUENCE)?);
        let mut responder = None;
        // version [0] may be there
        while data.peek() != Some(TIME) {
            match data.any()? {
                (BY_NAME, name) => responder = Some(Responder::Name(name)),
                (BY_KEY, key) => responder = Some(Responder::Key(Der(key).take(OCTETS)?)),
                _ => {}
            }
        }
        let produced_at = data.take(TIME)?;
        let mut answers = Der(data.take(SEQUENCE)?);
        let mut answer = Der(answers.take(SEQUENCE)?);
        if answers.peek().is_some() {
            return Err("it holds more than one answer");
        }
        let id = answer.whole()?;
        let mut parts = Der(Der(id).take(SEQUENCE)?);
        let hash = Der(parts.take(SEQUENCE)?).take(OID)?;
        let (name_hash, key_hash) = (parts.take(OCTETS)?, parts.take(OCTETS)?);
        let serial = parts.take(INTEGER)?;
        let (status, revoked) = match answer.any()? {
            (GOOD, _) => (Status::Good, None),
            (REVOKED, said) => (Status::Revoked, Some(revoked(said)?)),
            _ => (Status::Unknown, None),
        };
        let this_update = answer.take(TIME)?;
        let next_update = match answer.peek() {
            Some(EXPLICIT_0) => Some(Der(answer.take(EXPLICIT_0)?).take(TIME)?),
            _ => None,
        };
        Ok(Answer {
            responder,
            produced_at,
            id,
            hash,
            name_hash,
            key_hash,
            serial,
            status,
            revoked,
            this_update,
            next_update,
        })
    }

    /// When something newer is to be known, seconds since the epoch.
    pub(crate) fn next_update(&self) -> Result<Option<i64>, &'static str> {
        self.next_update.map(time).transpose()
    }
}

/// `RevokedInfo`: when, and why.
fn revoked(said: &[u8]) -> Result<(&[u8], Option<u8>), Malformed> {
    let mut said = Der(said);
    let at = said.take(TIME)?;
    let reason = match said.peek() {
        Some(EXPLICIT_0) => Der(said.take(EXPLICIT_0)?).take(ENUMERATED)?.first().copied(),
        Some(_) | None => None,
    };
    Ok((at, reason))
}

/// When the response in DER ends to be true, seconds since the epoch; `None`: it does not say.
pub(crate) fn end(response: &[u8]) -> Option<i64> {
    Answer::read(response).ok()?.next_update().ok()?
}

/// GeneralizedTime in the one form DER allows, `YYYYMMDDHHMMSSZ`, as seconds since the epoch.
pub(crate) fn time(text: &[u8]) -> Result<i64, &'static str> {
    let digits = text.strip_suffix(b"Z").filter(|d| d.len() == 14 && d.iter().all(u8::is_ascii_digit));
    let digits = digits.ok_or(MALFORMED)?;
    let number = |from: usize, to: usize| {
        digits.get(from..to).unwrap_or_default().iter().fold(0, |sum: i64, b| sum * 10 + i64::from(b - b'0'))
    };
    let days = days_since_epoch(number(0, 4), number(4, 6), number(6, 8));
    Ok(((days * 24 + number(8, 10)) * 60 + number(10, 12)) * 60 + number(12, 14))
}

/// Days of the Gregorian calendar; years count from March so that the leap day is the last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_since_the_epoch() {
        for (text, seconds) in [
            ("19700101000000Z", 0),
            ("20000229120000Z", 951_825_600),
            ("20261120173000Z", 1_795_195_800),
            ("20991231235959Z", 4_102_444_799),
        ] {
            assert_eq!(time(text.as_bytes()), Ok(seconds), "{text}");
        }
        assert!(time(b"20260101").is_err() && time(b"2026010100000xZ").is_err());
    }

    #[test]
    fn any_cut_of_anything_is_answered_without_harm() {
        let text: Vec<u8> = (0..=255).cycle().take(600).collect();
        for start in 0..text.len() {
            assert!(check(&text[start..], b"1", 0).is_err());
            assert!(Signed::read(&text[start..]).is_err());
        }
    }
}
