//! OCSP responses over the runtime API: `show` and `set ssl ocsp-response`. One that is set is stapled to the next
//! handshake.

use super::call::{Call, Severity};
use super::certificate_text::{hex, lower_hex, staple_text};
use super::table::Command;
use proxy::certificates;
use proxy::stats_socket::CliLevel::Operator;
use tls::StapleView;

pub(crate) const COMMANDS: &[Command] = &[
    Command::now(
        &["show", "ssl", "ocsp-response"],
        "[id]",
        "display the IDs of the OCSP responses used in memory, or the details of a single OCSP response",
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
];

fn show(call: &mut Call<'_>) {
    let wanted = call.arg(0).to_owned();
    let staples: Vec<StapleView> =
        call.process.plan.certs.staples().iter().filter_map(|s| s.view()).collect();
    if wanted.is_empty() {
        if !staples.is_empty() {
            call.put("# Certificate IDs\n");
        }
        return staples.iter().for_each(|staple| {
            call.put(format_args!(
                "Certificate ID key : {}\n Certificate ID:\n   Issuer Name Hash: {}\n   Issuer Key Hash: {}\n   \
                 Serial Number: {}\n",
                lower_hex(&staple.key),
                hex(&staple.name_hash),
                hex(&staple.key_hash),
                hex(&staple.serial)
            ));
        });
    }
    match staples.iter().find(|staple| lower_hex(&staple.key).eq_ignore_ascii_case(&wanted)) {
        Some(staple) => call.put(staple_text(staple)),
        None => call.refuse("Certificate ID does not match any certificate."),
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
