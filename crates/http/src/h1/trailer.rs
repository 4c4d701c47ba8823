//! Trailer fields behind the last chunk (RFC 9112 section 7.1.2). Kept until they are whole, because they are few
//! and rare; read by the same rules as a head's fields.

use super::{Reject, head};
use crate::fields::{Fields, Kind};

/// Most bytes of a trailer section: real ones hold a checksum or a status.
const MAX_BYTES: usize = 4096;

/// Most trailer fields.
const MAX_FIELDS: usize = 32;

/// Fields that say how a message is framed, routed, judged or read; as trailers they would come too late, and a
/// receiver that merges trailers into the head would be deceived (RFC 9110 section 6.5.1).
const FORBIDDEN: &[&[u8]] = &[
    b"authorization",
    b"cache-control",
    b"connection",
    b"content-encoding",
    b"content-length",
    b"content-range",
    b"content-type",
    b"cookie",
    b"expect",
    b"forwarded",
    b"host",
    b"keep-alive",
    b"max-forwards",
    b"proxy-authorization",
    b"proxy-connection",
    b"range",
    b"set-cookie",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
];

/// A trailer section on its way in.
#[derive(Clone, Debug, Default)]
pub(super) struct Trailer {
    raw: Vec<u8>,
    scanned: usize,
}

impl Trailer {
    /// Takes bytes; says how many of them belong here and whether the section is whole, in which case its fields
    /// are in `into`.
    pub(super) fn push(&mut self, input: &[u8], into: &mut Fields) -> Result<(usize, bool), Reject> {
        let before = self.raw.len();
        let room = (MAX_BYTES + 1).saturating_sub(before);
        self.raw.extend_from_slice(input.get(..room.min(input.len())).unwrap_or_default());
        match self.end()? {
            Some(end) => {
                self.raw.truncate(end);
                self.read(into)?;
                Ok((end - before, true))
            }
            None if self.raw.len() > MAX_BYTES => Err(Reject::bad("trailers too long", 0)),
            None => Ok((self.raw.len() - before, false)),
        }
    }

    /// The offset behind the empty line; without fields that line is all there is.
    fn end(&mut self) -> Result<Option<usize>, Reject> {
        match self.raw.as_slice() {
            [b'\r', b'\n', ..] => Ok(Some(2)),
            _ => head::find_end(&self.raw, 0, &mut self.scanned).map_err(|r| Reject { at: 0, ..r }),
        }
    }

    fn read(&mut self, into: &mut Fields) -> Result<(), Reject> {
        into.load(&self.raw);
        let any = |_: Kind, _: &[u8], _: usize| Ok(());
        head::fields(&self.raw, 0, false, MAX_FIELDS, into, any).map_err(|r| Reject { at: 0, ..r })?;
        into.retain(|name, _| !FORBIDDEN.contains(&name));
        Ok(())
    }
}
