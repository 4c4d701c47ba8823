//! Answers as tables: what begins with a line `# name,name`, `# name name` or, where names hold spaces, names between
//! tabs, gets aligned columns. Pure text.

/// What a person wants to see of `show stat`'s hundred columns.
const STAT: &[&str] = &[
    "pxname",
    "svname",
    "status",
    "weight",
    "qcur",
    "scur",
    "smax",
    "slim",
    "stot",
    "rate",
    "bin",
    "bout",
    "hrsp_2xx",
    "hrsp_4xx",
    "hrsp_5xx",
    "econ",
    "eresp",
    "wretr",
    "check_status",
    "lastchg",
];

/// What an answer is made of.
pub(super) enum Part {
    Line(String),
    /// The names first, then the rows.
    Table(Vec<Vec<String>>),
}

impl Part {
    pub(super) fn table(&self) -> Option<&Vec<Vec<String>>> {
        match self {
            Part::Table(rows) => Some(rows),
            Part::Line(_) => None,
        }
    }
}

/// How the cells of a table are parted; its line of names tells.
#[derive(Clone, Copy)]
enum Separator {
    Comma,
    Tab,
    Space,
}

/// The answer with its tables aligned; other lines stay as they are.
pub(super) fn aligned(answer: &str) -> String {
    let text = |part| match part {
        Part::Line(line) => line + "\n",
        Part::Table(rows) => columns(&chosen(rows)),
    };
    parts(answer).into_iter().map(text).collect()
}

/// The answer's tables, each ended by an empty line or the next line of names, and the lines around them.
pub(super) fn parts(answer: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut lines = answer.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(names) = line.strip_prefix("# ") else {
            parts.push(Part::Line(line.to_owned()));
            continue;
        };
        let separator = separator(names);
        let mut rows = vec![cells(names, separator)];
        while let Some(row) = lines.next_if(|row| !row.is_empty() && !row.starts_with('#')) {
            rows.push(cells(row, separator));
        }
        parts.push(Part::Table(rows));
    }
    parts
}

/// The cells of a line of `show stat`.
pub(super) fn comma_cells(line: &str) -> Vec<String> {
    cells(line, Separator::Comma)
}

fn separator(names: &str) -> Separator {
    match names.contains(',') {
        true => Separator::Comma,
        false if names.contains('\t') => Separator::Tab,
        false => Separator::Space,
    }
}

fn cells(line: &str, separator: Separator) -> Vec<String> {
    match separator {
        Separator::Comma => quoted_cells(line),
        Separator::Tab => line.split('\t').map(|cell| cell.trim().to_owned()).collect(),
        Separator::Space => line.split_whitespace().map(str::to_owned).collect(),
    }
}

fn quoted_cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match (c, quoted) {
            ('"', _) => quoted = !quoted,
            (',', false) => cells.push(String::new()),
            (c, _) => cells.last_mut().into_iter().for_each(|cell| cell.push(c)),
        }
    }
    cells
}

/// Of `show stat` the columns for people, of anything else all.
fn chosen(rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    let Some(names) = rows.first().filter(|names| names.iter().any(|name| name == "pxname")) else {
        return rows;
    };
    let places: Vec<usize> =
        STAT.iter().filter_map(|name| names.iter().position(|found| found == name)).collect();
    let pick =
        |row: &Vec<String>| places.iter().map(|at| row.get(*at).cloned().unwrap_or_default()).collect();
    rows.iter().map(pick).collect()
}

fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|c| c.chars().count()).max();
    let widths: Vec<usize> = (0..count).map(|at| width(at).unwrap_or_default()).collect();
    let mut out = String::new();
    for row in rows {
        let line: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        out.push_str(line.join("  ").trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        assert_eq!(aligned("# a b\nlong 2\n\n"), "a     b\nlong  2\n\n");
        assert_eq!(aligned("1\n# be,srv,\n\"x,y\",2,\n"), "1\nbe   srv\nx,y  2\n");
        assert_eq!(aligned("# name\tdate (UTC)\na\t1 2\n"), "name  date (UTC)\na     1 2\n");
        assert_eq!(aligned("plain\n"), "plain\n");
    }

    #[test]
    fn of_the_statistics_a_person_sees_what_matters() {
        let text = aligned("# pxname,svname,qlimit,status,\nb,s,7,UP,\n");
        assert_eq!(text, "pxname  svname  status\nb       s       UP\n");
    }
}
