//! How the program is started anew: as a child, and in the place of this process. A reload asks whether its file is
//! still what runs here; in between, what is started is what runs here, for a worker that dies is no upgrade.

use super::bequest;
use crate::worker::ENV;
use net::channel;
use rustix::io::FdFlags;
use rustix::process::Pid;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What runs here, wherever its file has gone.
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

/// Which program a child is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Image {
    /// The one that runs here.
    Own,
    /// The one that lies in the file by now.
    File,
}

/// A file, whatever it is called: no other has the same as long as it is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    number: u64,
}

impl FileId {
    fn of(path: &Path) -> io::Result<FileId> {
        let metadata = std::fs::metadata(path)?;
        Ok(FileId { device: metadata.dev(), number: metadata.ino() })
    }
}

impl Launch {
    /// The program's file, where it is another one than what runs here.
    pub(super) fn replaced(&self) -> io::Result<Option<FileId>> {
        let (there, here) = (FileId::of(&self.program)?, FileId::of(Path::new(SELF))?);
        Ok(Some(there).filter(|there| *there != here))
    }

    /// Executes the program's file in the place of this process, with `variable` for what it is left; returns only what
    /// went wrong.
    pub(super) fn execute(&self, variable: String) -> io::Error {
        let Some((name, rest)) = self.arguments.split_first() else {
            return io::ErrorKind::InvalidInput.into();
        };
        let mut command = Command::new(&self.program);
        command.arg0(name).args(rest).current_dir(&self.folder).env(bequest::ENV, variable).exec()
    }

    /// Starts a child that is told by its first argument what it is. The descriptor is the master's end of their channel.
    pub(super) fn child(&self, image: Image, what: &str) -> io::Result<(Pid, OwnedFd)> {
        let (ours, theirs) = channel::pair()?;
        // Nothing else is started meanwhile: this process has one thread.
        rustix::io::fcntl_setfd(&theirs, FdFlags::empty())?;
        let mut command = Command::new(self.file(image));
        let (name, rest) = self.arguments.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        command.arg0(name).arg(what).args(rest).current_dir(&self.folder);
        command.env(ENV, format!("{}:{}", std::process::id(), theirs.as_fd().as_raw_fd()));
        command.env_remove(bequest::ENV);
        command.stdin(match &self.stdin {
            Some(text) => Stdio::from(channel::file_of(text)?),
            None => Stdio::null(),
        });
        let child = command.spawn()?;
        // Whoever ends is seen by waitpid, so that a master that was started anew sees the workers of the old one too.
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Ok((pid.ok_or(io::ErrorKind::InvalidData)?, ours))
    }

    /// Under its own name where it still has it: `ps` shows that.
    fn file(&self, image: Image) -> &Path {
        match image {
            Image::Own if !matches!(self.replaced(), Ok(None)) => Path::new(SELF),
            Image::Own | Image::File => &self.program,
        }
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
