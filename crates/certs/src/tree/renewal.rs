//! How one certificate is renewed: `renewal/NAME.conf` with its keys by name. Keys that nobody here knows, and comments,
//! stay as they are.

use super::document::{Document, Mistake, Value};
use std::time::Duration;

/// The version of Certbot whose shape we write. Older ones warn of it, newer ones read it.
const SHAPE: &str = "2.1.0";
const PARAMS: &[&str] = &["renewalparams"];
const WEBROOTS: &[&str] = &["renewalparams", "webroot_map"];

/// See the module's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    document: Document,
}

impl Default for Renewal {
    /// One that says nothing yet but its own shape.
    fn default() -> Renewal {
        let mut document = Document::default();
        document.comment("renew_before_expiry = 30 days");
        document.set(&[], "version", SHAPE.into());
        Renewal { document }
    }
}

impl Renewal {
    /// Reads a file's text.
    pub fn parse(text: &str) -> Result<Renewal, Mistake> {
        Ok(Renewal { document: Document::parse(text)? })
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        self.document.to_string()
    }

    /// A key of the part before `[renewalparams]`: `cert`, `archive_dir`, ...
    pub fn head(&self, key: &str) -> Option<String> {
        self.document.get(&[], key).map(Value::text).filter(|text| !text.is_empty())
    }

    pub(super) fn set_head(&mut self, key: &str, value: &str) {
        self.document.set(&[], key, value.into());
    }

    /// A key of `[renewalparams]`; `None` too where it says `None`, as old versions wrote.
    pub fn param(&self, key: &str) -> Option<String> {
        self.document.get(PARAMS, key).map(Value::text).filter(|text| !matches!(text.as_str(), "" | "None"))
    }

    /// The same as a list.
    pub fn list(&self, key: &str) -> Vec<String> {
        let texts = self.document.get(PARAMS, key).map(Value::texts).unwrap_or_default();
        texts.iter().filter(|text| !matches!(text.as_str(), "" | "None")).cloned().collect()
    }

    /// The same as yes or no; no where it is not there.
    pub fn flag(&self, key: &str) -> bool {
        self.param(key)
            .is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "true" | "1" | "yes" | "on"))
    }

    /// All keys of `[renewalparams]`, in order.
    pub fn params(&self) -> Vec<(&str, &Value)> {
        self.document.entries(PARAMS)
    }

    /// Sets a key of `[renewalparams]`.
    pub fn set(&mut self, key: &str, value: &str) {
        self.put(key, value.into());
    }

    /// Sets a key of `[renewalparams]` to a list.
    pub fn set_list(&mut self, key: &str, values: &[String]) {
        self.put(key, Value::Many(values.to_vec()));
    }

    fn put(&mut self, key: &str, value: Value) {
        if self.params().is_empty() {
            self.document.comment("");
            self.document.comment("Options used in the renewal process");
        }
        self.document.set(PARAMS, key, value);
    }

    /// Takes a key of `[renewalparams]` out.
    pub fn unset(&mut self, key: &str) {
        self.document.remove(PARAMS, key);
    }

    /// Which folder each name's challenge files go to.
    pub fn webroots(&self) -> Vec<(String, String)> {
        self.document
            .entries(WEBROOTS)
            .into_iter()
            .map(|(name, folder)| (name.to_owned(), folder.text()))
            .collect()
    }

    /// Sets them all anew.
    pub fn set_webroots(&mut self, map: &[(String, String)]) {
        self.document.remove_section(WEBROOTS);
        for (name, folder) in map {
            self.document.set(WEBROOTS, name, folder.as_str().into());
        }
    }

    /// `renew_before_expiry`; `Err` says what is wrong with it.
    pub fn renew_before(&self) -> Result<Option<Duration>, String> {
        self.head("renew_before_expiry").map(|text| before(&text)).transpose()
    }

    /// `autorenew = False` takes a certificate out of `renew`.
    pub fn is_renewed(&self) -> bool {
        self.param("autorenew").is_none() || self.flag("autorenew")
    }
}

/// `30 days`, `10 hours`, and a bare number for days.
fn before(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'renew_before_expiry = {text}' is no time: write '30 days' or '12 hours'");
    let mut words = text.split_whitespace();
    let mut sum = Duration::ZERO;
    let mut any = false;
    while let Some(number) = words.next() {
        let number: u32 = number.parse().map_err(|_| wrong())?;
        let unit = match words.next().unwrap_or("days").trim_end_matches([',', 's']) {
            "minute" => 60,
            "hour" => 3600,
            "day" => 24 * 3600,
            "week" => 7 * 24 * 3600,
            "month" => 30 * 24 * 3600,
            "year" => 365 * 24 * 3600,
            _ => return Err(wrong()),
        };
        sum += Duration::from_secs(unit) * number;
        any = true;
    }
    if any { Ok(sum) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_the_end() {
        let days = |n: u64| Some(Duration::from_secs(n * 24 * 3600));
        for (text, expected) in [("30 days", days(30)), ("1 week", days(7)), ("10", days(10)), ("soon", None)]
        {
            assert_eq!(before(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_new_one_has_certbots_shape() {
        let mut renewal = Renewal::default();
        renewal.set_head("cert", "/c");
        renewal.set("server", "https://x/dir");
        renewal.set_list("webroot_path", &["/srv".to_owned()]);
        renewal.set_webroots(&[("a.example".to_owned(), "/srv".to_owned())]);
        let expected = "# renew_before_expiry = 30 days\nversion = 2.1.0\ncert = /c\n\n# Options used in the renewal \
                        process\n[renewalparams]\nserver = https://x/dir\nwebroot_path = /srv,\n[[webroot_map]]\n\
                        a.example = /srv\n";
        assert_eq!(renewal.text(), expected);
        renewal.set_webroots(&[("b.example".to_owned(), "/b".to_owned())]);
        assert_eq!(renewal.webroots(), [("b.example".to_owned(), "/b".to_owned())]);
    }

    #[test]
    fn words_for_nothing_yes_and_no() {
        let text = "[renewalparams]\naccount = None\nreuse_key = True\nautorenew = False\nx = a, b\n";
        let renewal = Renewal::parse(text).unwrap();
        assert_eq!((renewal.param("account"), renewal.flag("reuse_key")), (None, true));
        assert!(!renewal.is_renewed());
        assert_eq!(renewal.list("x"), ["a", "b"]);
    }
}
