//! As much of DER (X.690) as asking and reading what is no certificate takes. Whole certificates are x509-parser's.

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BITS: u8 = 0x03;
pub(crate) const OCTETS: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const EXPLICIT_0: u8 = 0xa0;

/// Not the value that was looked for, or cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// What is left to read.
#[derive(Clone, Copy)]
pub(crate) struct Der<'d>(pub(crate) &'d [u8]);

impl<'d> Der<'d> {
    pub(crate) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next value, which must have this tag.
    pub(crate) fn take(&mut self, tag: u8) -> Result<&'d [u8], Malformed> {
        match self.any()? {
            (found, value) if found == tag => Ok(value),
            _ => Err(Malformed),
        }
    }

    /// The next value with its tag and length.
    pub(crate) fn whole(&mut self) -> Result<&'d [u8], Malformed> {
        let from = self.0;
        self.any()?;
        from.get(..from.len() - self.0.len()).ok_or(Malformed)
    }

    /// The next value and its tag. Lengths of up to four octets.
    pub(crate) fn any(&mut self) -> Result<(u8, &'d [u8]), Malformed> {
        let (&tag, rest) = self.0.split_first().ok_or(Malformed)?;
        let (&first, rest) = rest.split_first().ok_or(Malformed)?;
        let octets = usize::from(first & 0x7f) * usize::from(first >> 7);
        if octets > 4 {
            return Err(Malformed);
        }
        let (long, rest) = rest.split_at_checked(octets).ok_or(Malformed)?;
        let length = match octets {
            0 => usize::from(first & 0x7f),
            _ => long.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
        };
        let (value, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok((tag, value))
    }
}

/// A value behind its tag and length.
pub(crate) fn written(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut value = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => value.push(short),
        Ok(_) | Err(_) => {
            let octets = length.to_be_bytes();
            let octets: Vec<u8> = octets.into_iter().skip_while(|octet| *octet == 0).collect();
            // No more than the eight octets of a length.
            value.push(0x80 | u8::try_from(octets.len()).unwrap_or_default());
            value.extend(octets);
        }
    }
    parts.iter().for_each(|part| value.extend_from_slice(part));
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_whatever_its_length() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let text = vec![7; length];
            let value = written(OCTETS, &[&text[..length / 2], &text[length / 2..]]);
            let mut read = Der(&value);
            assert_eq!(Der(&value).whole(), Ok(&value[..]), "{length}");
            assert_eq!(read.take(OCTETS), Ok(&text[..]), "{length}");
            assert!(read.0.is_empty());
        }
    }
}
