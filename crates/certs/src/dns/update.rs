//! Dynamic updates (RFC 2136) signed with TSIG (RFC 8945): what BIND, Knot and PowerDNS take. The answer's signature is
//! verified; an unsigned answer is believed only as a refusal.

use super::DnsError;
use super::lookup::{over_tcp, parse, shown, zone};
use base::reason;
use hickory_proto::op::{Message, ResponseCode, update_message};
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use hickory_proto::rr::{Name, RData, Record, RecordSet, TSigner};
use std::fmt;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

/// Resolvers may keep the record this long, in seconds; short, since the value is needed once.
const TTL: u32 = 60;
/// RFC 8945 section 10 recommends five minutes between the clocks.
const FUDGE: u16 = 300;

/// A shared secret of a TSIG key. `Debug` leaves it out.
#[derive(Clone)]
pub struct TsigKey {
    signer: TSigner,
}

impl fmt::Debug for TsigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TsigKey").field("name", &shown(self.signer.signer_name())).finish_non_exhaustive()
    }
}

impl TsigKey {
    /// `algorithm` as in BIND's `key` statement or Certbot's credentials (`hmac-sha256`, `HMAC-SHA512`, ...); the secret
    /// decoded from base64.
    pub fn new(name: &str, algorithm: &str, secret: Vec<u8>) -> Result<TsigKey, DnsError> {
        let known = match algorithm.to_ascii_lowercase().as_str() {
            "hmac-sha256" => TsigAlgorithm::HmacSha256,
            "hmac-sha384" => TsigAlgorithm::HmacSha384,
            "hmac-sha512" => TsigAlgorithm::HmacSha512,
            other => {
                let why = format!(
                    "the algorithm '{}' is not supported (RFC 8945 section 6 advises against MD5 and SHA-1): make a \
                     key with `tsig-keygen -a hmac-sha256`",
                    other.escape_default()
                );
                return Err(DnsError::Provider { provider: format!("TSIG key {name}"), why });
            }
        };
        let broken = |e: &dyn fmt::Display| DnsError::Provider {
            provider: format!("TSIG key {name}"),
            why: e.to_string(),
        };
        let signer = TSigner::new(secret, known, parse(name)?, FUDGE).map_err(|e| broken(&e))?;
        Ok(TsigKey { signer })
    }
}

/// A zone's primary server and the key that it lets change the zone.
#[derive(Clone, Debug)]
pub struct Update {
    /// The primary server.
    pub server: SocketAddr,
    /// The key.
    pub key: TsigKey,
}

impl Update {
    /// Adds a value to the name's TXT records; others stay.
    pub async fn add(&self, owner: &str, value: &str) -> Result<(), DnsError> {
        let (records, zone) = self.records(owner, value).await?;
        self.send(update_message::append(records, zone, false, false), owner).await
    }

    /// Removes that value; one that is not there is no error.
    pub async fn remove(&self, owner: &str, value: &str) -> Result<(), DnsError> {
        let (records, zone) = self.records(owner, value).await?;
        self.send(update_message::delete_by_rdata(records, zone, false), owner).await
    }

    async fn records(&self, owner: &str, value: &str) -> Result<(RecordSet, Name), DnsError> {
        let owner = parse(owner)?;
        let zone = zone(self.server, &owner).await?;
        let text = RData::TXT(TXT::from_bytes(vec![value.as_bytes()]));
        Ok((RecordSet::from(Record::from_rdata(owner, TTL, text)), zone))
    }

    async fn send(&self, mut message: Message, owner: &str) -> Result<(), DnsError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let failed = |why: String| DnsError::Provider {
            provider: format!("the update of {owner} at {}", self.server),
            why,
        };
        let verifier = message.finalize(&self.key.signer, now).map_err(|e| failed(e.to_string()))?;
        let bytes = message.to_vec().map_err(|e| failed(e.to_string()))?;
        let answer = over_tcp(self.server, &bytes).await.map_err(|e| failed(reason(&e)))?;
        let code = Message::from_vec(&answer).map_err(|e| failed(e.to_string()))?.metadata.response_code;
        if code != ResponseCode::NoError {
            return Err(failed(remedy(code, &shown(self.key.signer.signer_name()))));
        }
        let Some(mut verifier) = verifier else { return Err(failed("the update was not signed".into())) };
        match verifier.verify(&answer) {
            Ok(_) => Ok(()),
            Err(_) => Err(failed("the answer is not signed with our key: who answers there?".into())),
        }
    }
}

fn remedy(code: ResponseCode, key: &str) -> String {
    match code {
        ResponseCode::Refused => {
            format!("refused: let the key '{key}' change TXT records there (BIND: `update-policy`)")
        }
        ResponseCode::NotAuth | ResponseCode::BADKEY | ResponseCode::BADSIG | ResponseCode::BADTIME => {
            format!(
                "not accepted: does the server know the key '{key}' with this secret and algorithm, are both clocks \
             right, and is it the zone's primary?"
            )
        }
        ResponseCode::NotZone => "the name is outside the zone".to_owned(),
        other => format!("it answers {other}"),
    }
}
