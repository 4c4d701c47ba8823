//! Authorities and revocation lists over the runtime API: `show`, `new`, `set`, `commit`, `abort` and `del` of `ssl
//! ca-file` and `ssl crl-file`. Committed ones hold for the next handshake, of clients and towards servers.

use super::call::{Call, Severity};
use super::certificate_text::{date, facts, hex};
use super::table::Command;
use proxy::certificates;
use proxy::stats_socket::CliLevel::{Admin, Operator};
use std::fmt::Write;
use tls::TrustKind::{Authorities, Revocations};
use tls::{CertView, CrlView, TrustError, TrustKind, TrustView};

pub(crate) const COMMANDS: &[Command] = &[
    Command::now(
        &["show", "ssl", "ca-file"],
        "[<cafile>[:<index>]]",
        "display the SSL CA files used in memory, or the details of a <cafile>, or a single certificate of index <index> of a CA file <cafile>",
        Operator,
        |call| show(call, Authorities),
    ),
    Command::now(
        &["show", "ssl", "crl-file"],
        "[<crlfile[:<index>>]]",
        "display the SSL CRL files used in memory, or the details of a <crlfile>, or a single CRL of index <index> of CRL file <crlfile>",
        Operator,
        |call| show(call, Revocations),
    ),
    Command::now(
        &["new", "ssl", "ca-file"],
        "<cafile>",
        "create a new CA file to be used in a crt-list",
        Admin,
        |call| {
            new(call, Authorities);
        },
    ),
    Command::now(
        &["new", "ssl", "crl-file"],
        "<crlfile>",
        "create a new CRL file to be used in a crt-list",
        Admin,
        |call| new(call, Revocations),
    ),
    Command::now(&["set", "ssl", "ca-file"], "<cafile> <payload>", "replace a CA file", Admin, |call| {
        set(call, Authorities);
    }),
    Command::now(&["set", "ssl", "crl-file"], "<crlfile> <payload>", "replace a CRL file", Admin, |call| {
        set(call, Revocations);
    }),
    Command::now(&["commit", "ssl", "ca-file"], "<cafile>", "commit a CA file", Admin, |call| {
        commit(call, Authorities);
    }),
    Command::now(&["commit", "ssl", "crl-file"], "<crlfile>", "commit a CRL file", Admin, |call| {
        commit(call, Revocations);
    }),
    Command::now(
        &["abort", "ssl", "ca-file"],
        "<cafile>",
        "abort a transaction for a CA file",
        Admin,
        |call| abort(call, Authorities),
    ),
    Command::now(
        &["abort", "ssl", "crl-file"],
        "<crlfile>",
        "abort a transaction for a CRL file",
        Admin,
        |call| abort(call, Revocations),
    ),
    Command::now(&["del", "ssl", "ca-file"], "<cafile>", "delete an unused CA file", Admin, |call| {
        del(call, Authorities);
    }),
    Command::now(&["del", "ssl", "crl-file"], "<crlfile>", "delete an unused CRL file", Admin, |call| {
        del(call, Revocations);
    }),
];

/// HAProxy's words for a kind.
struct Words {
    /// `CA`
    noun: &'static str,
    /// `ca-file`
    keyword: &'static str,
}

fn words(kind: TrustKind) -> Words {
    match kind {
        Authorities => Words { noun: "CA", keyword: "ca-file" },
        Revocations => Words { noun: "CRL", keyword: "crl-file" },
    }
}

fn show(call: &mut Call<'_>, kind: TrustKind) {
    let name = call.arg(0).to_owned();
    let process = call.process.clone();
    let store = &process.plan.certs;
    if name.is_empty() {
        if let Some((open, view)) = store.trust_transaction(kind) {
            call.put(format_args!("# transaction\n*{open}{}\n", count(kind, view.ders.len())));
        }
        call.put("# filename\n");
        let files = store.trust_files(kind);
        return files.iter().for_each(|(n, ders)| call.put(format_args!("{n}{}\n", count(kind, *ders))));
    }
    let find = |name: &str| match name.strip_prefix('*') {
        Some(name) => store.trust_transaction(kind).filter(|(open, _)| open == name).map(|(_, view)| view),
        None => store.trust_file(kind, name),
    };
    // a name may hold colons too
    let part = name.rsplit_once(':').filter(|_| find(&name).is_none());
    let (file, index) = match part.map(|(file, n)| (file, n.parse::<usize>())) {
        None => (name.as_str(), None),
        Some((file, Ok(index @ 1..))) => (file, Some(index)),
        Some((_, Ok(_) | Err(_))) => {
            return call.put(format_args!("wrong {} index after colons in '{name}'!", words(kind).noun));
        }
    };
    match find(file) {
        Some(view) => call.put(content(kind, file, &view, index)),
        None => call.refuse(format_args!("Can't display the {} file : Not found!", words(kind).noun)),
    }
}

/// Only authorities are counted.
fn count(kind: TrustKind, ders: usize) -> String {
    match kind {
        Authorities => format!(" - {ders} certificate(s)"),
        Revocations => String::new(),
    }
}

