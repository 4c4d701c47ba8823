//! Records that an operator makes once, shown ready to paste: dns-persist-01 and dns-account-01.

use aws_lc_rs::digest::{SHA256, digest};

/// The record that lets an account prove a name for as long as it stands (draft-ietf-acme-dns-persist): the authority's
/// issuer domain name, the account's address, wildcards and names below if `wildcard`, and perhaps an end in seconds
/// since 1970.
pub fn persist_record(
    domain: &str,
    issuer: &str,
    account: &str,
    wildcard: bool,
    until: Option<i64>,
) -> String {
    let mut value = format!("{issuer}; accounturi={account}");
    if wildcard {
        value.push_str("; policy=wildcard");
    }
    if let Some(until) = until {
        value.push_str(&format!("; persistUntil={until}"));
    }
    format!("_validation-persist.{domain}. IN TXT {}", quoted(&value))
}

/// The label under which an account's record stands beside others', before `_acme-challenge`
/// (draft-ietf-acme-dns-account-label): the first ten bytes of the SHA-256 of the account's address, in base32.
pub fn account_label(account: &str) -> String {
    let hash = digest(&SHA256, account.as_bytes());
    let short = hash.as_ref().get(..10).unwrap_or_default();
    format!("_{}", base32(short))
}

/// As a zone file has it: strings of at most 255 bytes.
fn quoted(value: &str) -> String {
    let escaped = |part: &[u8]| {
        let text = String::from_utf8_lossy(part).replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{text}\"")
    };
    value.as_bytes().chunks(255).map(escaped).collect::<Vec<_>>().join(" ")
}

fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let bit = |i: usize| bytes.get(i / 8).is_some_and(|byte| byte >> (7 - i % 8) & 1 == 1);
    let digit = |n: usize| (0..5).fold(0, |digit, i| digit << 1 | usize::from(bit(n * 5 + i)));
    let digits = (0..(bytes.len() * 8).div_ceil(5)).map(digit);
    digits.filter_map(|d| ALPHABET.get(d)).map(|b| char::from(*b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accounts_label_is_that_of_the_draft() {
        let label = account_label("https://example.com/acme/acct/ExampleAccount");
        assert_eq!(label, "_ujmmovf2vn55tgye");
    }

    #[test]
    fn a_persistent_record_can_be_pasted() {
        let record =
            persist_record("a.example", "letsencrypt.org", "https://ca/acct/7", true, Some(1_767_225_600));
        assert_eq!(
            record,
            "_validation-persist.a.example. IN TXT \"letsencrypt.org; accounturi=https://ca/acct/7; \
             policy=wildcard; persistUntil=1767225600\""
        );
        let long = persist_record("a.example", "ca", &"x".repeat(300), false, None);
        assert!(long.ends_with(&format!("x\" \"{}\"", "x".repeat(60))), "{long}");
    }
}
