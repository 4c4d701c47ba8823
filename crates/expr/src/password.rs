//! Passwords of `userlist` sections: in clear (`insecure-password`) or as crypt(3) writes them (`password`), and the
//! userlist itself as the authentication fetches see it. Comparing takes the same time wherever texts differ; nothing
//! here has a Debug output that shows a secret.

use crate::args::Userlist;
use md5::Md5;
use sha2::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Longest password that a client may present. SHA-crypt's work grows with the square of it, so that this bounds what
/// a stranger can make us compute; crypt(3) has the same limit.
const MAX_PASSWORD: usize = 512;

/// Salts are cut to this length, by the schemes' definitions.
const MD5_SALT: usize = 8;
const SHA_SALT: usize = 16;

/// Alphabet of crypt(3)'s base64, least significant digit first.
const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// How a user's password is known.
#[derive(Clone)]
pub struct Password(Scheme);

#[derive(Clone)]
enum Scheme {
    Clear(Box<[u8]>),
    Crypt { method: Method, salt: Box<[u8]>, digest: Box<[u8]> },
}

#[derive(Clone, Copy)]
enum Method {
    Md5,
    Sha256(sha_crypt::Params),
    Sha512(sha_crypt::Params),
}

/// Why an encrypted password cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnusablePassword {
    /// Not of the form `$method$salt$digest`.
    Des,
    /// `$2a$`, `$2b$`, `$2y$`
    Bcrypt,
    /// Some other `$method$`.
    UnknownMethod,
    /// The salt or the digest is missing, or the digest has the wrong length.
    Malformed,
}

impl std::fmt::Display for UnusablePassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            UnusablePassword::Des => {
                "passwords encrypted by DES are not supported: make one with 'mkpasswd -m sha-512'"
            }
            UnusablePassword::Bcrypt => "bcrypt is not supported: make a password with 'mkpasswd -m sha-512'",
            UnusablePassword::UnknownMethod => {
                "unknown encryption: '$1$' (MD5), '$5$' (SHA-256) and '$6$' (SHA-512) are supported"
            }
            UnusablePassword::Malformed => "not a password as crypt(3) writes it: '$method$salt$digest'",
        })
    }
}

impl std::error::Error for UnusablePassword {}

impl Password {
    /// A password in clear.
    pub fn clear(text: &[u8]) -> Password {
        Password(Scheme::Clear(text.into()))
    }

    /// A password as crypt(3) writes it: `$1$salt$...`, `$5$[rounds=N$]salt$...`, `$6$...`.
    pub fn crypt(text: &str) -> Result<Password, UnusablePassword> {
        let Some(rest) = text.strip_prefix('$') else { return Err(UnusablePassword::Des) };
        let (method, rest) = rest.split_once('$').ok_or(UnusablePassword::Malformed)?;
        let (method, rest) = match method {
            "1" => (Method::Md5, rest),
            "5" => with_rounds(Method::Sha256, rest),
            "6" => with_rounds(Method::Sha512, rest),
            "2a" | "2b" | "2x" | "2y" => return Err(UnusablePassword::Bcrypt),
            _ => return Err(UnusablePassword::UnknownMethod),
        };
        let (salt, digest) = rest.split_once('$').ok_or(UnusablePassword::Malformed)?;
        if digest.len() != method.digest_len() {
            return Err(UnusablePassword::Malformed);
        }
        let salt = salt.as_bytes().get(..method.salt_len()).unwrap_or(salt.as_bytes());
        let digest = digest.as_bytes().into();
        Ok(Password(Scheme::Crypt { method, salt: salt.into(), digest }))
    }

    /// Whether it is this one.
    pub fn is(&self, presented: &[u8]) -> bool {
        match &self.0 {
            Scheme::Clear(text) => same_bytes(text, presented),
            Scheme::Crypt { .. } if presented.len() > MAX_PASSWORD => false,
            Scheme::Crypt { method, salt, digest } => same_bytes(&method.digest(presented, salt), digest),
        }
    }
}

