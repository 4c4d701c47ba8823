//! Users and groups by name, from `/etc/passwd` and `/etc/group` (passwd(5), group(5)). Directory services are not
//! asked: a front door must start when they are away, and numbers (`uid`, `gid`) serve where names do not.

use std::io;
use std::path::Path;

/// A line of `/etc/passwd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// User number.
    pub uid: u32,
    /// The number of its first group.
    pub gid: u32,
}

/// The user of that name, if there is one.
pub fn user(name: &str) -> io::Result<Option<User>> {
    let text = read("/etc/passwd")?;
    Ok(find(&text, name).and_then(|rest| match rest[..] {
        [_, uid, gid, ..] => Some(User { uid: uid.parse().ok()?, gid: gid.parse().ok()? }),
        _ => None,
    }))
}

/// The number of the group of that name, if there is one.
pub fn group(name: &str) -> io::Result<Option<u32>> {
    let text = read("/etc/group")?;
    Ok(find(&text, name).and_then(|rest| rest.get(1)?.parse().ok()))
}

/// The groups that list this user as a member, beside its first.
pub fn groups_of(user: &str) -> io::Result<Vec<u32>> {
    Ok(memberships(&read("/etc/group")?, user))
}

/// The fields behind the name.
fn find<'a>(text: &'a str, name: &str) -> Option<Vec<&'a str>> {
    let mut lines = text.lines().map(|line| line.split(':'));
    lines.find_map(|mut fields| (fields.next() == Some(name)).then(|| fields.collect()))
}

fn memberships(text: &str, user: &str) -> Vec<u32> {
    let member = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let [_, _, gid, members] = fields[..] else { return None };
        members.split(',').any(|m| m == user).then(|| gid.parse().ok()).flatten()
    };
    text.lines().filter_map(member).collect()
}

fn read(path: &str) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&std::fs::read(Path::new(path))?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_known_and_nobody_else_is_invented() {
        assert_eq!(user("root").unwrap(), Some(User { uid: 0, gid: 0 }));
        assert_eq!(group("root").unwrap(), Some(0));
        assert_eq!(user("no-such-user").unwrap(), None);
        assert_eq!(group("").unwrap(), None);
    }

    #[test]
    fn memberships_are_whole_names_and_broken_lines_are_passed_over() {
        let text = "root:x:0:\nssl-cert:x:108:web,web2\nbad line\nweb:x:33:\nadm:x:4:web2\nodd:x:nine:web\n";
        assert_eq!(memberships(text, "web"), [108]);
        assert_eq!(memberships(text, "web2"), [108, 4]);
        assert_eq!(memberships(text, "we"), [0; 0]);
    }
}
