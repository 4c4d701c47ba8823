//! The ends of children: who ended, why, and what follows from it.

use super::child::{Child, Role};
use super::{Master, Voice};
use crate::message::FromChild;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, waitpid};
use std::time::{Duration, Instant};

/// Nobody waits for a keeper that died as for a worker: certificates are due days ahead.
const KEEPER_REST: Duration = Duration::from_secs(1);

impl<V: Voice> Master<V> {
    pub(super) fn reap(&mut self) {
        let pids: Vec<Pid> = self.children.iter().map(|c| c.pid).collect();
        for pid in pids {
            if let Ok(Some((_, status))) = waitpid(Some(pid), WaitOptions::NOHANG)
                && let Some(at) = self.children.iter().position(|c| c.pid == pid)
            {
                let child = self.children.remove(at);
                self.hear_last_of(&child);
                self.buried(&child, &End::of(status));
            }
        }
    }

    /// What a child said last may still wait to be heard, here or in the channel.
    fn hear_last_of(&mut self, child: &Child) {
        while let Ok((pid, said)) = self.said.try_recv() {
            if child.pid == pid { self.last_word(child, said) } else { self.hear(pid, said) }
        }
        for said in child.last_words() {
            self.last_word(child, said);
        }
    }

    fn last_word(&mut self, child: &Child, said: FromChild) {
        match (child.role, said) {
            (_, FromChild::Failed(log)) if !child.given_up => self.complaint = log,
            (Role::Trial, FromChild::Able(kind)) if !child.given_up => self.judge(kind),
            // Nobody acts upon the rest for one who is gone.
            (Role::Trial | Role::Starting | Role::Current | Role::Former | Role::Keeper, _) => {}
        }
    }

    fn buried(&mut self, child: &Child, end: &End) {
        let number = child.number();
        match child.role {
            Role::Former => self.voice.warning(&format!("Former worker ({number}) exited with {end}")),
            Role::Keeper if self.leaving || !self.keeps => {}
            Role::Keeper if end.is(Signal::TERM) => self.start_keeper(),
            Role::Keeper => {
                let wait = self.keeper_backoff.died(child.since.elapsed()).max(KEEPER_REST);
                self.voice.alert(&format!(
                    "The keeper of the certificates ({number}) exited with {end}; another one is started in {} s.",
                    wait.as_secs()
                ));
                self.keeper_at = Some(Instant::now() + wait);
            }
            // Nobody is left who wants it, or it has answered and this is its end.
            Role::Trial if self.leaving || !self.trying => {}
            Role::Starting if self.leaving => {}
            Role::Trial => {
                self.failed(&format!("the new program ({number}) cannot be the master, it ended with {end}"))
            }
            Role::Starting => {
                self.code = if self.hello.is_some() { end.code } else { self.code };
                self.failed(&format!("new worker ({number}) exited with {end}"));
            }
            Role::Current => {
                if self.state_due.is_some() {
                    self.hand_over(String::new());
                }
                self.watch_at = None;
                let text = format!("Current worker ({number}) exited with {end}");
                if end.code == 0 {
                    self.voice.warning(&text)
                } else {
                    self.voice.alert(&text)
                }
                self.unwritten = Some(text);
                if !self.leaving && self.child(Role::Starting).is_none() {
                    self.respawn(child.since.elapsed());
                }
            }
        }
    }

    pub(super) fn respawn(&mut self, lived: Duration) {
        let wait = self.backoff.died(lived);
        if wait.is_zero() {
            self.voice.notice("Another worker is started in its place.");
        } else {
            self.voice.warning(&format!("Another worker is started in {} s.", wait.as_secs()));
        }
        self.respawn_at = Some(Instant::now() + wait);
    }
}

/// How a process ended.
struct End {
    signal: Option<i32>,
    /// As a shell shows it: 128 and the number of a signal.
    code: u8,
    what: String,
}

impl End {
    fn of(status: WaitStatus) -> End {
        let signal = status.terminating_signal().map(|s| 128 + s);
        let code = status.exit_status().or(signal).and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
        let what = match status.terminating_signal() {
            Some(signal) => name_of(signal),
            None => "Exit".to_owned(),
        };
        End { signal: status.terminating_signal(), code, what }
    }

    fn is(&self, signal: Signal) -> bool {
        self.signal == Some(signal.as_raw())
    }
}

/// As strsignal(3) calls it.
fn name_of(signal: i32) -> String {
    const NAMES: [(Signal, &str); 8] = [
        (Signal::TERM, "Terminated"),
        (Signal::INT, "Interrupt"),
        (Signal::KILL, "Killed"),
        (Signal::SEGV, "Segmentation fault"),
        (Signal::ABORT, "Aborted"),
        (Signal::BUS, "Bus error"),
        (Signal::ILL, "Illegal instruction"),
        (Signal::USR1, "User defined signal 1"),
    ];
    let known = NAMES.iter().find(|(number, _)| number.as_raw() == signal);
    known.map_or_else(|| format!("signal {signal}"), |(_, name)| (*name).to_owned())
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "code {} ({})", self.code, self.what)
    }
}
