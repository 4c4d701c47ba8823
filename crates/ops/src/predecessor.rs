//! The processes that this one replaces (`-sf`, `-st`): both listen for a moment, then the old ones are told to go.

use rustix::process::{Pid, Signal, kill_process};
use std::io;

/// How a predecessor is to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// `-sf`: finish what is open (SIGUSR1).
    Finish,
    /// `-st`: at once (SIGTERM).
    Terminate,
}

/// Tells process `pid` to leave. One that is gone already has done so.
pub fn dismiss(pid: i32, how: Leave) -> io::Result<()> {
    let signal = match how {
        Leave::Finish => Signal::USR1,
        Leave::Terminate => Signal::TERM,
    };
    // 0 and below would address groups of processes, ours among them; 1 is the system's, or the container's.
    let pid = Some(pid).filter(|pid| *pid > 1).and_then(Pid::from_raw);
    let Some(pid) = pid else { return Err(io::ErrorKind::InvalidInput.into()) };
    match kill_process(pid, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    #[test]
    fn a_predecessor_gets_its_signal() {
        for (how, signal) in [(Leave::Finish, Signal::USR1), (Leave::Terminate, Signal::TERM)] {
            let mut child = Command::new("sleep").arg("60").spawn().unwrap();
            dismiss(i32::try_from(child.id()).unwrap(), how).unwrap();
            assert_eq!(child.wait().unwrap().signal(), Some(signal.as_raw()));
        }
    }

    #[test]
    fn numbers_that_mean_many_processes_are_refused() {
        for pid in [0, -1, 1, i32::MIN] {
            assert!(dismiss(pid, Leave::Terminate).is_err(), "{pid}");
        }
    }
}
