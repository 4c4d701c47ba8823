//! `show fd`: the descriptors of the process and what each is of, as the system tells. For people who look for a leak.

use super::call::Call;
use super::table::Command;
use base::reason;
use proxy::stats_socket::CliLevel::Operator;

const DESCRIPTORS: &str = "/proc/self/fd";

pub(crate) const COMMANDS: &[Command] = &[Command::now(
    &["show", "fd"],
    "[num]",
    "dump list of file descriptors in use or a specific one",
    Operator,
    show,
)];

fn show(call: &mut Call<'_>) {
    let entries = match std::fs::read_dir(DESCRIPTORS) {
        Ok(entries) => entries,
        Err(error) => {
            return call.refuse(format_args!(
                "cannot read '{DESCRIPTORS}': {} (is it in the chroot?)",
                reason(&error)
            ));
        }
    };
    let wanted = call.arg(0).parse::<u32>().ok();
    if wanted.is_none() && !call.arg(0).is_empty() {
        return;
    }
    let mut known: Vec<(u32, String)> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            // One that was closed meanwhile is none.
            Some((number, std::fs::read_link(entry.path()).ok()?.display().to_string()))
        })
        .collect();
    known.sort();
    for (number, what) in known.iter().filter(|(number, _)| wanted.is_none_or(|n| n == *number)) {
        call.put(format_args!("{number:>7} : {what}\n"));
    }
}
