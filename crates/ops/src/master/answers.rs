//! What the master itself answers on its socket (`cli`).

use super::child::{Child, Role};
use super::cli::{Ask, Target};
use super::{Master, Voice};
use crate::message::ToChild;
use std::os::unix::net::UnixStream;
use std::time::Duration;

impl<V: Voice> Master<V> {
    pub(super) fn answer(&mut self, ask: Ask) {
        // Whoever asked may be gone by the time of the answer.
        match ask {
            Ask::Processes(to) => drop(to.send(self.processes())),
            Ask::StartupLog(to) => drop(to.send(self.startup_log.clone())),
            Ask::Reload(client) => self.reload(Some(client)),
            Ask::Stale(to) => drop(to.send(self.stale)),
            Ask::Version(to) => drop(to.send(self.version.clone())),
            Ask::Worker(target, level, to) => {
                let client = self.find(target).and_then(|child| {
                    let (ours, theirs) = UnixStream::pair().ok()?;
                    child.tell(vec![ToChild::Serve(theirs.into(), level)], &self.work);
                    Some((child.number(), ours))
                });
                drop(to.send(client));
            }
        }
    }

    fn find(&self, target: Target) -> Option<&Child> {
        match target {
            Target::Relative(1) => self.child(Role::Current),
            Target::Relative(_) | Target::Master => None,
            Target::Process(pid) => {
                let served =
                    |c: &&Child| !matches!(c.role, Role::Trial | Role::Starting) && c.number() == pid;
                self.children.iter().find(served)
            }
        }
    }

    fn processes(&self) -> String {
        let row = |pid: &str, kind: &str, reloads: &str, up: &str, version: &str| {
            format!("{pid:<16}{kind:<16}{reloads:<16}{up:<16}{version:<15}\n")
        };
        let mut out = row("#<PID>", "<type>", "<reloads>", "<uptime>", "<version>");
        let (pid, up) = (std::process::id().to_string(), uptime(self.since.elapsed()));
        let reloads = format!("{} [failed: {}]", self.reloads, self.failures);
        out.push_str(&row(&pid, "master", &reloads, &up, &self.version));
        for (title, role) in [("# workers\n", Role::Current), ("# old workers\n", Role::Former)] {
            let mut of_role = self.children.iter().filter(|c| c.role == role).peekable();
            if role == Role::Current || of_role.peek().is_some() {
                out.push_str(title);
            }
            for child in of_role {
                let (pid, reloads) = (child.number().to_string(), child.reloads.to_string());
                out.push_str(&row(&pid, "worker", &reloads, &uptime(child.since.elapsed()), &child.version));
            }
        }
        out.push_str("# programs\n");
        for child in self.children.iter().filter(|c| c.role == Role::Keeper) {
            let (pid, reloads) = (child.number().to_string(), child.reloads.to_string());
            out.push_str(&row(&pid, "keeper", &reloads, &uptime(child.since.elapsed()), "-"));
        }
        out.push('\n');
        out
    }
}

/// `0d00h02m07s`
fn uptime(up: Duration) -> String {
    let seconds = up.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    format!("{days}d{hours:02}h{minutes:02}m{:02}s", seconds % 60)
}
