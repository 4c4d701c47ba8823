//! One picture of `lockgate ctl top`: what `show info` and `show stat` say now, against what they said before, as lines
//! that fit a width. Pure text: no terminal, no clock.

use super::table::comma_cells;
use std::collections::HashMap;
use std::time::Duration;

/// What is known at one moment.
#[derive(Default)]
pub(super) struct Moment {
    info: HashMap<String, String>,
    rows: Vec<Row>,
}

/// A line of `show stat`, by its columns' names.
struct Row(HashMap<String, String>);

/// How a line catches the eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// As it is.
    Plain,
    /// A heading.
    Head,
    /// All is well.
    Good,
    /// Something is between.
    Between,
    /// Something is wrong.
    Bad,
}

/// A line, and the part of it that has a tone.
pub(super) struct Line {
    pub(super) text: String,
    pub(super) tone: Tone,
    /// Characters from and to which the tone holds.
    pub(super) marked: std::ops::Range<usize>,
}

impl Line {
    fn whole(text: String, tone: Tone) -> Line {
        let marked = 0..text.chars().count();
        Line { text, tone, marked }
    }
}

/// Width of the columns behind the name, blanks between them included.
const COLUMNS: [(&str, usize); 7] =
    [("STATE", 12), ("SESS", 7), ("QUEUE", 6), ("RATE/s", 7), ("ERR/s", 6), ("IN/s", 8), ("OUT/s", 8)];
/// A name gets no less.
const NAME_LEAST: usize = 12;

impl Moment {
    /// Reads the two answers, which an empty line parts.
    pub(super) fn parse(answer: &str) -> Moment {
        let (info, stat) = answer.split_once("\n\n").unwrap_or((answer, ""));
        let pair = |line: &str| line.split_once(": ").map(|(k, v)| (k.to_owned(), v.to_owned()));
        let mut lines = stat.lines().skip_while(|line| !line.starts_with("# "));
        let names = comma_cells(lines.next().unwrap_or_default().trim_start_matches("# "));
        let row = |line: &str| Row(names.iter().cloned().zip(comma_cells(line)).collect());
        let rows = lines.take_while(|line| !line.is_empty()).map(row).collect();
        Moment { info: info.lines().filter_map(pair).collect(), rows }
    }

    fn info(&self, name: &str) -> &str {
        self.info.get(name).map_or("-", String::as_str)
    }

    /// A proxy's own lines before its servers'.
    fn ordered(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = Vec::with_capacity(self.rows.len());
        for proxy in self.rows.chunk_by(|a, b| a.text("pxname") == b.text("pxname")) {
            rows.extend(proxy.iter().filter(|row| !row.is_part()));
            rows.extend(proxy.iter().filter(|row| row.is_part()));
        }
        rows
    }
}

impl Row {
    fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.text(name).parse().ok()
    }

    /// A server or a listener.
    fn is_part(&self) -> bool {
        !matches!(self.text("svname"), "FRONTEND" | "BACKEND")
    }

    fn label(&self) -> String {
        match self.text("svname") {
            "FRONTEND" => format!("{} (front)", self.text("pxname")),
            "BACKEND" => format!("{} (back)", self.text("pxname")),
            part => format!("  {part}"),
        }
    }

    fn errors(&self) -> u64 {
        let all = ["ereq", "econ", "eresp", "hrsp_5xx"];
        all.iter().filter_map(|name| self.number(name)).fold(0, u64::wrapping_add)
    }

    fn tone(&self) -> Tone {
        let state = self.text("status");
        match state.split(' ').next().unwrap_or_default() {
            "UP" | "OPEN" if !state.contains('/') => Tone::Good,
            "DOWN" | "STOP" if !state.contains('/') => Tone::Bad,
            "no" => Tone::Plain,
            _ => Tone::Between,
        }
    }
}

/// The lines above the table.
pub(super) fn head(now: &Moment, width: usize) -> Vec<Line> {
    let title = format!(
        "{} {}  pid {}  up {}",
        now.info("Name"),
        now.info("Version"),
        now.info("Pid"),
        now.info("Uptime")
    );
    let load = format!(
        "connections {} of {}  new {}/s  sessions {}/s  TLS {}/s  requests {}",
        now.info("CurrConns"),
        now.info("Maxconn"),
        now.info("ConnRate"),
        now.info("SessRate"),
        now.info("SslRate"),
        now.info("CumReq"),
    );
    let mut names = format!("{:<width$}", "NAME", width = name_width(width));
    for (name, wide) in COLUMNS {
        names.push_str(&if name == "STATE" {
            format!(" {name:<wide$}", wide = wide - 1)
        } else {
            format!("{name:>wide$}")
        });
    }
    vec![
        Line::whole(cut(&title, width), Tone::Head),
        Line::whole(cut(&load, width), Tone::Plain),
        Line::whole(cut(&names, width), Tone::Head),
    ]
}

/// A line about something that is wrong.
pub(super) fn note(text: &str, width: usize) -> Line {
    Line::whole(cut(text, width), Tone::Bad)
}

