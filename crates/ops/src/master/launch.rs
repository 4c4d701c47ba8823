//! How a worker is started: the program anew, from where it was called, so that a reload after an upgrade runs the new
//! one.

use crate::worker::ENV;
use net::channel;
use rustix::io::FdFlags;
use rustix::process::Pid;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Reached when the file that was called is gone.
const SELF: &str = "/proc/self/exe";

/// What a worker is started with.
#[derive(Debug)]
pub struct Launch {
    /// The program's file as it was called; a name without a slash is looked for in `PATH`.
    pub program: PathBuf,
    /// The arguments, the program's name first.
    pub arguments: Vec<OsString>,
    /// The folder that the program was called in.
    pub folder: PathBuf,
    /// What was read from standard input (`-f -`): every worker reads it again.
    pub stdin: Option<Vec<u8>>,
}

impl Launch {
    /// Starts a child that is told by its first argument what it is. The descriptor is the master's end of their channel.
    pub(super) fn child(&self, what: &str) -> io::Result<(Pid, OwnedFd)> {
        let (ours, theirs) = channel::pair()?;
        // Nothing else is started meanwhile: this process has one thread.
        rustix::io::fcntl_setfd(&theirs, FdFlags::empty())?;
        let mut command = Command::new(self.file());
        let (name, rest) = self.arguments.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        command.arg0(name).arg(what).args(rest).current_dir(&self.folder);
        command.env(ENV, format!("{}:{}", std::process::id(), theirs.as_fd().as_raw_fd()));
        command.stdin(match &self.stdin {
            Some(text) => Stdio::from(channel::file_of(text)?),
            None => Stdio::null(),
        });
        let child = command.spawn()?;
        // Whoever ends is seen by waitpid, so that a master that was started anew sees the workers of the old one too.
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Ok((pid.ok_or(io::ErrorKind::InvalidData)?, ours))
    }

    fn file(&self) -> &Path {
        if self.program.exists() { &self.program } else { Path::new(SELF) }
    }
}

/// The file that a call's first word means: itself with a slash in it, else the first of `PATH` that has it.
pub fn program_of(word: &Path, folder: &Path, path: &std::ffi::OsStr) -> PathBuf {
    if word.components().count() > 1 || word.is_absolute() {
        return folder.join(word);
    }
    let found = std::env::split_paths(path).map(|place| folder.join(place).join(word)).find(|p| p.is_file());
    found.unwrap_or_else(|| PathBuf::from(SELF))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn the_program_is_found_as_a_shell_finds_it() {
        let of = |word: &str, path: &str| program_of(Path::new(word), Path::new("/usr"), OsStr::new(path));
        assert_eq!(of("/opt/haproxy", ""), Path::new("/opt/haproxy"));
        assert_eq!(of("./bin/env", ""), Path::new("/usr/./bin/env"));
        assert_eq!(of("env", "/nowhere:/usr/bin"), Path::new("/usr/bin/env"));
        assert_eq!(of("env", "bin"), Path::new("/usr/bin/env"));
        assert_eq!(of("no-such-program", "/usr/bin"), Path::new(SELF));
    }
}
