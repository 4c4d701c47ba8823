//! `certificates` and `plugins`, in the shape that scripts read.

use super::Failure;
use super::options::Options;
use super::renewing::now;
use super::talk::{FRAME, Talk};
use certs::tree::{Kind, Lineage};
use certs::{KeyKind, Outline};

pub(super) fn certificates(options: &Options, talk: &Talk) -> Result<(), Failure> {
    let is_chosen = options.cert_name.is_some() || !options.names.is_empty();
    let names = match &options.cert_name {
        Some(name) if options.tree.has(name) => vec![name.clone()],
        Some(_) => Vec::new(),
        None => options.tree.lineages()?,
    };
    let (mut found, mut broken) = (Vec::new(), Vec::new());
    for name in names {
        let seen = options.tree.lineage(&name).map_err(|why| why.to_string()).and_then(|lineage| {
            let outline = Outline::of_lineage(&lineage).map_err(|why| why.to_string())?;
            Ok((lineage, outline))
        });
        match seen {
            Ok((lineage, outline)) if options.names.iter().all(|name| outline.names.contains(name)) => {
                found.push(entry(&lineage, &outline));
            }
            Ok(_) => {}
            Err(why) => {
                let conf = options.tree.conf(&name).display().to_string();
                talk.remark(&format!(
                    "Renewal configuration file {conf} produced an unexpected error: {why}. Skipping."
                ));
                broken.push(format!("  {conf}"));
            }
        }
    }
    let mut text = match found.is_empty() {
        true if is_chosen => "Found the following matching certs:\n".to_owned(),
        true if broken.is_empty() => "No certificates found.".to_owned(),
        true => String::new(),
        false if is_chosen => format!("Found the following matching certs:\n{}", found.join("\n")),
        false => format!("Found the following certs:\n{}", found.join("\n")),
    };
    if !broken.is_empty() {
        let gap = if text.is_empty() { "" } else { "\n\n" };
        text.push_str(&format!(
            "{gap}The following renewal configurations were invalid:\n{}",
            broken.join("\n")
        ));
    }
    talk.frame(&text);
    Ok(())
}

fn entry(lineage: &Lineage, outline: &Outline) -> String {
    let valid = match outline.not_after.since(now()).as_secs() {
        0 => "INVALID: EXPIRED".to_owned(),
        left if left < 86_400 => format!("VALID: {} hour(s)", left / 3600),
        left if left < 2 * 86_400 => "VALID: 1 day".to_owned(),
        left => format!("VALID: {} days", left / 86_400),
    };
    let server = lineage.renewal().param("server").unwrap_or_default();
    let is_test = Options::is_staging(&server) && outline.not_after > now();
    let valid = if is_test { "INVALID: TEST_CERT".to_owned() } else { valid };
    let key = outline.key.map_or("unknown", KeyKind::family);
    format!(
        "  Certificate Name: {}\n    Serial Number: {}\n    Key Type: {key}\n    Domains: {}\n    Expiry Date: {} ({valid})\n    \
         Certificate Path: {}\n    Private Key Path: {}",
        lineage.name(),
        outline.facts.serial.trim_start_matches('0'),
        outline.names.join(" "),
        outline.expiry(),
        lineage.path(Kind::Fullchain).display(),
        lineage.path(Kind::Privkey).display()
    )
}

pub(super) fn plugins(talk: &Talk) {
    let entry =
        |name: &str, doc: &str| format!("* {name}\nDescription: {doc}\nInterfaces: Authenticator, Plugin");
    let all = [
        entry("manual", "Programs of yours put the proof in place, or you do by hand"),
        entry("standalone", "A web server of our own for a moment, or the proxy that runs here"),
        entry("webroot", "Files in the folder of a web server"),
    ];
    talk.say(&format!("\n{FRAME}\n{}\n{FRAME}", all.join("\n\n")));
}