/// `rounds=N$` before the salt; N is forced into the limits of the scheme.
fn with_rounds(method: fn(sha_crypt::Params) -> Method, rest: &str) -> (Method, &str) {
    let rounds = rest.strip_prefix("rounds=").and_then(|r| r.split_once('$'));
    let Some((Ok(rounds), rest)) = rounds.map(|(n, rest)| (n.parse::<u32>(), rest)) else {
        return (method(sha_crypt::Params::default()), rest);
    };
    let rounds = rounds.clamp(sha_crypt::Params::ROUNDS_MIN, sha_crypt::Params::ROUNDS_MAX);
    (method(sha_crypt::Params::new(rounds).unwrap_or_default()), rest)
}

impl Method {
    fn digest_len(self) -> usize {
        match self {
            Method::Md5 => 22,
            Method::Sha256(_) => 43,
            Method::Sha512(_) => 86,
        }
    }

    fn salt_len(self) -> usize {
        match self {
            Method::Md5 => MD5_SALT,
            Method::Sha256(_) | Method::Sha512(_) => SHA_SALT,
        }
    }

    /// As crypt(3) writes it. The schemes shuffle the digest's bytes into groups of three; the next group follows
    /// from the one before.
    fn digest(self, password: &[u8], salt: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.digest_len());
        match self {
            Method::Md5 => {
                let digest = md5_crypt(password, salt);
                let next = |[a, b, c]: [usize; 3]| [a + 1, b + 1, if c == 15 { 5 } else { c + 1 }];
                push_groups(&digest, [0, 6, 12], 5, next, &mut out);
                push_digits(u32::from(digest[11]), 2, &mut out);
            }
            Method::Sha256(params) => {
                let digest = sha_crypt::sha256_crypt(password, salt, params);
                push_groups(&digest, [0, 10, 20], 10, |[a, b, c]| [c + 1, a + 1, b + 1], &mut out);
                push_digits(u32::from(digest[31]) << 8 | u32::from(digest[30]), 3, &mut out);
            }
            Method::Sha512(params) => {
                let digest = sha_crypt::sha512_crypt(password, salt, params);
                push_groups(&digest, [0, 21, 42], 21, |[a, b, c]| [b + 1, c + 1, a + 1], &mut out);
                push_digits(u32::from(digest[63]), 2, &mut out);
            }
        }
        out
    }
}

fn push_groups(
    digest: &[u8],
    mut group: [usize; 3],
    count: usize,
    next: impl Fn([usize; 3]) -> [usize; 3],
    out: &mut Vec<u8>,
) {
    for _ in 0..count {
        let bytes = group.map(|at| u32::from(digest.get(at).copied().unwrap_or_default()));
        push_digits(bytes[0] << 16 | bytes[1] << 8 | bytes[2], 4, out);
        group = next(group);
    }
}

fn push_digits(mut value: u32, count: usize, out: &mut Vec<u8>) {
    for _ in 0..count {
        out.push(DIGITS[(value & 63) as usize]);
        value >>= 6;
    }
}

/// Poul-Henning Kamp's MD5-crypt: a thousand rounds over password, salt and the digest so far.
fn md5_crypt(password: &[u8], salt: &[u8]) -> [u8; 16] {
    let inner: [u8; 16] = md5(&[password, salt, password]);
    let mut first = Md5::new();
    first.update(password);
    first.update(b"$1$");
    first.update(salt);
    for chunk in password.chunks(16) {
        first.update(inner.get(..chunk.len()).unwrap_or_default());
    }
    let mut bits = password.len();
    while bits > 0 {
        first.update(if bits & 1 == 1 { b"\0" } else { password.get(..1).unwrap_or_default() });
        bits >>= 1;
    }
    let mut digest: [u8; 16] = first.finalize().into();
    for round in 0..1000 {
        let (head, tail) = if round & 1 == 1 { (password, &digest[..]) } else { (&digest[..], password) };
        let salt = if round % 3 == 0 { b"" } else { salt };
        let again = if round % 7 == 0 { b"" } else { password };
        digest = md5(&[head, salt, again, tail]);
    }
    digest
}

