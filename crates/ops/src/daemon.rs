//! Going to the background (`-D`, `daemon`) without fork(2), which a program with threads cannot use safely: the
//! process starts itself once more with the same arguments and waits until that child says that it serves.
//!
//! ```text
//! parent                              child (same program, same arguments, DAEMON_ENV set)
//! detach() ── starts ───────────────► stage(): own session, takes the pipe that is its stdout
//!   waits on the pipe                 loads, binds; complaints go to the shared stderr
//!   byte   -> exit 0   ◄───────────── Ready::tell(): byte; stdin, stdout, stderr -> /dev/null
//!   no byte-> exit with child's code  (ends before that: the pipe closes)
//! ```

use base::reason;
use rustix::fs::{MemfdFlags, SeekFrom};
use rustix::io::FdFlags;
use std::ffi::CString;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};

/// Set to the parent's process number for the child that is to be the daemon. A number that is not the parent's is
/// somebody else's and is not believed.
const DAEMON_ENV: &str = "LOCKGATE_DAEMON_OF";

/// Which of the two processes this is.
#[derive(Debug)]
pub enum Stage {
    /// Started by the user.
    First,
    /// Started by ourselves to stay.
    Daemon(Ready),
}

/// The child's word to its waiting parent.
#[derive(Debug)]
pub struct Ready {
    to_parent: File,
    /// `/dev/null`, opened while it can be reached: a `chroot` seldom has one.
    null: File,
}

/// Why the background was not reached.
#[derive(Debug)]
pub enum DaemonError {
    /// The program could not be started again.
    Start(io::Error),
    /// The descriptors could not be arranged.
    Streams(io::Error),
}

impl fmt::Display for DaemonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DaemonError::Start(e) => write!(f, "cannot start the background process: {}", reason(e)),
            DaemonError::Streams(e) => {
                write!(f, "cannot arrange the background process' streams: {}", reason(e))
            }
        }
    }
}

impl std::error::Error for DaemonError {}

/// Tells which process this is; to be asked first, while nothing was printed yet. The child leaves its terminal's
/// session here.
pub fn stage() -> Result<Stage, DaemonError> {
    let parent = rustix::process::getppid().map(|p| p.as_raw_nonzero().to_string());
    let named = std::env::var(DAEMON_ENV).ok();
    if named.is_none() || named != parent {
        return Ok(Stage::First);
    }
    // Refused only to a process that leads a session already, which is all that is wanted.
    let _ = rustix::process::setsid();
    keep_name();
    take_pipe().map(Stage::Daemon).map_err(DaemonError::Streams)
}

/// `ps` and `pgrep` show what a process was started as; through `/proc/self/exe` that would be "exe".
pub(crate) fn keep_name() {
    let name = std::env::args_os().next().unwrap_or_default();
    let file = Path::new(&name).file_name().unwrap_or_default();
    if let Ok(name) = CString::new(file.as_bytes()) {
        // The name is for people; nothing depends on it.
        let _ = rustix::thread::set_name(&name);
    }
}

/// The pipe is our stdout; it moves out of reach of whatever prints.
fn take_pipe() -> io::Result<Ready> {
    let pipe = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::io::fcntl_setfd(&pipe, FdFlags::CLOEXEC)?;
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(&null)?;
    Ok(Ready { to_parent: File::from(pipe), null })
}

impl Ready {
    /// The daemon serves: lets the parent go and lets go of the terminal.
    pub fn tell(mut self) -> Result<(), DaemonError> {
        self.leave_terminal().map_err(DaemonError::Streams)
    }

    fn leave_terminal(&mut self) -> io::Result<()> {
        rustix::stdio::dup2_stdin(&self.null)?;
        rustix::stdio::dup2_stderr(&self.null)?;
        // A parent that was killed meanwhile does not make the daemon useless.
        let _ = self.to_parent.write_all(b"R");
        Ok(())
    }
}

/// Lets go of all three standard streams: `null` takes their place.
pub fn leave_terminal(null: &File) -> io::Result<()> {
    rustix::stdio::dup2_stdin(null)?;
    rustix::stdio::dup2_stdout(null)?;
    rustix::stdio::dup2_stderr(null)?;
    Ok(())
}

/// What the child is started with beside the arguments.
#[derive(Debug)]
pub struct Detach<'a> {
    /// The folder this process was started in: the child applies `-C` itself.
    pub folder: &'a Path,
    /// What was read from standard input already (`-f -`), so that the child can read it again.
    pub stdin: Option<&'a [u8]>,
}

/// Starts the daemon and waits until it serves. The result is what this process should exit with: 0, or the code of
/// the child that failed and has told why.
pub fn detach(detach: &Detach<'_>) -> Result<u8, DaemonError> {
    let (mut from_child, to_parent) = io::pipe().map_err(DaemonError::Streams)?;
    let mut arguments = std::env::args_os();
    let mut command = Command::new("/proc/self/exe");
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    command.args(arguments).current_dir(detach.folder).stdout(Stdio::from(to_parent));
    command.env(DAEMON_ENV, std::process::id().to_string());
    if let Some(text) = detach.stdin {
        command.stdin(Stdio::from(replay(text).map_err(DaemonError::Streams)?));
    }
    let mut child = command.spawn().map_err(DaemonError::Start)?;
    // The command holds our copy of the pipe's writing end; with it open the end would never be seen.
    drop(command);
    let mut word = [0];
    if from_child.read(&mut word).map_err(DaemonError::Streams)? == 1 {
        return Ok(0);
    }
    let status = child.wait().map_err(DaemonError::Start)?;
    Ok(exit_code(status))
}

/// A file without a name that holds `text`.
fn replay(text: &[u8]) -> io::Result<File> {
    let mut file = File::from(rustix::fs::memfd_create(c"config", MemfdFlags::CLOEXEC)?);
    file.write_all(text)?;
    rustix::fs::seek(&file, SeekFrom::Start(0))?;
    Ok(file)
}

/// A child that ended without a word failed even if it says 0.
fn exit_code(status: std::process::ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|s| 128 + s));
    match code.map(u8::try_from) {
        Some(Ok(code)) if code > 0 => code,
        Some(_) | None => 1,
    }
}
