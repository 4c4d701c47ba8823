//! `lockgate demo`: a front door with servers of its own, to look at.

use crate::Exit;
use crate::console;
use clap::Args;

/// Two sample servers behind a front door with a certificate made on the spot
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Make ten requests through itself, print who answered, and exit
    #[arg(long)]
    once: bool,
}

/// Shows itself until told to stop.
pub(crate) fn run(_arguments: &DemoArgs) -> Exit {
    console::err("lockgate demo is not there yet.\n");
    Exit::Failed
}
