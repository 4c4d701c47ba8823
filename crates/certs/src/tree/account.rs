//! Accounts at authorities, as Certbot keeps them: `accounts/HOST/PATH/ID/` with the key as a JWK, what the authority
//! knows, and when it was made. ID is the MD5 of the public key in PEM, which Certbot checks.

use super::{Tree, TreeError, disk};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine};
use md5::{Digest, Md5};
use serde_json::{Value, json};
use std::fmt;
use std::path::{Component, Path, PathBuf};

/// Longest file of an account that is read.
const MAX_FILE: u64 = 64 * 1024;
/// Certbot lets nobody write a key, its owner neither.
const READ_ONLY: u32 = 0o400;
/// Let's Encrypt's first directory: accounts made there serve at the second as well.
const OLD_LETS_ENCRYPT: &str = "acme-v01.api.letsencrypt.org/directory";
const LETS_ENCRYPT: &str = "acme-v02.api.letsencrypt.org/directory";

/// An account's private key, as a JWK (RFC 7517). `Debug` leaves it out.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountKey(Value);

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountKey({})", self.kind())
    }
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its key.
    pub key: AccountKey,
    /// Its address at the authority.
    pub uri: String,
    /// What the authority said of it when it was made; mostly empty.
    pub body: Value,
    /// When and where it was made, and what else stood there.
    pub meta: Value,
}

impl AccountKey {
    /// From the text of a JWK.
    pub fn from_json(text: &str) -> Result<AccountKey, String> {
        let key = AccountKey(serde_json::from_str(text).map_err(|why| format!("it is no JSON ({why})"))?);
        key.public().map(|_| key)
    }

