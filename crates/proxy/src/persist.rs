//! Cookie persistence: which server a request's cookie names, how the cookie is edited on its way to the server, and
//! what the response says about it. Pure functions over messages; time is an argument. What `redir`,
//! `force-persist`, `ignore-persist` and `use-server` decide comes in as [`Guidance`].
//!
//! The behaviour, down to the third and fourth letter of the termination code (manual 8.5), was read off the oracle.

pub mod date;
mod dynamic;
mod rdp;
mod request;
mod response;

pub use dynamic::{DynamicCookies, dynamic_value};
pub use rdp::rdp_address;
pub use request::{Presented, edit, read};
pub use response::{Offered, answer};

use config::model::{Cookie, CookieMode};

/// A backend's `cookie` line, ready to run.
#[derive(Clone, Debug)]
pub struct Settings {
    name: Box<[u8]>,
    mode: CookieMode,
    indirect: bool,
    nocache: bool,
    postonly: bool,
    preserve: bool,
    /// Seconds; none where not written.
    maxidle: Option<u32>,
    maxlife: Option<u32>,
    /// What follows the value in a `Set-Cookie`, from `; path=/` on.
    attributes: Box<[u8]>,
}

impl Settings {
    /// From the `cookie` line.
    pub fn of(line: &Cookie) -> Settings {
        let seconds = |s: Option<u64>| s.map(|s| u32::try_from(s).unwrap_or(u32::MAX));
        Settings {
            name: line.name.as_str().as_bytes().into(),
            mode: line.mode,
            indirect: line.indirect,
            nocache: line.nocache,
            postonly: line.postonly,
            preserve: line.preserve,
            maxidle: seconds(line.maxidle),
            maxlife: seconds(line.maxlife),
            attributes: attributes(line).into(),
        }
    }

    /// The cookie's name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Letters are shown in logs, and responses looked at: not for a cookie that is only read.
    fn is_active(&self) -> bool {
        self.mode != CookieMode::Passive || self.indirect
    }

    /// Values carry dates.
    fn is_dated(&self) -> bool {
        self.mode == CookieMode::Insert && (self.maxidle.is_some() || self.maxlife.is_some())
    }
}

fn attributes(line: &Cookie) -> Vec<u8> {
    let mut out = b"; path=/".to_vec();
    for domain in &line.domains {
        out.extend_from_slice(b"; domain=");
        out.extend_from_slice(domain.as_str().as_bytes());
    }
    if line.httponly {
        out.extend_from_slice(b"; HttpOnly");
    }
    if line.secure {
        out.extend_from_slice(b"; Secure");
    }
    for attr in &line.attrs {
        out.extend_from_slice(b"; ");
        out.extend_from_slice(attr.as_str().as_bytes());
    }
    out
}

/// Who has a say in the choice of server besides the cookie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Guidance {
    /// Nobody.
    #[default]
    Cookie,
    /// `option persist` or a `force-persist` that holds: a server that is down is chosen all the same.
    Forced,
    /// An `ignore-persist` that holds: the cookie counts for nothing, and the response's is left alone.
    Ignored,
    /// A `use-server` that holds: the server is chosen already.
    Ruled,
}

/// The third letter of the termination code: what the client brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // as the manual's list has them
pub enum Seen {
    #[default]
    None,
    Invalid,
    Down,
    Valid,
    Expired,
    Old,
    Unused,
}

/// The fourth letter: what the response carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // as the manual's list has them
pub enum Sent {
    #[default]
    None,
    Inserted,
    Updated,
    Provided,
    Rewritten,
    Deleted,
}

impl Seen {
    fn letter(self) -> char {
        match self {
            Seen::None => 'N',
            Seen::Invalid => 'I',
            Seen::Down => 'D',
            Seen::Valid => 'V',
            Seen::Expired => 'E',
            Seen::Old => 'O',
            Seen::Unused => 'U',
        }
    }
}

impl Sent {
    fn letter(self) -> char {
        match self {
            Sent::None => 'N',
            Sent::Inserted => 'I',
            Sent::Updated => 'U',
            Sent::Provided => 'P',
            Sent::Rewritten => 'R',
            Sent::Deleted => 'D',
        }
    }
}

/// The two letters for the log: `--` where no cookie is configured, or one that is only read.
pub fn letters(settings: Option<&Settings>, seen: Seen, sent: Sent) -> [char; 2] {
    match settings {
        Some(settings) if settings.is_active() => [seen.letter(), sent.letter()],
        Some(_) | None => ['-', '-'],
    }
}

#[cfg(test)]
mod tests;
