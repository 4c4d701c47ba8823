//! Programs of the operator's, as lines of shell. Each has its time and is ended with all that it started: one that hangs
//! must keep nothing else from going on.

use base::reason;
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// Runs a line to its end; why it did not end well.
pub(crate) async fn run(
    line: &str,
    environment: &[(&str, &OsStr)],
    patience: Duration,
) -> Result<(), String> {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(line).stdin(Stdio::null()).process_group(0);
    command.envs(environment.iter().copied());
    let child = command.spawn().map_err(|why| format!("cannot be run: {}", reason(&why)))?;
    let mut group = Group(child);
    match tokio::time::timeout(patience, group.0.wait()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("ended with {status}")),
        Ok(Err(why)) => Err(format!("cannot be waited for: {}", reason(&why))),
        Err(_) => Err(format!("was ended after {} s", patience.as_secs())),
    }
}

/// A shell and what it started; ended when dropped, unless the shell has ended by itself: what it left in the background
/// then was meant to stay.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        let Some(pid) = self.0.id().and_then(|id| Pid::from_raw(id.cast_signed())) else { return };
        // It may end in this very moment.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn run_here(line: &str, patience: Duration) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(line, &[("NAME", OsStr::new("value"))], patience))
    }

    #[test]
    fn how_it_ended_is_told() {
        let minute = Duration::from_secs(60);
        assert_eq!(run_here("test \"$NAME\" = value", minute), Ok(()));
        assert_eq!(run_here("exit 3", minute), Err("ended with exit status: 3".to_owned()));
        assert!(run_here("/no/such/program", minute).unwrap_err().contains("127"));
    }

    #[test]
    fn one_that_hangs_is_ended_with_all_that_it_started() {
        let file = std::env::temp_dir().join(format!("lockgate-shell-{}", std::process::id()));
        let line = format!("sleep 600 & echo $! > {}; wait", file.display());
        let ended = run_here(&line, Duration::from_secs(2));
        assert_eq!(ended, Err("was ended after 2 s".to_owned()));
        let child = std::fs::read_to_string(&file).unwrap();
        let state = PathBuf::from(format!("/proc/{}/stat", child.trim()));
        // It may be waited for by nobody, but it runs no more.
        let is_over = || {
            let stat = std::fs::read_to_string(&state).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        };
        let since = std::time::Instant::now();
        while !is_over() && since.elapsed() < Duration::from_secs(20) {
            std::thread::yield_now();
        }
        assert!(is_over());
        std::fs::remove_file(file).unwrap();
    }
}
