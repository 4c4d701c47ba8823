//! `delete` and `revoke`: the end of certificates.

use super::Failure;
use super::options::Options;
use super::ordering::directory;
use super::proxies::Proxies;
use super::talk::{FRAME, Talk};
use super::{renewing, saved};
use base::reason;
use certs::acme::{IssueError, open_account, revoke_by_key};
use certs::tree::{Kind, Lock};
use certs::{Outline, Storage};
use std::path::{Path, PathBuf};

pub(super) fn delete(options: &Options, talk: &Talk) -> Result<(), Failure> {
    let names = match &options.cert_name {
        Some(name) => vec![name.clone()],
        None => choose(options, talk)?,
    };
    if talk.is_interactive() {
        let list: String = names.iter().map(|name| format!("\n  * {name}")).collect();
        let question = format!(
            "To be deleted:\n{list}\n\nA server that still names one of them in its configuration will not start again \
             without it. Delete?"
        );
        if !talk.agrees(&question, "--non-interactive").map_err(Failure::Failed)? {
            talk.say("Deletion of certificate(s) canceled.");
            return Ok(());
        }
    }
    for name in names {
        options.tree.delete(&name)?;
        talk.say(&format!("Deleted all files relating to certificate {name}."));
    }
    Ok(())
}

fn choose(options: &Options, talk: &Talk) -> Result<Vec<String>, Failure> {
    let all = options.tree.lineages()?;
    let list: Vec<String> = all.iter().enumerate().map(|(at, name)| format!("{}: {name}", at + 1)).collect();
    let question = format!("Which certificate(s) would you like to delete?\n{FRAME}\n{}", list.join("\n"));
    let answer =
        talk.ask(&question, "Select the appropriate numbers", "--cert-name").map_err(Failure::Failed)?;
    let number = |word: &str| word.parse::<usize>().ok().and_then(|n| all.get(n.checked_sub(1)?)).cloned();
    let chosen: Option<Vec<String>> =
        answer.split([',', ' ']).filter(|word| !word.is_empty()).map(number).collect();
    chosen
        .filter(|chosen| !chosen.is_empty())
        .ok_or_else(|| Failure::Failed(format!("'{answer}' chooses none of them")))
}

/// `lock` is the tree's.
pub(super) fn revoke(options: &Options, talk: &Talk, lock: Option<Lock>) -> Result<(), Failure> {
    let (options, name, path) = match (&options.cert_name, &options.cert_path) {
        (Some(name), None) => {
            let lineage = options.tree.lineage(name)?;
            let recalled = saved::recall(options, lineage.renewal()).map_err(Failure::Failed)?;
            (recalled, Some(name.clone()), lineage.path(Kind::Cert))
        }
        (None, Some(path)) => owner(options, path)?,
        (None, None) | (Some(_), Some(_)) => {
            return Err(Failure::Failed(
                "Error! Exactly one of --cert-path or --cert-name must be specified!".to_owned(),
            ));
        }
    };
    let pem = std::fs::read_to_string(&path)
        .map_err(|why| Failure::Failed(format!("{}: {}", path.display(), reason(&why))))?;
    match revoke_at(&options, &pem) {
        Err(failure) if is_revoked_already(&failure) && is_unfinished(&options, name.as_deref())? => {
            talk.say("The authority has revoked this certificate already.");
        }
        outcome => outcome?,
    }
    let served = name.as_deref().map(|name| Storage::of(options.tree.clone()).fullchain(name));
    if let Some(name) = name {
        let gone = match (options.delete_after_revoke, talk.is_interactive()) {
            (Some(gone), _) => gone,
            (None, false) => true,
            (None, true) => {
                let question = "Would you like to delete the certificate(s) you just revoked, along with all earlier and \
                                later versions of the certificate?";
                talk.agrees(question, "--delete-after-revoke").map_err(Failure::Failed)?
            }
        };
        if gone {
            options.tree.delete(&name)?;
            talk.say(&format!("Deleted all files relating to certificate {name}."));
        } else {
            renewing::remember_revoked(&options, &name, &pem)?;
        }
    }
    talk.say(&format!(
        "Congratulations! You have successfully revoked the certificate that was located at {}.",
        path.display()
    ));
    // Who replaces it needs the tree, and would come again in half a minute only.
    drop(lock);
    if served.is_some_and(|file| is_replaced(&file)) {
        talk.say("The proxy that runs here obtains and serves another in its place now.");
    }
    Ok(())
}

