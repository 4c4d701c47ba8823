//! Programs of the operator's that are run once a new certificate is served, with Certbot's environment. They are handed
//! names that the operator configured; nothing from an authority reaches a shell.

use super::Wanted;
use crate::storage::Storage;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// How long a hook may run. One that hangs must not keep other certificates from being renewed.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Runs all hooks, one after the other. What fails is told and changes nothing.
pub(super) async fn run(wanted: &Wanted, storage: &Storage, complaints: &mut Vec<String>) {
    let lineage = storage.fullchain(&wanted.name);
    let lineage = lineage.parent().unwrap_or(storage.folder());
    for hook in &wanted.hooks {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(hook).stdin(Stdio::null()).kill_on_drop(true);
        command.env("RENEWED_LINEAGE", lineage).env("RENEWED_DOMAINS", wanted.names.join(" "));
        let why = match tokio::time::timeout(PATIENCE, command.status()).await {
            Ok(Ok(status)) if status.success() => continue,
            Ok(Ok(status)) => format!("ended with {status}"),
            Ok(Err(why)) => format!("cannot be run: {why}"),
            Err(_) => format!("was ended after {} s", PATIENCE.as_secs()),
        };
        complaints.push(format!("the hook '{hook}' {why}"));
    }
}
