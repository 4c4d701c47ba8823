//! The small sections beside proxies. As written; `None` where nothing was.

use super::LogFrame;
use base::{Address, Word};

/// A `userlist`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Userlist {
    /// Its name.
    pub name: Word,
    /// `user`
    pub users: Vec<User>,
    /// `group NAME [users a,b]`
    pub groups: Vec<(Word, Vec<Word>)>,
}

/// A `user` of a userlist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: Word,
    /// `password` (crypt(3)) or `insecure-password` (clear text).
    pub password: Option<Password>,
    /// `groups a,b`
    pub groups: Vec<Word>,
}

/// A password as written. `Debug` hides it: secrets never reach a log.
#[derive(Clone, PartialEq, Eq)]
pub enum Password {
    /// `insecure-password`
    Clear(Word),
    /// `password`
    Crypt(Word),
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(hidden)")
    }
}

/// An `http-errors` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpErrors {
    /// Its name.
    pub name: Word,
    /// `errorfile CODE FILE`
    pub files: Vec<(u16, Word)>,
}

/// A `resolvers` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolvers {
    /// Its name.
    pub name: Word,
    /// `nameserver NAME ADDRESS`
    pub nameservers: Vec<(Word, Word)>,
    /// `parse-resolv-conf`
    pub parse_resolv_conf: bool,
    /// `hold WHAT TIME`
    pub hold: Vec<(Word, u64)>,
    /// `timeout resolve`
    pub timeout_resolve: Option<u64>,
    /// `timeout retry`
    pub timeout_retry: Option<u64>,
    /// `resolve_retries`
    pub resolve_retries: Option<u32>,
    /// `accepted_payload_size`
    pub accepted_payload_size: Option<u32>,
}

/// A `ring` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ring {
    /// Its name.
    pub name: Word,
    /// `description`
    pub description: Option<Word>,
    /// `format`
    pub format: Option<LogFrame>,
    /// `maxlen`
    pub maxlen: Option<u32>,
    /// `size`
    pub size: Option<u64>,
    /// `server` lines: name and address
    pub servers: Vec<(Word, Address)>,
}

/// A `crt-store` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CrtStore {
    /// Its name; empty for the unnamed one.
    pub name: Word,
    /// `crt-base`
    pub crt_base: Option<Word>,
    /// `key-base`
    pub key_base: Option<Word>,
    /// `load`
    pub loads: Vec<CrtLoad>,
}

/// A `load` line of a `crt-store`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // named after the keyword, each
pub struct CrtLoad {
    pub crt: Word,
    pub key: Option<Word>,
    pub ocsp: Option<Word>,
    pub issuer: Option<Word>,
    pub sctl: Option<Word>,
    pub ocsp_update: Option<bool>,
    pub alias: Option<Word>,
    pub acme: Option<Word>,
    pub domains: Vec<Word>,
    pub ips: Vec<Word>,
}
