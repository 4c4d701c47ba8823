//! Giving up rights for good: root directory, groups, group, user, in the one order that works.

use crate::raw;
use base::reason;
use rustix::process::{DumpableBehavior, Resource, Rlimit};
pub use rustix::thread::CapabilitySet;
use rustix::thread::CapabilitySets;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What to become. Names are looked up before, by [`accounts`](crate::accounts).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// `chroot`
    pub root: Option<PathBuf>,
    /// Supplementary groups; with a group or user and without these, all of root's are given up.
    pub groups: Vec<u32>,
    /// `gid` or `group`
    pub gid: Option<u32>,
    /// `uid` or `user`
    pub uid: Option<u32>,
    /// Rights that the user keeps (`setcap`).
    pub keep: Option<CapabilitySet>,
}

/// The step that was refused.
#[derive(Debug)]
pub enum RightsError {
    /// `chroot`
    Chroot(PathBuf, io::Error),
    /// Supplementary groups.
    Groups(io::Error),
    /// `group`
    Group(u32, io::Error),
    /// `user`
    User(u32, io::Error),
    /// `setcap`
    Keep(io::Error),
}

impl fmt::Display for RightsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RightsError::Chroot(path, e) => write!(f, "Cannot chroot to '{}': {}", path.display(), reason(e)),
            RightsError::Groups(e) => write!(f, "Cannot set supplementary groups: {}", reason(e)),
            RightsError::Group(gid, e) => write!(f, "Cannot set gid {gid}: {}", reason(e)),
            RightsError::User(uid, e) => write!(f, "Cannot set uid {uid}: {}", reason(e)),
            RightsError::Keep(e) => {
                write!(
                    f,
                    "Cannot keep the capabilities of 'setcap': {}; start as root or with them permitted",
                    reason(e)
                )
            }
        }
    }
}

impl std::error::Error for RightsError {}

/// Becomes `identity`, in all threads. Nothing leads back. Stops at the first step that is refused; the process must
/// then end, for it stands between two identities.
pub fn become_identity(identity: &Identity) -> Result<(), RightsError> {
    if let Some(root) = &identity.root {
        enter(root).map_err(|e| RightsError::Chroot(root.clone(), e))?;
    }
    let changes = identity.gid.is_some() || identity.uid.is_some();
    if changes && (rustix::process::geteuid().is_root() || !identity.groups.is_empty()) {
        raw::set_groups(&identity.groups).map_err(RightsError::Groups)?;
    }
    if let Some(gid) = identity.gid {
        raw::set_gid(gid).map_err(|e| RightsError::Group(gid, e))?;
    }
    if let Some(uid) = identity.uid {
        keep_through(identity.keep, || raw::set_uid(uid).map_err(|e| RightsError::User(uid, e)))?;
    }
    Ok(())
}

/// Changes the user and keeps `kept` of its rights. Capabilities belong to a thread: those that this one starts later
/// have them too.
fn keep_through(
    kept: Option<CapabilitySet>,
    change: impl FnOnce() -> Result<(), RightsError>,
) -> Result<(), RightsError> {
    let Some(kept) = kept else { return change() };
    let failed = |e: rustix::io::Errno| RightsError::Keep(e.into());
    rustix::thread::set_keep_capabilities(true).map_err(failed)?;
    change()?;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    rustix::thread::set_capabilities(None, sets).map_err(failed)
}

/// Allows core dumps whatever the change of user and the limits say (`set-dumpable`).
pub fn allow_core_dumps() -> io::Result<()> {
    let hard = rustix::process::getrlimit(Resource::Core).maximum;
    rustix::process::setrlimit(Resource::Core, Rlimit { current: hard, maximum: hard })?;
    Ok(rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable)?)
}

/// Ends the process by a signal that it had handled, so that whoever waits for it sees the death it asked for: HAProxy
/// leaves SIGTERM and SIGINT to their default, and scripts look at the status.
pub fn die_of(signal: i32) -> ! {
    raw::die_of(signal);
    // 128 plus the number is what a shell shows for the same death.
    std::process::exit(128_i32.saturating_add(signal))
}

/// Without the change of folder the old tree would stay within reach (chroot(2)).
fn enter(root: &Path) -> io::Result<()> {
    rustix::process::chroot(root)?;
    std::env::set_current_dir("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staying_who_one_is_is_always_allowed() {
        let own = Identity {
            uid: Some(rustix::process::geteuid().as_raw()),
            gid: Some(rustix::process::getegid().as_raw()),
            groups: rustix::process::getgroups().unwrap().iter().map(|g| g.as_raw()).collect(),
            root: None,
            keep: None,
        };
        become_identity(&own).unwrap();
        assert!(become_identity(&Identity::default()).is_ok());
    }

    #[test]
    fn a_root_that_is_not_there_is_named() {
        let identity = Identity { root: Some("/no/such/place".into()), ..Default::default() };
        let error = become_identity(&identity).unwrap_err();
        assert!(error.to_string().starts_with("Cannot chroot to '/no/such/place'"), "{error}");
    }
}
