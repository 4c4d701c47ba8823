//! The table: a row for each piece of work, a column for each peer, and Lockgate's ratios beside their targets.

use super::peers::{FLOOR, HAPROXY, LOCKGATE, NGINX};
use std::fmt::Write;

const COLUMNS: &[&str] = &[LOCKGATE, HAPROXY, NGINX, FLOOR];

/// A piece of work and what it cost each peer.
pub(super) struct Row {
    pub(super) work: &'static str,
    pub(super) unit: &'static str,
    pub(super) figures: Vec<Figure>,
    pub(super) targets: &'static [Target],
}

/// What Lockgate's figure is to be at most.
pub(super) enum Target {
    /// Times the named peer's in the same run.
    Ratio(&'static str, f64),
    /// In the row's own unit.
    Most(f64),
}

/// A peer's figure over all rounds: the median, and between which values the rounds lay.
pub(super) struct Figure {
    peer: &'static str,
    median: f64,
    low: f64,
    high: f64,
}

impl Figure {
    /// From the rounds' figures; an even number of them gives the upper of the two in the middle.
    pub(super) fn of(peer: &'static str, mut rounds: Vec<f64>) -> Figure {
        rounds.sort_by(f64::total_cmp);
        let at = |n: usize| rounds.get(n).copied().unwrap_or(f64::NAN);
        let last = rounds.len().saturating_sub(1);
        Figure { peer, median: at(rounds.len() / 2), low: at(0), high: at(last) }
    }
}

/// All rows, as Markdown.
pub(super) fn rendered(rows: &[Row]) -> String {
    let mut text = format!("| work | unit | {} | target |\n|---|---|", COLUMNS.join(" | "));
    text.push_str(&"--:|".repeat(COLUMNS.len()));
    text.push_str("---|\n");
    for row in rows {
        let cells: Vec<String> = COLUMNS.iter().map(|peer| cell(row, peer)).collect();
        let verdicts: Vec<String> = row.targets.iter().filter_map(|t| verdict(row, t)).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            row.work,
            row.unit,
            cells.join(" | "),
            verdicts.join("; ")
        );
    }
    text
}

fn cell(row: &Row, peer: &str) -> String {
    match row.figures.iter().find(|f| f.peer == peer) {
        Some(f) if f.low < f.high => format!("{} ({}-{})", short(f.median), short(f.low), short(f.high)),
        Some(f) => short(f.median),
        None => String::new(),
    }
}

fn verdict(row: &Row, target: &Target) -> Option<String> {
    let of = |peer: &str| row.figures.iter().find(|f| f.peer == peer).map(|f| f.median);
    let ours = of(LOCKGATE)?;
    let (value, most, what) = match target {
        Target::Ratio(peer, most) => (ours / of(peer)?, *most, format!("x {peer}")),
        Target::Most(most) => (ours, *most, row.unit.to_owned()),
    };
    let met = if value <= most { "met" } else { "**missed**" };
    Some(format!("{} {what} (at most {most}): {met}", short(value)))
}

/// Three significant digits are more than a run repeats.
fn short(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Figure, Row, Target, rendered};

    #[test]
    fn ratios_stand_beside_their_targets() {
        let figures = vec![
            Figure::of("lockgate", vec![11.0, 10.0, 12.5]),
            Figure::of("haproxy", vec![16.0, 15.0, 14.0]),
        ];
        let targets = &[Target::Ratio("haproxy", 0.75), Target::Ratio("nginx", 0.8), Target::Most(10.0)];
        let text = rendered(&[Row { work: "w", unit: "us", figures, targets }]);
        assert_eq!(
            text.lines().last().unwrap(),
            "| w | us | 11.0 (10.0-12.5) | 15.0 (14.0-16.0) |  |  | 0.73 x haproxy (at most 0.75): met; \
             11.0 us (at most 10): **missed** |"
        );
    }
}
