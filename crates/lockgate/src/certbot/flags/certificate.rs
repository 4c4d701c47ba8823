//! Flags about the certificate itself: its names, its key, its chain, whether it is ordered at all, and its end.

use super::super::verb::{AGAIN, NAMED, ORDERS, Verb};
use super::super::words::{address, curve, file, key_size, key_type, name, names, reason, text};
use super::{Row, switch, take};

const BY_NAMES: &[Verb] = &[Verb::Run, Verb::Certonly, Verb::Certificates, Verb::Plan, Verb::Dns];
const REHEARSED: &[Verb] = &[Verb::Run, Verb::Certonly, Verb::Renew, Verb::Reconfigure];
const REQUEST: &[Verb] = &[Verb::Certonly];
const REVOKE: &[Verb] = &[Verb::Revoke];
const PATHS: &[Verb] = &[Verb::Certonly, Verb::Revoke];
const TABLES: &[Verb] = &[Verb::List, Verb::Plan, Verb::Dns];

pub(super) static ROWS: &[Row] = &[
    take(&["-d", "--domain", "--domains"], "domains", "NAME", names)
        .of(BY_NAMES)
        .doc("a name, or several with commas between them"),
    take(&["--ip-address"], "ip_addresses", "ADDRESS", address).of(BY_NAMES).doc("an IP address"),
    take(&["--cert-name"], "certname", "NAME", |o, w| name(&mut o.cert_name, w))
        .of(NAMED)
        .doc("what the certificate is called on disk"),
    take(&["--csr"], "csr", "FILE", |o, w| file(&mut o.csr, w))
        .of(REQUEST)
        .doc("a request made elsewhere, in PEM or DER: the key stays there"),
    take(&["--cert-path"], "cert_path", "FILE", |o, w| file(&mut o.cert_path, w))
        .of(PATHS)
        .doc("the certificate to revoke; where that of --csr is written"),
    take(&["--chain-path"], "chain_path", "FILE", |o, w| file(&mut o.chain_path, w))
        .of(REQUEST)
        .doc("where its issuers are written"),
    take(&["--fullchain-path"], "fullchain_path", "FILE", |o, w| file(&mut o.fullchain_path, w))
        .of(REQUEST)
        .doc("where both are written"),
    // The key.
    take(&["--key-type"], "key_type", "TYPE", key_type).of(ORDERS).doc("rsa or ecdsa"),
    take(&["--rsa-key-size"], "rsa_key_size", "BITS", key_size).of(ORDERS).doc("2048, 3072 or 4096"),
    take(&["--elliptic-curve"], "elliptic_curve", "CURVE", curve)
        .of(ORDERS)
        .doc("secp256r1, secp384r1 or secp521r1"),
    switch(&["--reuse-key"], "reuse_key", |o| o.reuse_key = true)
        .of(ORDERS)
        .doc("keep the key when renewing"),
    switch(&["--no-reuse-key"], "reuse_key", |o| o.reuse_key = false)
        .of(ORDERS)
        .doc("make a new key when renewing"),
    switch(&["--new-key"], "new_key", |o| o.new_key = true).of(ORDERS).doc("make a new key this once"),
    switch(&["--must-staple"], "must_staple", |o| o.must_staple = true)
        .of(ORDERS)
        .doc("one that clients take only with an OCSP answer; Let's Encrypt refuses to sign such"),
    take(&["--preferred-chain"], "preferred_chain", "ISSUER", |o, w| text(&mut o.preferred_chain, w))
        .of(ORDERS)
        .doc("common name of the root that the chain should lead to"),
    take(&["--required-profile"], "required_profile", "PROFILE", |o, w| text(&mut o.required_profile, w))
        .of(ORDERS)
        .doc("the authority's profile, or no certificate"),
    take(&["--preferred-profile"], "preferred_profile", "PROFILE", |o, w| text(&mut o.preferred_profile, w))
        .of(ORDERS)
        .doc("the authority's profile, if it has it"),
    // Whether it is ordered.
    switch(&["--dry-run"], "dry_run", |o| o.dry_run = true).of(REHEARSED).doc("rehearse: nothing is kept"),
    switch(&["--force-renewal", "--renew-by-default"], "force_renewal", |o| o.force_renewal = true)
        .of(AGAIN)
        .doc("renew although it is not due"),
    switch(&["--keep-until-expiring", "--keep", "--reinstall"], "keep", |o| o.keep = true)
        .of(AGAIN)
        .doc("keep what is not due"),
    switch(&["--expand"], "expand", |o| o.expand = true)
        .of(AGAIN)
        .doc("replace a certificate by one with more names"),
    switch(&["--duplicate"], "duplicate", |o| o.duplicate = true)
        .of(AGAIN)
        .doc("one more certificate for the same names"),
    switch(&["--renew-with-new-domains"], "new_names", |o| o.new_names = true)
        .of(AGAIN)
        .doc("replace a certificate's names"),
    switch(&["--allow-subset-of-names"], "allow_subset_of_names", |o| o.subset = true)
        .of(ORDERS)
        .doc("do without names that cannot be proven"),
    switch(&["--break-my-certs"], "break_my_certs", |o| o.break_certs = true)
        .of(ORDERS)
        .doc("let a test certificate take the place of a real one"),
    switch(&["--autorenew"], "autorenew", |o| o.autorenew = Some(true)).of(ORDERS).doc("'renew' renews it"),
    switch(&["--no-autorenew"], "autorenew", |o| o.autorenew = Some(false))
        .of(ORDERS)
        .doc("'renew' leaves it alone"),
    switch(&["--no-random-sleep-on-renew"], "no_random_sleep", |o| o.random_sleep = false)
        .of(ORDERS)
        .doc("renew at once"),
    // Its end.
    take(&["--key-path"], "key_path", "FILE", |o, w| file(&mut o.key_path, w))
        .of(REVOKE)
        .doc("its key, to revoke by it instead of by the account"),
    take(&["--reason"], "reason", "REASON", reason)
        .of(REVOKE)
        .doc("unspecified, keycompromise, affiliationchanged, superseded or cessationofoperation"),
    switch(&["--delete-after-revoke"], "delete_after_revoke", |o| o.delete_after_revoke = Some(true))
        .of(REVOKE)
        .doc("delete it then"),
    switch(&["--no-delete-after-revoke"], "delete_after_revoke", |o| o.delete_after_revoke = Some(false))
        .of(REVOKE)
        .doc("keep its files"),
    switch(&["--json"], "json", |o| o.as_json = true).of(TABLES).doc("answer in JSON"),
];
