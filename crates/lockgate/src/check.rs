//! Loading a configuration and saying what is wrong with it, in HAProxy's words.

use crate::console::Console;
use crate::precedence::Precedence;
use crate::{Exit, identity, master};
use base::Severity;
use config::{Facts, LoadOptions, Loaded, Source};
use net::rights::Identity;
use proxy::lower::{Overrides, lower};
use proxy::plan::Plan;
use std::os::unix::ffi::OsStringExt;

/// How strictly to judge, and what the command line adds to the files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judgement {
    /// `-dW`
    pub(crate) zero_warning: bool,
    /// `-L`
    pub(crate) local_peer: Option<String>,
    /// `-W`, `-Ws`
    pub(crate) master_worker: bool,
    /// `-S`
    pub(crate) master_socket: Option<String>,
    /// What the command line changes in the files.
    pub(crate) precedence: Precedence,
    /// What lowering is told beside the model.
    pub(crate) lowering: Overrides,
}

/// A configuration that was read, with its complaints.
pub(crate) struct Prepared {
    /// Files, model, complaints.
    pub(crate) loaded: Loaded,
    /// Who the process becomes.
    pub(crate) identity: Identity,
    /// What would run; there is none where there is an alert.
    pub(crate) plan: Option<Plan>,
}

impl Judgement {
    /// What the load depends on beside the files.
    pub(crate) fn options(&self) -> LoadOptions {
        LoadOptions {
            environment: environment(),
            facts: Facts::default(),
            local_peer: self.local_peer.clone().unwrap_or_else(net::hostname),
            master_worker: self.master_worker,
            master_cli: self
                .master_socket
                .as_deref()
                .filter(|_| self.master_worker)
                .and_then(master::address),
        }
    }

    /// Loads and looks up what the files name outside themselves, without a word yet.
    pub(crate) fn prepare(&self, sources: Vec<Source>) -> Prepared {
        let mut loaded = config::load(sources, &self.options());
        self.precedence.apply(&mut loaded.model);
        self.warn_of_idle_socket(&mut loaded);
        let identity = identity::of(&loaded.model.global, &mut loaded.diags);
        if !self.lowering.check_only {
            identity::find_root(&loaded.model.global, &mut loaded.diags);
        }
        let (plan, complaints) = lower(&loaded.model, &self.lowering);
        loaded.diags.append(complaints);
        loaded.diags.sort();
        Prepared { loaded, identity, plan }
    }

    /// Whether the load may be used: no alert, and no warning where none is tolerated.
    pub(crate) fn accepts(&self, loaded: &Loaded) -> bool {
        !loaded.diags.has_alerts() && !self.warned_in_vain(loaded)
    }

    /// Shows all complaints and the verdict on them.
    pub(crate) fn report(&self, loaded: &Loaded, files: &[String], console: Console) {
        let pid = std::process::id();
        console.complaints(&loaded.diags.render(&loaded.sources, pid, console.least()));
        if loaded.diags.has_alerts() {
            console.alert(&format!("config : Error(s) found in configuration file : {}", files.join(" ")));
            console.alert("config : Fatal errors found in configuration.");
        } else if self.warned_in_vain(loaded) {
            console.alert("config : Some warnings were found and 'zero-warning' is set. Aborting.");
        }
    }

    /// All complaints as text.
    pub(crate) fn complaints(&self, loaded: &Loaded, console: Console) -> String {
        loaded.diags.render(&loaded.sources, std::process::id(), console.least())
    }

    /// Says what `-c` says of a configuration that is accepted. Under a master there is always something to listen to.
    pub(crate) fn verdict(&self, prepared: &Prepared, console: Console) -> Exit {
        let loaded = &prepared.loaded;
        if has_warnings(loaded) {
            console.result("Warnings were found.");
        }
        let has_master = self.master_worker || loaded.model.global.master_worker;
        if has_master || prepared.plan.as_ref().is_some_and(Plan::listens) {
            console.result("Configuration file is valid");
            return Exit::Ok;
        }
        console.result("Configuration file has no error but will not start (no listener) => exit(2).");
        Exit::Idle
    }

    fn warn_of_idle_socket(&self, loaded: &mut Loaded) {
        if self.master_socket.is_some() && !self.master_worker && !loaded.model.global.master_worker {
            let text = "a master CLI socket was defined, but master-worker mode (-W) is not enabled.";
            loaded.diags.warning(None, text);
        }
    }

    fn warned_in_vain(&self, loaded: &Loaded) -> bool {
        (self.zero_warning || loaded.model.global.zero_warning) && has_warnings(loaded)
    }
}

fn has_warnings(loaded: &Loaded) -> bool {
    loaded.diags.worst() >= Some(Severity::Warning)
}

/// Variables whose names are no UTF-8 cannot be written in a configuration either; values may hold any bytes.
fn environment() -> Vec<(String, String)> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, base::raw::text(value.into_vec())))
    };
    std::env::vars_os().filter_map(text).collect()
}
