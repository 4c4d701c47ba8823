//! What the machine grants and what it is called.

use rustix::process::{Resource, Rlimit};
use rustix::thread::CpuSet;
use std::io;

/// How many descriptors this process may have open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FdLimit {
    /// In force now.
    pub soft: u64,
    /// What it may be raised to without further rights.
    pub hard: u64,
}

/// Raises the limit of open descriptors to `wanted` where it is lower, and says what was reached. More than the hard
/// limit needs root or `CAP_SYS_RESOURCE`; without it the hard limit is taken.
pub fn raise_fd_limit(wanted: u64) -> FdLimit {
    let now = fd_limit();
    if now.soft >= wanted {
        return now;
    }
    let hard = now.hard.max(wanted);
    if set_fd_limit(wanted, hard).is_err() {
        // Without the right to raise the hard limit this is as far as it goes; what was reached is told below.
        let _ = set_fd_limit(wanted.min(now.hard), now.hard);
    }
    fd_limit()
}

/// The limit of open descriptors in force.
pub fn fd_limit() -> FdLimit {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    FdLimit { soft: limit.current.unwrap_or(u64::MAX), hard: limit.maximum.unwrap_or(u64::MAX) }
}

fn set_fd_limit(soft: u64, hard: u64) -> rustix::io::Result<()> {
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: Some(soft), maximum: Some(hard) })
}

/// Limits the memory of this process to `bytes` (`-m`): beyond it, allocations fail and the process ends.
pub fn limit_memory(bytes: u64) -> io::Result<()> {
    let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
    Ok(rustix::process::setrlimit(Resource::As, limit)?)
}

/// Kills a process that leads a group of its own, and all of that group. One that has ended already is no error.
pub fn kill_group(leader: u32) {
    if let Some(pid) = i32::try_from(leader).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
}

/// Ties the calling thread to the CPUs of these numbers (`cpu-map`). Numbers that no CPU can have are refused.
pub fn set_affinity(cpus: &[u32]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for cpu in cpus {
        let number = *cpu as usize;
        if number >= CpuSet::MAX_CPU {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        set.set(number);
    }
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

/// How many CPUs this process may use: affinity and the container's quota counted in.
pub fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The machine's own name, as `hostname` prints it.
pub fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// What runs this process, as `uname -a` prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // named after uname's fields, each
pub struct Kernel {
    pub system: String,
    pub release: String,
    pub version: String,
    pub machine: String,
}

/// The kernel's own words about itself.
pub fn kernel() -> Kernel {
    let names = rustix::system::uname();
    Kernel {
        system: names.sysname().to_string_lossy().into_owned(),
        release: names.release().to_string_lossy().into_owned(),
        version: names.version().to_string_lossy().into_owned(),
        machine: names.machine().to_string_lossy().into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptor_limit_never_sinks_and_never_lies() {
        let before = fd_limit();
        assert_eq!(raise_fd_limit(0), before);
        let after = raise_fd_limit(before.soft.saturating_add(1).min(before.hard));
        assert!(after.soft >= before.soft);
        assert_eq!(after, fd_limit());
    }

    #[test]
    fn a_thread_can_be_tied_to_its_own_cpus_only() {
        let own = rustix::thread::sched_getaffinity(None).unwrap();
        let first = (0..CpuSet::MAX_CPU).find(|n| own.is_set(*n)).unwrap();
        std::thread::spawn(move || {
            set_affinity(&[u32::try_from(first).unwrap()]).unwrap();
            assert_eq!(rustix::thread::sched_getaffinity(None).unwrap().count(), 1);
            assert!(set_affinity(&[1_000_000]).is_err());
        })
        .join()
        .unwrap();
    }

    #[test]
    fn the_machine_has_a_name() {
        assert_eq!(hostname(), std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim_end());
    }
}
