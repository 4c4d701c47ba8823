//! Certificates over the runtime API: `set`, `commit`, `abort`, `new`, `del` and `show ssl cert`, and lines of
//! `crt-list` files. A committed certificate is served to the next handshake. This is the conversation that
//! certificate clients' deploy hooks hold.

use super::call::{Call, Severity};
use super::certificate_text::{details, staple_text};
use super::table::Command;
use proxy::certificates;
use proxy::stats_socket::CliLevel::{Admin, Operator};
use tls::{CertError, CertStore, Part, Parts};

pub(crate) const COMMANDS: &[Command] = &[
    Command::now(
        &["show", "ssl", "cert"],
        "[<certfile>]",
        "display the SSL certificates used in memory, or the details of a file",
        Operator,
        show,
    ),
    Command::now(&["set", "ssl", "cert"], "<certfile> <payload>", "replace a certificate file", Admin, set),
    Command::now(&["commit", "ssl", "cert"], "<certfile>", "commit a certificate file", Admin, commit),
    Command::now(
        &["abort", "ssl", "cert"],
        "<certfile>",
        "abort a transaction for a certificate file",
        Admin,
        abort,
    ),
    Command::now(
        &["new", "ssl", "cert"],
        "<certfile>",
        "create a new certificate file to be used in a crt-list or a directory",
        Admin,
        new,
    ),
    Command::now(&["del", "ssl", "cert"], "<certfile>", "delete an unused certificate file", Admin, del),
    Command::now(
        &["show", "ssl", "crt-list"],
        "[-n] [<list>]",
        "show the list of crt-lists or the content of a crt-list file <list>",
        Admin,
        show_lists,
    ),
    Command::now(
        &["add", "ssl", "crt-list"],
        "<list> <cert> [opts]*",
        "add to crt-list file <list> a line <cert> or a payload",
        Admin,
        add_line,
    ),
    Command::now(
        &["del", "ssl", "crt-list"],
        "<list> <cert[:line]>",
        "delete a line <cert> from crt-list file <list>",
        Admin,
        del_line,
    ),
];

fn show(call: &mut Call<'_>) {
    let process = call.process.clone();
    let store = &process.plan.certs;
    let name = call.arg(0).to_owned();
    if name.is_empty() {
        if let Some(open) = store.transaction() {
            call.put(format_args!("# transaction\n*{open}\n"));
        }
        call.put("# filename\n");
        return store.names().iter().for_each(|n| call.put(format_args!("{n}\n")));
    }
    if let Some(staple) = stapled(call, &name) {
        return call.put(staple);
    }
    if let Some(parts) = pending(store, &name) {
        let status = if parts.chain().next().is_some() { "Unused" } else { "Empty" };
        let text = details(parts.chain(), parts.staple());
        return call.put(format_args!("Filename: {name}\nStatus: {status}\n{text}"));
    }
    let Some(known) = store.known(&name) else {
        return call.refuse("Can't display the certificate: Not found or the certificate is a bundle!");
    };
    let status = match &known.certificate {
        None => "Empty",
        Some(_) if known.used => "Used",
        Some(_) => "Unused",
    };
    let text = match &known.certificate {
        Some(served) => details(served.chain(), served.staple()),
        None => details(std::iter::empty(), None),
    };
    call.put(format_args!("Filename: {name}\nStatus: {status}\n{text}"));
}

/// What waits in the transaction of `*NAME`.
fn pending(store: &CertStore, name: &str) -> Option<Parts> {
    let name = name.strip_prefix('*')?;
    store.pending().filter(|_| store.transaction().as_deref() == Some(name))
}

/// The response stapled with the certificate of `NAME.ocsp`, or of `*NAME.ocsp` in the transaction; empty where it has none.
fn stapled(call: &Call<'_>, name: &str) -> Option<String> {
    let store = &call.process.plan.certs;
    let name = name.strip_suffix(".ocsp")?;
    let staple = match pending(store, name) {
        Some(parts) => parts.staple(),
        None => store.known(name)?.certificate?.staple(),
    };
    Some(staple.and_then(|staple| staple.view()).map(|view| staple_text(&view)).unwrap_or_default())
}

