//! Values of `show info` and `show stat` and the forms they are printed in: plain, typed and JSON (management guide
//! 9.2). A field is a row: position, name, what kind of number it is, one line of documentation, where it comes from.

use proxy::server::{Endpoint, Server, ServerPort};
use std::fmt::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

/// A value with the width that clients are told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    U32(u32),
    U64(u64),
    /// The age of something that may never have happened is -1.
    S32(i32),
    /// What is asked for with `float`.
    Float(f64),
    Text(String),
}

impl Value {
    /// A count in 32 bits, as large as it can be said.
    pub(crate) fn count(number: impl TryInto<u32>) -> Value {
        Value::U32(number.try_into().unwrap_or(u32::MAX))
    }

    fn kind(&self) -> &'static str {
        match self {
            Value::U32(_) => "u32",
            Value::U64(_) => "u64",
            Value::S32(_) => "s32",
            Value::Float(_) => "flt",
            Value::Text(_) => "str",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::U32(n) => write!(f, "{n}"),
            Value::U64(n) => write!(f, "{n}"),
            Value::S32(n) => write!(f, "{n}"),
            Value::Float(n) => write!(f, "{}", (n * 1e6).round() / 1e6),
            Value::Text(text) => f.write_str(text),
        }
    }
}

/// Where a server is reached, `unix` for a socket in the file system; `None` while its name does not resolve.
pub(crate) fn endpoint(server: &Server) -> Option<String> {
    Some(match server.endpoint().as_deref()? {
        Endpoint::Unix(_) | Endpoint::Abstract(_) => "unix".to_owned(),
        Endpoint::Inet { ip, port: ServerPort::Fixed(port) } => SocketAddr::new(*ip, *port).to_string(),
        Endpoint::Inet { ip, port: ServerPort::Offset(_) } => SocketAddr::new(*ip, 0).to_string(),
    })
}

/// `12s`, `3m5s`, `2h10m`, `5d3h`: the two largest units.
pub(crate) fn time(span: Duration) -> String {
    match span.as_secs() {
        s @ 0..60 => format!("{s}s"),
        s @ 60..3_600 => format!("{}m{}s", s / 60, s % 60),
        s @ 3_600..86_400 => format!("{}h{}m", s / 3_600, s / 60 % 60),
        s => format!("{}d{}h", s / 86_400, s / 3_600 % 24),
    }
}

/// One field of what a `T` tells about itself.
pub(crate) struct Field<T: ?Sized> {
    /// Its position, which never changes.
    pub(crate) position: u32,
    /// Its name.
    pub(crate) name: &'static str,
    /// Origin, nature and scope, a letter each.
    pub(crate) tags: &'static str,
    /// One line of documentation.
    pub(crate) doc: &'static str,
    /// The value; `None` where this `T` has none.
    pub(crate) value: fn(&T) -> Option<Value>,
}

/// The forms of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// `typed`
    pub(crate) typed: bool,
    /// `json`
    pub(crate) json: bool,
    /// `desc`
    pub(crate) described: bool,
    /// `float`
    pub(crate) float: bool,
}

impl Form {
    /// Reads the words of a `show` command; others are passed over, as HAProxy does.
    pub(crate) fn of(words: &[String]) -> Form {
        let has = |wanted: &str| words.iter().any(|word| word == wanted);
        Form { typed: has("typed"), json: has("json"), described: has("desc"), float: has("float") }
    }
}

impl<T: ?Sized> Field<T> {
    /// `:MGP:u32:5`, and the documentation where wanted.
    pub(crate) fn typed(&self, tags: &str, value: &Value, form: Form) -> String {
        format!(":{tags}:{}:{value}{}\n", value.kind(), self.description(form))
    }

    /// `:"what it is"` where wanted.
    pub(crate) fn description(&self, form: Form) -> String {
        if form.described { format!(":\"{}\"", self.doc) } else { String::new() }
    }

    /// The members that are the same in all JSON answers.
    pub(crate) fn json(&self, tags: &str, value: &Value) -> String {
        let mut tags = tags.chars();
        let mut tag = |words: &[(char, &'static str)]| {
            let letter = tags.next();
            words.iter().find(|(c, _)| Some(*c) == letter).map_or("", |(_, word)| word)
        };
        let (origin, nature, scope) = (tag(ORIGINS), tag(NATURES), tag(SCOPES));
        let shown = match value {
            Value::Text(text) => format!("\"{}\"", escaped(text)),
            Value::U32(_) | Value::U64(_) | Value::S32(_) | Value::Float(_) => value.to_string(),
        };
        format!(
            "\"field\":{{\"pos\":{},\"name\":\"{}\"}},\"processNum\":1,\
             \"tags\":{{\"origin\":\"{origin}\",\"nature\":\"{nature}\",\"scope\":\"{scope}\"}},\
             \"value\":{{\"type\":\"{}\",\"value\":{shown}}}",
            self.position,
            self.name,
            value.kind()
        )
    }
}

pub(super) const ORIGINS: &[(char, &str)] =
    &[('M', "Metric"), ('S', "Status"), ('K', "Key"), ('C', "Config"), ('P', "Product")];

pub(super) const NATURES: &[(char, &str)] = &[
    ('A', "Age"),
    ('a', "Avg"),
    ('C', "Counter"),
    ('D', "Duration"),
    ('G', "Gauge"),
    ('L', "Limit"),
    ('M', "Max"),
    ('m', "Min"),
    ('N', "Name"),
    ('O', "Output"),
    ('R', "Rate"),
    ('T', "Time"),
];

pub(super) const SCOPES: &[(char, &str)] =
    &[('C', "Cluster"), ('P', "Process"), ('S', "Service"), ('s', "System")];

/// JSON text (RFC 8259 section 7).
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // Writing into a text cannot fail.
        let _ = match c {
            '"' | '\\' => write!(out, "\\{c}"),
            c if c < ' ' => write!(out, "\\u{:04x}", u32::from(c)),
            c => write!(out, "{c}"),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELD: Field<u32> = Field {
        position: 17,
        name: "CurrConns",
        tags: "MGP",
        doc: "Connections now",
        value: |n| Some(Value::U32(*n)),
    };

    #[test]
    fn a_field_has_three_forms() {
        let value = (FIELD.value)(&5).unwrap();
        let described = Form { described: true, ..Form::default() };
        assert_eq!(FIELD.typed(FIELD.tags, &value, Form::default()), ":MGP:u32:5\n");
        assert_eq!(FIELD.typed(FIELD.tags, &value, described), ":MGP:u32:5:\"Connections now\"\n");
        assert_eq!(
            FIELD.json(FIELD.tags, &value),
            r#""field":{"pos":17,"name":"CurrConns"},"processNum":1,"tags":{"origin":"Metric","nature":"Gauge","scope":"Process"},"value":{"type":"u32","value":5}"#
        );
        assert_eq!(escaped("a\"b\\c\n"), r#"a\"b\\c\u000a"#);
    }
}
