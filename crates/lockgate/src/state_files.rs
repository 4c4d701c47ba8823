//! What an earlier process left, at start: server state files (`load-server-state-from-file`) and counters
//! (`stats-file`). Read before rights are given up. What cannot be read is
//! told and passed over: servers then begin as the configuration has them.

use crate::console::Console;
use base::reason;
use proxy::clock::now_ms;
use proxy::plan::Plan;
use proxy::{server_state, stats_file};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The longest file that is read, bytes: a hundred thousand servers have less.
const MAX_FILE: u64 = 64 << 20;

/// Begins the counters with those of the file.
pub(crate) fn load_counters(plan: &Plan, file: Option<&str>, console: Console) {
    match file.map(|file| (file, text_of(Path::new(file)))) {
        None => {}
        Some((file, Err(e))) => console.warning(&format!("config: Can't open stats file '{file}': {}", reason(&e))),
        Some((file, Ok(text))) if stats_file::load(plan, &text) == 0 => console.warning(&format!(
            "config: stats file '{file}' holds no counter of this configuration: give proxies and servers a 'guid'"
        )),
        Some((_, Ok(_))) => {}
    }
}

/// Gives all servers the state that was saved of them.
pub(crate) fn load(plan: &Plan, console: Console) {
    let mut read: HashMap<&Path, Option<String>> = HashMap::new();
    for back in &plan.backends {
        let Some(path) = back.state_file.as_deref() else { continue };
        let text = read.entry(path).or_insert_with(|| match text_of(path) {
            Ok(text) => Some(text),
            Err(e) => {
                console.warning(&format!(
                    "config: Can't open server state file '{}': {}",
                    path.display(),
                    reason(&e)
                ));
                None
            }
        });
        if let Some(text) = text
            && let Err(e) = server_state::load(plan, back, text, now_ms())
        {
            console.warning(&format!(
                "config: Can't use server state file '{}' for backend '{}': {}",
                path.display(),
                back.name,
                reason(&e)
            ));
        }
    }
}

fn text_of(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_FILE).read_to_string(&mut text)?;
    Ok(text)
}
