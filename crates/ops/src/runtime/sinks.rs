//! `show events`: where events and logs are kept in memory, and what is there. These are the `ring` sections and `dpapi`.

use super::call::Call;
use super::table::Command;
use proxy::plan::{self, RingSection};
use proxy::stats_socket::CliLevel::{Operator, User};
use std::time::Duration;

pub(crate) const COMMANDS: &[Command] = &[Command::later(
    &["show", "events"],
    "[<sink>] [-w] [-n] [-0]",
    "show event sink state",
    User,
    |call| Box::pin(show(call)),
)];

/// How often a client that waits (`-w`) is told what is new.
const LOOK_EVERY: Duration = Duration::from_millis(100);

async fn show(call: &mut Call<'_>) {
    let process = call.process.clone();
    let rings = sinks(&process.plan.process);
    let name = call.arg(0).to_owned();
    if name.is_empty() {
        call.put("Supported events sinks are listed below. Add -w(wait), -n(new). Any key to stop\n");
        return rings.iter().for_each(|section| call.put(line(section)));
    }
    if call.session.level < Operator {
        return call.refuse("Permission denied");
    }
    let Some(section) = rings.iter().find(|section| section.ring.name() == name) else {
        return call.put("No such event sink");
    };
    let (mut wait, mut only_new, mut end) = (false, false, b'\n');
    for flag in call.args.get(1..).unwrap_or_default().iter().flat_map(|word| flags(word)) {
        match flag {
            Some('w') => wait = true,
            Some('n') => only_new = true,
            // HAProxy 3.2, for events of several lines
            Some('0') => end = b'\0',
            Some(_) | None => return call.put("unknown option"),
        }
    }
    let mut seen = if only_new { section.ring.since(0).1 } else { 0 };
    loop {
        let (lines, count) = section.ring.since(seen);
        seen = count;
        for line in &lines {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            call.put(format_args!("{}{}", String::from_utf8_lossy(text), char::from(end)));
        }
        // A client that is gone needs no more.
        if !wait || call.flush().await.is_err() || call.client_stirs(LOOK_EVERY).await {
            return;
        }
    }
}

/// What is there without a word of configuration, and the `ring` sections.
fn sinks(process: &plan::Process) -> Vec<&RingSection> {
    let own = process.events.section();
    let others = process.rings.iter().filter(|section| section.ring.name() != own.ring.name());
    std::iter::once(own).chain(others).collect()
}

/// The letters of `-wn`; `None` for what is no option.
fn flags(word: &str) -> Vec<Option<char>> {
    word.strip_prefix('-').map_or(vec![None], |letters| letters.chars().map(Some).collect())
}

fn line(section: &RingSection) -> String {
    format!("    {:<10} : type=buffer, 0 dropped, {}\n", section.ring.name(), section.description)
}
