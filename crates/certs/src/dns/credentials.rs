//! The files that Certbot's DNS plugins are told their secrets by: `key = value` lines, as the plugins' documentation has
//! them. What they name becomes a provider; no error repeats a secret.

use super::{Cloudflare, Provider, TsigKey, Update};
use crate::tree::{Document, Value};
use base64::prelude::{BASE64_STANDARD, Engine};
use std::net::{IpAddr, SocketAddr};

/// Of certbot-dns-rfc2136.
pub fn rfc2136(text: &str) -> Result<Provider, String> {
    let file = File::parse(text, "dns_rfc2136_")?;
    let server = file.want("server", "the address of the zone's primary server")?;
    let server: IpAddr =
        server.parse().map_err(|_| format!("dns_rfc2136_server = {server}: an IP address is expected"))?;
    let port = file.get("port").unwrap_or_else(|| "53".to_owned());
    let port: u16 = port.parse().map_err(|_| format!("dns_rfc2136_port = {port}: a port is expected"))?;
    let name = file.want("name", "the name of the TSIG key")?;
    let secret = file.want("secret", "the TSIG key itself")?;
    let secret = BASE64_STANDARD.decode(secret).map_err(|_| "dns_rfc2136_secret is no base64".to_owned())?;
    // The plugin's default, which we do not sign with: the error says what to do.
    let algorithm = file.get("algorithm").unwrap_or_else(|| "HMAC-MD5".to_owned());
    let key = TsigKey::new(&name, &algorithm, secret).map_err(|why| why.to_string())?;
    Ok(Provider::Update(Update { server: SocketAddr::new(server, port), key }))
}

/// Of certbot-dns-cloudflare; `dns_cloudflare_api_url` is ours, and means nothing to the plugin.
pub fn cloudflare(text: &str) -> Result<Provider, String> {
    let file = File::parse(text, "dns_cloudflare_")?;
    let account = match (file.get("api_token"), file.get("email"), file.get("api_key")) {
        (Some(token), None, None) => Cloudflare::new(&token),
        (None, Some(email), Some(key)) => Cloudflare::by_key(&email, &key),
        (None, None, None) => {
            return Err("dns_cloudflare_api_token is missing: a token with the permission Zone / DNS / Edit"
                .to_owned());
        }
        (Some(_), _, _) => {
            return Err("dns_cloudflare_api_token needs no email and no api_key beside it: leave them away"
                .to_owned());
        }
        (None, _, _) => return Err("dns_cloudflare_email and dns_cloudflare_api_key go together".to_owned()),
    };
    let account = match file.get("api_url") {
        Some(url) => account.at(&url).map_err(|why| format!("dns_cloudflare_api_url = {url}: {why}"))?,
        None => account,
    };
    Ok(Provider::Cloudflare(account))
}

/// The same, or a file with a token and nothing else.
pub fn cloudflare_token(text: &str) -> Result<Provider, String> {
    match text.contains('=') {
        true => cloudflare(text),
        false => Ok(Provider::Cloudflare(Cloudflare::new(text.trim()))),
    }
}

struct File {
    document: Document,
    prefix: &'static str,
}

impl File {
    fn parse(text: &str, prefix: &'static str) -> Result<File, String> {
        let document =
            Document::parse(text).map_err(|mistake| format!("line {}: {}", mistake.line, mistake.why))?;
        Ok(File { document, prefix })
    }

    /// Before Certbot 1.7 keys had the name of the plugin's package before them.
    fn get(&self, key: &str) -> Option<String> {
        let old = format!("certbot_{}:", self.prefix.trim_end_matches('_'));
        let keys = [format!("{}{key}", self.prefix), format!("{old}{}{key}", self.prefix)];
        let found = keys.iter().find_map(|key| self.document.get(&[], key));
        found.map(Value::text).filter(|text| !text.is_empty())
    }

    fn want(&self, key: &str, what: &str) -> Result<String, String> {
        self.get(key).ok_or_else(|| format!("{}{key} is missing: {what}", self.prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPDATE: &str = "# BIND\ndns_rfc2136_server = 192.0.2.1\ndns_rfc2136_port = 5353\ndns_rfc2136_name = keyname.\n\
                          dns_rfc2136_secret = 4q4wM/2I180UXoMyN4INVhJNi8V9BCV+jMw2mXgZw/CSuxUT8C7NKKFs\n\
                          dns_rfc2136_algorithm = HMAC-SHA512\ndns_rfc2136_sign_query = false\n";

    #[test]
    fn files_of_the_plugins_are_read() {
        match rfc2136(UPDATE).unwrap() {
            Provider::Update(update) => assert_eq!(update.server.to_string(), "192.0.2.1:5353"),
            other => panic!("{other:?}"),
        }
        let v6 = UPDATE.replace("192.0.2.1", "2001:db8::1").replace("dns_rfc2136_port = 5353\n", "");
        match rfc2136(&v6).unwrap() {
            Provider::Update(update) => assert_eq!(update.server.to_string(), "[2001:db8::1]:53"),
            other => panic!("{other:?}"),
        }
        cloudflare("dns_cloudflare_api_token = 0123456789abcdef0123456789abcdef01234567\n").unwrap();
        cloudflare("dns_cloudflare_email = c@example.com\ndns_cloudflare_api_key = 0123\n").unwrap();
        cloudflare("certbot_dns_cloudflare:dns_cloudflare_api_token = 0123\n").unwrap();
    }

    #[test]
    fn what_is_missing_is_named_and_no_secret_told() {
        let without = |key: &str| -> String {
            let lines = UPDATE.lines().filter(|line| !line.starts_with(key));
            lines.map(|line| format!("{line}\n")).collect()
        };
        for (text, part) in [
            (without("dns_rfc2136_server"), "dns_rfc2136_server is missing"),
            (without("dns_rfc2136_secret"), "dns_rfc2136_secret is missing"),
            (without("dns_rfc2136_algorithm"), "hmac-md5"),
            (UPDATE.replace("192.0.2.1", "ns.example"), "an IP address is expected"),
            (UPDATE.replace("= 4q4w", "= !!!"), "dns_rfc2136_secret is no base64"),
        ] {
            let said = rfc2136(&text).unwrap_err();
            assert!(said.contains(part) && !said.contains("2I180UXo"), "{part}: {said}");
        }
        for text in
            ["", "dns_cloudflare_email = x\n", "dns_cloudflare_api_token = a\ndns_cloudflare_email = b\n"]
        {
            cloudflare(text).unwrap_err();
        }
        cloudflare_token(" 0123\n").unwrap();
        for (url, is_safe) in [
            ("https://gateway.example/client/v4/", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080/v4", true),
            ("http://gateway.example/v4", false),
            ("gateway.example", false),
        ] {
            let text = format!("dns_cloudflare_api_token = SECRET\ndns_cloudflare_api_url = {url}\n");
            let said = cloudflare_token(&text).err();
            assert_eq!(said.is_none(), is_safe, "{url}: {said:?}");
            assert!(said.is_none_or(|said| said.contains(url) && !said.contains("SECRET")));
        }
    }
}
