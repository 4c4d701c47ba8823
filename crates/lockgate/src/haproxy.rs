//! HAProxy's way to be called: from its flags to what is done, in the order HAProxy does it.

use crate::check::{Judgement, Prepared};
use crate::console::{self, Console};
use crate::flags::{self, Flags, Task};
use crate::precedence::Precedence;
use crate::start::Origin;
use crate::{Exit, keeper, master, sources, start, version};
use base::reason;
use config::model::Global;
use config::{Facts, Source, condition};
use ops::daemon::{Detach, Ready, Stage};
use ops::master::{Bequest, Launch};
use ops::worker::Bond;
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

/// What our own master starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Child {
    /// Serves.
    Worker,
    /// Looks after certificates.
    Keeper,
    /// Tells whether this program could be the master.
    Successor,
}

/// The same for a process that our own master started; `words` are the master's arguments.
pub(crate) fn run_child(child: Child, words: &[OsString]) -> Exit {
    let console = Console { quiet: false, hints: false };
    let flags = flags::parse(words.iter().map(|w| w.to_string_lossy().into_owned()));
    match (ops::worker::stage(), flags) {
        // That it reads the master's arguments is all that is asked.
        (Ok(Some(bond)), Ok(_)) if child == Child::Successor => match bond.able() {
            Ok(()) => Exit::Ok,
            Err(e) => failed(&format!("cannot speak to the master: {}", reason(&e)), console),
        },
        (Ok(Some(bond)), Ok(flags)) => Call::new(flags).run_child(child, bond),
        (Ok(None), _) => {
            failed("'worker', 'keeper' and 'successor' are how a master starts its children: use -W", console)
        }
        (Err(e), _) => failed(&format!("cannot speak to the master: {}", reason(&e)), console),
        (_, Err(wrong)) => failed(&wrong.to_string(), console),
    }
}

fn failed(text: &str, console: Console) -> Exit {
    console.alert(text);
    Exit::Failed
}

fn program() -> String {
    std::env::args_os().next().map_or_else(|| "lockgate".to_owned(), |a| a.to_string_lossy().into_owned())
}

/// `-cc`
fn evaluate(text: &str, flags: &Flags) -> Exit {
    let options = judgement(flags).options();
    let names: Vec<&str> = flags.files.iter().map(String::as_str).collect();
    match condition::evaluate_line(text, &options.environment_for(&names), &options.facts) {
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
        master_socket: flags.master_socket.clone(),
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

    fn run_child(self, child: Child, bond: Bond) -> Exit {
        if let Err(wrong) = self.change_folder() {
            bond.failed(&wrong);
            return self.failed(&wrong);
        }
        match sources::read(&self.flags.files) {
            Ok(sources) => {
                let prepared = self.judgement.prepare(sources);
                match child {
                    Child::Worker | Child::Successor => self.serve_or_check(prepared, Origin::Worker(bond)),
                    Child::Keeper => keeper::run(prepared, bond, self.console),
                }
            }
            Err(wrong) => {
                let text = format!("config : {wrong}");
                bond.failed(&text);
                self.failed(&text)
            }
        }
    }

    fn change_folder(&self) -> Result<(), String> {
        let Some(folder) = &self.flags.folder else { return Ok(()) };
        std::env::set_current_dir(folder)
            .map_err(|e| format!("Could not change to directory {folder} : {}", reason(&e)))
    }

    fn run(self) -> Exit {
        match ops::master::bequest() {
            Ok(None) => self.start(),
            Ok(Some(left)) => self.succeed(left),
            Err(e) => {
                self.failed(&format!("cannot take over what the former program has left: {}", reason(&e)))
            }
        }
    }

    /// Goes on as the master that another program was in this process.
    fn succeed(self, left: Bequest) -> Exit {
        if let Err(wrong) = self.change_folder() {
            self.console.warning(&wrong);
        }
        let launch = self.launch(left.stdin());
        master::go_on(&self.flags, launch, left, self.console)
    }

    fn start(self) -> Exit {
        let stage = match ops::daemon::stage() {
            Ok(stage) => stage,
            Err(wrong) => return self.failed(&wrong.to_string()),
        };
        if let Err(wrong) = self.change_folder() {
            return self.failed(&wrong);
        }
        match (stage, &self.flags.task) {
            (Stage::First, Task::Serve) if self.flags.wants_background(false) => self.detach(None),
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
        if self.flags.master_worker && self.flags.task == Task::Serve {
            return self.supervise(sources, ready);
        }
        let prepared = self.judgement.prepare(sources);
        let accepted = self.judgement.accepts(&prepared.loaded);
        let serve = self.flags.task == Task::Serve;
        // The daemon loads again and complains then: once is enough.
        if accepted
            && serve
            && ready.is_none()
            && self.flags.wants_background(prepared.loaded.model.global.daemon)
        {
            return self.detach(stdin.as_deref());
        }
        self.warn_of_idle_flags();
        if accepted && serve && prepared.loaded.model.global.master_worker {
            let global = prepared.loaded.model.global;
            return self.become_master(&global, stdin, ready);
        }
        self.serve_or_check(prepared, ready.map_or(Origin::Terminal, Origin::Daemon))
    }

    /// Reads of the configuration what concerns the master; the worker judges the whole.
    fn supervise(self, sources: Vec<Source>, ready: Option<Ready>) -> Exit {
        let stdin = sources::stdin_of(&sources).map(<[u8]>::to_vec);
        let loaded = config::load(sources, &self.judgement.options());
        if !self.judgement.accepts(&loaded) {
            self.judgement.report(&loaded, &self.flags.files, self.console);
            return Exit::Failed;
        }
        if ready.is_none() && self.flags.wants_background(loaded.model.global.daemon) {
            return self.detach(stdin.as_deref());
        }
        self.warn_of_idle_flags();
        let global = loaded.model.global;
        self.become_master(&global, stdin, ready)
    }

    fn become_master(self, global: &Global, stdin: Option<Vec<u8>>, ready: Option<Ready>) -> Exit {
        let launch = self.launch(stdin);
        master::run(&self.flags, global, launch, ready, self.console)
    }

    fn launch(&self, stdin: Option<Vec<u8>>) -> Launch {
        let arguments: Vec<OsString> = std::env::args_os().collect();
        let word = arguments.first().map(PathBuf::from).unwrap_or_default();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = ops::master::program_of(&word, &self.folder, &path);
        Launch { program, arguments, folder: self.folder.clone(), stdin }
    }

    fn serve_or_check(self, prepared: Prepared, origin: Origin) -> Exit {
        let loaded = &prepared.loaded;
        self.judgement.report(loaded, &self.flags.files, self.console);
        if !self.judgement.accepts(loaded) {
            if let Origin::Worker(bond) = &origin {
                bond.failed(&self.judgement.complaints(loaded, self.console));
            }
            return Exit::Failed;
        }
        match self.flags.task {
            Task::Check => {
                self.dump_libraries();
                self.judgement.verdict(&prepared, self.console)
            }
            Task::Serve | Task::Condition(_) | Task::Version | Task::LongVersion | Task::Help => {
                start::serve(prepared, &self.flags, origin, "", self.console)
            }
        }
    }

    /// `-dL`: a list for `tar -T -`, with a title for people.
    fn dump_libraries(&self) {
        if self.flags.libraries {
            self.console.result("List of loaded object files:");
            ops::runtime::loaded_objects().iter().for_each(|path| console::out(&format!("{path}\n")));
        }
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
    }

    fn failed(&self, text: &str) -> Exit {
        failed(text, self.console)
    }
}
