//! The modern line that stands for a rule over whole lines, for warnings. A pattern over lines says more than any
//! modern rule: what is shown does the same where the pattern is of a usual form, and is a sketch where it is not.

use crate::args::Args;

/// Which rules the old word belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// `req…`
    Request,
    /// `rsp…`
    Response,
}

impl Side {
    pub(super) fn rules(self) -> &'static str {
        match self {
            Side::Request => "http-request",
            Side::Response => "http-response",
        }
    }

    fn field(self) -> &'static str {
        match self {
            Side::Request => "req.fhdr",
            Side::Response => "res.fhdr",
        }
    }
}

/// The words of a condition as they were written.
pub(super) fn condition_text(args: &Args<'_>) -> String {
    let words = args.clone().map(|word| quoted(&word.text)).collect::<Vec<_>>();
    if words.is_empty() { String::new() } else { format!(" {}", words.join(" ")) }
}

/// A text as it would have to be written.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\' | '#');
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    if text.contains('\'') {
        return format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$"));
    }
    format!("'{text}'")
}

/// `reqdel`, `rspdel`
pub(super) fn delete(side: Side, search: &str, cond: &str) -> String {
    let rules = side.rules();
    match HeaderSearch::read(search) {
        Some(line) if line.takes_any_value() => format!("{rules} del-header {}{cond}", line.name),
        Some(line) => {
            let own = cond.strip_prefix(" if").unwrap_or(cond);
            let value = quoted(&format!("^{}", line.value));
            format!(
                "{rules} del-header {1} if {{ {0}({1}) -m reg -- {value} }}{own}",
                side.field(),
                line.name
            )
        }
        None if !search.contains([':', ' ']) => {
            format!("{rules} del-header {} -m reg{cond}", quoted(search.trim_end_matches(".*")))
        }
        None => format!("{rules} del-header REGEX -m reg{cond}"),
    }
}

/// `reqrep`, `rsprep`
pub(super) fn replace(side: Side, search: &str, with: &str, cond: &str) -> String {
    let rules = side.rules();
    if let Some(line) = HeaderSearch::read(search) {
        let text = with.split_once(':').map_or(with, |(_, value)| value.trim());
        let regex = if line.value.is_empty() { ".*" } else { line.value };
        return format!("{rules} replace-header {} {} {}{cond}", line.name, quoted(regex), quoted(text));
    }
    match side {
        Side::Request => match target(search, with) {
            Some((regex, text)) => {
                format!("{rules} replace-pathq {} {}{cond}", quoted(&regex), quoted(&text))
            }
            None => format!("{rules} replace-pathq REGEX TEXT{cond}"),
        },
        Side::Response if search.starts_with("^HTTP") => format!("{rules} set-status STATUS{cond}"),
        Side::Response => format!("{rules} replace-header NAME REGEX TEXT{cond}"),
    }
}

/// `reqdeny` and its like: the action with a condition on the header or on the target.
pub(super) fn judge(side: Side, action: &str, insensitive: bool, search: &str, own: &str) -> String {
    let (rules, field) = (side.rules(), side.field());
    let flag = if insensitive { "-i " } else { "" };
    let own = own.strip_prefix(" if").unwrap_or(own);
    match (HeaderSearch::read(search), method_pattern(search)) {
        (Some(line), _) => {
            let value = quoted(&format!("^{}", line.value));
            format!("{rules} {action} if {{ {field}({}) -m reg {flag}-- {value} }}{own}", line.name)
        }
        (None, Some((_, path))) if side == Side::Request => {
            format!("{rules} {action} if {{ url_reg {flag}-- {} }}{own}", quoted(&format!("^{path}")))
        }
        (None, _) => format!("{rules} {action} if {{ {field}(NAME) -m reg ... }}{own}"),
    }
}

/// A pattern of the request line without its method: `^([^\ :]*)\ /old/(.*)` and `\1\ /new/\2` say of the target
/// `^/old/(.*)` and `/new/\1`.
fn target(search: &str, with: &str) -> Option<(String, String)> {
    let (group, rest) = method_pattern(search)?;
    if !group {
        return None;
    }
    let text = with.strip_prefix("\\1 ")?;
    Some((format!("^{rest}"), renumbered(text)?))
}

