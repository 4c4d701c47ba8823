//! Names of unix sockets. A listener on a path: a dead file is replaced, a live one is left alone, and the new socket appears
//! in one step by rename, so that no client ever finds the path missing.

use crate::listen::{BindCause, UnixOwner};
use base::addr::AbstractName;
use rustix::fs::{Mode, chmod};
use rustix::process::{Gid, Uid};
use socket2::{Domain, SockAddr, Socket, Type};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// The longest path a socket can have: `sun_path` (unix(7)) less its closing NUL.
const MAX_PATH: usize = 107;

/// A socket that listens on `path`, owned and readable as `owner` says.
pub(crate) fn listen(path: &Path, owner: &UnixOwner, backlog: i32) -> Result<Socket, BindCause> {
    let temporary = temporary_name(path);
    if temporary.as_os_str().len() > MAX_PATH {
        return Err(BindCause::PathTooLong);
    }
    remove_leftover(&temporary)?;
    let socket = prepare(&temporary, owner, backlog);
    let published = socket.and_then(|s| std::fs::rename(&temporary, path).map(|()| s));
    published.map_err(|cause| {
        // The first error is the one worth telling; a leftover is removed by the next start as well.
        let _ = std::fs::remove_file(&temporary);
        BindCause::Io(cause)
    })
}

fn prepare(temporary: &Path, owner: &UnixOwner, backlog: i32) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(temporary)?)?;
    own(temporary, owner)?;
    socket.listen(backlog)?;
    Ok(socket)
}

/// Gives the socket's file its owner and its mode.
pub(crate) fn own(path: &Path, owner: &UnixOwner) -> io::Result<()> {
    if owner.uid.is_some() || owner.gid.is_some() {
        rustix::fs::chown(path, owner.uid.map(Uid::from_raw), owner.gid.map(Gid::from_raw))?;
    }
    if let Some(mode) = owner.mode {
        chmod(path, Mode::from_raw_mode(mode))?;
    }
    Ok(())
}

/// Nobody else may be listening there, and what is there may only be a socket: `bind /etc/passwd` must not replace it.
pub(crate) fn refuse_if_taken(path: &Path, take_over: bool) -> Result<(), BindCause> {
    match std::fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(BindCause::Io(e)),
        Ok(found) if !found.file_type().is_socket() => Err(BindCause::NotASocket),
        Ok(_) if !take_over && is_live(path)? => Err(BindCause::Taken),
        Ok(_) => Ok(()),
    }
}

/// Whether somebody listens there. A connection that would have to wait for a full backlog finds a live listener too.
fn is_live(path: &Path) -> Result<bool, BindCause> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::unix(path).map_err(|_| BindCause::PathTooLong)?) {
        Ok(()) => Ok(true),
        Err(e) => Ok(e.kind() == io::ErrorKind::WouldBlock),
    }
}

/// A name of the abstract namespace in the form that paths take: led by a NUL (unix(7)).
pub(crate) fn abstract_name(name: &AbstractName) -> PathBuf {
    PathBuf::from(OsString::from_vec([&[0], name.bytes()].concat()))
}

fn temporary_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    PathBuf::from(name)
}

/// The path under which a socket is found that was bound under its temporary name; HAProxy names them alike.
pub(crate) fn published(bound: &Path) -> PathBuf {
    let name = bound.as_os_str().as_bytes();
    let stem = name.strip_suffix(b".tmp").and_then(|stem| {
        let dot = stem.iter().rposition(|b| *b == b'.')?;
        let (path, number) = stem.split_at_checked(dot)?;
        number.iter().skip(1).all(u8::is_ascii_digit).then_some(path)
    });
    stem.map_or_else(|| bound.to_owned(), |path| PathBuf::from(OsStr::from_bytes(path)))
}

fn remove_leftover(temporary: &Path) -> Result<(), BindCause> {
    match std::fs::remove_file(temporary) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(BindCause::Io(e)),
        Ok(()) | Err(_) => Ok(()),
    }
}
