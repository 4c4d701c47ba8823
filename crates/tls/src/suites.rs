//! OpenSSL's words for cipher suites and curves, and which of ours they mean.
//!
//! Only what rustls speaks can be chosen: three TLS 1.3 suites, and six of TLS 1.2 that are all ECDHE with an AEAD.
//! Words that ask for something else are collected and reported once; words that forbid it need no report.

use crate::p521::P521;
use crate::problem::Problem;
use crate::versions::{TlsVersion, Versions};
use rustls::crypto::aws_lc_rs::{ALL_KX_GROUPS, cipher_suite as own, default_provider};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::{CipherSuite, NamedGroup, SupportedCipherSuite, SupportedProtocolVersion, version};
use std::sync::Arc;

/// A suite of TLS 1.2: its name in OpenSSL and the classes it belongs to (`man 1 ciphers`).
struct Suite {
    suite: SupportedCipherSuite,
    name: &'static str,
    auth: &'static [&'static str],
    cipher: &'static [&'static str],
}

/// Classes that all six belong to.
const EVERY: [&str; 9] = ["ALL", "DEFAULT", "HIGH", "TLSv1.2", "kECDHE", "kEECDH", "ECDHE", "EECDH", "AEAD"];
const ECDSA: &[&str] = &["aECDSA", "ECDSA"];
const RSA: &[&str] = &["aRSA"];
const AES128: &[&str] = &["AES", "AES128", "AESGCM"];
const AES256: &[&str] = &["AES", "AES256", "AESGCM"];
const CHACHA: &[&str] = &["CHACHA20"];

/// In OpenSSL's default order.
static TLS12: [Suite; 6] = [
    Suite {
        suite: own::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        name: "ECDHE-ECDSA-AES256-GCM-SHA384",
        auth: ECDSA,
        cipher: AES256,
    },
    Suite {
        suite: own::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        name: "ECDHE-RSA-AES256-GCM-SHA384",
        auth: RSA,
        cipher: AES256,
    },
    Suite {
        suite: own::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        name: "ECDHE-ECDSA-CHACHA20-POLY1305",
        auth: ECDSA,
        cipher: CHACHA,
    },
    Suite {
        suite: own::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        name: "ECDHE-RSA-CHACHA20-POLY1305",
        auth: RSA,
        cipher: CHACHA,
    },
    Suite {
        suite: own::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        name: "ECDHE-ECDSA-AES128-GCM-SHA256",
        auth: ECDSA,
        cipher: AES128,
    },
    Suite {
        suite: own::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        name: "ECDHE-RSA-AES128-GCM-SHA256",
        auth: RSA,
        cipher: AES128,
    },
];

/// In AWS-LC's default order where the processor knows AES. OpenSSL has the first one last; but a third of a handshake's
/// instructions are SHA-384 then, for a margin that no attack calls for. Who wants it names `ciphersuites`.
static TLS13: [(SupportedCipherSuite, &str); 3] = [
    (own::TLS13_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256"),
    (own::TLS13_AES_256_GCM_SHA384, "TLS_AES_256_GCM_SHA384"),
    (own::TLS13_CHACHA20_POLY1305_SHA256, "TLS_CHACHA20_POLY1305_SHA256"),
];

/// Curves by every name OpenSSL takes, in lower case.
const CURVES: [(&str, NamedGroup); 13] = [
    ("x25519mlkem768", NamedGroup::X25519MLKEM768),
    ("secp256r1mlkem768", NamedGroup::secp256r1MLKEM768),
    ("mlkem768", NamedGroup::MLKEM768),
    ("x25519", NamedGroup::X25519),
    ("p-256", NamedGroup::secp256r1),
    ("p256", NamedGroup::secp256r1),
    ("prime256v1", NamedGroup::secp256r1),
    ("secp256r1", NamedGroup::secp256r1),
    ("p-384", NamedGroup::secp384r1),
    ("p384", NamedGroup::secp384r1),
    ("secp384r1", NamedGroup::secp384r1),
    ("p-521", NamedGroup::secp521r1),
    ("secp521r1", NamedGroup::secp521r1),
];

/// OpenSSL's name of a suite.
pub(crate) fn name_of(suite: CipherSuite) -> Option<&'static str> {
    let tls12 = TLS12.iter().find(|row| row.suite.suite() == suite).map(|row| row.name);
    tls12.or_else(|| TLS13.iter().find(|row| row.0.suite() == suite).map(|row| row.1))
}

/// OpenSSL's name of a group for key agreement.
pub(crate) fn group_name(group: NamedGroup) -> Option<&'static str> {
    match group {
        NamedGroup::X25519MLKEM768 => Some("X25519MLKEM768"),
        NamedGroup::secp256r1MLKEM768 => Some("SecP256r1MLKEM768"),
        NamedGroup::MLKEM768 => Some("MLKEM768"),
        NamedGroup::X25519 => Some("X25519"),
        NamedGroup::secp256r1 => Some("P-256"),
        NamedGroup::secp384r1 => Some("P-384"),
        NamedGroup::secp521r1 => Some("P-521"),
        _ => None,
    }
}

