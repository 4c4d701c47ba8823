//! The one room with `unsafe`: socket options that neither socket2 nor rustix offers, descriptors that this process
//! was started with, and the change of user for all threads at once. Small on purpose; everything here is wrapped by a safe function of the same file.
#![allow(unsafe_code)] // see the crate's Cargo.toml; each use gives its reason

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use tokio::io::unix::AsyncFd;

/// `TCP_FASTOPEN` on a listener: how many connections may wait with data that came with their SYN (RFC 7413).
pub(crate) fn set_fast_open_queue(fd: impl AsFd, queue: i32) -> io::Result<()> {
    set_int(fd.as_fd(), libc::IPPROTO_TCP, libc::TCP_FASTOPEN, queue)
}

/// `TCP_FASTOPEN_CONNECT`: the first write of an outgoing connection travels with the SYN where the peer gave a cookie.
pub(crate) fn set_fast_open_connect(fd: impl AsFd) -> io::Result<()> {
    set_int(fd.as_fd(), libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, 1)
}

/// `TCP_DEFER_ACCEPT`: the connection is handed over with its first data, or after `seconds`.
pub(crate) fn set_defer_accept(fd: impl AsFd, seconds: i32) -> io::Result<()> {
    set_int(fd.as_fd(), libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, seconds)
}

/// `IP_BIND_ADDRESS_NO_PORT`: choose the source port at connect, where all of a destination's 64k ports are open.
pub(crate) fn set_bind_address_no_port(fd: impl AsFd) -> io::Result<()> {
    set_int(fd.as_fd(), libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1)
}

/// `TCP_REPAIR`: closing a socket in this state tells the peer nothing. Needs `CAP_NET_ADMIN`.
pub(crate) fn set_repair(fd: impl AsFd) -> io::Result<()> {
    set_int(fd.as_fd(), libc::IPPROTO_TCP, libc::TCP_REPAIR, 1)
}

fn set_int(fd: BorrowedFd<'_>, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the descriptor is borrowed for the call; the kernel reads exactly `size` bytes from `value`, which
    // lives until the call returns, and keeps no pointer to it.
    let done = unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const value).cast(), size) };
    outcome(done)
}

/// `TCP_INFO`. A number that is open no more, or no TCP socket, is an error.
pub(crate) fn tcp_info(number: RawFd) -> io::Result<libc::tcp_info> {
    // SAFETY: the structure is made of integers, for all of which zero is a value.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut size = size_of::<libc::tcp_info>() as libc::socklen_t;
    let (into, size_at) = ((&raw mut info).cast(), &raw mut size);
    // SAFETY: the kernel writes at most `size` bytes into `info` and the number of bytes into `size`; both live until
    // the call returns, and it keeps no pointer. A kernel that knows fewer fields leaves the last ones zero. Should
    // the number belong to another descriptor by now, the answer is about that one and no memory is touched.
    outcome(unsafe { libc::getsockopt(number, libc::IPPROTO_TCP, libc::TCP_INFO, into, size_at) })?;
    Ok(info)
}

/// A copy of descriptor `number`, which this process inherited (`fd@N`). The original stays open: several places
/// of one configuration may name it, and so may the process that comes after a reload.
pub(crate) fn duplicate_inherited(number: RawFd) -> io::Result<OwnedFd> {
    if number < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: the borrow lasts for one `fcntl`. Should the number not be open, the kernel answers EBADF and nothing
    // else happens; should it be closed by another thread meanwhile, the copy is of whatever is open then, which is
    // the kernel's rule for descriptor numbers given by a user and touches no memory.
    let inherited = unsafe { BorrowedFd::borrow_raw(number) };
    Ok(rustix::io::fcntl_dupfd_cloexec(inherited, FIRST_FREE)?)
}

/// The same for a descriptor that is meant for this process alone: the original is closed by the next exec.
pub(crate) fn take_inherited(number: RawFd) -> io::Result<OwnedFd> {
    let copy = duplicate_inherited(number)?;
    // SAFETY: as above; the number was open a moment ago, and the call changes a flag of whatever it is.
    let inherited = unsafe { BorrowedFd::borrow_raw(number) };
    rustix::io::fcntl_setfd(inherited, rustix::io::FdFlags::CLOEXEC)?;
    Ok(copy)
}

/// Holds all signals back from the calling thread, or lets them through again.
pub(crate) fn hold_signals(hold: bool) -> io::Result<()> {
    let how = if hold { libc::SIG_BLOCK } else { libc::SIG_UNBLOCK };
    // SAFETY: the set is made of integers, for all of which zero is a value; both calls write and read it alone, and
    // keep no pointer. The C library leaves out the signals that it needs itself.
    let status = unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(how, &raw const all, std::ptr::null_mut())
    };
    if status == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(status)) }
}

/// Waits for a descriptor in the runtime of the calling thread.
pub(crate) fn watched(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is open for as long as it lives, and nobody gets it by `&mut` to put another in its place.
    Ok(unsafe { AsyncFd::register(fd) }?)
}

/// Supplementary groups of the whole process. Needs `CAP_SETGID`.
pub(crate) fn set_groups(groups: &[u32]) -> io::Result<()> {
    // SAFETY: the kernel reads `groups.len()` numbers from the slice and keeps no pointer to it. The C library's
    // function is used because the bare system call changes the calling thread alone.
    outcome(unsafe { libc::setgroups(groups.len(), groups.as_ptr()) })
}

/// Real, effective and saved group of the whole process.
pub(crate) fn set_gid(gid: u32) -> io::Result<()> {
    // SAFETY: takes and returns numbers; C library for the reason given at `set_groups`.
    outcome(unsafe { libc::setresgid(gid, gid, gid) })
}

/// Real, effective and saved user of the whole process.
pub(crate) fn set_uid(uid: u32) -> io::Result<()> {
    // SAFETY: takes and returns numbers; C library for the reason given at `set_groups`.
    outcome(unsafe { libc::setresuid(uid, uid, uid) })
}

/// Dies of `signal`, as if it had never been handled. Returns only if the signal does not end a process.
pub(crate) fn die_of(signal: libc::c_int) {
    // SAFETY: restores the default action, which runs no code of ours, and sends the signal to this thread. A number
    // that is no signal is refused by both calls.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

fn outcome(status: libc::c_int) -> io::Result<()> {
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Copies land above the standard streams, so that a closed stdin is never taken by a socket.
const FIRST_FREE: RawFd = 3;
