//! `cpu-map`: which threads run on which CPUs (manual 3.1). All threads are one group, so the group may only be the
//! first, or a set that holds it.

use crate::args::Args;
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{CpuMap, Global};
use crate::row::{Parse, Parsed, Place, Row};
use base::Word;
use std::ops::RangeInclusive;

/// Threads that `all` and open ranges stand for, as HAProxy has it on 64 bits.
const LAST_THREAD: u32 = 64;

/// The highest CPU number; Linux' own `CPU_SETSIZE`.
const LAST_CPU: u32 = 1023;

pub(crate) const ROWS: &[Row] = &[Row::new(
    &["cpu-map"],
    Place::GLOBAL,
    "[auto:]<thread-group>[/<thread-set>] <cpu-set>...",
    "Binds threads to CPUs.",
    Parse::Global(cpu_map),
)];

fn cpu_map(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Global) -> Parsed {
    let target = args.expect("a thread group, optionally '/' and threads, and CPUs")?;
    let (auto, text) = match target.text.strip_prefix("auto:") {
        Some(rest) => (true, rest),
        None => (false, target.text.as_str()),
    };
    let threads = threads(ctx, args, target, text)?;
    let mut cpus = Vec::new();
    for word in args.by_ref() {
        for part in word.text.split(',') {
            cpus.extend(range(part, 0..=LAST_CPU).ok_or_else(|| bad_set(word, "CPU"))?);
        }
    }
    if cpus.is_empty() {
        return Err(args.missing("a set of CPUs"));
    }
    if auto && threads.len() != cpus.len() {
        return Err(Failure::new(
            target.span,
            format!("'cpu-map': {} threads and {} CPUs cannot be paired", threads.len(), cpus.len()),
        )
        .help("with 'auto:' both sets must have the same size"));
    }
    if auto {
        // "No matter the declaration order of the CPU sets, it will be bound from the lowest to the highest."
        cpus.sort_unstable();
    }
    if !threads.is_empty() {
        to.cpu_map.push(CpuMap { threads, cpus, auto });
    }
    Ok(())
}

/// The threads meant; none where the line is about another group.
fn threads(ctx: &mut Ctx<'_>, args: &Args<'_>, word: &Word, text: &str) -> Result<Vec<u32>, Failure> {
    let (group, set) = text.split_once('/').unwrap_or((text, "all"));
    let groups = range(group, 1..=LAST_THREAD).ok_or_else(|| bad_set(word, "thread group"))?;
    let threads = range(set, 1..=LAST_THREAD).ok_or_else(|| bad_set(word, "thread"))?;
    if ctx.marked("nbproc") && !text.contains('/') {
        return Ok(groups);
    }
    if !groups.contains(&1) {
        ctx.warn(
            word.span,
            format!("'{}' is ignored for thread group '{group}': there is one group", args.name()),
        );
        return Ok(Vec::new());
    }
    Ok(threads)
}

/// `all`, `odd`, `even`, `N`, `N-M` or `N-`, cut at the end of `within`.
fn range(text: &str, within: RangeInclusive<u32>) -> Option<Vec<u32>> {
    let (first, last) = within.into_inner();
    match text {
        "all" => return Some((first..=last).collect()),
        "odd" => return Some((first..=last).filter(|n| n % 2 == 1).collect()),
        "even" => return Some((first..=last).filter(|n| n % 2 == 0).collect()),
        _ => {}
    }
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let low: u32 = low.parse().ok().filter(|n| (first..=last).contains(n))?;
    let high = if high.is_empty() { last } else { high.parse().ok().filter(|n| (low..=last).contains(n))? };
    Some((low..=high).collect())
}

fn bad_set(word: &Word, what: &str) -> Failure {
    Failure::new(word.span, format!("'cpu-map': invalid {what} set '{word}'")).help(
        "a set is 'all', 'odd', 'even', a number or a range such as 1-4; threads count from 1, CPUs from 0",
    )
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn sets_of_numbers() {
        assert_eq!(range("3", 1..=8), Some(vec![3]));
        assert_eq!(range("2-4", 1..=8), Some(vec![2, 3, 4]));
        assert_eq!(range("7-", 1..=8), Some(vec![7, 8]));
        assert_eq!(range("even", 1..=5), Some(vec![2, 4]));
        for bad in ["", "0", "9", "4-2", "x", "1-9", "-1"] {
            assert_eq!(range(bad, 1..=8), None, "{bad}");
        }
    }
}
