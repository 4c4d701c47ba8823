//! Hashes that spread keys and find transmission errors; none of them is for security. The functions are the published
//! ones: CRC-32 as in Ethernet and gzip, CRC-32C of RFC 9260 appendix A, Bernstein's djb2, sdbm. All are bit-exact: a farm
//! behind two balancers must be divided alike by both.

/// sdbm: `h = byte + h * 65599`.
pub fn sdbm(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |h: u32, b| h.wrapping_mul(65_599).wrapping_add(u32::from(*b)))
}

/// djb2: `h = h * 33 + byte`, from 5381 on.
pub fn djb2(bytes: &[u8]) -> u32 {
    bytes.iter().fold(5381, |h: u32, b| h.wrapping_mul(33).wrapping_add(u32::from(*b)))
}

/// CRC-32 as in Ethernet, gzip and PNG.
pub fn crc32(bytes: &[u8]) -> u32 {
    crc(bytes, &ETHERNET)
}

/// CRC-32C (Castagnoli) of bytes in a row, which need not lie together.
pub fn crc32c<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> u32 {
    crc(bytes, &CASTAGNOLI)
}

/// A full avalanche over four bytes (Bob Jenkins' integer hash in six shifts), then a multiplication that stirs the
/// two top bits once more; the factor follows from what HAProxy 2.6 answers.
pub fn avalanche(number: u32) -> u32 {
    let mut a = number;
    a = a.wrapping_add(0x7ed5_5d16).wrapping_add(a << 12);
    a = (a ^ 0xc761_c23c) ^ (a >> 19);
    a = a.wrapping_add(0x1656_67b1).wrapping_add(a << 5);
    a = a.wrapping_add(0xd3a2_646c) ^ (a << 9);
    a = a.wrapping_add(0xfd70_46c5).wrapping_add(a << 3);
    a = (a ^ 0xb55a_4f09) ^ (a >> 16);
    a.wrapping_mul(0xc000_0001)
}

/// Tables of the reversed polynomials.
static ETHERNET: [u32; 256] = table(0xedb8_8320);
static CASTAGNOLI: [u32; 256] = table(0x82f6_3b78);

const fn table(polynomial: u32) -> [u32; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let (mut entry, mut bit) = (i as u32, 0);
        while bit < 8 {
            entry = if entry & 1 == 1 { entry >> 1 ^ polynomial } else { entry >> 1 };
            bit += 1;
        }
        table[i] = entry;
        i += 1;
    }
    table
}

fn crc<'a>(bytes: impl IntoIterator<Item = &'a u8>, table: &[u32; 256]) -> u32 {
    !bytes.into_iter().fold(!0, |crc: u32, b| crc >> 8 ^ table[usize::from(crc as u8 ^ b)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(djb2(b"a"), 177_670);
        assert_eq!(sdbm(b"a"), 97);
        // read off HAProxy with map sizes 251, 241, 239 and 233
        assert_eq!(avalanche(97), 0x6d1e_ff97);
    }

    #[test]
    fn the_checksum_matches_the_published_check_values() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        // RFC 3720 appendix B.4
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
        assert_eq!(crc32c(&[0xff; 32]), 0x62A8_AB43);
    }
}
