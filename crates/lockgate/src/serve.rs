//! `lockgate serve HOST --to ADDR`: an HTTPS front door without a file.

use crate::Exit;
use crate::console;
use clap::Args;

/// An HTTPS front door for one host, without a configuration file
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The name that clients use
    host: String,
    /// A server to pass requests on to, ADDRESS:PORT; several are balanced
    #[arg(long = "to", value_name = "ADDR", required = true)]
    to: Vec<String>,
    /// Print the equivalent haproxy.cfg instead of serving
    #[arg(long)]
    print_config: bool,
}

/// Serves until told to stop.
pub(crate) fn run(_arguments: &ServeArgs) -> Exit {
    console::err("lockgate serve is not there yet.\n");
    Exit::Failed
}
