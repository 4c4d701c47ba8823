//! AES: the ciphers themselves are the data plane's, see [`Scope::aes`]. Keys, nonces and tags are base64, in the line or
//! in variables.

use super::{base64_decode, bytes_of};
use crate::args::{Args, BadArg};
use crate::compile::Env;
use crate::rows::{ArgKind, ArgRow, ConvertFn, ConverterRow, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::{Aes, AesMode, Scope};

const BITS: ArgRow = arg("bits", ArgKind::Int);
const NONCE: ArgRow = arg("nonce", ArgKind::StrOrVar);
const KEY: ArgRow = arg("key", ArgKind::StrOrVar);
const AAD: ArgRow = arg("aad", ArgKind::StrOrVar);

pub(super) static ROWS: &[ConverterRow] = &[
    row("aes_gcm_dec", gcm_dec, "Decrypts with AES-GCM; nothing where the tag does not fit")
        .args(&[BITS, NONCE, KEY, arg("aead_tag", ArgKind::StrOrVar), AAD], 4)
        .prepare(bits),
    row("aes_gcm_enc", gcm_enc, "Encrypts with AES-GCM and puts the tag into a variable")
        .args(&[BITS, NONCE, KEY, arg("aead_tag", ArgKind::Var), AAD], 4)
        .prepare(bits),
    row("aes_cbc_dec", cbc_dec, "Decrypts with AES-CBC").args(&[BITS, NONCE, KEY], 3).prepare(bits),
    row("aes_cbc_enc", cbc_enc, "Encrypts with AES-CBC").args(&[BITS, NONCE, KEY], 3).prepare(bits),
];

const fn row(name: &'static str, eval: ConvertFn, doc: &'static str) -> ConverterRow {
    ConverterRow::new(name, SampleType::Bin, SampleType::Bin, eval, doc)
}

fn bits(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    match args.int(0) {
        Some(128 | 192 | 256) => Ok(()),
        _ => Err(BadArg::new(0, "key size must be 128, 192 or 256 (bits)")),
    }
}

/// An argument's bytes, from base64.
fn decoded(args: &Args, index: usize, scope: &dyn Scope) -> Option<Vec<u8>> {
    base64_decode(&args.str_or_var(index, scope)?)
}

/// Runs the cipher; what comes out, and a tag where one was made.
fn run(
    input: Sample<'_>,
    args: &Args,
    scope: &dyn Scope,
    mode: AesMode,
    tag: Option<&[u8]>,
) -> Option<(Vec<u8>, Vec<u8>)> {
    let key = decoded(args, 2, scope)?;
    if Some(i64::try_from(key.len() * 8).ok()?) != args.int(0) {
        return None;
    }
    let nonce = decoded(args, 1, scope)?;
    let aad = if args.has(4) { decoded(args, 4, scope)? } else { Vec::new() };
    scope.aes(&Aes { mode, key: &key, nonce: &nonce, tag, aad: &aad, text: &bytes_of(input)? })
}

fn gcm_dec<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    let tag = decoded(args, 3, scope)?;
    let (text, _) = run(input, args, scope, AesMode::GcmDecrypt, Some(&tag))?;
    Some(Sample::Bin(text.into()))
}

fn gcm_enc<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    let (text, tag) = run(input, args, scope, AesMode::GcmEncrypt, None)?;
    let tag = super::base64_encode(&tag);
    scope.set_var(args.var(3)?, Some(Sample::owned(tag.into_bytes())));
    Some(Sample::Bin(text.into()))
}

fn cbc_dec<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    run(input, args, scope, AesMode::CbcDecrypt, None).map(|(text, _)| Sample::Bin(text.into()))
}

fn cbc_enc<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    run(input, args, scope, AesMode::CbcEncrypt, None).map(|(text, _)| Sample::Bin(text.into()))
}
