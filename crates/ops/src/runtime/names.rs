//! `show ssl sni`: the names that each bind answers to, with the certificates behind them (HAProxy 3.2). A line each,
//! its columns parted by one tab.

use super::call::Call;
use super::certificate_text::date;
use super::table::Command;
use base::units;
use proxy::certificates::{self, TlsBind};
use proxy::stats_socket::CliLevel::Operator;
use std::time::{SystemTime, UNIX_EPOCH};
use tls::Named;

pub(crate) const COMMANDS: &[Command] = &[Command::now(
    &["show", "ssl", "sni"],
    "[-f <frontend>] [-A] [-t <offset>]",
    "show the names that binds answer to, those of one frontend, or of expired certificates only",
    Operator,
    show,
)];

/// What is to be shown.
#[derive(Default)]
struct Wanted {
    frontend: Option<String>,
    /// Only what has expired by then, in seconds since the epoch.
    expired_by: Option<i64>,
}

fn show(call: &mut Call<'_>) {
    let wanted = match wanted(call) {
        Ok(wanted) => wanted,
        Err(why) => return call.refuse(why),
    };
    call.put("# Frontend/Bind\tSNI\tNegative Filter\tType\tFilename\tNotAfter\tNotBefore\n");
    let process = call.process.clone();
    for bind in certificates::binds(&process.plan) {
        if wanted.frontend.as_ref().is_some_and(|name| *name != *bind.proxy) {
            continue;
        }
        bind.tls.named().iter().for_each(|named| line(call, &bind, named, wanted.expired_by));
    }
}

fn wanted(call: &Call<'_>) -> Result<Wanted, String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (mut wanted, mut only_expired, mut offset) = (Wanted::default(), false, 0);
    let mut words = call.args.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "-f" => {
                let name = words.next().ok_or("'-f' requires a frontend name!")?;
                if !call.process.plan.frontends.iter().any(|front| *front.name == *name) {
                    return Err("Couldn't find the specified frontend!".into());
                }
                wanted.frontend = Some(name.to_owned());
            }
            "-A" => only_expired = true,
            "-t" => {
                let text = words.next().ok_or("'-t' requires an offset!")?;
                let parsed = units::seconds(text);
                offset = parsed.map_err(|_| format!("'{text}' is no offset: write '30d' or '3600'"))?;
            }
            other => {
                return Err(format!(
                    "Invalid parameters '{other}': use '-f <frontend>', '-A' or '-t <offset>'"
                ));
            }
        }
    }
    wanted.expired_by = only_expired.then_some(i64::try_from(now.saturating_add(offset)).unwrap_or(i64::MAX));
    Ok(wanted)
}

fn line(call: &mut Call<'_>, bind: &TlsBind, named: &Named, expired_by: Option<i64>) {
    let Some(view) = named.certificate.view() else { return };
    if expired_by.is_some_and(|by| view.not_after_seconds() >= by) {
        return;
    }
    let excluded: Vec<String> = named.excluded.iter().map(|name| format!("!{name}")).collect();
    let (from, until) = view.validity();
    let excluded = if excluded.is_empty() { "-".into() } else { excluded.join(" ") };
    call.put(format_args!(
        "{}/{}\t{}\t{excluded}\t{}\t{}\t{}\t{}\n",
        bind.proxy,
        bind.place,
        named.name,
        view.key_kind(),
        named.crt.display(),
        date(&until),
        date(&from)
    ));
}
