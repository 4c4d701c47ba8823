//! How the words behind flags are read: one function a kind of word. An error says what was expected.

use super::options::{Authenticator, Options};
use certs::KeyKind;
use certs::acme::{MacAlgorithm, Reason};
use certs::hatch::Challenge;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) const NO_INSTALLER: &str = "no web server's configuration is edited here: use 'certonly' with --standalone, \
                                       --webroot or --manual, and have the server read the files in live/ (a \
                                       --deploy-hook reloads it); where lockgate is the server, nothing has to be named";
pub(super) const NO_PLUGIN: &str = "this plugin is not part of lockgate: use --manual with --preferred-challenges dns, \
                                    --manual-auth-hook and --manual-cleanup-hook, or 'challenge dns-01' in an acme \
                                    section of the proxy; --dns-rfc2136 and --dns-cloudflare are there";
/// Why a certificate may be revoked, in Certbot's words.
pub(super) const REASONS: [(&str, Reason); 5] = [
    ("unspecified", Reason::Unspecified),
    ("keycompromise", Reason::KeyCompromise),
    ("affiliationchanged", Reason::AffiliationChanged),
    ("superseded", Reason::Superseded),
    ("cessationofoperation", Reason::CessationOfOperation),
];

pub(super) fn text(place: &mut Option<String>, word: &str) -> Result<(), String> {
    *place = Some(word.to_owned());
    Ok(())
}

/// An empty one counts as none, as with Certbot.
pub(super) fn name(place: &mut Option<String>, word: &str) -> Result<(), String> {
    *place = Some(word.to_owned()).filter(|word| !word.is_empty());
    Ok(())
}

pub(super) fn number<N: std::str::FromStr>(place: &mut N, word: &str) -> Result<(), String> {
    *place = word.parse().map_err(|_| format!("'{word}' is no number that fits here"))?;
    Ok(())
}

pub(super) fn folder(place: &mut PathBuf, word: &str) -> Result<(), String> {
    *place = std::path::absolute(Path::new(word)).map_err(|why| format!("'{word}': {why}"))?;
    Ok(())
}

/// A file, which need not be there; a path that was given from here.
pub(super) fn file(place: &mut Option<PathBuf>, word: &str) -> Result<(), String> {
    let mut path = PathBuf::new();
    folder(&mut path, word)?;
    *place = Some(path);
    Ok(())
}

/// The same, written down in confs.
pub(super) fn path(place: &mut Option<String>, word: &str) -> Result<(), String> {
    let mut path = PathBuf::new();
    folder(&mut path, word)?;
    *place = Some(path.display().to_string());
    Ok(())
}

pub(super) fn seconds(place: &mut Option<Duration>, word: &str) -> Result<(), String> {
    let mut seconds: u32 = 0;
    number(&mut seconds, word)?;
    *place = Some(Duration::from_secs(seconds.into()));
    Ok(())
}

pub(super) fn reason(options: &mut Options, word: &str) -> Result<(), String> {
    let known = REASONS.iter().find(|(name, _)| *name == word.to_lowercase());
    let names = || REASONS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let (_, reason) = known.ok_or_else(|| format!("invalid choice: '{word}' (choose from {})", names()))?;
    options.reason = reason.clone();
    Ok(())
}

pub(super) fn hmac(options: &mut Options, word: &str) -> Result<(), String> {
    options.eab_algorithm = MacAlgorithm::of(word)
        .ok_or_else(|| format!("'{word}' is no algorithm: choose HS256, HS384 or HS512"))?;
    Ok(())
}

pub(super) fn address(options: &mut Options, word: &str) -> Result<(), String> {
    for word in word.split(',').map(str::trim) {
        word.parse::<IpAddr>().map_err(|_| format!("'{word}' is no IP address"))?;
        names(options, word)?;
        options.addresses.push(word.to_lowercase());
    }
    Ok(())
}

/// One that is none is kept: what is wrong with it is told once all words are read (`contradictions`).
pub(super) fn names(options: &mut Options, word: &str) -> Result<(), String> {
    for name in word.split(',').map(str::trim) {
        let name = name.trim_end_matches('.').to_lowercase();
        if let Some(folder) = options.webroot_paths.last() {
            options.webroots.push((name.clone(), folder.clone()));
        }
        if !options.names.contains(&name) {
            options.names.push(name);
        }
    }
    Ok(())
}

pub(super) fn authenticator(options: &mut Options, word: &str) -> Result<(), String> {
    match Authenticator::of(word) {
        Authenticator::Other(name) if name == "nginx" || name == "apache" => Err(NO_INSTALLER.to_owned()),
        Authenticator::Other(name) => {
            options.unfit(format!("'{name}' is no way to prove control here; {NO_PLUGIN}"));
            Ok(())
        }
        known => {
            options.go(known);
            Ok(())
        }
    }
}

pub(super) fn webroot(options: &mut Options, word: &str) -> Result<(), String> {
    for folder in word.split(',').map(str::trim).filter(|folder| !folder.is_empty()) {
        if !Path::new(folder).is_dir() {
            options.unfit(format!("{folder} does not exist or is not a directory"));
        }
        let folder = std::path::absolute(folder).map_err(|why| format!("'{folder}': {why}"))?;
        options.webroot_paths.push(folder.display().to_string());
    }
    Ok(())
}

pub(super) fn webroot_map(options: &mut Options, word: &str) -> Result<(), String> {
    let map: std::collections::BTreeMap<String, String> = serde_json::from_str(word)
        .map_err(|why| format!("a JSON object of names and folders is expected ({why})"))?;
    for (list, folder) in map {
        for name in list.split(',').map(str::trim) {
            names(options, name)?;
            options.webroots.retain(|(known, _)| known != name);
            options.webroots.push((name.to_lowercase(), folder.clone()));
        }
    }
    Ok(())
}

pub(super) fn challenges(options: &mut Options, word: &str) -> Result<(), String> {
    let mut all = Vec::new();
    for kind in word.split(',').map(str::trim).filter(|kind| !kind.is_empty()) {
        all.push(match kind {
            "http" | "http-01" => Challenge::Http01,
            "dns" | "dns-01" => Challenge::Dns01,
            "tls-alpn" | "tls-alpn-01" => Challenge::TlsAlpn01,
            other => return Err(format!("'{other}' is no kind of challenge: http, dns or tls-alpn-01")),
        });
    }
    options.challenges = all;
    Ok(())
}

pub(super) fn key_type(options: &mut Options, word: &str) -> Result<(), String> {
    if !matches!(word.to_lowercase().as_str(), "rsa" | "ecdsa") {
        return Err(format!("'{word}' is no type of key: rsa or ecdsa"));
    }
    options.key_type = Some(word.to_lowercase());
    Ok(())
}

pub(super) fn key_size(options: &mut Options, word: &str) -> Result<(), String> {
    let mut bits = 0;
    number(&mut bits, word)?;
    KeyKind::rsa(bits).ok_or_else(|| format!("{bits} bits: 2048, 3072 or 4096"))?;
    options.rsa_key_size = Some(bits);
    Ok(())
}

pub(super) fn curve(options: &mut Options, word: &str) -> Result<(), String> {
    // Written into confs, where Certbot knows no other spelling.
    if !matches!(word, "secp256r1" | "secp384r1" | "secp521r1") {
        return Err(format!("invalid choice: '{word}' (choose from 'secp256r1', 'secp384r1', 'secp521r1')"));
    }
    options.curve = Some(word.to_owned());
    Ok(())
}
