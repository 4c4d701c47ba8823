//! Signals as wishes (management manual, section 4 "Stopping and restarting HAProxy"). SIGPIPE is ignored by Rust's
//! own start-up; the terminal's stop signals concern a predecessor that shares no ports, SIGQUIT dumps memory pools that
//! are not there: those are ignored.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What the operator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// SIGUSR1: accept nothing new, finish what is open, leave.
    SoftStop,
    /// SIGTERM (15) or SIGINT (2): leave now.
    Stop(i32),
    /// SIGHUP: tell the state of the servers.
    Dump,
    /// SIGUSR2: load the configuration anew; only a master does.
    Reload,
}

/// The stream of wishes. One a process; made on the thread that waits for it.
#[derive(Debug)]
pub struct Signals {
    soft: Signal,
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    reload: Signal,
    ignored: [Signal; 3],
}

impl Signals {
    /// Takes the signals over. Needs a runtime with its I/O driver.
    pub fn install() -> io::Result<Signals> {
        let tty_out = SignalKind::from_raw(rustix::process::Signal::TTOU.as_raw());
        let tty_in = SignalKind::from_raw(rustix::process::Signal::TTIN.as_raw());
        Ok(Signals {
            soft: signal(SignalKind::user_defined1())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            reload: signal(SignalKind::user_defined2())?,
            ignored: [signal(tty_out)?, signal(tty_in)?, signal(SignalKind::quit())?],
        })
    }

    /// The next wish. May be dropped and called again without losing one.
    pub async fn next(&mut self) -> Wish {
        let [tty_out, tty_in, quit] = &mut self.ignored;
        loop {
            tokio::select! {
                biased;
                _ = self.terminate.recv() => return Wish::Stop(SignalKind::terminate().as_raw_value()),
                _ = self.interrupt.recv() => return Wish::Stop(SignalKind::interrupt().as_raw_value()),
                _ = self.soft.recv() => return Wish::SoftStop,
                _ = self.hangup.recv() => return Wish::Dump,
                _ = self.reload.recv() => return Wish::Reload,
                _ = tty_out.recv() => {}
                _ = tty_in.recv() => {}
                _ = quit.recv() => {}
            }
        }
    }
}
