//! Programs of the operator's that are run once a new certificate is served, with Certbot's environment. They are handed
//! names that the operator configured; nothing from an authority reaches a shell.

use super::Wanted;
use crate::shell;
use crate::storage::Storage;
use std::ffi::OsStr;
use std::time::Duration;

/// How long a hook may run. One that hangs must not keep other certificates from being renewed.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Runs all hooks, one after the other. What fails is told and changes nothing.
pub(super) async fn run(wanted: &Wanted, storage: &Storage, complaints: &mut Vec<String>) {
    let lineage = storage.fullchain(&wanted.name);
    let lineage = lineage.parent().unwrap_or(storage.folder());
    let domains = wanted.names.join(" ");
    let environment = [("RENEWED_LINEAGE", lineage.as_os_str()), ("RENEWED_DOMAINS", OsStr::new(&domains))];
    for hook in &wanted.hooks {
        if let Err(why) = shell::run(hook, &environment, PATIENCE).await {
            complaints.push(format!("the hook '{hook}' {why}"));
        }
    }
}
