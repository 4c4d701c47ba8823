//! Hashes that spread keys; none of them is for security. The functions are the published ones: CRC-32 as in
//! Ethernet and gzip, CRC-32C of RFC 9260 appendix A, Bernstein's djb2, sdbm, and xxHash. The avalanche is Bob
//! Jenkins's full avalanche integer hash, as `hash-type ... avalanche` names it.

use super::bytes_of;
use crate::args::Args;
use crate::rows::{ArgKind, ArgRow, ConvertFn, ConverterRow, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;
use twox_hash::{XxHash3_64, XxHash32, XxHash64};

static AVALANCHE: &[ArgRow] = &[arg("avalanche", ArgKind::Int)];
static SEED: &[ArgRow] = &[arg("seed", ArgKind::Int)];

/// Reversed polynomials.
const ETHERNET: u32 = 0xedb8_8320;
const CASTAGNOLI: u32 = 0x82f6_3b78;

static ETHERNET_TABLE: [u32; 256] = crc_table(ETHERNET);
static CASTAGNOLI_TABLE: [u32; 256] = crc_table(CASTAGNOLI);

pub(super) static ROWS: &[ConverterRow] = &[
    hash("crc32", crc32, "CRC-32 as in Ethernet, gzip and PNG").args(AVALANCHE, 0),
    hash("crc32c", crc32c, "CRC-32C (Castagnoli)").args(AVALANCHE, 0),
    hash("djb2", djb2_row, "The djb2 hash").args(AVALANCHE, 0),
    hash("sdbm", sdbm_row, "The sdbm hash").args(AVALANCHE, 0),
    hash("xxh3", xxh3, "XXH3, 64 bits signed").args(SEED, 0),
    hash("xxh32", xxh32, "xxHash, 32 bits").args(SEED, 0),
    hash("xxh64", xxh64, "xxHash, 64 bits signed").args(SEED, 0),
];

const fn hash(name: &'static str, eval: ConvertFn, doc: &'static str) -> ConverterRow {
    ConverterRow::new(name, SampleType::Bin, SampleType::Int, eval, doc)
}

/// sdbm: `h = byte + h * 65599`.
pub(crate) fn sdbm(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |h: u32, b| h.wrapping_mul(65599).wrapping_add(u32::from(*b)))
}

/// djb2: `h = h * 33 + byte`, from 5381 on.
fn djb2(bytes: &[u8]) -> u32 {
    bytes.iter().fold(5381, |h: u32, b| h.wrapping_mul(33).wrapping_add(u32::from(*b)))
}

/// Bob Jenkins's 32-bit integer hash, in which every input bit changes every output bit half of the time, times a prime
/// near three quarters of the range (the factor follows from what HAProxy 2.6 answers).
pub(crate) fn avalanche(mut a: u32) -> u32 {
    a = a.wrapping_add(0x7ed5_5d16).wrapping_add(a << 12);
    a = (a ^ 0xc761_c23c) ^ (a >> 19);
    a = a.wrapping_add(0x1656_67b1).wrapping_add(a << 5);
    a = a.wrapping_add(0xd3a2_646c) ^ (a << 9);
    a = a.wrapping_add(0xfd70_46c5).wrapping_add(a << 3);
    a = (a ^ 0xb55a_4f09) ^ (a >> 16);
    a.wrapping_mul(0xc000_0001)
}

const fn crc_table(polynomial: u32) -> [u32; 256] {
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

fn crc(bytes: &[u8], table: &[u32; 256]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, b| crc >> 8 ^ table[usize::from(crc as u8 ^ b)])
}

fn hashed<'a>(input: Sample<'a>, args: &Args, function: fn(&[u8]) -> u32) -> Option<Sample<'a>> {
    let hash = function(&bytes_of(input)?);
    let hash = if args.int(0).unwrap_or(0) != 0 { avalanche(hash) } else { hash };
    Some(Sample::Int(i64::from(hash)))
}

fn crc32<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    hashed(input, args, |bytes| crc(bytes, &ETHERNET_TABLE))
}

fn crc32c<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    hashed(input, args, |bytes| crc(bytes, &CASTAGNOLI_TABLE))
}

fn djb2_row<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    hashed(input, args, djb2)
}

fn sdbm_row<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    hashed(input, args, sdbm)
}

fn xxh32<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let seed = args.int(0).unwrap_or(0) as u32;
    Some(Sample::Int(i64::from(XxHash32::oneshot(seed, &bytes_of(input)?))))
}

fn xxh64<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let seed = args.int(0).unwrap_or(0) as u64;
    Some(Sample::Int(XxHash64::oneshot(seed, &bytes_of(input)?) as i64))
}

fn xxh3<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let seed = args.int(0).unwrap_or(0) as u64;
    Some(Sample::Int(XxHash3_64::oneshot_with_seed(seed, &bytes_of(input)?) as i64))
}