fn set(call: &mut Call<'_>) {
    let full = call.arg(0).to_owned();
    let Some(payload) = call.payload.map(str::to_owned).filter(|_| !full.is_empty()) else {
        return call.refuse("'set ssl cert expects a filename and a certificate as a payload");
    };
    let process = call.process.clone();
    let store = &process.plan.certs;
    let (name, part) = store.part_of(&full);
    let Some(payload) = bytes_of(part, &payload) else {
        return call.refuse(format_args!(
            "Error reading OCSP response in base64 format\nCan't load the payload\nCan't update {full}!"
        ));
    };
    match store.set_cert(&name, part, &payload) {
        Ok(true) => call.say(Severity::Info, format_args!("Transaction created for certificate {name}!")),
        Ok(false) => call.say(Severity::Info, format_args!("Transaction updated for certificate {name}!")),
        Err(why) => call.refuse(format_args!("{why}\nCan't update {full}!")),
    }
}

/// A response comes in base64, all else in PEM.
fn bytes_of(part: Part, payload: &str) -> Option<Vec<u8>> {
    match part {
        Part::Ocsp => {
            let base64: Vec<u8> = payload.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
            expr::base64_decode(&base64)
        }
        Part::Certificate | Part::Key | Part::Issuer | Part::Sctl => Some(payload.as_bytes().to_vec()),
    }
}

fn commit(call: &mut Call<'_>) {
    let name = call.arg(0).to_owned();
    if name.is_empty() {
        return call.refuse("'commit ssl cert expects a filename");
    }
    let process = call.process.clone();
    match process.plan.certs.commit_cert(&name) {
        Ok((served, servers)) => {
            certificates::refresh(&process.plan);
            let uses: usize =
                certificates::binds(&process.plan).iter().map(|bind| bind.tls.uses(&served)).sum();
            call.put(format_args!("Committing {name}{}\nSuccess!\n", ".".repeat(uses + servers)));
        }
        Err(CertError::NoTransaction) => {
            call.refuse(format_args!("No ongoing transaction! !\nCan't commit {name}!"));
        }
        Err(why @ CertError::NoIssuer(_)) => {
            call.put(format_args!("Committing {name}.\n {why}\nFailed!\n"));
        }
        Err(why @ CertError::UselessOcsp(_)) => {
            call.put(format_args!("Committing {name}\n{name}.ocsp: {why}\nFailed!\n"));
        }
        Err(why) => call.refuse(format_args!("{why}\nCan't commit {name}!")),
    }
}

fn abort(call: &mut Call<'_>) {
    let name = call.arg(0).to_owned();
    if name.is_empty() {
        return call.refuse("'abort ssl cert' expects a filename");
    }
    match call.process.plan.certs.abort_cert(&name) {
        Ok(()) => call.say(Severity::Info, format_args!("Transaction aborted for certificate '{name}'!")),
        Err(CertError::Other { open, .. }) => call.refuse(format_args!(
            "The ongoing transaction is about '{open}' but you are trying to abort a transaction for '{name}'"
        )),
        Err(why) => call.refuse(why),
    }
}

fn new(call: &mut Call<'_>) {
    let name = call.arg(0).to_owned();
    if name.is_empty() {
        return call.refuse("'new ssl cert' expects a filename");
    }
    match call.process.plan.certs.new_cert(&name) {
        Ok(()) => call.say(Severity::Info, format_args!("New empty certificate store '{name}'!")),
        Err(why) => call.refuse(why),
    }
}

fn del(call: &mut Call<'_>) {
    let name = call.arg(0).to_owned();
    if name.is_empty() {
        return call.refuse("'del ssl cert' expects a certificate name");
    }
    match call.process.plan.certs.del_cert(&name) {
        Ok(()) => call.say(Severity::Info, format_args!("Certificate '{name}' deleted!")),
        Err(why) => call.refuse(why),
    }
}

fn show_lists(call: &mut Call<'_>) {
    let numbered = call.arg(0) == "-n";
    if numbered && call.arg(1).is_empty() {
        return call.refuse("'show ssl crt-list -n' expects a filename or a directory");
    }
    let name = call.arg(usize::from(numbered)).trim_end_matches('/').to_owned();
    let process = call.process.clone();
    let binds = certificates::binds(&process.plan);
    let mut names: Vec<&str> = binds.iter().flat_map(|bind| bind.tls.lists()).collect();
    names.sort_unstable();
    names.dedup();
    if name.is_empty() {
        return names.iter().for_each(|n| call.put(format_args!("{n}\n")));
    }
    let Some(bind) = binds.iter().find(|b| b.tls.lists().any(|l| l == name)) else {
        return call.refuse("didn't find the specified filename");
    };
    call.put(format_args!("# {name}\n"));
    for (number, line) in bind.tls.list_lines(&name) {
        let (crt, rest) = line.split_once(char::is_whitespace).unwrap_or((&line, ""));
        let gap = if rest.is_empty() { "" } else { " " };
        match numbered {
            true => call.put(format_args!("{crt}:{number}{gap}{rest}\n")),
            false => call.put(format_args!("{crt}{gap}{rest}\n")),
        }
    }
}

