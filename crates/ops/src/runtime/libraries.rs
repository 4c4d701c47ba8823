//! `show libs`: the program and the shared libraries in its memory, from the system's list of mappings. It changes
//! nothing and is asked for by people who read a crash.

use super::call::Call;
use super::table::Command;
use base::reason;
use proxy::stats_socket::CliLevel::Admin;
use std::collections::BTreeMap;

const MAPPINGS: &str = "/proc/self/maps";

pub(crate) const COMMANDS: &[Command] =
    &[Command::now(&["show", "libs"], "", "show loaded object files and libraries", Admin, show)];

fn show(call: &mut Call<'_>) {
    match std::fs::read_to_string(MAPPINGS) {
        Ok(text) => objects(&text).iter().for_each(|(path, (from, to))| {
            call.put(format_args!("0x{from:012x}-0x{to:012x} (0x{:07x}) {path}\n", to - from));
        }),
        Err(error) => {
            call.refuse(format_args!("cannot read '{MAPPINGS}': {} (is it in the chroot?)", reason(&error)))
        }
    }
}

/// The files of the program and its libraries, in the order of their names; none where the system does not tell.
pub fn loaded_objects() -> Vec<String> {
    let text = std::fs::read_to_string(MAPPINGS).unwrap_or_default();
    objects(&text).into_keys().map(str::to_owned).collect()
}

/// Each mapped file with the range that its mappings cover.
fn objects(text: &str) -> BTreeMap<&str, (u64, u64)> {
    let mut objects = BTreeMap::new();
    for line in text.lines() {
        let Some(path) = line.find('/').and_then(|at| line.get(at..)) else { continue };
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        let number = |hex: &str| u64::from_str_radix(hex, 16).ok();
        let Some((Some(from), Some(to))) = range.map(|(from, to)| (number(from), number(to))) else {
            continue;
        };
        let object = objects.entry(path).or_insert((from, to));
        *object = (object.0.min(from), object.1.max(to));
    }
    objects
}

#[cfg(test)]
mod tests {
    use super::objects;

    #[test]
    fn mappings_of_one_file_are_one_object() {
        let text = "1000-2000 r--p 00000000 00:01 7 /bin/p\n2000-3000 r-xp 00001000 00:01 7 /bin/p\n\
                    7000-8000 rw-p 00000000 00:00 0 [heap]\n9000-9001 r--p 00000000 00:01 8 /lib/a b.so\n";
        let found: Vec<_> = objects(text).into_iter().collect();
        assert_eq!(found, [("/bin/p", (0x1000, 0x3000)), ("/lib/a b.so", (0x9000, 0x9001))]);
    }
}
