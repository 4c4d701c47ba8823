//! Accounts: `register`, `unregister`, `update_account`, `show_account`, and what has to be agreed to before the first
//! certificate.

use super::Failure;
use super::options::Options;
use super::ordering::directory;
use super::talk::{FRAME, Talk};
use base::reason;
use certs::Storage;
use certs::acme::{IssueError, open_account};
use std::future::Future;

fn storage(options: &Options) -> Storage {
    Storage::of(options.tree.clone()).with_account(options.account.clone())
}

/// Runs what has to wait for an authority.
pub(super) fn wait<T>(work: impl Future<Output = Result<T, IssueError>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|why| Failure::Failed(format!("no runtime: {}", reason(&why))))?;
    runtime.block_on(work).map_err(Failure::of)
}

pub(super) fn none(options: &Options) -> Failure {
    Failure::Failed(format!("Could not find an existing account for server {}.", options.directory()))
}

/// Before an order: there is an account, or all that is needed to make one, and it is made.
pub(super) fn prepare(options: &mut Options, talk: &Talk) -> Result<(), Failure> {
    let url = options.directory();
    let kept = options.tree.accounts(&url)?;
    if options.account.as_ref().is_some_and(|id| kept.contains(id)) {
        return Ok(());
    }
    match (kept.as_slice(), &options.account) {
        (_, Some(id)) if options.given.contains("account") => {
            let place = options.tree.accounts_folder(&url).join(id);
            return Err(Failure::Failed(format!(
                "Account at {} does not exist; 'show_account' shows the one that is used",
                place.display()
            )));
        }
        ([], _) => {}
        ([one], _) => {
            options.account = Some(one.clone());
            return Ok(());
        }
        (several, _) => {
            options.account = Some(choose(several, talk)?);
            return Ok(());
        }
    }
    agree(options, talk)?;
    let directory = directory(options)?;
    let storage = Storage::of(options.tree.clone());
    wait(async { open_account(&directory, &storage).await.map(drop) })?;
    talk.say("Account registered.");
    options.account = options.tree.accounts(&url)?.into_iter().next();
    Ok(())
}

fn choose(all: &[String], talk: &Talk) -> Result<String, Failure> {
    let list: Vec<String> = all.iter().enumerate().map(|(at, id)| format!("{}: {id}", at + 1)).collect();
    let question = format!("Please choose an account\n{FRAME}\n{}", list.join("\n"));
    let prompt = format!("Select the appropriate number [1-{}]", all.len());
    let answer = talk.ask(&question, &prompt, "--account").map_err(Failure::Failed)?;
    let chosen = answer.parse::<usize>().ok().and_then(|number| all.get(number.checked_sub(1)?));
    chosen.cloned().ok_or_else(|| Failure::Failed(format!("'{answer}' chooses none of them")))
}

fn agree(options: &mut Options, talk: &Talk) -> Result<(), Failure> {
    if options.dry_run {
        return Ok(());
    }
    if options.email.is_none() && !options.without_email {
        if !talk.is_interactive() {
            return Err(Failure::Failed(
                "You should register before running non-interactively, or provide --agree-tos and --email <email_address> \
                 flags."
                    .to_owned(),
            ));
        }
        let question = "Enter email address (used for urgent renewal and security notices)";
        let answer =
            talk.ask(question, "Address, or nothing for none", "--email").map_err(Failure::Failed)?;
        options.email = Some(answer).filter(|answer| !answer.is_empty());
    }
    if !options.agree_tos {
        let question = format!(
            "An account at the authority {} comes with its terms of service. Do you agree to them?",
            options.directory()
        );
        if !talk.agrees(&question, "--agree-tos").map_err(Failure::Failed)? {
            return Err(Failure::Failed("without agreement to the terms there is no account".to_owned()));
        }
    }
    Ok(())
}

pub(super) fn register(mut options: Options, talk: &Talk) -> Result<(), Failure> {
    if !options.tree.accounts(&options.directory())?.is_empty() {
        return Err(Failure::Failed(
            "There is an existing account; registration of a duplicate account with this command is currently unsupported."
                .to_owned(),
        ));
    }
    prepare(&mut options, talk)
}

/// The account that is there, opened.
fn existing(options: &Options) -> Result<String, Failure> {
    let kept = storage(options).account(&options.directory()).map_err(Failure::of)?;
    kept.map(|(id, _)| id).ok_or_else(|| none(options))
}

pub(super) fn unregister(options: &Options, talk: &Talk) -> Result<(), Failure> {
    let id = existing(options)?;
    if talk.is_interactive() {
        let question = "Are you sure you would like to irrevocably deactivate your account?";
        if !talk.agrees(question, "--non-interactive").map_err(Failure::Failed)? {
            return Err(Failure::Failed("Deactivation aborted.".to_owned()));
        }
    }
    let (directory, storage) = (directory(options)?, storage(options));
    match wait(async { open_account(&directory, &storage).await?.deactivate().await }) {
        // RFC 8555 section 7.3.6: so it answers to one that is deactivated, as where this was cut off here.
        Err(Failure::Issue(IssueError::Refused { kind, .. }, _))
            if matches!(kind.as_str(), "unauthorized" | "accountDoesNotExist") =>
        {
            talk.say("The authority knows this account no more.");
        }
        outcome => outcome?,
    }
    options.tree.forget_account(&directory.url, &id)?;
    talk.say("Account deactivated.");
    Ok(())
}

pub(super) fn update(options: &Options, talk: &Talk) -> Result<(), Failure> {
    existing(options)?;
    let mut options = options.clone();
    if options.email.is_none() && !options.without_email {
        let answer = talk.ask("Enter the account's new mail address", "Address", "--email");
        options.email = Some(answer.map_err(Failure::Failed)?);
    }
    let (directory, storage) = (directory(&options)?, storage(&options));
    wait(async { open_account(&directory, &storage).await?.set_contact(&directory.contact).await })?;
    talk.say(&match directory.contact.as_slice() {
        [] => "Any contact information associated with this account has been removed.".to_owned(),
        all => format!("Your e-mail address was updated to {}.", all.join(",")),
    });
    Ok(())
}

pub(super) fn show(options: &Options, talk: &Talk) -> Result<(), Failure> {
    existing(options)?;
    let (directory, storage) = (directory(options)?, storage(options));
    let (id, thumbprint, contact) = wait(async {
        let account = open_account(&directory, &storage).await?;
        let contact = account.contact().await?;
        Ok((account.id().to_owned(), account.thumbprint().to_owned(), contact))
    })?;
    let mails: Vec<&str> = contact.iter().map(|one| one.strip_prefix("mailto:").unwrap_or(one)).collect();
    let contact = match mails.as_slice() {
        [] => "none".to_owned(),
        all => all.join(", "),
    };
    let plural = if mails.len() > 1 { "s" } else { "" };
    talk.say(&format!(
        "Account details for server {}:\n  Account URL: {id}\n  Account Thumbprint: {thumbprint}\n  Email contact{plural}: {contact}",
        directory.url
    ));
    Ok(())
}
