//! Who the process becomes once it has bound its ports: `user`, `group`, `uid`, `gid`, `chroot`. Names are looked up
//! when the configuration is checked, so that a missing account is a complaint about its line.

use base::{Diagnostics, Word, reason};
use config::model::{Capability, Global};
use net::accounts;
use net::rights::{CapabilitySet, Identity};
use std::io;
use std::path::PathBuf;

/// What `global` asks for; accounts that do not exist are complained about.
pub(crate) fn of(global: &Global, diags: &mut Diagnostics) -> Identity {
    let user = |name: &str| Ok(accounts::user(name)?.map(|user| user.uid));
    Identity {
        root: global.chroot.as_ref().map(|word| PathBuf::from(&word.text)),
        groups: Vec::new(),
        gid: global.gid.or_else(|| number(global.group.as_ref(), "group", accounts::group, diags)),
        keep: Some(global.setcap.iter().map(|c| kept(*c)).collect())
            .filter(|set: &CapabilitySet| !set.is_empty()),
        uid: global.uid.or_else(|| number(global.user.as_ref(), "user", user, diags)),
    }
}

/// Complains where `chroot` leads nowhere. Only who serves enters it: a configuration may be checked elsewhere.
pub(crate) fn find_root(global: &Global, diags: &mut Diagnostics) {
    let Some(root) = &global.chroot else { return };
    let found = std::fs::metadata(&root.text).and_then(|found| match found.is_dir() {
        true => Ok(()),
        false => Err(io::ErrorKind::NotADirectory.into()),
    });
    if let Err(e) = found {
        let told = diags.alert(root.span, format!("cannot chroot to '{root}': {}", reason(&e)));
        told.help("make the folder, empty and owned by root, or name another one");
    }
}

fn kept(capability: Capability) -> CapabilitySet {
    match capability {
        Capability::NetAdmin => CapabilitySet::NET_ADMIN,
        Capability::NetBindService => CapabilitySet::NET_BIND_SERVICE,
        Capability::NetRaw => CapabilitySet::NET_RAW,
        Capability::SysAdmin => CapabilitySet::SYS_ADMIN,
    }
}

fn number(
    name: Option<&Word>,
    kind: &str,
    find: impl FnOnce(&str) -> io::Result<Option<u32>>,
    diags: &mut Diagnostics,
) -> Option<u32> {
    let name = name?;
    match find(&name.text) {
        Ok(Some(number)) => return Some(number),
        Ok(None) => diags.alert(name.span, format!("cannot find {kind} id for '{name}'")),
        Err(e) => diags.alert(name.span, format!("cannot find {kind} id for '{name}': {}", reason(&e))),
    };
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Span;

    #[test]
    fn accounts_are_looked_up_and_missing_ones_named() {
        let word = |text| Some(Word::new(text, Span::default()));
        let mut diags = Diagnostics::default();
        let global =
            Global { user: word("root"), gid: Some(7), chroot: word("/var/empty"), ..Global::default() };
        let identity = of(&global, &mut diags);
        assert_eq!(
            (identity.uid, identity.gid, identity.root),
            (Some(0), Some(7), Some("/var/empty".into()))
        );
        assert!(!diags.has_alerts());
        of(&Global { user: word("no-such-user"), group: word("no-such"), ..Global::default() }, &mut diags);
        let said: Vec<_> = diags.iter().map(|d| d.message.as_str()).collect();
        assert_eq!(said, ["cannot find group id for 'no-such'", "cannot find user id for 'no-such-user'"]);
    }
}