fn md5(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Md5::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

/// Whether both are the same, in a time that depends on their lengths alone.
pub(crate) fn same_bytes(left: &[u8], right: &[u8]) -> bool {
    let difference = left.iter().zip(right).fold(0, |sum, (l, r)| std::hint::black_box(sum | (l ^ r)));
    left.len() == right.len() && difference == 0
}

/// A `userlist` section.
pub struct Users {
    name: String,
    users: BTreeMap<Vec<u8>, User>,
}

struct User {
    password: Option<Password>,
    groups: BTreeSet<Vec<u8>>,
}

impl Users {
    /// An empty list.
    pub fn new(name: impl Into<String>) -> Users {
        Users { name: name.into(), users: BTreeMap::new() }
    }

    /// Adds a user, or groups to one that was added; a user without password may not pass.
    pub fn add<'g>(
        &mut self,
        user: &str,
        password: Option<Password>,
        groups: impl IntoIterator<Item = &'g str>,
    ) {
        let entry = self.users.entry(base::raw::bytes(user).into_owned());
        let entry = entry.or_insert_with(|| User { password: None, groups: BTreeSet::new() });
        entry.password = password.or(entry.password.take());
        entry.groups.extend(groups.into_iter().map(|g| base::raw::bytes(g).into_owned()));
    }
}

impl Userlist for Users {
    fn name(&self) -> &str {
        &self.name
    }

    fn authenticates(&self, user: &[u8], password: &[u8]) -> bool {
        let known = self.users.get(user).and_then(|user| user.password.as_ref());
        known.is_some_and(|known| known.is(password))
    }

    fn in_group(&self, user: &[u8], group: &[u8]) -> bool {
        self.users.get(user).is_some_and(|user| user.groups.contains(group))
    }

