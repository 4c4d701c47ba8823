//! Which certificates the program that runs here serves, and out of which files.

use super::socket::{Patience, Socket};
use std::collections::BTreeMap;
use std::path::Path;

/// Files whose certificates are looked at one by one; of others the name alone is known.
const MAX_LOOKED_AT: usize = 200;

/// See the module's head.
pub(crate) struct Served {
    /// File and, where it was looked at, the serial number in lower-case hexadecimal digits without zeros in front.
    files: BTreeMap<String, Option<String>>,
}

impl Served {
    /// Asks it; `None` where none runs or answers.
    pub(crate) fn ask() -> Option<Served> {
        let socket = Socket::find(None, None).ok()?;
        let said = socket.ask("show ssl cert\n", Patience::Bounded).ok()?;
        let files = said.lines().map(str::trim).filter(|line| line.starts_with('/'));
        let mut all = BTreeMap::new();
        for (at, file) in files.enumerate() {
            let looked = (at < MAX_LOOKED_AT).then(|| serial(&socket, file)).flatten();
            all.insert(file.to_owned(), looked);
        }
        Some(Served { files: all })
    }

    /// The files out of which a certificate is served: its own, or others with the same serial number.
    pub(crate) fn of(&self, live: &Path, wanted: &str) -> Vec<String> {
        let wanted = plain(wanted);
        let is_it = |file: &str, serial: &Option<String>| match serial {
            Some(serial) => *serial == wanted,
            None => Path::new(file) == live,
        };
        self.files.iter().filter(|(file, serial)| is_it(file, serial)).map(|(file, _)| file.clone()).collect()
    }
}

fn serial(socket: &Socket, file: &str) -> Option<String> {
    let said =
        socket.ask(&format!("show ssl cert {}\n", file.replace(' ', "\\ ")), Patience::Bounded).ok()?;
    said.lines().find_map(|line| line.trim().strip_prefix("Serial:")).map(plain)
}

fn plain(serial: &str) -> String {
    serial.trim().replace(':', "").to_lowercase().trim_start_matches('0').to_owned()
}