fn add_line(call: &mut Call<'_>) {
    let list = call.arg(0).trim_end_matches('/').to_owned();
    let line = match call.payload {
        Some(text) => text.trim().to_owned(),
        None => call.args.get(1..).unwrap_or_default().join(" "),
    };
    let crt = line.split_whitespace().next().unwrap_or_default().to_owned();
    if list.is_empty() || crt.is_empty() {
        return call.refuse("'add ssl crtlist' expects a filename and a certificate name");
    }
    let process = call.process.clone();
    let binds = certificates::binds(&process.plan);
    let with: Vec<_> = binds.iter().filter(|bind| bind.tls.lists().any(|l| l == list)).collect();
    if with.is_empty() {
        return call.refuse(format_args!("Can't edit the crt-list: crt-list '{list}' does not exist!"));
    }
    if line.contains('\n') {
        return call.refuse("Can't edit the crt-list: only one line of payload is supported!");
    }
    let fault = match process.plan.certs.known(&crt) {
        None => Some("does not exist"),
        Some(known) => known.certificate.is_none().then_some("is empty"),
    };
    if let Some(fault) = fault {
        return call.refuse(format_args!("Can't edit the crt-list: certificate '{crt}' {fault}!"));
    }
    if std::path::Path::new(&list).is_dir() && !std::path::Path::new(&crt).starts_with(&list) {
        return call.refuse(format_args!(
            "Can't edit the crt-list: '{list}' is a directory, certificate path '{crt}' must contain the directory \
             path"
        ));
    }
    for bind in &with {
        if let Err(why) = bind.tls.add_line(&list, &line) {
            return call.refuse(format_args!("Can't edit the crt-list: {why}"));
        }
    }
    certificates::refresh(&process.plan);
    let dots = ".".repeat(with.len());
    call.put(format_args!("Inserting certificate '{crt}' in crt-list '{list}'{dots}\nSuccess!\n"));
}

fn del_line(call: &mut Call<'_>) {
    let (list, word) = (call.arg(0).trim_end_matches('/').to_owned(), call.arg(1).to_owned());
    if list.is_empty() || word.is_empty() {
        return call.refuse("'del ssl crtlist' expects a filename and a certificate name");
    }
    let (crt, number) = match word.rsplit_once(':').map(|(crt, n)| (crt, n.parse::<usize>())) {
        Some((crt, Ok(number))) => (crt.to_owned(), Some(number)),
        Some((_, Err(_))) => {
            return call
                .refuse(format_args!("Can't delete the entry: wrong line number after colons in '{word}'!"));
        }
        None => (word, None),
    };
    let process = call.process.clone();
    let binds = certificates::binds(&process.plan);
    let with: Vec<_> = binds.iter().filter(|bind| bind.tls.lists().any(|l| l == list)).collect();
    let Some(first) = with.first() else {
        return call.refuse(format_args!("Can't delete the entry: crt-list '{list}' does not exist!"));
    };
    let lines = first.tls.lines_of(&list, &crt);
    match (lines.as_slice(), number) {
        ([], _) => call.refuse(format_args!("Can't delete the entry: certificate '{crt}' does not exist!")),
        (several, None) if several.len() > 1 => {
            let numbers: Vec<String> = several.iter().map(usize::to_string).collect();
            call.refuse(format_args!(
                "Can't delete the entry: found the certificate '{crt}' in several entries, please specify a line \
                 number preceded by colons ({})!",
                numbers.join(", ")
            ));
        }
        (several, Some(number)) if !several.contains(&number) => {
            let numbers: Vec<String> = several.iter().map(usize::to_string).collect();
            call.refuse(format_args!(
                "Can't delete the entry: found a certificate '{crt}' but the line number is incorrect, please specify \
                 a correct line number preceded by colons ({})!",
                numbers.join(", ")
            ));
        }
        (several, number) => {
            let Some(line) = number.or(several.first().copied()) else { return };
            let with_default = with.iter().filter(|bind| bind.tls.is_default_line(&list, line));
            let places: String = with_default.map(|bind| format!("\t- {}\n", bind.place)).collect();
            if !places.is_empty() {
                return call.refuse(format_args!(
                    "Can't delete the entry: certificate '{crt}' cannot be deleted, it is used as default certificate by \
                     the following frontends:\n{places}"
                ));
            }
            with.iter().for_each(|bind| bind.tls.del_line(&list, line));
            certificates::refresh(&process.plan);
            call.say(Severity::Info, format_args!("Entry '{crt}' deleted in crtlist '{list}'!"));
        }
    }
}
