//! The files in `renewal/`: lines of `key = value` under `[sections]`, as Python's configobj writes and reads them. What
//! is not changed is written back byte for byte: comments, unknown keys, blank lines. This file knows no key.

use std::fmt;

/// Longest file that is read; those in use have a kilobyte or two.
pub(super) const MAX_FILE: u64 = 1024 * 1024;
/// Deepest `[[[section]]]`; Certbot uses two levels.
const MAX_DEPTH: usize = 8;

/// A whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    lines: Vec<Line>,
}

/// A line, or the lines of a value in triple quotes. `raw` has no final newline.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    /// A blank line or a comment.
    Other { raw: String },
    /// `[name]`, `[[name]]`.
    Section { raw: String, depth: usize, name: String },
    /// `key = value # comment`
    Entry { raw: String, key: String, value: Value, comment: String },
}

/// What stands right of `=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// One text.
    One(String),
    /// Texts parted by commas.
    Many(Vec<String>),
}

impl Value {
    /// The texts; one where it is no list.
    pub fn texts(&self) -> &[String] {
        match self {
            Value::One(text) => std::slice::from_ref(text),
            Value::Many(texts) => texts,
        }
    }

    /// As one text: a list is joined by commas.
    pub fn text(&self) -> String {
        self.texts().join(",")
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::One(text.to_owned())
    }
}

/// Why a file cannot be read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Line, from one.
    pub line: usize,
    /// What is wrong, and the remedy.
    pub why: String,
}

impl Document {
    /// Reads a text; its first mistake where it has any.
    pub fn parse(text: &str) -> Result<Document, Mistake> {
        let mut lines = Vec::new();
        let mut source = text.lines().enumerate();
        while let Some((at, raw)) = source.next() {
            let wrong = |why: String| Mistake { line: at + 1, why };
            let trimmed = raw.trim();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                lines.push(Line::Other { raw: raw.to_owned() });
            } else if trimmed.starts_with('[') {
                lines.push(section(raw, trimmed).map_err(wrong)?);
            } else {
                let (key, rest) = key(trimmed).map_err(wrong)?;
                let mut raw = raw.to_owned();
                let (value, comment) = match triple(rest) {
                    Some(quotes) => {
                        let open = rest.get(quotes.len()..).unwrap_or_default();
                        long(quotes, open, &mut raw, || source.next().map(|(_, line)| line))
                    }
                    None => value(rest),
                }
                .map_err(wrong)?;
                lines.push(Line::Entry { raw, key, value, comment });
            }
        }
        Ok(Document { lines })
    }

    /// The value of a key in a section; `[]` is the part before the first section.
    pub fn get(&self, section: &[&str], key: &str) -> Option<&Value> {
        self.entries(section).into_iter().find(|(k, _)| *k == key).map(|(_, value)| value)
    }

    /// All keys of a section, in order.
    pub fn entries<'d>(&'d self, section: &[&str]) -> Vec<(&'d str, &'d Value)> {
        let mut path: Vec<String> = Vec::new();
        let mut all = Vec::new();
        for line in &self.lines {
            enter(&mut path, line);
            match line {
                Line::Entry { key, value, .. } if path == section => all.push((key.as_str(), value)),
                Line::Entry { .. } | Line::Other { .. } | Line::Section { .. } => {}
            }
        }
        all
    }

    /// Sets a key; a comment behind its value stays. A section that is not there is added at the end.
    pub fn set(&mut self, section: &[&str], key: &str, new: Value) {
        if self.get(section, key) == Some(&new) {
            return;
        }
        let (mut path, mut end) = (Vec::<String>::new(), section.is_empty().then_some(0));
        let above = self.lines.iter().take_while(|line| matches!(line, Line::Other { .. })).count();
        for (at, line) in self.lines.iter_mut().enumerate() {
            enter(&mut path, line);
            if path != section {
                continue;
            }
            match line {
                Line::Entry { raw, key: k, value, comment } if k == key => {
                    *raw = format!("{}{key} = {}{}", indent(raw), written(&new), spaced(comment));
                    *value = new;
                    return;
                }
                Line::Entry { .. } | Line::Section { .. } => end = Some(at + 1),
                // The head's first key comes behind the comments above it.
                Line::Other { .. } if at < above && section.is_empty() => end = Some(at + 1),
                Line::Other { .. } => {}
            }
        }
        let line = entry(key, new);
        match end {
            Some(end) => self.lines.insert(end, line),
            None => {
                for depth in 1..=section.len() {
                    self.open(section.get(..depth).unwrap_or(section));
                }
                self.lines.push(line);
            }
        }
    }

    /// Takes a key out.
    pub fn remove(&mut self, section: &[&str], key: &str) {
        let mut path: Vec<String> = Vec::new();
        self.lines.retain(|line| {
            enter(&mut path, line);
            !(path == section && matches!(line, Line::Entry { key: k, .. } if k == key))
        });
    }

    /// Takes all keys of a section out, and its heading.
    pub fn remove_section(&mut self, section: &[&str]) {
        let mut path: Vec<String> = Vec::new();
        self.lines.retain(|line| {
            enter(&mut path, line);
            path != section || matches!(line, Line::Other { .. })
        });
    }

    /// Adds a comment at the end.
    pub fn comment(&mut self, text: &str) {
        self.lines
            .push(Line::Other { raw: if text.is_empty() { String::new() } else { format!("# {text}") } });
    }

    fn open(&mut self, section: &[&str]) {
        let mut path: Vec<String> = Vec::new();
        let has = self.lines.iter().any(|line| {
            enter(&mut path, line);
            path == section
        });
        if let (false, Some(name)) = (has, section.last()) {
            let depth = section.len();
            let raw = format!("{}{name}{}", "[".repeat(depth), "]".repeat(depth));
            self.lines.push(Line::Section { raw, depth, name: (*name).to_owned() });
        }
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| match line {
            Line::Other { raw } | Line::Section { raw, .. } | Line::Entry { raw, .. } => writeln!(f, "{raw}"),
        })
    }
}

