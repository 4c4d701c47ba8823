//! Dates in cookie values: seconds since the epoch in steps of four, 30 bits, as five letters of base64's alphabet.

/// Letters of a date.
pub const LEN: usize = 5;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Seconds to letters, rounded up as HAProxy rounds them: both may give out cookies of one site.
pub fn encode(seconds: u32) -> [u8; LEN] {
    let mut left = seconds.div_ceil(4);
    let mut out = [0; LEN];
    for letter in out.iter_mut().rev() {
        *letter = ALPHABET[(left & 63) as usize];
        left >>= 6;
    }
    out
}

/// Letters to seconds; `None` where five of the alphabet do not stand at the beginning.
pub fn decode(text: &[u8]) -> Option<u32> {
    let digit = |b: &u8| ALPHABET.iter().position(|a| a == b).map(|d| d as u32);
    let steps = text.get(..LEN)?.iter().try_fold(0_u32, |n, b| Some((n << 6) | digit(b)?))?;
    Some(steps << 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for seconds in [0, 4, 1_795_000_000, u32::MAX - 3] {
            assert_eq!(decode(&encode(seconds)), Some(seconds));
        }
        assert_eq!(encode(1_795_000_000), *b"av2Gw");
        // seen of HAProxy 2.6
        let dates = [1_795_896_126, 1_795_896_128, 1_795_896_129].map(encode);
        assert_eq!(dates, [*b"awszQ", *b"awszQ", *b"awszR"]);
        assert_eq!((decode(b"abc"), decode(b"abc.d")), (None, None));
    }
}
