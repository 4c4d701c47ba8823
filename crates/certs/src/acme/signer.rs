//! Requests signed by another key than the library's: an RSA account as Certbot has (RFC 7518 section 3.3), or a
//! certificate's own key, which may revoke it without any account (RFC 8555 section 7.6). Nothing of a request changes but
//! its algorithm, who is said to sign, and the signature.

use crate::tree::AccountKey;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, RSA_PKCS1_SHA256,
};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde_json::{Value, json};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::{PublicKey, RSAPublicKey};
use x509_parser::x509::SubjectPublicKeyInfo;

/// A key, ready to sign.
pub(super) struct Signer {
    key: Key,
    /// The public key, where it stands in place of an account.
    jwk: Option<Value>,
}

enum Key {
    Rsa(KeyPair),
    Ecdsa(EcdsaKeyPair, &'static str),
}

/// A curve's algorithm, what it is called in requests and in keys, and the bytes of a coordinate.
type Curve = (&'static EcdsaSigningAlgorithm, &'static str, &'static str, usize);

const CURVES: [Curve; 3] = [
    (&ECDSA_P256_SHA256_FIXED_SIGNING, "ES256", "P-256", 32),
    (&ECDSA_P384_SHA384_FIXED_SIGNING, "ES384", "P-384", 48),
    (&ECDSA_P521_SHA512_FIXED_SIGNING, "ES512", "P-521", 66),
];

impl Signer {
    /// Of an RSA account.
    pub(super) fn of_account(key: &AccountKey) -> Result<Signer, String> {
        let key = KeyPair::from_der(&key.private_der()?);
        let key = key.map_err(|why| format!("its RSA key cannot be used ({why})"))?;
        Ok(Signer { key: Key::Rsa(key), jwk: None })
    }

    /// Of a certificate: its private key in PKCS#8, and the public one (SubjectPublicKeyInfo) as it stands there.
    pub(super) fn of_certificate(pkcs8: &[u8], public: &[u8]) -> Result<Signer, String> {
        let (_, info) = SubjectPublicKeyInfo::from_der(public).map_err(|why| why.to_string())?;
        match info.parsed().map_err(|why| why.to_string())? {
            PublicKey::RSA(key) => {
                let signs = KeyPair::from_pkcs8(pkcs8).map_err(|why| why.to_string())?;
                Ok(Signer { key: Key::Rsa(signs), jwk: Some(rsa_jwk(&key)) })
            }
            PublicKey::EC(point) => {
                let coordinates = point.data().get(1..).unwrap_or_default();
                let (algorithm, name, curve, bytes) = CURVES
                    .into_iter()
                    .find(|(.., bytes)| coordinates.len() == 2 * bytes)
                    .ok_or("its curve is none that authorities know")?;
                let signs = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8).map_err(|why| why.to_string())?;
                let (x, y) = coordinates.split_at(bytes);
                let jwk = json!({ "crv": curve, "kty": "EC", "x": encoded(x), "y": encoded(y) });
                Ok(Signer { key: Key::Ecdsa(signs, name), jwk: Some(jwk) })
            }
            _ => Err("its kind of key does not sign requests: RSA or ECDSA does".to_owned()),
        }
    }

    /// Signs a flattened JWS (RFC 7515 section 7.2.2) of the library's anew.
    pub(super) fn sign(&self, body: &[u8]) -> Result<Vec<u8>, String> {
        let jws: Value = serde_json::from_slice(body).map_err(|why| why.to_string())?;
        let member = |name: &str| jws.get(name).and_then(Value::as_str).unwrap_or_default();
        let protected = BASE64_URL_SAFE_NO_PAD.decode(member("protected")).map_err(|why| why.to_string())?;
        let mut protected: Value = serde_json::from_slice(&protected).map_err(|why| why.to_string())?;
        let header = protected.as_object_mut().ok_or("a request without a header")?;
        header.insert("alg".to_owned(), json!(self.key.algorithm()));
        if let Some(jwk) = &self.jwk {
            header.remove("kid");
            header.insert("jwk".to_owned(), jwk.clone());
        }
        let protected = BASE64_URL_SAFE_NO_PAD.encode(protected.to_string());
        let input = format!("{protected}.{}", member("payload"));
        let signature = encoded(&self.key.sign(input.as_bytes())?);
        Ok(json!({ "protected": protected, "payload": member("payload"), "signature": signature })
            .to_string()
            .into_bytes())
    }
}

impl Key {
    fn algorithm(&self) -> &'static str {
        match self {
            Key::Rsa(_) => "RS256",
            Key::Ecdsa(_, name) => name,
        }
    }

    fn sign(&self, input: &[u8]) -> Result<Vec<u8>, String> {
        let random = SystemRandom::new();
        let failed = |_| "the key does not sign".to_owned();
        match self {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, input, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            Key::Ecdsa(key, _) => Ok(key.sign(&random, input).map_err(failed)?.as_ref().to_vec()),
        }
    }
}

/// RFC 7518 section 6.3.1: numbers without leading zeros.
fn rsa_jwk(key: &RSAPublicKey<'_>) -> Value {
    let number = |bytes: &[u8]| {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        encoded(bytes.get(zeros..).unwrap_or_default())
    };
    json!({ "e": number(key.exponent), "kty": "RSA", "n": number(key.modulus) })
}

fn encoded(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