/// Follows which section a line is in.
fn enter(path: &mut Vec<String>, line: &Line) {
    if let Line::Section { depth, name, .. } = line {
        path.truncate(depth - 1);
        path.push(name.clone());
    }
}

fn entry(key: &str, value: Value) -> Line {
    let raw = format!("{key} = {}", written(&value));
    Line::Entry { raw, key: key.to_owned(), value, comment: String::new() }
}

fn indent(raw: &str) -> &str {
    raw.get(..raw.len() - raw.trim_start().len()).unwrap_or_default()
}

fn spaced(comment: &str) -> String {
    if comment.is_empty() { String::new() } else { format!(" {comment}") }
}

fn section(raw: &str, trimmed: &str) -> Result<Line, String> {
    let depth = trimmed.bytes().take_while(|b| *b == b'[').count();
    let (open, rest) = trimmed.split_at(depth);
    let close = "]".repeat(open.len());
    let (name, after) =
        rest.split_once(&close).ok_or_else(|| format!("this section wants '{close}' at its end"))?;
    let after = after.trim();
    if name.trim().is_empty() || depth > MAX_DEPTH || !(after.is_empty() || after.starts_with('#')) {
        return Err("a section is a name in brackets, as in [renewalparams]".to_owned());
    }
    let name = name.trim().trim_matches(['"', '\'']).to_owned();
    Ok(Line::Section { raw: raw.to_owned(), depth, name })
}

fn key(trimmed: &str) -> Result<(String, &str), String> {
    let (key, rest) = trimmed
        .split_once('=')
        .ok_or("there is no '=' in this line: write 'key = value', or '#' before a comment")?;
    let key = key.trim().trim_matches(['"', '\'']);
    if key.is_empty() {
        Err("there is no key before '='".to_owned())
    } else {
        Ok((key.to_owned(), rest.trim()))
    }
}

fn triple(rest: &str) -> Option<&'static str> {
    ["\"\"\"", "'''"].into_iter().find(|quotes| rest.starts_with(quotes))
}

/// A value in triple quotes, over as many lines as it takes.
fn long<'a>(
    quotes: &str,
    first: &str,
    raw: &mut String,
    mut next: impl FnMut() -> Option<&'a str>,
) -> Result<(Value, String), String> {
    let (mut text, mut line) = (String::new(), first);
    loop {
        if let Some((last, after)) = line.split_once(quotes) {
            text.push_str(last);
            return Ok((Value::One(text), comment(after)?));
        }
        text.push_str(line);
        text.push('\n');
        line = next().ok_or_else(|| format!("the value that begins here wants {quotes} at its end"))?;
        raw.push('\n');
        raw.push_str(line);
    }
}

fn comment(after: &str) -> Result<String, String> {
    let after = after.trim();
    if after.is_empty() || after.starts_with('#') {
        return Ok(after.to_owned());
    }
    Err(format!("'{after}' stands behind the end of the value: put the whole value in quotes"))
}

/// A value of one line: texts parted by commas, quoted or not, then perhaps a comment.
fn value(rest: &str) -> Result<(Value, String), String> {
    let (mut texts, mut rest, mut list) = (Vec::new(), rest, false);
    loop {
        let (text, after) = item(rest)?;
        texts.extend(text);
        let after = after.trim_start();
        match after.strip_prefix(',') {
            Some(more) => {
                list = true;
                rest = more.trim_start();
                if rest.is_empty() || rest.starts_with('#') {
                    return Ok((Value::Many(texts), rest.to_owned()));
                }
            }
            None => {
                let comment = comment(after)?;
                let value =
                    if list { Value::Many(texts) } else { Value::One(texts.pop().unwrap_or_default()) };
                return Ok((value, comment));
            }
        }
    }
}

