//! Environment variables of a load: what the process brought, what HAProxy defines itself (manual section 2.3), and
//! what `setenv` and its kin change while the files are read. The process's own environment is never touched.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// The log formats that HAProxy publishes as variables, so that a `log-format` can extend them (manual section 8.2).
const LOG_FORMATS: [(&str, &str); 4] = [
    (
        "HAPROXY_HTTP_LOG_FMT",
        "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r",
    ),
    (
        "HAPROXY_HTTP_CLF_LOG_FMT",
        "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl",
    ),
    (
        "HAPROXY_HTTPS_LOG_FMT",
        "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] %[ssl_fc_sni]/%sslv/%sslc",
    ),
    ("HAPROXY_TCP_LOG_FMT", "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq"),
];

/// The variables, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    values: BTreeMap<String, String>,
}

impl Environment {
    /// The process's variables with HAProxy's own on top; `own` are those that depend on the load.
    pub fn new<I, O>(process: I, own: O) -> Environment
    where
        I: IntoIterator<Item = (String, String)>,
        O: IntoIterator<Item = (&'static str, String)>,
    {
        let mut values: BTreeMap<String, String> = process.into_iter().collect();
        values.extend(LOG_FORMATS.map(|(name, format)| (name.to_owned(), format.to_owned())));
        values.extend(own.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Environment { values }
    }

    /// `setenv`
    pub fn set(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_owned(), value.to_owned());
    }

    /// `presetenv`: only where the variable does not exist.
    pub fn preset(&mut self, name: &str, value: &str) {
        self.values.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }

    /// `unsetenv`
    pub fn unset(&mut self, name: &str) {
        self.values.remove(name);
    }

    /// `resetenv`: removes all but the named ones.
    pub fn reset(&mut self, keep: &[&str]) {
        self.values.retain(|name, _| keep.contains(&name.as_str()));
    }

    /// An address with its variables replaced. Addresses take `$NAME` and `${NAME}` without quotes too (manual "bind",
    /// "server", "log"); what is not set is empty.
    pub fn expand_address<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !text.contains('$') {
            return Cow::Borrowed(text);
        }
        let mut pieces = text.split('$');
        let mut out = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let (braced, piece) = match piece.strip_prefix('{') {
                Some(rest) => (true, rest),
                None => (false, piece),
            };
            let end = piece.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(piece.len());
            let (name, rest) = piece.split_at(end);
            out.push_str(self.get(name).unwrap_or_default());
            out.push_str(if braced { rest.strip_prefix('}').unwrap_or(rest) } else { rest });
        }
        Cow::Owned(out)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A variable's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

/// The variables as seen from one line: the environment and the pseudo-variables `.FILE`, `.LINE` and `.SECTION`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variables<'e> {
    pub(crate) environment: &'e Environment,
    pub(crate) file: &'e str,
    /// The section's name, or its word where it has none.
    pub(crate) section: &'e str,
}

impl<'e> Variables<'e> {
    pub(crate) fn get(&self, name: &str, line: u32) -> Option<Cow<'e, str>> {
        match name {
            ".FILE" => Some(self.file.into()),
            ".LINE" => Some(line.to_string().into()),
            ".SECTION" => Some(self.section.into()),
            name => self.environment.get(name).map(Cow::Borrowed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_take_variables_without_quotes() {
        let env =
            Environment::new([("PORT", "80"), ("H", "h")].map(|(n, v)| (n.to_owned(), v.to_owned())), []);
        for (text, expected) in [
            ("*:80", "*:80"),
            ("$H:${PORT}", "h:80"),
            ("${H}a:$PORT-${PORT}1", "ha:80-801"),
            ("*:$NONE", "*:"),
            ("a$", "a"),
            ("${PORT", "80"),
        ] {
            assert_eq!(env.expand_address(text), expected, "{text}");
        }
    }

    #[test]
    fn resetenv_keeps_what_it_names() {
        let process = [("A", "1"), ("B", "2"), ("C", "3")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        let mut env = Environment::new(process, []);
        env.set("A", "9");
        env.preset("B", "9");
        env.preset("D", "4");
        assert_eq!((env.get("A"), env.get("B"), env.get("D")), (Some("9"), Some("2"), Some("4")));
        env.reset(&["B"]);
        assert_eq!((env.get("A"), env.get("B"), env.get("D")), (None, Some("2"), None));
    }
}
