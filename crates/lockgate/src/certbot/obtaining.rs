//! `certonly` and `run`: which certificate is meant, whether it has to be ordered, and how that is told.

use super::Failure;
use super::accounts;
use super::hooks::{self, Hooks};
use super::options::{Authenticator, Options};
use super::ordering::{Ordering, no_way};
use super::proxies::Proxies;
use super::renewing::{day, is_due};
use super::requesting;
use super::saved;
use super::talk::{FRAME, Talk};
use certs::tree::{Kind, Lineage};
use certs::{KeyKind, Outline};
use std::collections::BTreeSet;

/// What has to be done.
enum Plan {
    /// A certificate of a new name.
    New(String),
    /// Another version of one that is there.
    Again(Box<Lineage>),
    /// Nothing.
    Keep,
}

pub(super) fn run(mut options: Options, talk: &Talk) -> Result<(), Failure> {
    hooks::validate(&options).map_err(Failure::Failed)?;
    if let Some(file) = options.csr.clone() {
        return requesting::run(options, &file, talk);
    }
    let proxies = Proxies::find();
    let plan = plan(&mut options, talk)?;
    let (name, before) = match plan {
        Plan::Keep => {
            talk.say("Certificate not yet due for renewal");
            talk.frame("Certificate not yet due for renewal; no action taken.");
            return Ok(());
        }
        Plan::New(name) => (name, None),
        Plan::Again(lineage) => (lineage.name().to_owned(), Some(lineage)),
    };
    // Who names a way means what he says and no more, as with Certbot; who names none means all that was chosen before.
    if let Some(before) = before.as_ref().filter(|_| options.authenticator.is_none()) {
        let recalled = saved::recall(&options, before.renewal());
        let names = std::mem::take(&mut options.names);
        options = recalled.map_err(|why| Failure::Failed(format!("{}: {why}", before.conf().display())))?;
        options.names = names;
    }
    if let Some(before) = &before {
        options.keeps_real(before.renewal()).map_err(Failure::Failed)?;
    }
    let mut hooks = ready(&mut options, !proxies.is_empty(), talk)?;
    let ordering = Ordering {
        options: &options,
        talk,
        proxies: &proxies,
        name: &name,
        names: options.names.clone(),
        before: before.as_deref(),
        request: None,
    };
    let names = options.names.clone();
    match ordering.run(&hooks) {
        Ok(ordered) => {
            hooks.after(if options.dry_run { &[] } else { &ordered.names }, &[]);
            told(&options, &name, talk)
        }
        Err(failure) => {
            let failure = failure.after_names(talk);
            hooks.after(&[], &names);
            Err(failure)
        }
    }
}

/// What stands before every order: a way of proof, an account, and the hooks that make room for it.
pub(super) fn ready<'t>(
    options: &mut Options,
    proxy_answers: bool,
    talk: &'t Talk,
) -> Result<Hooks<'t>, Failure> {
    if options.authenticator.is_none() {
        options.authenticator = Some(choose(talk, proxy_answers)?);
    }
    accounts::prepare(options, talk)?;
    let mut hooks = Hooks::new(talk);
    hooks.before(options).map_err(Failure::Failed)?;
    Ok(hooks)
}

fn told(options: &Options, name: &str, talk: &Talk) -> Result<(), Failure> {
    if options.dry_run {
        talk.say("The dry run was successful.");
        return Ok(());
    }
    let lineage = options.tree.lineage(name)?;
    let until = Outline::of_lineage(&lineage).map(|outline| day(outline.not_after));
    let until = until.map_err(|why| Failure::Failed(why.to_string()))?;
    talk.say(&format!(
        "\nSuccessfully received certificate.\nCertificate is saved at: {}\nKey is saved at:         {}\nThis certificate \
         expires on {}.\nThese files will be updated when the certificate renews.",
        lineage.path(Kind::Fullchain).display(),
        lineage.path(Kind::Privkey).display(),
        until
    ));
    if !options.preconfigured {
        talk.say("NEXT STEPS:\n- Have 'certbot renew' run daily, or an acme section of the proxy obtain the certificate.");
    }
    Ok(())
}

fn plan(options: &mut Options, talk: &Talk) -> Result<Plan, Failure> {
    if let Some(name) = options.cert_name.clone() {
        return named(options, &name, talk);
    }
    ask_names(options, talk)?;
    if options.duplicate {
        return Ok(Plan::New(options.tree.free_name(&main_name(options))));
    }
    let wanted: BTreeSet<&String> = options.names.iter().collect();
    let mut smaller = None;
    for name in options.tree.lineages()? {
        // A broken one is told of by 'certificates' and 'renew'.
        let Ok(lineage) = options.tree.lineage(&name) else { continue };
        let Ok(outline) = Outline::of_lineage(&lineage) else { continue };
        let has: BTreeSet<&String> = outline.names.iter().collect();
        if has == wanted {
            return again(options, lineage, talk);
        }
        if has.is_subset(&wanted) && smaller.is_none() {
            smaller = Some((lineage, outline.names.clone()));
        }
    }
    match smaller {
        Some((lineage, has)) => expanded(options, lineage, &has, talk),
        None => Ok(Plan::New(options.tree.free_name(&main_name(options)))),
    }
}

pub(super) fn main_name(options: &Options) -> String {
    let first = options.names.first().map_or("", String::as_str);
    first.strip_prefix("*.").unwrap_or(first).replace(':', "_")
}