    /// A key on P-256: its private number and the two of its public point.
    pub fn p256(d: &[u8], x: &[u8], y: &[u8]) -> AccountKey {
        let text = |bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        AccountKey(json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y), "d": text(d) }))
    }

    /// A key on P-256 from PKCS#8 (RFC 5958) and its public point, uncompressed.
    pub fn of_pkcs8(pkcs8: &[u8], point: &[u8]) -> Result<AccountKey, String> {
        // Of an ECPrivateKey (RFC 5915): version 1, then the private number as an octet string.
        const BEFORE: [u8; 5] = [2, 1, 1, 4, 32];
        let at = pkcs8.windows(BEFORE.len()).position(|bytes| bytes == BEFORE);
        let d = at.and_then(|at| pkcs8.get(at + BEFORE.len()..at + BEFORE.len() + 32));
        match (d, point.split_first()) {
            (Some(d), Some((4, xy))) if xy.len() == 64 => {
                let (x, y) = xy.split_at(32);
                Ok(AccountKey::p256(d, x, y))
            }
            _ => Err("the account's new key is not on P-256".to_owned()),
        }
    }

    /// `RSA` or `EC`.
    pub fn kind(&self) -> &str {
        self.0.get("kty").and_then(Value::as_str).unwrap_or_default()
    }

    /// One of its members, decoded.
    pub fn number(&self, member: &str) -> Result<Vec<u8>, String> {
        let text = self.0.get(member).and_then(Value::as_str);
        let text = text.ok_or_else(|| format!("'{member}' is missing"))?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('='));
        bytes.map_err(|why| format!("'{member}' cannot be read ({why})"))
    }

    /// The text of the JWK.
    pub fn json(&self) -> String {
        self.0.to_string()
    }

    /// The public key alone, in the order and shape of which thumbprints are made (RFC 7638).
    pub fn thumbprint_input(&self) -> Result<String, String> {
        self.public()?;
        let member = |name: &str| self.0.get(name).and_then(Value::as_str).unwrap_or_default();
        Ok(match self.kind() {
            "RSA" => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, member("e"), member("n")),
            _ => {
                let (x, y) = (member("x"), member("y"));
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
        })
    }

    /// The public key as SubjectPublicKeyInfo in DER.
    fn public(&self) -> Result<Vec<u8>, String> {
        match (self.kind(), self.0.get("crv").and_then(Value::as_str)) {
            ("RSA", _) => {
                let key = der(0x30, &[integer(&self.number("n")?), integer(&self.number("e")?)].concat());
                let algorithm = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0];
                Ok(der(0x30, &[algorithm.to_vec(), der(3, &[vec![0], key].concat())].concat()))
            }
            ("EC", Some("P-256")) => {
                let point = [vec![0, 4], self.number("x")?, self.number("y")?].concat();
                let algorithm = [
                    0x30, 19, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d,
                    3, 1, 7,
                ];
                Ok(der(0x30, &[algorithm.to_vec(), der(3, &point)].concat()))
            }
            (kind, curve) => Err(format!(
                "its key is '{kind} {}': RSA and EC on P-256 can be used",
                curve.unwrap_or_default()
            )),
        }
    }

    /// The private key as an `RSAPrivateKey` (RFC 8017 appendix A.1.2) or PKCS#8 with an `ECPrivateKey` (RFC 5915).
    pub fn private_der(&self) -> Result<Vec<u8>, String> {
        if self.kind() == "RSA" {
            let mut numbers = integer(&[0]);
            for member in ["n", "e", "d", "p", "q", "dp", "dq", "qi"] {
                numbers.extend(integer(&self.number(member)?));
            }
            return Ok(der(0x30, &numbers));
        }
        let public = self.public()?;
        let point = public.get(public.len().saturating_sub(65)..).unwrap_or_default().to_vec();
        let point = der(0xa1, &der(3, &[vec![0], point].concat()));
        let inner = der(0x30, &[integer(&[1]), der(4, &self.number("d")?), point].concat());
        let algorithm = public.get(2..23).unwrap_or_default().to_vec();
        Ok(der(0x30, &[integer(&[0]), algorithm, der(4, &inner)].concat()))
    }

    /// The name of the account's folder.
    pub fn id(&self) -> Result<String, String> {
        let text = BASE64_STANDARD.encode(self.public()?);
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
        for (at, letter) in text.chars().enumerate() {
            if at > 0 && at % 64 == 0 {
                pem.push('\n');
            }
            pem.push(letter);
        }
        pem.push_str("\n-----END PUBLIC KEY-----\n");
        Ok(Md5::digest(pem.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// A DER element (ITU-T X.690 section 8.1).
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let bytes = content.len().to_be_bytes();
    let length: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut element = vec![tag];
    match (content.len(), u8::try_from(content.len())) {
        (0..128, Ok(short)) => element.push(short),
        _ => {
            element.push(0x80 | u8::try_from(length.len()).unwrap_or(8));
            element.extend(length);
        }
    }
    element.extend_from_slice(content);
    element
}

/// A number that is not negative.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let mut digits: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
    if digits.first().is_none_or(|first| first & 0x80 != 0) {
        digits.insert(0, 0);
    }
    der(2, &digits)
}

impl Account {
    /// One that was made now, on this host.
    pub fn new(key: AccountKey, uri: String, now: std::time::SystemTime) -> Account {
        let meta = json!({ "creation_dt": stamp(now), "creation_host": host() });
        Account { key, uri, body: json!({}), meta }
    }
}

fn stamp(now: std::time::SystemTime) -> String {
    let now = time::OffsetDateTime::from(now);
    let (date, time) = (now.date(), now.time());
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

fn host() -> String {
    let uname = rustix::system::uname();
    uname.nodename().to_string_lossy().into_owned()
}

impl Tree {
    /// Where the accounts at a directory are.
    pub fn accounts_folder(&self, server: &str) -> PathBuf {
        let accounts = self.config_dir.join("accounts");
        let place = place(server);
        let folder = accounts.join(&place);
        let old = accounts.join(OLD_LETS_ENCRYPT);
        if place == Path::new(LETS_ENCRYPT) && !folder.exists() && old.exists() { old } else { folder }
    }

    /// Names of the accounts at a directory, sorted.
    pub fn accounts(&self, server: &str) -> Result<Vec<String>, TreeError> {
        let folder = self.accounts_folder(server);
        let mut names = disk::names(&folder)?;
        names.retain(|name| folder.join(name).join("private_key.json").exists());
        Ok(names)
    }

    /// One account.
    pub fn account(&self, server: &str, id: &str) -> Result<Account, TreeError> {
        super::check_name(id)?;
        load(&self.accounts_folder(server).join(id))
    }

    /// Keeps an account; its name.
    pub fn save_account(&self, server: &str, account: &Account) -> Result<String, TreeError> {
        let folder = self.accounts_folder(server);
        let id = account.key.id();
        let id = id.map_err(|why| TreeError::Account { file: folder.clone(), why })?;
        let folder = folder.join(&id);
        disk::folder(&self.config_dir, disk::OPEN)?;
        disk::folder(&folder, disk::CLOSED)?;
        let regr = json!({ "body": account.body, "uri": account.uri });
        disk::write(&folder.join("meta.json"), &account.meta.to_string(), disk::PUBLIC)?;
        disk::write(&folder.join("regr.json"), &regr.to_string(), disk::PUBLIC)?;
        // Last: an account is one that has a key.
        disk::write(&folder.join("private_key.json"), &account.key.json(), READ_ONLY)?;
        Ok(id)
    }

    /// Removes an account, and folders that are empty then.
    pub fn forget_account(&self, server: &str, id: &str) -> Result<(), TreeError> {
        super::check_name(id)?;
        let folder = self.accounts_folder(server);
        // First: an account is one that has a key. Stopped later, nobody takes the rest for one.
        disk::forget(&folder.join(id).join("private_key.json"))?;
        disk::forget_folder(&folder.join(id))?;
        let accounts = self.config_dir.join("accounts");
        let empty = folder.ancestors().take_while(|above| *above != accounts && above.starts_with(&accounts));
        for above in empty {
            // One that is not empty stays, which is no error.
            if std::fs::remove_dir(above).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// `https://host/path` as a path of its own, which never leads upwards.
fn place(server: &str) -> PathBuf {
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    Path::new(rest).components().filter(|part| matches!(part, Component::Normal(_))).collect()
}

fn load(folder: &Path) -> Result<Account, TreeError> {
    let member = |name: &str| -> Result<Value, TreeError> {
        let file = folder.join(name);
        let text = disk::read(&file, MAX_FILE)?;
        let wrong = |why: String| TreeError::Account { file: file.clone(), why };
        let text = text.ok_or_else(|| wrong("it is missing".to_owned()))?;
        serde_json::from_str(&text).map_err(|why| wrong(format!("it is no JSON ({why})")))
    };
    let regr = member("regr.json")?;
    let uri = regr.get("uri").and_then(Value::as_str).unwrap_or_default().to_owned();
    let wrong = |name: &str, why: String| TreeError::Account { file: folder.join(name), why };
    if uri.is_empty() {
        return Err(wrong("regr.json", "it names no account ('uri')".to_owned()));
    }
    let key = AccountKey(member("private_key.json")?);
    key.public().map_err(|why| wrong("private_key.json", why))?;
    let body = regr.get("body").cloned().unwrap_or_else(|| json!({}));
    // Nobody needs it but people: that it is missing keeps no account from being used.
    let meta = member("meta.json").unwrap_or_else(|_| json!({}));
    Ok(Account { key, uri, body, meta })
}