/// What a line says about the cryptography.
#[derive(Clone, Copy)]
pub(crate) struct Wishes<'w> {
    pub(crate) ciphers: Option<&'w str>,
    pub(crate) ciphersuites: Option<&'w str>,
    pub(crate) curves: Option<&'w str>,
    pub(crate) versions: Versions,
}

/// What is spoken in the end.
pub(crate) struct Speech {
    pub(crate) provider: Arc<CryptoProvider>,
    pub(crate) versions: Vec<&'static SupportedProtocolVersion>,
}

/// Turns a line's wishes into a provider; `None` where nothing is left, which is then in `problems`.
pub(crate) fn speech(wishes: Wishes<'_>, problems: &mut Vec<Problem>) -> Option<Speech> {
    let tls12 =
        wishes.ciphers.map_or_else(|| TLS12.iter().map(|row| row.suite).collect(), |l| ciphers(l, problems));
    let tls13 = match wishes.ciphersuites {
        Some(list) => ciphersuites(list, problems),
        None => TLS13.iter().map(|row| row.0).collect(),
    };
    let kx_groups = wishes.curves.map_or_else(|| default_provider().kx_groups, |list| curves(list, problems));
    let (mut versions, mut cipher_suites) = (Vec::new(), Vec::new());
    if allowed(wishes.versions, TlsVersion::Tls13) && left(&tls13, "ciphersuites", problems) {
        versions.push(&version::TLS13);
        cipher_suites.extend(tls13);
    }
    // A suite of a version that is not spoken must not be offered: twins are chosen by the suites offered.
    if allowed(wishes.versions, TlsVersion::Tls12) && left(&tls12, "ciphers", problems) {
        versions.push(&version::TLS12);
        cipher_suites.extend(tls12);
    }
    if versions.is_empty() {
        problems.push(Problem::NoVersion);
    }
    if kx_groups.is_empty() {
        problems.push(Problem::Refused { why: "none of the curves is available".into() });
    }
    let provider = Arc::new(CryptoProvider { cipher_suites, kx_groups, ..default_provider() });
    (!versions.is_empty() && !provider.kx_groups.is_empty()).then_some(Speech { provider, versions })
}

fn left(suites: &[SupportedCipherSuite], what: &'static str, problems: &mut Vec<Problem>) -> bool {
    if suites.is_empty() {
        problems.push(Problem::NothingLeft { what });
    }
    !suites.is_empty()
}

fn allowed(limits: Versions, version: TlsVersion) -> bool {
    let switched_off = match version {
        TlsVersion::Tls12 => limits.no_tls12,
        TlsVersion::Tls13 => limits.no_tls13,
        TlsVersion::Ssl3 | TlsVersion::Tls10 | TlsVersion::Tls11 => true,
    };
    let (min, max) = (limits.min.unwrap_or(TlsVersion::Ssl3), limits.max.unwrap_or(TlsVersion::Tls13));
    !switched_off && (min..=max).contains(&version)
}

fn report(what: &'static str, names: Vec<String>, problems: &mut Vec<Problem>) {
    if !names.is_empty() {
        problems.push(Problem::UnknownNames { what, names });
    }
}

/// The words of a list; OpenSSL separates them by colons, commas, semicolons or spaces.
fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split([':', ',', ';', ' ']).filter(|word| !word.is_empty())
}

/// OpenSSL's cipher string: words add what is not there yet, `-` removes, `!` removes for good, `+` moves to the end.
fn ciphers(list: &str, problems: &mut Vec<Problem>) -> Vec<SupportedCipherSuite> {
    let mut chosen: Vec<&Suite> = Vec::new();
    let mut killed: Vec<&Suite> = Vec::new();
    let mut missing = Vec::new();
    for word in words(list).filter(|word| !word.starts_with('@')) {
        let (sign, class) = match word.split_at_checked(1) {
            Some((sign @ ("!" | "-" | "+"), class)) => (sign, class),
            _ => ("", word),
        };
        let members: Vec<&Suite> = TLS12.iter().filter(|suite| is_member(suite, class)).collect();
        let among = |suite: &&Suite| members.iter().any(|m| m.name == suite.name);
        match sign {
            "!" => {
                killed.extend(&members);
                chosen.retain(|suite| !among(suite));
            }
            "-" => chosen.retain(|suite| !among(suite)),
            "+" => chosen.sort_by_key(|suite| among(suite)),
            _ if members.is_empty() => missing.push(word.to_owned()),
            _ => {
                let new = members
                    .iter()
                    .filter(|m| ![&chosen, &killed].iter().any(|l| l.iter().any(|c| c.name == m.name)));
                let new: Vec<&Suite> = new.copied().collect();
                chosen.extend(new);
            }
        }
    }
    report("ciphers", missing, problems);
    chosen.into_iter().map(|suite| suite.suite).collect()
}

/// A suite's own name in either spelling, or classes joined by `+`, all of which it must belong to.
fn is_member(suite: &Suite, class: &str) -> bool {
    let iana = suite.suite.suite().as_str().is_some_and(|name| name == class);
    iana || suite.name == class
        || class
            .split('+')
            .all(|tag| EVERY.contains(&tag) || suite.auth.contains(&tag) || suite.cipher.contains(&tag))
}

