//! Certbot's command line: for a program that is called `certbot`, and as `lockgate cert`. Scripts go on working as they
//! are; where they must not, they are told why. What a certificate needs of an authority is done by `certs::issue`.

mod accounts;
mod ending;
mod flags;
mod help;
mod hooks;
mod ini;
mod listing;
mod obtaining;
mod options;
mod ordering;
mod parse;
mod planning;
mod proving;
mod reconfigure;
mod renewing;
mod saved;
mod showing;
mod standalone;
mod talk;
mod verb;

use crate::{Exit, console};
use certs::acme::IssueError;
use certs::tree::{Lock, Tree, TreeError};
use options::Options;
use parse::Asked;
use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};
use talk::Talk;
use verb::Verb;

/// How long somebody else in the tree, such as the proxy that renews, is waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);
const LOCK_POLL: Duration = Duration::from_millis(100);

/// Does what the arguments, without the program's name, ask for.
pub(crate) fn run(arguments: &[OsString]) -> Exit {
    let words: Vec<String> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    match parse::parse(&words) {
        Ok(Asked::Help) => {
            console::out(&help::text());
            Exit::Ok
        }
        Ok(Asked::Version) => {
            console::out(&help::version());
            Exit::Ok
        }
        Ok(Asked::To(verb, options, warnings)) => carry_out(verb, *options, &warnings),
        Err(why) => usage(&why),
    }
}

/// Does what `lockgate cert` asks for: Certbot's verbs, and two of our own.
pub(crate) fn run_cert(arguments: &[OsString]) -> Exit {
    let first = arguments.first().map(|word| word.to_string_lossy().into_owned());
    let rest = arguments.get(1..).unwrap_or_default();
    match first.as_deref() {
        Some("list") => own(rest, listing::run),
        Some("plan") => own(rest, planning::run),
        Some(_) | None => run(arguments),
    }
}

/// A verb of our own, whose flags are Certbot's and `--json`.
fn own(arguments: &[OsString], work: impl FnOnce(&Options, bool) -> Result<(), Failure>) -> Exit {
    let words: Vec<String> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let as_json = words.iter().any(|word| word == "--json");
    let words = words.into_iter().filter(|word| word != "--json");
    let words: Vec<String> = std::iter::once("certificates".to_owned()).chain(words).collect();
    let options = match parse::parse(&words) {
        Ok(Asked::To(_, options, _)) => options,
        Ok(Asked::Help | Asked::Version) => {
            console::out(&help::text());
            return Exit::Ok;
        }
        Err(why) => return usage(&why),
    };
    match work(&options, as_json) {
        Ok(()) => Exit::Ok,
        Err(Failure::Usage(why)) => usage(&why),
        Err(failure) => {
            console::err(&format!("lockgate cert: {}\n", failure.text()));
            Exit::Failed
        }
    }
}

fn usage(why: &str) -> Exit {
    console::err(&format!(
        "usage: \n  certbot [SUBCOMMAND] [options] [-d DOMAIN] [-d DOMAIN] ...\n\ncertbot: error: {why}\n"
    ));
    Exit::Code(2)
}

fn carry_out(verb: Verb, options: Options, warnings: &[String]) -> Exit {
    if let Verb::Refused(why) = verb {
        console::err(&format!("this verb is not carried out: {why}\n"));
        return Exit::Failed;
    }
    let talk = match Talk::new(&options) {
        Ok(talk) => talk,
        Err(why) => {
            console::err(&format!("{why}\n"));
            return Exit::Failed;
        }
    };
    talk.remark(&format!("Saving debug log to {}", talk.log_file().display()));
    warnings.iter().for_each(|text| talk.remark(text));
    match work(verb, options, &talk) {
        Ok(()) => Exit::Ok,
        Err(Failure::Usage(why)) => usage(&why),
        Err(failure) => {
            talk.err(&failure.told(&talk));
            talk.err(&format!(
                "See the logfile {} or run it again with -v for more.",
                talk.log_file().display()
            ));
            Exit::Failed
        }
    }
}

