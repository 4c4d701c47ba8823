//! Message digests and authentication codes over them (FIPS 180-4, RFC 1321, RFC 2104).

use super::bytes_of;
use super::encode::base64_decode;
use crate::args::{Arg, Args, BadArg};
use crate::compile::Env;
use crate::rows::{ArgKind, ConverterRow, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

pub(super) static ROWS: &[ConverterRow] = &[
    ConverterRow::new("digest", SampleType::Bin, SampleType::Bin, digest, "The digest by a named algorithm")
        .args(&[arg("algorithm", ArgKind::Str)], 1)
        .prepare(named_algorithm),
    ConverterRow::new("hmac", SampleType::Bin, SampleType::Bin, hmac, "The HMAC under a base64 key")
        .args(&[arg("algorithm", ArgKind::Str), arg("key", ArgKind::StrOrVar)], 2)
        .prepare(algorithm_and_key),
    ConverterRow::new("sha1", SampleType::Bin, SampleType::Bin, sha1, "The SHA-1 digest"),
    ConverterRow::new("sha2", SampleType::Bin, SampleType::Bin, sha2, "The SHA-2 digest of so many bits")
        .args(&[arg("bits", ArgKind::Int)], 0)
        .prepare(sha2_bits),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    const ALL: [(&'static str, Algorithm); 6] = [
        ("md5", Algorithm::Md5),
        ("sha1", Algorithm::Sha1),
        ("sha224", Algorithm::Sha224),
        ("sha256", Algorithm::Sha256),
        ("sha384", Algorithm::Sha384),
        ("sha512", Algorithm::Sha512),
    ];

    fn named(name: &[u8]) -> Option<usize> {
        Algorithm::ALL.iter().position(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name))
    }

    /// The one whose index a prepare step left as argument `index`.
    fn prepared(args: &Args, index: usize) -> Option<Algorithm> {
        Algorithm::ALL.get(usize::try_from(args.int(index)?).ok()?).map(|(_, algorithm)| *algorithm)
    }

    fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Algorithm::Md5 => Md5::digest(bytes).to_vec(),
            Algorithm::Sha1 => Sha1::digest(bytes).to_vec(),
            Algorithm::Sha224 => Sha224::digest(bytes).to_vec(),
            Algorithm::Sha256 => Sha256::digest(bytes).to_vec(),
            Algorithm::Sha384 => Sha384::digest(bytes).to_vec(),
            Algorithm::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    fn hmac(self, key: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
        match self {
            Algorithm::Md5 => mac::<Hmac<Md5>>(key, bytes),
            Algorithm::Sha1 => mac::<Hmac<Sha1>>(key, bytes),
            Algorithm::Sha224 => mac::<Hmac<Sha224>>(key, bytes),
            Algorithm::Sha256 => mac::<Hmac<Sha256>>(key, bytes),
            Algorithm::Sha384 => mac::<Hmac<Sha384>>(key, bytes),
            Algorithm::Sha512 => mac::<Hmac<Sha512>>(key, bytes),
        }
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
    mac.update(bytes);
    Some(mac.finalize().into_bytes().to_vec())
}

fn named_algorithm(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    let Some(index) = args.str(0).and_then(Algorithm::named) else {
        let names = Algorithm::ALL.map(|(name, _)| name).join(", ");
        return Err(BadArg::new(0, format!("unknown digest: there are {names}")));
    };
    args.put(0, Arg::Int(index as i64));
    Ok(())
}

fn algorithm_and_key(args: &mut Args, env: &mut Env<'_>) -> Result<(), BadArg> {
    if args.str(1).is_some_and(|key| base64_decode(key).is_none()) {
        return Err(BadArg::new(1, "the key must be base64 encoded"));
    }
    named_algorithm(args, env)
}

fn sha2_bits(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    let name = format!("sha{}", args.int(0).unwrap_or(256));
    let index = Algorithm::named(name.as_bytes()).filter(|_| name != "sha1");
    let Some(index) = index else { return Err(BadArg::new(0, "the bits must be 224, 256, 384 or 512")) };
    args.put(0, Arg::Int(index as i64));
    Ok(())
}

fn digest<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let digest = Algorithm::prepared(args, 0)?.digest(&bytes_of(input)?);
    Some(Sample::Bin(digest.into()))
}

fn sha1<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    Some(Sample::Bin(Algorithm::Sha1.digest(&bytes_of(input)?).into()))
}

fn sha2<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    digest(input, args, scope)
}

fn hmac<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    let key = base64_decode(&args.str_or_var(1, scope)?)?;
    let code = Algorithm::prepared(args, 0)?.hmac(&key, &bytes_of(input)?)?;
    Some(Sample::Bin(code.into()))
}
