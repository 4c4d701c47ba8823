//! Lockgate's own command line.

use crate::ca::{self, CaArgs};
use crate::check::Judgement;
use crate::console::{self, Console};
use crate::ctl::{self, CtlArgs};
use crate::demo::{self, DemoArgs};
use crate::serve::{self, ServeArgs};
use crate::{Exit, certbot, keywords, sources, start};
use clap::{Parser, Subcommand};
use proxy::lower::Overrides;
use std::ffi::OsString;

/// The HTTPS front door of a site: reverse proxy, load balancer and certificates in one binary.
///
/// With HAProxy's flags (lockgate -f haproxy.cfg) it takes HAProxy's place; `lockgate -h` lists them.
#[derive(Debug, Parser)]
#[command(name = "lockgate", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Check configuration files: all complaints in one run
    Check {
        /// haproxy.cfg, a directory of *.cfg files, or - for standard input
        #[arg(required = true)]
        files: Vec<String>,
    },
    /// List the words of the configuration language, or explain one
    Keywords {
        /// A keyword, fetch, converter or log item
        word: Vec<String>,
    },
    /// Send a command to a running lockgate or haproxy
    Ctl(CtlArgs),
    /// The local authority for private names: show its root, or have this machine trust it
    Ca(CaArgs),
    /// Obtain, renew, list and revoke certificates: Certbot's command line
    #[command(disable_help_flag = true)]
    Cert {
        /// As for certbot: certonly, renew, certificates, ...; --help lists all; also: list [--json], plan -d NAME [--json]
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
    /// An HTTPS front door for one host, without a configuration file
    Serve(ServeArgs),
    /// Two sample servers behind a front door with a certificate made on the spot
    Demo(DemoArgs),
}

/// Does what the arguments, program name first, ask for.
pub(crate) fn run(arguments: &[OsString]) -> Exit {
    match Cli::try_parse_from(arguments) {
        Ok(Cli { verb: Verb::Check { files } }) => check_files(&files),
        Ok(Cli { verb: Verb::Keywords { word } }) => keywords::run(&word.join(" ")),
        Ok(Cli { verb: Verb::Ctl(arguments) }) => ctl::run(&arguments),
        Ok(Cli { verb: Verb::Ca(arguments) }) => ca::run(&arguments),
        Ok(Cli { verb: Verb::Cert { words } }) => certbot::run(&words),
        Ok(Cli { verb: Verb::Serve(arguments) }) => serve::run(&arguments),
        Ok(Cli { verb: Verb::Demo(arguments) }) => demo::run(&arguments),
        Err(message) => {
            // Help and version are messages too, and go to standard output. A closed one is no concern.
            let _ = message.print();
            if message.use_stderr() { Exit::Failed } else { Exit::Ok }
        }
    }
}

fn check_files(files: &[String]) -> Exit {
    let console = Console { quiet: false, hints: true };
    let lowering =
        Overrides { check_only: true, temporary: start::temporary_certificate(), take_over: false };
    let judgement = Judgement { lowering, ..Judgement::default() };
    let sources = match sources::read(files) {
        Ok(sources) => sources,
        Err(wrong) => {
            console::err(&format!("{wrong}\n"));
            return Exit::Failed;
        }
    };
    let prepared = judgement.prepare(sources);
    judgement.report(&prepared.loaded, files, console);
    if !judgement.accepts(&prepared.loaded) {
        return Exit::Failed;
    }
    judgement.verdict(&prepared, console)
}