/// One text and what is behind it; none before a comma that stands alone, which is an empty list.
fn item(rest: &str) -> Result<(Option<String>, &str), String> {
    for quote in ['"', '\''] {
        if let Some(inner) = rest.strip_prefix(quote) {
            let (text, after) =
                inner.split_once(quote).ok_or_else(|| format!("the value wants {quote} at its end"))?;
            return Ok((Some(text.to_owned()), after));
        }
    }
    let end = rest.find([',', '#']).unwrap_or(rest.len());
    let (text, after) = rest.split_at(end);
    let text = text.trim_end();
    let alone = text.is_empty() && after.starts_with(',');
    Ok((if alone { None } else { Some(text.to_owned()) }, after))
}

/// A value as configobj would write it.
fn written(value: &Value) -> String {
    match value {
        Value::One(text) => quoted(text, false),
        Value::Many(texts) if texts.is_empty() => ",".to_owned(),
        Value::Many(texts) => {
            let all: Vec<String> = texts.iter().map(|text| quoted(text, true)).collect();
            all.join(", ") + if all.len() == 1 { "," } else { "" }
        }
    }
}

fn quoted(text: &str, listed: bool) -> String {
    let plain = !text.is_empty()
        && text.trim() == text
        && !text.starts_with(['"', '\''])
        && !text.contains([',', '#', '\n', '\r']);
    let long = text.contains(['\n', '\r']) || (text.contains('"') && text.contains('\''));
    match () {
        () if plain && !(listed && text.contains(['"', '\''])) => text.to_owned(),
        // In a list, and where both kinds of triple quotes are inside, there is no way to write it; Certbot fails then.
        () if long && !listed && !text.contains("'''") && !text.ends_with('\'') => format!("'''{text}'''"),
        () if long && !listed => format!("\"\"\"{text}\"\"\""),
        () if text.contains('"') => format!("'{text}'"),
        () => format!("\"{text}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# renew_before_expiry = 30 days\nversion = 2.1.0\n\n# Options used\n[renewalparams]\n  \
                        account = fb11 # mine\nmine = 1\nrenew_hook = \"a, b\"\n[[webroot_map]]\na.example = /srv\n";

    #[test]
    fn what_is_not_changed_is_written_back() {
        let mut document = Document::parse(FILE).unwrap();
        assert_eq!(document.to_string(), FILE);
        document.set(&["renewalparams"], "account", "other".into());
        document.set(&["renewalparams"], "key_type", "ecdsa".into());
        document.set(&[], "cert", "/c".into());
        document.set(&["renewalparams", "webroot_map"], "b.example", "/b".into());
        document.remove(&["renewalparams"], "renew_hook");
        let expected = "# renew_before_expiry = 30 days\nversion = 2.1.0\ncert = /c\n\n# Options used\n\
                        [renewalparams]\n  account = other # mine\nmine = 1\nkey_type = ecdsa\n[[webroot_map]]\n\
                        a.example = /srv\nb.example = /b\n";
        assert_eq!(document.to_string(), expected);
    }

    #[test]
    fn values_are_read_as_configobj_reads_them() {
        let many = |texts: &[&str]| Value::Many(texts.iter().map(|t| (*t).to_owned()).collect());
        let cases = [
            ("a", "a".into()),
            ("", "".into()),
            ("\"\"", "".into()),
            ("'a # b' # c", "a # b".into()),
            ("a # b", "a".into()),
            ("a b = c", "a b = c".into()),
            ("a,", many(&["a"])),
            (",", many(&[])),
            ("a, 'b, c' , d", many(&["a", "b, c", "d"])),
            ("'''a \"b\" 'c' '''", Value::One("a \"b\" 'c' ".to_owned())),
            ("\"\"\"a\nb\"\"\" # c", "a\nb".into()),
        ];
        for (text, expected) in cases {
            let document = Document::parse(&format!("k = {text}\nnext = 1\n"));
            let document = document.unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
            assert_eq!(document.get(&[], "k"), Some(&expected), "{text}");
            assert_eq!(document.get(&[], "next"), Some(&"1".into()), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in
            ["", " a", "a,b", "#", "it's", "say \"x\"", "'a' \"b\"", "a\nb", "-x", "a # b", "\"", "a = b"]
        {
            let mut document = Document::default();
            document.set(&["renewalparams"], "k", text.into());
            let again = Document::parse(&document.to_string()).unwrap();
            assert_eq!(again.get(&["renewalparams"], "k"), Some(&text.into()), "{document}");
        }
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        let cases = [
            ("a = 1\nb\n", 2),
            ("[x\n", 1),
            ("a = 'b\n", 1),
            ("\n\n= 3", 3),
            ("a = '''b\nc\n", 1),
            ("a = 'b' c", 1),
        ];
        for (text, line) in cases {
            assert_eq!(Document::parse(text).unwrap_err().line, line, "{text}");
        }
    }
}