/// The table: a line for each subject. `before` and the time since then make rates of counters.
pub(super) fn body(now: &Moment, before: Option<(&Moment, Duration)>, width: usize) -> Vec<Line> {
    let key = |row: &Row| (row.text("pxname").to_owned(), row.text("svname").to_owned());
    let past: HashMap<_, _> =
        before.iter().flat_map(|(moment, _)| &moment.rows).map(|row| (key(row), row)).collect();
    let span = before.map(|(_, span)| span);
    now.ordered().into_iter().map(|row| line(row, past.get(&key(row)).copied(), span, width)).collect()
}

fn line(row: &Row, before: Option<&Row>, span: Option<Duration>, width: usize) -> Line {
    let name = name_width(width);
    let per_second = |of: &dyn Fn(&Row) -> u64| {
        let (before, span) = (before?, span?);
        // a counter that was cleared begins anew
        let more = of(row).saturating_sub(of(before)) as f64;
        Some(more / span.as_secs_f64().max(0.001))
    };
    let rate = row.number("req_rate").or(row.number("rate"));
    let shown = [
        row.number("scur").map(|n| short(n as f64)),
        row.number("qcur").map(|n| short(n as f64)),
        rate.map(|n| short(n as f64)),
        per_second(&Row::errors).map(short),
        per_second(&|r| r.number("bin").unwrap_or(0)).map(short),
        per_second(&|r| r.number("bout").unwrap_or(0)).map(short),
    ];
    let label = cut(&row.label(), name);
    let mut text = format!("{label:<name$} {:<11}", cut(row.text("status"), 11));
    for (value, (_, wide)) in shown.into_iter().zip(COLUMNS.iter().skip(1)) {
        text.push_str(&format!("{:>wide$}", value.unwrap_or_else(|| "-".to_owned())));
    }
    let state = name + 1..name + 1 + row.text("status").chars().count().min(11);
    Line { text: cut(&text, width), tone: row.tone(), marked: state }
}

fn name_width(width: usize) -> usize {
    let columns: usize = COLUMNS.iter().map(|(_, wide)| wide).sum();
    width.saturating_sub(columns).max(NAME_LEAST)
}

fn cut(text: &str, width: usize) -> String {
    let printable = |c: char| if c.is_control() { '?' } else { c };
    text.chars().map(printable).take(width).collect()
}

/// `999`, `1.2k`, `35M`: never more than five characters.
fn short(number: f64) -> String {
    const UNITS: [&str; 6] = ["", "k", "M", "G", "T", "P"];
    let (mut shown, mut unit) = (number, 0);
    while shown >= 999.5 && unit + 1 < UNITS.len() {
        shown /= 1000.0;
        unit += 1;
    }
    let unit_text = UNITS.get(unit).copied().unwrap_or_default();
    if unit > 0 && shown < 9.95 { format!("{shown:.1}{unit_text}") } else { format!("{shown:.0}{unit_text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(bytes: u64, errors: u64) -> Moment {
        Moment::parse(&format!(
            "Name: Lockgate\nVersion: 2.6\nPid: 7\nUptime: 0d 0h00m01s\nCurrConns: 3\nMaxconn: 100\n\n\
             # pxname,svname,scur,qcur,status,rate,bin,bout,econ,eresp,req_rate,\n\
             web,FRONTEND,3,,OPEN,2,10,20,,,1500,\n\
             app,a-rather-long-name-of-a-server-in-this-backend,1,0,UP 1/3,2,{bytes},20,{errors},0,,\n\
             app,b,0,0,DOWN,0,0,0,0,0,,\napp,BACKEND,1,0,UP,2,0,0,0,0,,\n\n"
        ))
    }

    #[test]
    fn a_picture_fits_eighty_columns() {
        let (before, now) = (moment(0, 0), moment(5_000_000, 4));
        let lines = body(&now, Some((&before, Duration::from_secs(2))), 80);
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "web (front)                OPEN             3     -   1.5k     0       0       0",
                "app (back)                 UP               1     0      2     0       0       0",
                "  a-rather-long-name-of-a- UP 1/3           1     0      2     2    2.5M       0",
                "  b                        DOWN             0     0      0     0       0       0",
            ]
        );
        let tones: Vec<Tone> = lines.iter().map(|line| line.tone).collect();
        assert_eq!(tones, [Tone::Good, Tone::Good, Tone::Between, Tone::Bad]);
        assert!(head(&now, 80).iter().chain(&lines).all(|line| line.text.chars().count() <= 80));
        assert!(head(&now, 80).first().unwrap().text.starts_with("Lockgate 2.6  pid 7  up 0d"));
        assert!(body(&now, None, 30).iter().all(|line| line.text.chars().count() <= 30));
    }

    #[test]
    fn numbers_are_short() {
        let cases = [(0.0, "0"), (999.0, "999"), (999.9, "1.0k"), (35_400_000.0, "35M"), (1.5e20, "150000P")];
        assert!(cases.iter().all(|(number, text)| short(*number) == *text));
    }
}