fn ciphersuites(list: &str, problems: &mut Vec<Problem>) -> Vec<SupportedCipherSuite> {
    let (known, missing): (Vec<&str>, Vec<&str>) =
        words(list).partition(|word| TLS13.iter().any(|row| row.1 == *word));
    report("ciphersuites", missing.into_iter().map(str::to_owned).collect(), problems);
    known.iter().filter_map(|word| TLS13.iter().find(|row| row.1 == *word)).map(|row| row.0).collect()
}

fn curves(list: &str, problems: &mut Vec<Problem>) -> Vec<&'static dyn SupportedKxGroup> {
    let mut groups: Vec<&'static dyn SupportedKxGroup> = Vec::new();
    let mut missing = Vec::new();
    for word in words(list) {
        let lower = word.to_ascii_lowercase();
        let name = CURVES.iter().find(|row| row.0 == lower).map(|row| row.1);
        let known = ALL_KX_GROUPS.iter().copied().chain([&P521 as &dyn SupportedKxGroup]);
        match known.into_iter().find(|group| Some(group.name()) == name) {
            Some(group) => groups.push(group),
            None => missing.push(word.to_owned()),
        }
    }
    report("curves", missing, problems);
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;

    fn chosen(list: &str) -> (Vec<&'static str>, Vec<Problem>) {
        let mut problems = Vec::new();
        let suites = ciphers(list, &mut problems);
        (suites.iter().filter_map(|suite| name_of(suite.suite())).collect(), problems)
    }

    #[test]
    fn cipher_strings_mean_what_openssl_means() {
        let (e256, r256) = ("ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384");
        let (e128, r128) = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256");
        let (ec, rc) = ("ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305");
        for (list, expected) in [
            ("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256", vec![r128, e128]),
            ("EECDH+AESGCM:!aNULL:!MD5", vec![e256, r256, e128, r128]),
            ("AES128+EECDH:AES256+EECDH", vec![e128, r128, e256, r256]),
            ("HIGH:!aRSA", vec![e256, ec, e128]),
            ("ALL:!CHACHA20:+AES256", vec![e128, r128, e256, r256]),
            ("CHACHA20:@STRENGTH", vec![ec, rc]),
            ("ECDHE-ECDSA-AES128-GCM-SHA256,-aECDSA,ALL:!AES256:!CHACHA20", vec![e128, r128]),
            ("!aECDSA:ALL", vec![r256, rc, r128]),
            ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", vec![r128]),
        ] {
            let (names, problems) = chosen(list);
            assert_eq!(names, expected, "{list}");
            assert!(problems.is_empty(), "{list}: {problems:?}");
        }
    }

    #[test]
    fn what_is_not_there_is_reported_once() {
        let (names, problems) = chosen("AES128-SHA:DHE-RSA-AES256-GCM-SHA384:CHACHA20:!3DES:EDH+AESGCM");
        assert_eq!(names.len(), 2);
        let missing = ["AES128-SHA", "DHE-RSA-AES256-GCM-SHA384", "EDH+AESGCM"];
        let names = missing.map(str::to_owned).to_vec();
        assert_eq!(problems, [Problem::UnknownNames { what: "ciphers", names }]);
    }

    fn spoken(min: Option<TlsVersion>, max: Option<TlsVersion>, no_tls13: bool) -> Option<usize> {
        let versions = Versions { min, max, no_tls12: false, no_tls13 };
        let wishes = Wishes { ciphers: None, ciphersuites: None, curves: None, versions };
        speech(wishes, &mut Vec::new()).map(|speech| speech.versions.len())
    }

    #[test]
    fn only_tls_1_2_and_1_3_are_spoken() {
        use TlsVersion::{Ssl3, Tls10, Tls11, Tls12, Tls13};
        assert_eq!(spoken(None, None, false), Some(2));
        assert_eq!(spoken(Some(Ssl3), None, false), Some(2));
        assert_eq!(spoken(Some(Tls13), None, false), Some(1));
        assert_eq!(spoken(None, Some(Tls12), false), Some(1));
        assert_eq!(spoken(None, None, true), Some(1));
        assert_eq!(spoken(Some(Tls10), Some(Tls11), false), None);
        assert_eq!(spoken(Some(Tls13), None, true), None);
    }

    #[test]
    fn the_post_quantum_group_comes_first_unless_curves_says_otherwise() {
        assert_eq!(default_provider().kx_groups[0].name(), NamedGroup::X25519MLKEM768);
        let mut problems = Vec::new();
        let named: Vec<_> = curves("P-256:X448:X25519", &mut problems).iter().map(|g| g.name()).collect();
        assert_eq!(named, [NamedGroup::secp256r1, NamedGroup::X25519]);
        assert_eq!(problems.len(), 1);
        assert_eq!(ALL_CIPHER_SUITES.len(), TLS12.len() + TLS13.len(), "a new suite needs a name here");
    }
}
