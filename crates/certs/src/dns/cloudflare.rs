//! Cloudflare's API, version 4: a zone is looked up by name, a record made and deleted by number. Needs a token with the
//! permission Zone / DNS / Edit.

use super::DnsError;
use super::web::Call;
use hyper::{Method, Uri};
use serde_json::{Value, json};
use std::fmt;
use std::net::IpAddr;

const API: &str = "https://api.cloudflare.com/client/v4";
/// The shortest that Cloudflare allows to every plan, in seconds.
const TTL: u32 = 60;

/// An account there. `Debug` leaves what opens it out.
#[derive(Clone)]
pub struct Cloudflare {
    api: String,
    login: Login,
}

#[derive(Clone)]
enum Login {
    Token(String),
    /// The account's mail address and its global key, which opens everything: a token is better.
    Key(String, String),
}

impl fmt::Debug for Cloudflare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloudflare").field("api", &self.api).finish_non_exhaustive()
    }
}

impl Cloudflare {
    /// With an API token.
    pub fn new(token: &str) -> Cloudflare {
        Cloudflare { api: API.to_owned(), login: Login::Token(token.to_owned()) }
    }

    /// With the mail address and the global key of an account.
    pub fn by_key(email: &str, key: &str) -> Cloudflare {
        Cloudflare { api: API.to_owned(), login: Login::Key(email.to_owned(), key.to_owned()) }
    }

    /// The same interface at another address: a gateway's, or a test's. The token goes there, so that only this very
    /// machine is spoken to without TLS.
    pub fn at(self, api: &str) -> Result<Cloudflare, String> {
        let is_safe = api.parse().is_ok_and(|url: Uri| match (url.scheme_str(), url.host()) {
            (Some("https"), Some(_)) => true,
            (Some("http"), Some(host)) => is_here(host),
            (Some(_) | None, _) => false,
        });
        if !is_safe {
            return Err(
                "https://HOST/PATH is expected, or http:// with an address of this machine".to_owned()
            );
        }
        Ok(Cloudflare { api: api.trim_end_matches('/').to_owned(), ..self })
    }

    /// Makes the record; says how it is found again.
    pub(super) async fn add(&self, owner: &str, value: &str) -> Result<String, DnsError> {
        let zone = self.zone(owner).await?;
        let record = json!({"type": "TXT", "name": owner, "content": format!("\"{value}\""), "ttl": TTL});
        let made = self.call(Method::POST, &format!("/zones/{zone}/dns_records"), Some(record)).await?;
        Ok(format!("/zones/{zone}/dns_records/{}", id(&made["result"]).ok_or_else(odd)?))
    }

    pub(super) async fn remove(&self, record: &str) -> Result<(), DnsError> {
        self.call(Method::DELETE, record, None).await.map(drop)
    }

    /// The zone that holds the name: the longest that the token may see.
    async fn zone(&self, owner: &str) -> Result<String, DnsError> {
        let mut name = owner;
        loop {
            let zones = self.call(Method::GET, &format!("/zones?name={name}"), None).await?;
            if let Some(zone) = id(&zones["result"][0]) {
                return Ok(zone);
            }
            match name.split_once('.') {
                Some((_, rest)) if rest.contains('.') => name = rest,
                Some(_) | None => break,
            }
        }
        Err(failed(format!("no zone of this account holds {owner}: may the token see and edit it?")))
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, DnsError> {
        let bearer;
        let headers = match &self.login {
            Login::Token(token) => {
                bearer = format!("Bearer {token}");
                vec![("authorization", bearer.as_str())]
            }
            Login::Key(email, key) => vec![("x-auth-email", email.as_str()), ("x-auth-key", key.as_str())],
        };
        let url = format!("{}{path}", self.api);
        let (status, answer) = Call { provider: "Cloudflare", method, url, headers, body }.send().await?;
        if status.is_success() && answer["success"] == true {
            return Ok(answer);
        }
        let errors = answer["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let said: Vec<String> = errors.iter().filter_map(|e| e["message"].as_str()).map(shown).collect();
        Err(failed(format!("it answers {status}: {}", said.join("; "))))
    }
}

/// Zones and records are numbered in hexadecimal; the number becomes part of an address.
fn id(object: &Value) -> Option<String> {
    let id = object["id"].as_str()?;
    (!id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric())).then(|| id.to_owned())
}

fn is_here(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn shown(message: &str) -> String {
    message.escape_default().to_string()
}

fn odd() -> DnsError {
    failed("its answer names no record".to_owned())
}

fn failed(why: String) -> DnsError {
    DnsError::Provider { provider: "Cloudflare".to_owned(), why }
}