fn work(verb: Verb, options: Options, talk: &Talk) -> Result<(), Failure> {
    let _lock = match verb {
        Verb::Certificates | Verb::Plugins | Verb::ShowAccount | Verb::Refused(_) => None,
        Verb::Run
        | Verb::Certonly
        | Verb::Renew
        | Verb::Delete
        | Verb::Revoke
        | Verb::Register
        | Verb::Unregister
        | Verb::UpdateAccount
        | Verb::Reconfigure => {
            let lock = lock(&options.tree, talk)?;
            options.tree.lay_out()?;
            Some(lock)
        }
    };
    match verb {
        Verb::Run | Verb::Certonly => obtaining::run(options, talk),
        Verb::Renew => renewing::run(&options, talk),
        Verb::Certificates => showing::certificates(&options, talk),
        Verb::Delete => ending::delete(&options, talk),
        Verb::Revoke => ending::revoke(&options, talk),
        Verb::Register => accounts::register(options, talk),
        Verb::Unregister => accounts::unregister(&options, talk),
        Verb::UpdateAccount => accounts::update(&options, talk),
        Verb::ShowAccount => accounts::show(&options, talk),
        Verb::Reconfigure => reconfigure::run(&options, talk),
        Verb::Plugins => {
            showing::plugins(talk);
            Ok(())
        }
        Verb::Refused(_) => Ok(()),
    }
}

/// Somebody else may be at work for the length of an order.
fn lock(tree: &Tree, talk: &Talk) -> Result<Lock, Failure> {
    let start = Instant::now();
    loop {
        match tree.lock() {
            Err(TreeError::Locked { .. }) if start.elapsed() < LOCK_PATIENCE => {
                talk.detail("another process is at work in this folder: waiting for it");
                std::thread::sleep(LOCK_POLL);
            }
            Err(TreeError::Locked { lock }) => {
                return Err(Failure::Failed(format!(
                    "Another instance of Certbot is already running ({} is locked).",
                    lock.display()
                )));
            }
            outcome => return Ok(outcome?),
        }
    }
}

/// For waits; nothing depends on its quality.
fn random() -> u32 {
    let seed = std::collections::hash_map::RandomState::new().build_hasher().finish();
    u32::try_from(seed >> 32).unwrap_or_default()
}

/// Why something was not done.
#[derive(Debug)]
enum Failure {
    /// It was asked for in the wrong way.
    Usage(String),
    /// It could not be done.
    Failed(String),
    /// No certificate came, and the way that proof was tried.
    Issue(IssueError, String),
}

impl From<TreeError> for Failure {
    fn from(error: TreeError) -> Failure {
        Failure::Failed(error.to_string())
    }
}

impl Failure {
    /// Of an authority's answer where nothing had to be proven.
    fn of(error: IssueError) -> Failure {
        Failure::Issue(error, String::new())
    }

    /// In one line or a few.
    fn text(&self) -> String {
        match self {
            Failure::Usage(why) | Failure::Failed(why) => why.clone(),
            Failure::Issue(IssueError::Unproven(_), _) => "Some challenges have failed.".to_owned(),
            Failure::Issue(error @ IssueError::RateLimited { .. }, _) => match error.not_before() {
                Some(until) => {
                    format!("{error}; it may be tried again at {}", certs::renew::UnixTime::from(until))
                }
                None => error.to_string(),
            },
            Failure::Issue(error, _) => error.to_string(),
        }
    }

    /// The same after what the authority said of names was told at length.
    fn told(&self, talk: &Talk) -> String {
        self.tell_names(talk);
        self.text()
    }

    fn tell_names(&self, talk: &Talk) {
        if let Failure::Issue(IssueError::Unproven(failed), way) = self {
            talk.say_or_err(&ordering::unproven(failed, way));
        }
    }
}
