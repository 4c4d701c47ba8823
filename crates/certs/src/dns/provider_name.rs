//! Providers by the names and variables that HAProxy's users know (`provider-name` and `acme-vars`, manual 12.8): HAProxy
//! hands both to its Data Plane API, whose providers are libdns's. Those that are ours too are spoken to directly. No
//! error repeats a value, as values are secrets.

use super::{AcmeDns, Cloudflare, Provider, TsigKey, Update};
use base64::prelude::{BASE64_STANDARD, Engine};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// What a name means: its variables, and how a provider is made of them.
type Row = (&'static str, &'static [&'static str], fn(&Variables) -> Result<Provider, String>);

const ROWS: [Row; 3] = [
    ("acmedns", &["server_url", "username", "password", "subdomain"], acmedns),
    ("cloudflare", &["api_token"], cloudflare),
    ("rfc2136", &["server", "key_name", "key_alg", "key"], rfc2136),
];

/// The provider of this name, with variables written `a=b,c=d`; a comma in a value has a backslash before it. `None`: it
/// is not spoken to here.
pub fn by_name(name: &str, variables: &str) -> Option<Result<Provider, String>> {
    let (_, known, make) = ROWS.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name))?;
    let variables = Variables::read(variables);
    Some(match variables.0.keys().find(|key| !known.contains(&key.as_str())) {
        Some(odd) => Err(format!("'acme-vars': '{odd}' is none of {name}'s: {}", known.join(", "))),
        None => make(&variables),
    })
}

struct Variables(BTreeMap<String, String>);

impl Variables {
    fn read(text: &str) -> Variables {
        let (mut all, mut one, mut is_escaped) = (Vec::new(), String::new(), false);
        for letter in text.chars() {
            match letter {
                '\\' if !is_escaped => is_escaped = true,
                ',' if !is_escaped => all.push(std::mem::take(&mut one)),
                other => {
                    one.push(other);
                    is_escaped = false;
                }
            }
        }
        all.push(one);
        let pairs = all.iter().filter(|one| !one.trim().is_empty());
        let pair = |one: &String| {
            let (key, value) = one.split_once('=').unwrap_or((one, ""));
            (key.trim().to_owned(), value.trim().trim_matches('"').to_owned())
        };
        Variables(pairs.map(pair).collect())
    }

    fn want(&self, key: &str) -> Result<&str, String> {
        let value = self.0.get(key).filter(|value| !value.is_empty());
        value.map(String::as_str).ok_or_else(|| format!("'acme-vars' lacks {key}=VALUE"))
    }
}

fn cloudflare(variables: &Variables) -> Result<Provider, String> {
    Ok(Provider::Cloudflare(Cloudflare::new(variables.want("api_token")?)))
}

fn rfc2136(variables: &Variables) -> Result<Provider, String> {
    let server = variables.want("server")?;
    let with_port = server.parse::<SocketAddr>();
    let server = with_port.or_else(|_| server.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53)));
    let server =
        server.map_err(|_| "'acme-vars': server is an IP address, perhaps with a port".to_owned())?;
    let secret =
        BASE64_STANDARD.decode(variables.want("key")?).map_err(|_| "'acme-vars': key is no base64")?;
    let key = TsigKey::new(variables.want("key_name")?, variables.want("key_alg")?, secret);
    Ok(Provider::Update(Update { server, key: key.map_err(|why| why.to_string())? }))
}

fn acmedns(variables: &Variables) -> Result<Provider, String> {
    let [server, username, password, subdomain] =
        ["server_url", "username", "password", "subdomain"].map(|key| variables.want(key));
    Ok(Provider::AcmeDns(AcmeDns::single(server?, username?, password?, subdomain?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_made_of_the_data_plane_apis_words() {
        for (name, variables) in [
            ("cloudflare", "api_token=abc"),
            ("Cloudflare", "\"api_token=abc\""),
            ("rfc2136", "key_name=k.,key_alg=hmac-sha256,key=MDEyMw==,server=127.0.0.1:5353"),
            ("rfc2136", "key_name=k., key_alg=hmac-sha256, key=MDEyMw==, server=127.0.0.1"),
            ("acmedns", "username=u,password=p\\,q,subdomain=s,server_url=https://auth.example"),
        ] {
            assert!(by_name(name, variables.trim_matches('"')).unwrap().is_ok(), "{name}");
        }
        assert_eq!(Variables::read("a=p\\,q,b=\\\\").0["a"], "p,q");
    }

    #[test]
    fn what_is_wrong_is_told_without_a_secret() {
        for (name, variables, why) in [
            ("cloudflare", "", "lacks api_token=VALUE"),
            ("cloudflare", "token=SECRET", "'token' is none of cloudflare's: api_token"),
            ("rfc2136", "key_name=k,key_alg=hmac-sha256,key=%%SECRET,server=127.0.0.1", "key is no base64"),
            ("rfc2136", "key_name=k,key_alg=hmac-md5,key=SECRET=,server=127.0.0.1", "no base64"),
            ("rfc2136", "server=ns.example", "an IP address"),
        ] {
            let said = by_name(name, variables).unwrap().unwrap_err();
            assert!(said.contains(why) && !said.contains("SECRET"), "{said}");
        }
        assert!(by_name("godaddy", "api_token=x").is_none());
    }
}