fn ask_names(options: &mut Options, talk: &Talk) -> Result<(), Failure> {
    if options.names.is_empty() {
        let question = "Please enter the domain name(s) you would like on your certificate (comma and/or space separated)";
        let answer = talk.ask(question, "Names", "--domains").map_err(Failure::Failed)?;
        options.names =
            answer.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_lowercase).collect();
    }
    match options.names.is_empty() {
        true => Err(Failure::Failed("no names were given".to_owned())),
        false => Ok(()),
    }
}

fn named(options: &mut Options, name: &str, talk: &Talk) -> Result<Plan, Failure> {
    if !options.tree.has(name) {
        ask_names(options, talk)?;
        return Ok(Plan::New(name.to_owned()));
    }
    let lineage = options.tree.lineage(name)?;
    let outline = Outline::of_lineage(&lineage).map_err(|why| Failure::Failed(why.to_string()))?;
    if options.names.is_empty() {
        options.names = outline.names;
        return again(options, lineage, talk);
    }
    let (has, wanted): (BTreeSet<&String>, BTreeSet<&String>) =
        (outline.names.iter().collect(), options.names.iter().collect());
    if has == wanted {
        return again(options, lineage, talk);
    }
    // Certbot takes the names on the command line for an answer where nobody can be asked.
    let agreed = options.new_names
        || !talk.is_interactive()
        || (options.expand && has.is_subset(&wanted))
        || {
            let question = format!(
                "You are updating certificate {name} to include new domain(s) or to leave some out.\n\nIt contains these names: \
             {}\n\nYou requested these names: {}\n\nDo you want to replace it?",
                outline.names.join(", "),
                options.names.join(", ")
            );
            talk.agrees(&question, "--renew-with-new-domains").map_err(Failure::Failed)?
        };
    if agreed { Ok(Plan::Again(Box::new(lineage))) } else { Err(cancelled()) }
}

fn again(options: &Options, lineage: Lineage, talk: &Talk) -> Result<Plan, Failure> {
    let other_key = changes_key(options, &lineage)?;
    if other_key || options.force_renewal || options.dry_run || is_due(options, &lineage)? {
        return Ok(Plan::Again(Box::new(lineage)));
    }
    if options.keep || !talk.is_interactive() {
        return Ok(Plan::Keep);
    }
    let question = format!(
        "You have an existing certificate that has exactly the same domains or certificate name you requested and isn't \
         close to expiry.\n(ref: {})\n\n1: Keep the existing certificate for now\n2: Renew & replace the certificate",
        lineage.conf().display()
    );
    let answer = talk.ask(&question, "Select the appropriate number [1-2]", "--keep-until-expiring");
    match answer.map_err(Failure::Failed)?.as_str() {
        "2" => Ok(Plan::Again(Box::new(lineage))),
        _ => Ok(Plan::Keep),
    }
}

/// Whether a key of another type is asked for. A type that came by accident is not to change what is there.
fn changes_key(options: &Options, lineage: &Lineage) -> Result<bool, Failure> {
    let before = Outline::of_lineage(lineage).ok().and_then(|outline| outline.key).map(KeyKind::family);
    let (Some(before), Some(wanted)) = (before, options.key_type.as_deref()) else { return Ok(false) };
    if before.eq_ignore_ascii_case(wanted) {
        return Ok(false);
    }
    if options.cert_name.is_some() && options.given.contains("key_type") {
        return Ok(true);
    }
    Err(Failure::Failed(format!(
        "Are you trying to change the key type of the certificate named {} from {before} to {}? Please provide both \
         --cert-name and --key-type on the command line to confirm the change you are trying to make.",
        lineage.name(),
        wanted.to_uppercase()
    )))
}

fn expanded(options: &Options, lineage: Lineage, has: &[String], talk: &Talk) -> Result<Plan, Failure> {
    let question = format!(
        "You have an existing certificate that contains a portion of the domains you requested (ref: {})\n\nIt contains \
         these names: {}\n\nYou requested these names for the new certificate: {}.\n\nDo you want to expand and replace this \
         existing certificate with the new certificate?",
        lineage.conf().display(),
        has.join(", "),
        options.names.join(", ")
    );
    changes_key(options, &lineage)?;
    let agreed = options.expand || options.force_renewal || {
        let answer = talk.ask(&question, "(E)xpand/(C)ancel", "--expand").map_err(Failure::Failed)?;
        answer.to_lowercase().starts_with('e')
    };
    if agreed { Ok(Plan::Again(Box::new(lineage))) } else { Err(cancelled()) }
}

fn cancelled() -> Failure {
    Failure::Failed(
        "nothing was done: --duplicate would make a second certificate beside the first".to_owned(),
    )
}

fn choose(talk: &Talk, by_proxy: bool) -> Result<Authenticator, Failure> {
    if by_proxy {
        return Ok(Authenticator::Standalone);
    }
    if !talk.is_interactive() {
        return Err(Failure::Failed(no_way()));
    }
    let question = format!(
        "How would you like to authenticate with the ACME CA?\n{FRAME}\n1: a web server of our own for a moment \
         (standalone)\n2: files in the folder of your web server (webroot)\n3: by hand (manual)"
    );
    let answer = talk.ask(&question, "Select the appropriate number [1-3]", "--authenticator");
    Ok(match answer.map_err(Failure::Failed)?.as_str() {
        "2" => Authenticator::Webroot,
        "3" => Authenticator::Manual,
        _ => Authenticator::Standalone,
    })
}
