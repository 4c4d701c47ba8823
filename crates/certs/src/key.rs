//! The keys of certificates: their kinds as configurations and Certbot's command line name them, and how they are made.

use crate::acme::IssueError;
use crate::tree::Renewal;
use rcgen::{
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA512, PKCS_RSA_SHA256,
    RsaKeySize, SignatureAlgorithm,
};
use std::fmt;

/// A kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum KeyKind {
    /// RSA of 2048 bits.
    Rsa2048,
    /// RSA of 3072 bits.
    Rsa3072,
    /// RSA of 4096 bits.
    Rsa4096,
    /// ECDSA on P-256, which costs a handshake least.
    #[default]
    P256,
    /// ECDSA on P-384.
    P384,
    /// ECDSA on P-521; Let's Encrypt does not sign it.
    P521,
}

impl KeyKind {
    /// `bits` of an RSA key.
    pub fn rsa(bits: u32) -> Option<KeyKind> {
        match bits {
            2048 => Some(KeyKind::Rsa2048),
            3072 => Some(KeyKind::Rsa3072),
            4096 => Some(KeyKind::Rsa4096),
            _ => None,
        }
    }

    /// A curve by any of its names: `P-256`, `secp256r1`, `prime256v1`.
    pub fn curve(name: &str) -> Option<KeyKind> {
        match name.to_ascii_lowercase().as_str() {
            "p-256" | "secp256r1" | "prime256v1" => Some(KeyKind::P256),
            "p-384" | "secp384r1" => Some(KeyKind::P384),
            "p-521" | "secp521r1" => Some(KeyKind::P521),
            _ => None,
        }
    }

    /// `RSA` or `ECDSA`.
    pub fn family(self) -> &'static str {
        match self {
            KeyKind::Rsa2048 | KeyKind::Rsa3072 | KeyKind::Rsa4096 => "RSA",
            KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => "ECDSA",
        }
    }

    /// Writes down what a renewed certificate is to have, in Certbot's words. A size or curve that is Certbot's default
    /// is not mentioned.
    pub(crate) fn describe(self, renewal: &mut Renewal) {
        let (kind, key, value, default) = match self {
            KeyKind::Rsa2048 => ("rsa", "rsa_key_size", "2048", true),
            KeyKind::Rsa3072 => ("rsa", "rsa_key_size", "3072", false),
            KeyKind::Rsa4096 => ("rsa", "rsa_key_size", "4096", false),
            KeyKind::P256 => ("ecdsa", "elliptic_curve", "secp256r1", true),
            KeyKind::P384 => ("ecdsa", "elliptic_curve", "secp384r1", false),
            KeyKind::P521 => ("ecdsa", "elliptic_curve", "secp521r1", false),
        };
        renewal.set("key_type", kind);
        for other in ["rsa_key_size", "elliptic_curve"] {
            if other != key || (default && renewal.param(other).is_none()) {
                renewal.unset(other);
            } else {
                renewal.set(key, value);
            }
        }
    }

    /// Makes a key of this kind. RSA takes up to seconds of processor time.
    pub(crate) fn generate(self) -> Result<KeyPair, IssueError> {
        let rsa = |size| KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, size);
        let ecdsa = |algorithm: &'static SignatureAlgorithm| KeyPair::generate_for(algorithm);
        let made = match self {
            KeyKind::Rsa2048 => rsa(RsaKeySize::_2048),
            KeyKind::Rsa3072 => rsa(RsaKeySize::_3072),
            KeyKind::Rsa4096 => rsa(RsaKeySize::_4096),
            KeyKind::P256 => ecdsa(&PKCS_ECDSA_P256_SHA256),
            KeyKind::P384 => ecdsa(&PKCS_ECDSA_P384_SHA384),
            KeyKind::P521 => ecdsa(&PKCS_ECDSA_P521_SHA512),
        };
        made.map_err(|why| IssueError::Key { why: why.to_string() })
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyKind::Rsa2048 => "RSA 2048",
            KeyKind::Rsa3072 => "RSA 3072",
            KeyKind::Rsa4096 => "RSA 4096",
            KeyKind::P256 => "ECDSA P-256",
            KeyKind::P384 => "ECDSA P-384",
            KeyKind::P521 => "ECDSA P-521",
        })
    }
}