/// A file's content, or one piece of it by its number; nothing where there is no such piece, as HAProxy has it. It says
/// that a list of revocations is empty, and nothing of a list of authorities.
fn content(kind: TrustKind, name: &str, view: &TrustView, index: Option<usize>) -> String {
    let wanted = |number: usize| index.is_none_or(|index| index == number);
    if view.ders.is_empty() && kind == Revocations {
        return format!("Filename: {name}\nStatus: Empty\n");
    }
    let pieces: Vec<_> = (1..).zip(&view.ders).filter(|(number, _)| wanted(*number)).collect();
    if pieces.is_empty() {
        return String::new();
    }
    let status = if view.used { "Used" } else { "Unused" };
    let mut out = format!("Filename: {name}\nStatus: {status}\n");
    for (number, der) in pieces {
        // A blank line would end the answer.
        out += &match kind {
            Authorities => {
                let facts = CertView::new(der).map(|view| facts(&view)).unwrap_or_default();
                format!(" \nCertificate #{number}:\n{facts}")
            }
            Revocations => {
                let list = CrlView::new(der).map(|view| list_text(&view)).unwrap_or_default();
                format!(" \nCertificate Revocation List #{number}:\n{list}")
            }
        };
    }
    out
}

fn list_text(list: &CrlView<'_>) -> String {
    let mut out = format!(
        "Version {}\nSignature Algorithm: {}\nIssuer: {}\nLast Update: {}\nNext Update: {}\n",
        list.version(),
        list.sig_alg(),
        String::from_utf8_lossy(&list.issuer()),
        date(&list.last_update()),
        list.next_update().map_or("NONE".into(), |next| date(&next)),
    );
    let revoked = list.revoked();
    out += if revoked.is_empty() { "No Revoked Certificates.\n" } else { "Revoked Certificates:\n" };
    for (serial, since) in revoked {
        // Writing into a text cannot fail.
        let _ =
            writeln!(out, "    Serial Number: {}\n        Revocation Date: {}", hex(&serial), date(&since));
    }
    out
}

fn new(call: &mut Call<'_>, kind: TrustKind) {
    let (name, Words { noun, keyword }) = (call.arg(0).to_owned(), words(kind));
    if name.is_empty() {
        return call.refuse(format_args!("'new ssl {keyword}' expects a filename"));
    }
    match call.process.plan.certs.new_trust(kind, &name) {
        Ok(()) => call.say(Severity::Info, format_args!("New {noun} file created '{name}'!")),
        Err(why) => call.refuse(told(kind, &name, &why)),
    }
}

fn set(call: &mut Call<'_>, kind: TrustKind) {
    let (name, Words { noun, keyword }) = (call.arg(0).to_owned(), words(kind));
    let Some(pem) = call.payload.filter(|_| !name.is_empty()) else {
        return call.refuse(format_args!("'set ssl {keyword} expects a filename and {noun}s as a payload"));
    };
    match call.process.plan.certs.set_trust(kind, &name, pem) {
        Ok(true) => call.say(Severity::Info, format_args!("transaction created for {noun} {name}!")),
        Ok(false) => call.say(Severity::Info, format_args!("transaction updated for {noun} {name}!")),
        Err(why) => call.refuse(format_args!("{}\nCan't update {name}!", told(kind, &name, &why))),
    }
}

fn commit(call: &mut Call<'_>, kind: TrustKind) {
    let name = call.arg(0).to_owned();
    if name.is_empty() {
        return call.refuse(format_args!("'commit ssl {} expects a filename", words(kind).keyword));
    }
    let process = call.process.clone();
    match process.plan.certs.commit_trust(kind, &name) {
        Ok(servers) => {
            let binds = certificates::refresh(&process.plan);
            call.put(format_args!("Committing {name}{}\nSuccess!\n", ".".repeat(binds + servers)));
        }
        Err(TrustError::NoTransaction) => {
            call.refuse(format_args!("No ongoing transaction! !\nCan't commit {name}!"));
        }
        Err(why) => call.refuse(format_args!("{}\nCan't commit {name}!", told(kind, &name, &why))),
    }
}

fn abort(call: &mut Call<'_>, kind: TrustKind) {
    let (name, Words { keyword, .. }) = (call.arg(0).to_owned(), words(kind));
    if name.is_empty() {
        return call.refuse(format_args!("'abort ssl {keyword}' expects a filename"));
    }
    match call.process.plan.certs.abort_trust(kind, &name) {
        Ok(()) => call.say(Severity::Info, format_args!("Transaction aborted for certificate '{name}'!")),
        Err(TrustError::Other(open)) => call.refuse(format_args!(
            "The ongoing transaction is about '{open}' but you are trying to abort a transaction for '{name}'"
        )),
        Err(why) => call.refuse(told(kind, &name, &why)),
    }
}

fn del(call: &mut Call<'_>, kind: TrustKind) {
    let (name, Words { noun, keyword }) = (call.arg(0).to_owned(), words(kind));
    if name.is_empty() {
        return call.refuse(format_args!("'del ssl {keyword}' expects a {noun} file name"));
    }
    match call.process.plan.certs.del_trust(kind, &name) {
        Ok(()) => call.say(Severity::Info, format_args!("{noun} file '{name}' deleted!")),
        Err(why) => call.refuse(told(kind, &name, &why)),
    }
}

/// Why nothing was changed, in HAProxy's words.
fn told(kind: TrustKind, name: &str, why: &TrustError) -> String {
    let noun = words(kind).noun;
    match why {
        TrustError::Unknown => {
            format!("Can't replace a {noun} file which is not referenced by the configuration!")
        }
        TrustError::Exists => format!("{noun} file '{name}' already exists!"),
        TrustError::Missing => format!("Can't remove the {noun} file: {noun} file '{name}' doesn't exist!\n"),
        TrustError::InUse => {
            format!("Can't remove the {noun} file: {noun} file '{name}' in use, can't be deleted!\n")
        }
        TrustError::Invalid => "Invalid payload".into(),
        TrustError::NoTransaction => "No ongoing transaction!".into(),
        TrustError::Other(open) => {
            format!("The ongoing transaction is about '{open}' but you are trying to set '{name}'")
        }
    }
}