/// Whether the method is a group, and what the pattern says behind it.
fn method_pattern(search: &str) -> Option<(bool, &str)> {
    const GROUPS: [&str; 5] = ["^([^ :]*) ", "^([^ ]*) ", "^(.*) ", "^([^\\ :]*) ", "^([^\\ ]*) "];
    const PLAIN: [&str; 3] = ["^[^ :]* ", "^[^ ]* ", "^.* "];
    let behind = |list: &[&str]| list.iter().find_map(|start| search.strip_prefix(start));
    let found = behind(&GROUPS).map(|rest| (true, rest));
    found.or_else(|| behind(&PLAIN).map(|rest| (false, rest)))
}

/// Groups count one less, because that of the method is gone; `None` where it is wanted.
fn renumbered(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(c);
        if c == '\\' {
            match chars.next()?.to_digit(10) {
                Some(group) => out.push(char::from_digit(group.checked_sub(1).filter(|g| *g > 0)?, 10)?),
                None => return None,
            }
        }
    }
    Some(out)
}

/// A pattern for a whole header line, `^NAME:VALUE`, whose name holds no operators.
struct HeaderSearch<'t> {
    name: &'t str,
    /// The pattern of the value, without the blanks behind the colon.
    value: &'t str,
}

impl<'t> HeaderSearch<'t> {
    fn read(pattern: &'t str) -> Option<HeaderSearch<'t>> {
        let (name, value) = pattern.strip_prefix('^').unwrap_or(pattern).split_once(':')?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || !name.chars().all(plain) {
            return None;
        }
        let mut value = value;
        for blanks in ["\\ *", "\\ ", " *", "[ ]*", "\\s*", " "] {
            value = value.strip_prefix(blanks).unwrap_or(value);
        }
        Some(HeaderSearch { name, value })
    }

    fn takes_any_value(&self) -> bool {
        matches!(self.value, "" | ".*" | ".*$" | "(.*)" | "(.*)$" | ".+" | ".")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_name_a_header() {
        let read = |p: &'static str| HeaderSearch::read(p).map(|h| (h.name, h.value));
        assert_eq!(read("^X-Forwarded-For:.*"), Some(("X-Forwarded-For", ".*")));
        assert_eq!(read("^Server: *(.*)$"), Some(("Server", "(.*)$")));
        assert_eq!(read("^Host:\\ foo"), Some(("Host", "foo")));
        assert_eq!(read("^([^ :]*) /old/(.*)"), None);
        assert_eq!(read("^(Set-Cookie:.*)"), None);
    }

    #[test]
    fn patterns_of_the_request_line() {
        let modern = |search, with| replace(Side::Request, search, with, "");
        assert_eq!(
            modern("^([^ :]*) /old/(.*)", "\\1 /new/\\2"),
            "http-request replace-pathq ^/old/(.*) '/new/\\1'"
        );
        assert_eq!(modern("^GET (.*)", "POST \\1"), "http-request replace-pathq REGEX TEXT");
        assert_eq!(
            judge(Side::Request, "deny", true, "^[^ :]* /private", " if { src 10.0.0.1 }"),
            "http-request deny if { url_reg -i -- ^/private } { src 10.0.0.1 }"
        );
    }

    #[test]
    fn patterns_of_names() {
        assert_eq!(delete(Side::Response, "^X-.*", ""), "http-response del-header ^X- -m reg");
        assert_eq!(delete(Side::Request, "^Via:.*", " if x"), "http-request del-header Via if x");
    }

    #[test]
    fn texts_are_shown_so_that_they_can_be_pasted() {
        assert_eq!(quoted("https"), "https");
        assert_eq!(quoted("max-age=1; a"), "'max-age=1; a'");
        assert_eq!(quoted("it's \"x\""), "\"it's \\\"x\\\"\"");
    }
}
