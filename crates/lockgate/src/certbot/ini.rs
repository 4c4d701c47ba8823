//! cli.ini: the flags that a machine always uses, one a line: `key = value`, `key: value`, `key value`, or a bare key.

use base::reason;
use std::path::{Path, PathBuf};

/// A line that says something.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// From one.
    pub(super) number: usize,
    /// A flag without its dashes.
    pub(super) key: String,
    /// None for a bare key, several for `[a, b]`.
    pub(super) values: Vec<String>,
}

/// The files that are read where no other is named, as far as they are there.
pub(super) fn usual() -> Vec<PathBuf> {
    let home = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")));
    let own = home.map(|home| home.join("letsencrypt/cli.ini"));
    let all = std::iter::once(PathBuf::from("/etc/letsencrypt/cli.ini")).chain(own);
    all.filter(|path| path.exists()).collect()
}

/// The lines of a file.
pub(super) fn read(file: &Path) -> Result<Vec<Line>, String> {
    let text =
        std::fs::read_to_string(file).map_err(|why| format!("{}: {}", file.display(), reason(&why)))?;
    Ok(lines(&text))
}

fn lines(text: &str) -> Vec<Line> {
    let says =
        |line: &str| !line.is_empty() && !line.starts_with(['#', ';', '[']) && !line.starts_with("---");
    let numbered = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    numbered.filter(|(_, line)| says(line)).map(|(number, line)| self::line(number, line)).collect()
}

fn line(number: usize, line: &str) -> Line {
    let end = line.find(|c: char| c == '=' || c == ':' || c.is_whitespace()).unwrap_or(line.len());
    let (key, rest) = line.split_at(end);
    let rest = rest.trim_start();
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim();
    let listed = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let values = match listed {
        Some(list) => list.split(',').map(unquoted).collect(),
        None if rest.is_empty() => Vec::new(),
        None => vec![unquoted(without_comment(rest))],
    };
    Line { number, key: key.trim_start_matches('-').to_owned(), values }
}

/// A comment begins where a space is before its sign.
fn without_comment(rest: &str) -> &str {
    if rest.starts_with(['"', '\'']) {
        return rest;
    }
    let at = [" #", " ;"].iter().filter_map(|sign| rest.find(sign)).min();
    at.map_or(rest, |at| rest.get(..at).unwrap_or(rest)).trim_end()
}

fn unquoted(text: &str) -> String {
    let text = text.trim();
    let inner = ['"', '\''].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
    inner.unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_all_shapes() {
        let text = "# a\nserver = https://ca:1/dir\nagree-tos\nemail: x@y # me\n\n[section]\nmax-log-backups 0\n\
                    domains = [a.example, \"b.example\"]\npre-hook = \"a # b\"\n";
        let found: Vec<(String, Vec<String>)> = lines(text).into_iter().map(|l| (l.key, l.values)).collect();
        let expected: [(&str, &[&str]); 6] = [
            ("server", &["https://ca:1/dir"]),
            ("agree-tos", &[]),
            ("email", &["x@y"]),
            ("max-log-backups", &["0"]),
            ("domains", &["a.example", "b.example"]),
            ("pre-hook", &["a # b"]),
        ];
        let expected: Vec<(String, Vec<String>)> = expected
            .iter()
            .map(|(key, values)| ((*key).to_owned(), values.iter().map(|v| (*v).to_owned()).collect()))
            .collect();
        assert_eq!(found, expected);
    }
}
