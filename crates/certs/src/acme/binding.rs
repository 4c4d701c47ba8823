//! External account binding (RFC 8555 section 7.3.4): a new account's request carries the account's public key, signed
//! with a key that the authority handed out beside ACME. The library binds with HS256 and keys of its own alone; here a
//! request of its is given its binding on the way, by any of the algorithms and for a key that the operator brought.

use super::signer::Signer;
use super::{Eab, MacAlgorithm};
use aws_lc_rs::hmac;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use rcgen::{KeyPair, PublicKeyData};
use serde_json::{Value, json};

/// What a new account's request becomes bound by.
pub(super) struct Binder {
    eab: Eab,
    contact: Vec<String>,
    /// The account's key: what is changed is signed anew.
    signer: Signer,
}

impl Binder {
    /// For an account with this key (PKCS#8, ECDSA on P-256) and these addresses, `mailto:` included.
    pub(super) fn new(eab: &Eab, contact: &[String], pkcs8: &[u8]) -> Result<Binder, String> {
        let key = KeyPair::try_from(pkcs8).map_err(|why| why.to_string())?;
        let signer = Signer::of_certificate(pkcs8, &key.subject_public_key_info())?;
        Ok(Binder { eab: eab.clone(), contact: contact.to_vec(), signer })
    }

    /// A request with the binding, where it asks for a new account; every other as it is.
    pub(super) fn bind(&self, body: &[u8]) -> Result<Vec<u8>, String> {
        let jws: Value = serde_json::from_slice(body).map_err(|why| why.to_string())?;
        let (protected, payload) = (member(&jws, "protected")?, member(&jws, "payload")?);
        // Others are signed by the account's address; questions for an account are not to make one.
        let Some(jwk) = protected.get("jwk").filter(|_| payload["onlyReturnExisting"] != true) else {
            return Ok(body.to_vec());
        };
        let mut new = json!({
            "termsOfServiceAgreed": true,
            "externalAccountBinding": self.eab.sign(&protected["url"], jwk),
        });
        if !self.contact.is_empty() {
            new["contact"] = json!(self.contact);
        }
        let bound = json!({ "protected": jws["protected"], "payload": encoded(new.to_string()) });
        self.signer.sign(bound.to_string().as_bytes())
    }
}

/// A part of a flattened JWS (RFC 7515 section 7.2.2), read. What is empty is nothing.
fn member(jws: &Value, name: &str) -> Result<Value, String> {
    let text = jws.get(name).and_then(Value::as_str).unwrap_or_default();
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|why| why.to_string())?;
    if bytes.is_empty() {
        Ok(Value::Null)
    } else {
        serde_json::from_slice(&bytes).map_err(|why| why.to_string())
    }
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

impl MacAlgorithm {
    fn of_hmac(self) -> hmac::Algorithm {
        match self {
            MacAlgorithm::Hs256 => hmac::HMAC_SHA256,
            MacAlgorithm::Hs384 => hmac::HMAC_SHA384,
            MacAlgorithm::Hs512 => hmac::HMAC_SHA512,
        }
    }
}

impl Eab {
    /// The inner JWS.
    fn sign(&self, url: &Value, jwk: &Value) -> Value {
        let protected = json!({ "alg": self.algorithm.name(), "kid": self.key_id, "url": url });
        let (protected, payload) = (encoded(protected.to_string()), encoded(jwk.to_string()));
        let key = hmac::Key::new(self.algorithm.of_hmac(), &self.mac_key);
        let signature = encoded(hmac::sign(&key, format!("{protected}.{payload}").as_bytes()));
        json!({ "protected": protected, "payload": payload, "signature": signature })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(protected: &Value, payload: &str) -> Vec<u8> {
        let jws = json!({ "protected": encoded(protected.to_string()), "payload": encoded(payload), "signature": "x" });
        jws.to_string().into_bytes()
    }

    #[test]
    fn only_requests_for_new_accounts_are_bound() {
        let key = KeyPair::generate().unwrap().serialize_der();
        for (algorithm, letters) in
            [(MacAlgorithm::Hs256, 43), (MacAlgorithm::Hs384, 64), (MacAlgorithm::Hs512, 86)]
        {
            let eab = Eab { key_id: "kid-1".to_owned(), mac_key: vec![7; 32], algorithm };
            let binder = Binder::new(&eab, &["mailto:a@b".to_owned()], &key).unwrap();
            let by_key =
                json!({ "alg": "ES256", "nonce": "n", "url": "https://ca/new", "jwk": { "kty": "EC" } });
            let bound: Value =
                serde_json::from_slice(&binder.bind(&request(&by_key, "{}")).unwrap()).unwrap();
            let payload = member(&bound, "payload").unwrap();
            assert_eq!(payload["contact"], json!(["mailto:a@b"]));
            let inner = &payload["externalAccountBinding"];
            let header = json!({ "alg": algorithm.name(), "kid": "kid-1", "url": "https://ca/new" });
            assert_eq!(member(inner, "protected").unwrap(), header);
            assert_eq!(member(inner, "payload").unwrap(), by_key["jwk"]);
            assert_eq!(inner["signature"].as_str().unwrap().len(), letters);
            assert_eq!(member(&bound, "protected").unwrap()["nonce"], "n");

            let by_account = json!({ "alg": "ES256", "kid": "https://ca/1", "url": "https://ca/order" });
            for (protected, payload) in
                [(&by_key, r#"{"onlyReturnExisting":true}"#), (&by_account, "{}"), (&by_account, "")]
            {
                let plain = request(protected, payload);
                assert_eq!(binder.bind(&plain).unwrap(), plain);
            }
        }
    }
}
