//! The word to systemd that a `Type=notify` service waits for (sd_notify(3)): `haproxy -Ws` in Debian's unit file.

use net::{LogAddr, LogSink};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Tells the service manager that we serve. Nothing where `NOTIFY_SOCKET` is not set.
pub fn ready() -> io::Result<()> {
    say("READY=1\n")
}

/// Tells it that we are leaving.
pub fn stopping() -> io::Result<()> {
    say("STOPPING=1\n")
}

fn say(text: &str) -> io::Result<()> {
    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return Ok(()) };
    let sink = LogSink::open(&address(&name))?;
    sink.socket()?.send(text.as_bytes());
    if sink.dropped() == 0 { Ok(()) } else { Err(io::ErrorKind::NotConnected.into()) }
}

/// A leading `@` is the abstract namespace.
fn address(name: &OsStr) -> LogAddr {
    match name.as_bytes().split_first() {
        Some((b'@', rest)) => LogAddr::Abstract(rest.to_vec()),
        Some(_) | None => LogAddr::Unix(PathBuf::from(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_read_as_systemd_writes_it() {
        assert!(matches!(address(OsStr::new("@x")), LogAddr::Abstract(name) if name == b"x"));
        assert!(matches!(address(OsStr::new("/run/n")), LogAddr::Unix(path) if path.as_os_str() == "/run/n"));
    }
}
