//! Converters to hashes that spread keys; none of them is for security. The functions themselves are `base::hash`'s,
//! but for xxHash.

use super::bytes_of;
use crate::args::Args;
use crate::rows::{ArgKind, ArgRow, ConvertFn, ConverterRow, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;
use base::hash::{avalanche, djb2, sdbm};
use twox_hash::{XxHash3_64, XxHash32, XxHash64};

static AVALANCHE: &[ArgRow] = &[arg("avalanche", ArgKind::Int)];
static SEED: &[ArgRow] = &[arg("seed", ArgKind::Int)];

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

fn hashed<'a>(input: Sample<'a>, args: &Args, function: fn(&[u8]) -> u32) -> Option<Sample<'a>> {
    let hash = function(&bytes_of(input)?);
    let hash = if args.int(0).unwrap_or(0) != 0 { avalanche(hash) } else { hash };
    Some(Sample::Int(i64::from(hash)))
}

fn crc32<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    hashed(input, args, base::hash::crc32)
}

fn crc32c<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    hashed(input, args, |bytes| base::hash::crc32c(bytes))
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