fn is_revoked_already(failure: &Failure) -> bool {
    matches!(failure, Failure::Issue(IssueError::Refused { kind, .. }, _) if kind == "alreadyRevoked")
}

/// What follows a revocation is still to be done: whoever did it last was cut off, or revoked it elsewhere.
fn is_unfinished(options: &Options, name: Option<&str>) -> Result<bool, Failure> {
    match (name, options.delete_after_revoke) {
        (None, _) => Ok(false),
        (Some(name), Some(false)) => Ok(!renewing::is_remembered_revoked(options, name)?),
        (Some(_), Some(true) | None) => Ok(true),
    }
}

/// A proxy that looks after the certificate replaces it at once. One that does not know it leaves it to whoever does.
fn is_replaced(file: &Path) -> bool {
    let proxies = Proxies::find();
    let told = super::accounts::wait(async { Ok(proxies.replace_revoked(file).await) });
    !proxies.is_empty() && told.is_ok_and(|told| told.is_ok())
}

/// Tells the authority: by the certificate's own key where that is named, else by the account.
fn revoke_at(options: &Options, pem: &str) -> Result<(), Failure> {
    let directory = directory(options)?;
    let revoked_for = options.reason.clone();
    if let Some(file) = &options.key_path {
        let key = std::fs::read_to_string(file)
            .map_err(|why| Failure::Failed(format!("{}: {}", file.display(), reason(&why))))?;
        return super::accounts::wait(revoke_by_key(&directory, pem, &key, revoked_for));
    }
    let storage = Storage::of(options.tree.clone()).with_account(options.account.clone());
    if storage.account(&directory.url).map_err(Failure::of)?.is_none() {
        return Err(super::accounts::none(options));
    }
    super::accounts::wait(async {
        let account = open_account(&directory, &storage).await?;
        account.revoke(pem, revoked_for).await
    })
}

/// `update_symlinks`: links in live/ that were changed by hand lead to the newest versions again.
pub(super) fn update_symlinks(options: &Options, talk: &Talk) -> Result<(), Failure> {
    let names = match &options.cert_name {
        Some(name) => vec![name.clone()],
        None => options.tree.lineages()?,
    };
    for name in names {
        if options.tree.relink(&name)? {
            talk.say(&format!("The links of {name} lead to its newest version again."));
        }
    }
    Ok(())
}

/// The lineage that a certificate's file belongs to, if any: its authority and account are the right ones.
fn owner(options: &Options, path: &std::path::Path) -> Result<(Options, Option<String>, PathBuf), Failure> {
    let serial = std::fs::read_to_string(path)
        .map_err(|why| Failure::Failed(format!("{}: {}", path.display(), reason(&why))))
        .and_then(|pem| {
            Outline::of_pem(&pem).map_err(|why| Failure::Failed(format!("{}: {why}", path.display())))
        })?
        .facts
        .serial;
    for name in options.tree.lineages()? {
        let Ok(lineage) = options.tree.lineage(&name) else { continue };
        let same = Outline::of_lineage(&lineage).is_ok_and(|outline| outline.facts.serial == serial);
        if same {
            let recalled = saved::recall(options, lineage.renewal()).map_err(Failure::Failed)?;
            return Ok((recalled, Some(name), path.to_owned()));
        }
    }
    Ok((options.clone(), None, path.to_owned()))
}
