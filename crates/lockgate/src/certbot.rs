//! Certbot's command line: for a program that is called `certbot`, and as `lockgate cert`. Scripts go on working as they
//! are; where they must not, they are told why. What a certificate needs of an authority is done by `certs::issue`.

mod accounts;
mod contradictions;
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
mod pasting;
mod planning;
mod proving;
mod proxies;
mod reconfigure;
mod records;
mod renewing;
mod requesting;
mod saved;
mod showing;
mod standalone;
mod talk;
mod verb;
mod words;

use crate::{Exit, console};
use certs::acme::IssueError;
use certs::tree::{Lock, Tree, TreeError};
use options::Options;
use parse::{Asked, Wrong};
use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher};
use talk::Talk;
use verb::Verb;

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
        Err(Wrong::Usage(why)) => usage(&why),
        Err(Wrong::Contradiction(why)) => {
            console::err(&format!("{why}\n"));
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
    let is_table = matches!(verb, Verb::List | Verb::Plan | Verb::Dns);
    let talk = match if is_table { Ok(Talk::silent(&options)) } else { Talk::new(&options) } {
        Ok(talk) => talk,
        Err(why) => {
            console::err(&format!("{why}\n"));
            return Exit::Failed;
        }
    };
    talk.begin();
    warnings.iter().for_each(|text| talk.remark(text));
    match work(verb, options, &talk) {
        Ok(()) => Exit::Ok,
        Err(Failure::Usage(why)) => usage(&why),
        Err(failure) => {
            talk.err(&failure.told(&talk));
            talk.end();
            Exit::Failed
        }
    }
}

fn work(verb: Verb, options: Options, talk: &Talk) -> Result<(), Failure> {
    let lock = match verb {
        Verb::Certificates
        | Verb::Plugins
        | Verb::ShowAccount
        | Verb::List
        | Verb::Plan
        | Verb::Dns
        | Verb::Refused(_) => None,
        Verb::Run
        | Verb::Certonly
        | Verb::Renew
        | Verb::Delete
        | Verb::Revoke
        | Verb::Register
        | Verb::Unregister
        | Verb::UpdateAccount
        | Verb::UpdateSymlinks
        | Verb::Reconfigure => {
            let lock = lock(&options.tree)?;
            options.tree.lay_out()?;
            Some(lock)
        }
    };
    match verb {
        Verb::Run | Verb::Certonly => obtaining::run(options, talk),
        Verb::Renew => renewing::run(&options, talk),
        Verb::Certificates => showing::certificates(&options, talk),
        Verb::Delete => ending::delete(&options, talk),
        Verb::Revoke => ending::revoke(&options, talk, lock),
        Verb::Register => accounts::register(options, talk),
        Verb::Unregister => accounts::unregister(&options, talk),
        Verb::UpdateAccount => accounts::update(&options, talk),
        Verb::ShowAccount => accounts::show(&options, talk),
        Verb::Reconfigure => reconfigure::run(&options, talk),
        Verb::UpdateSymlinks => ending::update_symlinks(&options, talk),
        Verb::List => listing::run(&options),
        Verb::Plan => planning::run(&options),
        Verb::Dns => pasting::run(&options),
        Verb::Plugins => {
            showing::plugins(talk);
            Ok(())
        }
        Verb::Refused(_) => Ok(()),
    }
}

/// Somebody else may be at work, Certbot or the proxy that renews. As with Certbot he is not waited for: whoever runs by
/// the clock comes again.
fn lock(tree: &Tree) -> Result<Lock, Failure> {
    tree.lock().map_err(|error| match error {
        TreeError::Locked { lock } => Failure::Failed(format!(
            "Another instance of Certbot is already running.\n({} is locked)",
            lock.display()
        )),
        other => other.into(),
    })
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

    /// The same error, once its names were told.
    fn after_names(self, talk: &Talk) -> Failure {
        self.tell_names(talk);
        match self {
            Failure::Issue(IssueError::Unproven(_), _) => Failure::Failed(self.text()),
            Failure::Usage(_) | Failure::Failed(_) | Failure::Issue(..) => self,
        }
    }

    fn tell_names(&self, talk: &Talk) {
        if let Failure::Issue(IssueError::Unproven(failed), way) = self {
            talk.say_or_err(&ordering::unproven(failed, way));
        }
    }
}
