//! OCSP responses over the runtime API: `show`, `set` and `update ssl ocsp-response`, `show ssl ocsp-updates`. One that is
//! set or fetched is stapled to the next handshake.

use super::call::{Call, Severity};
use super::certificate_text::{hex, lower_hex, staple_text};
use super::table::Command;
use certs::ocsp::Record;
use certs::renew::UnixTime;
use proxy::certificates;
use proxy::plan::Plan;
use proxy::stats_socket::CliLevel::{Admin, Operator};
use std::path::Path;
use std::sync::Arc;
use tls::{Staple, StapleView};

pub(crate) const COMMANDS: &[Command] = &[
    Command::now(
        &["show", "ssl", "ocsp-response"],
        "[[text|base64] id]",
        "display the IDs of the OCSP responses used in memory, or the details of a single OCSP response (in text or base64 format)",
        Operator,
        show,
    ),
    Command::now(
        &["set", "ssl", "ocsp-response"],
        "<resp|payload>",
        "update a certificate's OCSP Response from a base64-encode DER",
        Operator,
        set,
    ),
    Command::later(
        &["update", "ssl", "ocsp-response"],
        "<certfile>",
        "send ocsp request and update stored ocsp response",
        Admin,
        |call| Box::pin(update(call)),
    ),
    Command::now(
        &["show", "ssl", "ocsp-updates"],
        "",
        "display information about the next 'nb' ocsp responses that will be updated automatically",
        Operator,
        updates,
    ),
];

fn show(call: &mut Call<'_>) {
    let (as_base64, wanted) = match call.arg(0) {
        "base64" => (true, call.arg(1).to_owned()),
        "text" => (false, call.arg(1).to_owned()),
        id => (false, id.to_owned()),
    };
    let staples = in_use(&call.process.plan);
    if wanted.is_empty() {
        if !staples.is_empty() {
            call.put("# Certificate IDs\n");
        }
        return staples.iter().for_each(|(crt, _, staple)| {
            call.put(format_args!(
                "Certificate ID key : {}\nCertificate path : {}\n Certificate ID:\n   Issuer Name Hash: {}\n   \
                 Issuer Key Hash: {}\n   Serial Number: {}\n",
                lower_hex(&staple.key),
                crt.display(),
                hex(&staple.name_hash),
                hex(&staple.key_hash),
                hex(&staple.serial)
            ));
        });
    }
    let is_it = |(crt, _, staple): &&(Arc<Path>, Staple, StapleView)| {
        crt.as_os_str() == wanted.as_str() || lower_hex(&staple.key).eq_ignore_ascii_case(&wanted)
    };
    match staples.iter().find(is_it) {
        Some((_, staple, _)) if as_base64 => {
            call.put(format_args!("{}\n", expr::base64_encode(staple.der())))
        }
        Some((.., view)) => call.put(staple_text(view)),
        None => call.refuse("Certificate ID or path does not match any certificate."),
    }
}

/// What is stapled, each with the first file that it is stapled with.
fn in_use(plan: &Plan) -> Vec<(Arc<Path>, Staple, StapleView)> {
    let uses = certificates::binds(plan).into_iter().flat_map(|bind| bind.tls.ocsp_uses());
    let mut staples: Vec<(Arc<Path>, Staple, StapleView)> = Vec::new();
    for used in uses {
        let Some((staple, view)) = used.certificate.staple().and_then(|s| s.view().map(|view| (s, view)))
        else {
            continue;
        };
        if !staples.iter().any(|(_, known, _)| *known == staple) {
            staples.push((used.crt, staple, view));
        }
    }
    staples
}

async fn update(call: &mut Call<'_>) {
    let crt = call.arg(0).to_owned();
    if crt.is_empty() {
        return call.refuse("'update ssl ocsp-response' expects a filename");
    }
    match call.process.stapling.clone().update_file(&crt).await {
        Ok(staple) => {
            if let Some(view) = staple.view() {
                call.put(staple_text(&view));
            }
        }
        Err(why) => call.refuse(format_args!("no OCSP response for '{crt}': {why}")),
    }
}

fn updates(call: &mut Call<'_>) {
    call.put(
        "OCSP Certid | Path | Next Update | Last Update | Successes | Failures | Last Update Status | \
         Last Update Status (str)\n",
    );
    for row in call.process.stapling.rows() {
        let Record { next, last, successes, failures, outcome, .. } = row.record;
        let date = |time: UnixTime| expr::format::date::local_time(time.0.saturating_mul(1_000_000));
        call.put(format_args!(
            "{} | {} | {} | {} | {successes} | {failures} | {} | {}\n",
            lower_hex(&row.key),
            row.crt.display(),
            date(next),
            last.map_or_else(|| "-".to_owned(), date),
            outcome.number(),
            outcome.text(),
        ));
    }
}

fn set(call: &mut Call<'_>) {
    let text = call.payload.unwrap_or(call.arg(0));
    let base64: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    if base64.is_empty() {
        return call.refuse("'set ssl ocsp-response' expects response in base64 encoding.");
    }
    let Some(der) = expr::base64_decode(&base64) else {
        return call.refuse("'set ssl ocsp-response' received invalid base64 encoded response.");
    };
    let process = call.process.clone();
    match process.plan.certs.set_staple(&der) {
        Ok(_kept_until_scanned) => {
            certificates::refresh(&process.plan);
            call.say(Severity::Info, "OCSP Response updated!");
        }
        Err(why) => call.refuse(why),
    }
}
