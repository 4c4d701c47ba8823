//! Requests signed with an RSA key (RFC 7518 section 3.3), as Certbot's accounts have, in place of the signature that the
//! library put on them. Nothing of a request changes but its algorithm and signature.

use crate::tree::AccountKey;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde_json::{Value, json};

/// An account's key, ready to sign.
pub(super) struct RsaSigner(KeyPair);

impl RsaSigner {
    pub(super) fn new(key: &AccountKey) -> Result<RsaSigner, String> {
        let key = KeyPair::from_der(&key.private_der()?);
        key.map(RsaSigner).map_err(|why| format!("its RSA key cannot be used ({why})"))
    }

    /// Signs a flattened JWS (RFC 7515 section 7.2.2) of the library's anew.
    pub(super) fn sign(&self, body: &[u8]) -> Result<Vec<u8>, String> {
        let jws: Value = serde_json::from_slice(body).map_err(|why| why.to_string())?;
        let member = |name: &str| jws.get(name).and_then(Value::as_str).unwrap_or_default();
        let protected = BASE64_URL_SAFE_NO_PAD.decode(member("protected")).map_err(|why| why.to_string())?;
        let mut protected: Value = serde_json::from_slice(&protected).map_err(|why| why.to_string())?;
        if let Some(algorithm) = protected.get_mut("alg") {
            *algorithm = json!("RS256");
        }
        let protected = BASE64_URL_SAFE_NO_PAD.encode(protected.to_string());
        let input = format!("{protected}.{}", member("payload"));
        let mut signature = vec![0; self.0.public_modulus_len()];
        let signed = self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input.as_bytes(), &mut signature);
        signed.map_err(|_| "the account's RSA key does not sign".to_owned())?;
        let signature = BASE64_URL_SAFE_NO_PAD.encode(signature);
        Ok(json!({ "protected": protected, "payload": member("payload"), "signature": signature })
            .to_string()
            .into_bytes())
    }
}
