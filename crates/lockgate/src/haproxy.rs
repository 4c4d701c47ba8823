//! HAProxy's way to be called: from its flags to what is done, in the order HAProxy does it.

use crate::check::{self, Judgement, Prepared};
use crate::console::{self, Console};
use crate::flags::{self, Flags, Task};
use crate::precedence::Precedence;
use crate::{Exit, sources, start, version};
use config::{Facts, condition};
use ops::daemon::{Detach, Ready, Stage};
use proxy::lower::Overrides;
use std::ffi::OsString;
use std::path::PathBuf;

/// Does what `words`, the arguments behind the program's name, ask for.
pub(crate) fn run(words: &[OsString]) -> Exit {
    let words = words.iter().map(|w| w.to_string_lossy().into_owned());
    let flags = match flags::parse(words) {
        Ok(flags) => flags,
        Err(wrong) => {
            console::out(&version::short(&Facts::default()));
            console::err(&format!("{wrong}\n\n{}", flags::usage(&program())));
            return Exit::Failed;
        }
    };
    match &flags.task {
        Task::Version => console::out(&version::short(&Facts::default())),
        Task::LongVersion => console::out(&version::long(&Facts::default())),
        Task::Help => {
            console::out(&version::short(&Facts::default()));
            console::err(&flags::usage(&program()));
            return Exit::Failed;
        }
        Task::Condition(text) => return evaluate(text, &flags),
        Task::Serve | Task::Check => return Call::new(flags).run(),
    }
    Exit::Ok
}

fn program() -> String {
    std::env::args_os().next().map_or_else(|| "lockgate".to_owned(), |a| a.to_string_lossy().into_owned())
}

/// `-cc`
fn evaluate(text: &str, flags: &Flags) -> Exit {
    let options = judgement(flags).options();
    let names: Vec<&str> = flags.files.iter().map(String::as_str).collect();
    match condition::evaluate(text, &options.environment_for(&names), &options.facts) {
        Ok(true) => Exit::Ok,
        Ok(false) => Exit::Failed,
        Err(wrong) => {
            console_of(flags).alert(&format!("config : Failed to evaluate condition: {}", wrong.message));
            Exit::Unreadable
        }
    }
}

fn judgement(flags: &Flags) -> Judgement {
    Judgement {
        zero_warning: flags.zero_warning,
        local_peer: flags.local_peer.clone(),
        master_worker: flags.master_worker,
        precedence: Precedence {
            maxconn: flags.maxconn,
            proxy_maxconn: flags.proxy_maxconn,
            no_server_verify: flags.no_server_verify,
            resolve_leniently: flags.resolve_leniently,
            no_splice: flags.no_splice,
        },
        lowering: Overrides {
            take_over: flags.replaces.is_some(),
            check_only: flags.task == Task::Check,
            temporary: start::temporary_certificate(),
        },
    }
}

fn console_of(flags: &Flags) -> Console {
    Console { quiet: flags.quiet, hints: flags.hints }
}

/// A call that loads files.
struct Call {
    console: Console,
    judgement: Judgement,
    flags: Flags,
    /// Where the program was started, before `-C`.
    folder: PathBuf,
}

impl Call {
    fn new(flags: Flags) -> Call {
        let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        Call { console: console_of(&flags), judgement: judgement(&flags), flags, folder }
    }

    fn run(self) -> Exit {
        let stage = match ops::daemon::stage() {
            Ok(stage) => stage,
            Err(wrong) => return self.failed(&wrong.to_string()),
        };
        if let Some(folder) = &self.flags.folder
            && let Err(e) = std::env::set_current_dir(folder)
        {
            return self.failed(&format!("Could not change to directory {folder} : {e}"));
        }
        match (stage, &self.flags.task) {
            (Stage::First, Task::Serve) if self.wants_background(false) => self.detach(None),
            (Stage::First, _) => self.load(None),
            (Stage::Daemon(ready), _) => self.load(Some(ready)),
        }
    }

    fn load(self, ready: Option<Ready>) -> Exit {
        let sources = match sources::read(&self.flags.files) {
            Ok(sources) => sources,
            Err(wrong) => return self.failed(&format!("config : {wrong}")),
        };
        let stdin = sources::stdin_of(&sources).map(<[u8]>::to_vec);
        let prepared = self.judgement.prepare(sources);
        let accepted = self.judgement.accepts(&prepared.loaded);
        let serve = self.flags.task == Task::Serve;
        // The daemon loads again and complains then: once is enough.
        if accepted && serve && ready.is_none() && self.wants_background(prepared.loaded.model.global.daemon)
        {
            return self.detach(stdin.as_deref());
        }
        self.warn_of_idle_flags();
        self.serve_or_check(prepared, ready)
    }

    fn serve_or_check(self, prepared: Prepared, ready: Option<Ready>) -> Exit {
        let loaded = &prepared.loaded;
        self.judgement.report(loaded, &self.flags.files, self.console);
        if !self.judgement.accepts(loaded) {
            return Exit::Failed;
        }
        match self.flags.task {
            Task::Check => {
                check::say_valid(loaded, self.console);
                Exit::Ok
            }
            Task::Serve | Task::Condition(_) | Task::Version | Task::LongVersion | Task::Help => {
                start::serve(prepared, &self.flags, ready, "", self.console)
            }
        }
    }

    /// `configured`: the file says `daemon`. Under `-Ws` the service manager wants the process it started.
    fn wants_background(&self, configured: bool) -> bool {
        (self.flags.daemon || configured) && !self.flags.foreground && !self.flags.notify
    }

    fn detach(self, stdin: Option<&[u8]>) -> Exit {
        match ops::daemon::detach(&Detach { folder: &self.folder, stdin }) {
            Ok(code) => Exit::Code(code),
            Err(wrong) => self.failed(&wrong.to_string()),
        }
    }

    fn warn_of_idle_flags(&self) {
        for (name, why) in &self.flags.idle {
            self.console.warning(&format!("option '{name}' is accepted without its effect: {why}."));
        }
        if self.flags.master_worker && self.flags.task == Task::Serve {
            self.console.warning(
                "master-worker mode is not there yet: one process serves, and USR2 does not reload.",
            );
        }
    }

    fn failed(&self, text: &str) -> Exit {
        self.console.alert(text);
        Exit::Failed
    }
}