    fn each_group(&self, user: &[u8], visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) {
        let groups = self.users.get(user).into_iter().flat_map(|user| &user.groups);
        let _ = groups.map(Vec::as_slice).try_for_each(visit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by crypt(3).
    const CASES: &[(&str, &str)] = &[
        ("a", "$1$abcdefgh$jUYc1Xi7pkozuzWQ0Dft71"),
        ("a", "$5$saltstring$7cz4bTeQ7MnNssphNhFVrITtuJYY/1tdvLL2uzLvOk8"),
        (
            "a",
            "$6$saltsaltsaltsalt$DP7RKwIAffNVkse07h81vGJPWDF76gNeAC4uPJCCkFWHLPik.W93LLqJrcFH.34lltMy/1Fnyp4XpnITscBtA.",
        ),
        ("a", "$1$a$44cUw6Nm5bX0muHWNIwub0"),
        ("a", "$5$rounds=1234$x$DPY7HY6vlx4yFmAVtDzeUmDvD0NXJt22/Va9uPqQeU3"),
        (
            "a",
            "$6$rounds=2000$yz$kmdD0FdtzQjLMTKq.AB54sJlVyY0BX8h2z9ce04rF.Co5clWfAAktNa2tquUIOgImIBpDQvOp066e76cMspQ7.",
        ),
        ("secret", "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1"),
        ("secret", "$5$saltstring$C3o4O1TC6aRHF4FI.QSZMXtHbaj2gSXr4sUc/3NcUi."),
        (
            "secret",
            "$6$saltsaltsaltsalt$ph0yGsyjzqdeFaon7.gJZo8eAG5/rj9/JdzOu1Rl7dKzBYg3xgvl7T2VQ2Rt81bc5AXkdA54r0p8QvC1omD6R1",
        ),
        ("secret", "$1$a$41c8gzdxX5iFFuqkeAdoe0"),
        ("secret", "$5$rounds=1234$x$bKpgFu8b6NR4IvBo6.B2QBz3CFTzp1Sqs.JnYP8IPl."),
        (
            "secret",
            "$6$rounds=2000$yz$q7bcLeB1y.wmdad747kbVGjvNBxRmYNfagxjrKemwmNKRYWKmI1sUxzAs3Lqvak/56RCrnPHpv9LhlPXNcJoH/",
        ),
        ("Hello world!", "$1$abcdefgh$fzmjzFdo5nMtBG8gtud5e0"),
        ("Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
        (
            "Hello world!",
            "$6$saltsaltsaltsalt$HXHZKJ0g.uKZHDcR9YIeniE7EWRBrei5U2090m6ZyXxoHrCmrfz3uLl219xdRK/fN3ZsMvKWeXNxv7g0bQ10W.",
        ),
        ("Hello world!", "$1$a$AJJ2fX6RtJiThwrngw6jJ/"),
        ("Hello world!", "$5$rounds=1234$x$0tmPBx7KM9wHPN/SX/b/kVYW00sx4AZKaDji535RY/B"),
        (
            "Hello world!",
            "$6$rounds=2000$yz$7dtyurG/4tBEsDkQzBKClSlpAMYu2a6wwsviprB8kXFXske2rAQkYitrA0rQjhRIxPWGIhvfgEgff9zBBTgoZ1",
        ),
        (
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789",
            "$1$abcdefgh$Npw34SkXJh5JoCGyt0B1V.",
        ),
        (
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789",
            "$5$saltstring$2xqxqSL8XyDgKKpCrfx9liP/0uMUjJExi9BY/ZHboW0",
        ),
        (
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789",
            "$6$saltsaltsaltsalt$MeRf47F/sPiHR0s1kt9qHRP5LqyJT/c1rWTmAdW0JsPSlOynr/fw.zLMzSm/zdn8TAg2horUYiCGl0Ls6f/J60",
        ),
        (
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789",
            "$1$a$1gixZK/XSXXCL3CSWOZ9T.",
        ),
        (
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789",
            "$5$rounds=1234$x$Bu3tseqkCuYexVZTpkI0oMek9mDp27.2RcNx6nvQrr6",
        ),
        (
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789",
            "$6$rounds=2000$yz$g.OEugolygLvo63mkm.ECBeAtdo8YxtwhfFVSCYK6SvcRfs0kCt/eLXdojrqQsri29fN7bR9mkNIIfdGq.1.v.",
        ),
        ("pässword", "$1$abcdefgh$6qENbeetgn0exf.OCTQaP0"),
        ("pässword", "$5$saltstring$cRBhKSfYzTy7ht1J5qVPFV0KZImJ0U5L5Ezw0UdIOW4"),
        (
            "pässword",
            "$6$saltsaltsaltsalt$RqBvYJbe6cvQP32EUxmJtPSsHChBWS4Lec1cIovhbwoY/THZEUepzZsEmC6my.1fWOUXRX9biNyAqPb9arBTc/",
        ),
        ("pässword", "$1$a$4iOcmb37HUeyxd3C0066P/"),
        ("pässword", "$5$rounds=1234$x$ILxT1z4mNlRk.fXO2W/G7J8GEfNxN0SrGi0aB2Z1Mv2"),
        (
            "pässword",
            "$6$rounds=2000$yz$RDuAK2cRdahTLehzDXizGq8dX3vor8TvVcode7eQek9DiQrsOWAbjxsyPHI.SnqKi7cLmoVuaXPwHcHUrvhMQ1",
        ),
    ];

    #[test]
    fn what_crypt_wrote_is_recognised() {
        for (password, text) in CASES {
            let known = Password::crypt(text).map_err(|e| format!("{text}: {e}")).unwrap();
            assert!(known.is(password.as_bytes()), "{text}");
            assert!(!known.is(format!("{password}x").as_bytes()), "{text}");
            assert!(!known.is(b""), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let cases = [
            ("abJnggxhB/yWI", UnusablePassword::Des),
            ("$2y$10$abcdefghijklmnopqrstuuJ0", UnusablePassword::Bcrypt),
            ("$y$j9T$abc$def", UnusablePassword::UnknownMethod),
            ("$6$onlysalt", UnusablePassword::Malformed),
            ("$6$salt$short", UnusablePassword::Malformed),
        ];
        for (text, why) in cases {
            assert_eq!(Password::crypt(text).err(), Some(why), "{text}");
        }
    }

    #[test]
    fn users_and_groups() {
        let mut users = Users::new("u");
        users.add("alice", Some(Password::clear(b"secret")), ["staff"]);
        users.add("alice", None, ["admins"]);
        users.add("ghost", None, []);
        assert!(users.authenticates(b"alice", b"secret"));
        assert!(!users.authenticates(b"alice", b"Secret"));
        assert!(!users.authenticates(b"ghost", b""));
        assert!(users.in_group(b"alice", b"staff") && users.in_group(b"alice", b"admins"));
        let mut seen = Vec::new();
        users.each_group(b"alice", &mut |group| {
            seen.push(group.to_vec());
            ControlFlow::Continue(())
        });
        assert_eq!(seen, [&b"admins"[..], b"staff"]);
        assert!(!users.in_group(b"alice", b"root") && !users.in_group(b"bob", b"staff"));
    }
}
