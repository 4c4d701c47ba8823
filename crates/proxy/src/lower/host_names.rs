//! Host names that a frontend's own rules speak of: patterns of ACLs on the Host field or the TLS name, and keys of maps
//! that choose a backend by it. Only names that stand there as they are, and that a public authority could sign.

use base::{Diagnostics, Word, reason};
use config::model::{CondText, Proxy};

/// Fetches of the name that a client asks for.
const FETCHES: [&str; 9] = [
    "hdr(host)",
    "req.hdr(host)",
    "hdr(host,1)",
    "hdr(host,-1)",
    "req.hdr(host,1)",
    "req.hdr(host,-1)",
    "ssl_fc_sni",
    "req.ssl_sni",
    "req_ssl_sni",
];
/// Converters that leave a name a name.
const KEEPING: [&str; 6] = ["lower", "host_only", "field(1,:)", "word(1,:)", "field(1,\":\")", "rtrim(.)"];
/// Maps that are looked up by the whole name.
const MAPS: [&str; 3] = ["map(", "map_str(", "map_str_str("];

/// The names, in the order in which they are found, each once.
pub(super) fn of(proxy: &Proxy, diags: &mut Diagnostics) -> Vec<String> {
    let mut found = Found::default();
    for acl in &proxy.settings.acls {
        found.acl(&acl.words, diags);
    }
    for rule in &proxy.use_backends {
        rule.cond.iter().for_each(|cond| found.anonymous(cond, diags));
        found.map(&rule.action.0, diags);
    }
    let conditions = proxy.settings.http_request.iter().filter_map(|rule| rule.cond.as_ref());
    conditions.for_each(|cond| found.anonymous(cond, diags));
    if let Some(backend) = &proxy.settings.default_backend {
        found.map(backend, diags);
    }
    found.names
}

#[derive(Default)]
struct Found {
    names: Vec<String>,
}

impl Found {
    /// `{ hdr(host) -i a.example }` among a condition's words; a negated one names whom it is not about.
    fn anonymous(&mut self, cond: &CondText, diags: &mut Diagnostics) {
        let mut words = cond.words.as_slice();
        let mut before = "";
        while let Some((word, rest)) = words.split_first() {
            words = rest;
            if word.text == "{" {
                let end = rest.iter().position(|w| w.text == "}").unwrap_or(rest.len());
                let (inside, behind) = rest.split_at(end);
                if before != "!" {
                    self.acl(inside, diags);
                }
                words = behind;
            }
            before = word.as_str();
        }
    }

    fn acl(&mut self, words: &[Word], diags: &mut Diagnostics) {
        let Some((criterion, rest)) = words.split_first() else { return };
        if !is_host(&criterion.text) {
            return;
        }
        let mut words = rest.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "-i" | "-n" | "-u" | "-M" | "--" => {}
                // Any other method matches a part of the name.
                "-m" => match words.next().map(Word::as_str) {
                    Some("str") => {}
                    Some(_) | None => return,
                },
                "-f" => {
                    if let Some(file) = words.next() {
                        self.file(file, diags);
                    }
                }
                name => self.name(name),
            }
        }
    }

    /// `%[req.hdr(host),lower,map(FILE,default)]`
    fn map(&mut self, format: &Word, diags: &mut Diagnostics) {
        let inside = format.text.split_once("%[").and_then(|(_, rest)| rest.rsplit_once(']'));
        let Some((expression, _)) = inside else { return };
        for start in MAPS {
            let Some((input, behind)) = expression.split_once(&format!(",{start}")) else { continue };
            let file = behind.split([',', ')']).next().unwrap_or_default();
            if is_host(input) {
                self.file(&Word::new(file, format.span), diags);
            }
            return;
        }
    }

    /// The first word of each line.
    fn file(&mut self, file: &Word, diags: &mut Diagnostics) {
        let path = file.text.split_once('@').map_or(file.as_str(), |(_, path)| path);
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
                lines.filter_map(|line| line.split_whitespace().next()).for_each(|name| self.name(name));
            }
            Err(why) => {
                diags.warning(file.span, format!("host names in '{file}' are not known: {}", reason(&why)));
            }
        }
    }

    fn name(&mut self, text: &str) {
        let text = text.trim_matches('"').to_ascii_lowercase();
        let name = text.rsplit_once(':').map_or(text.as_str(), |(host, _)| host).trim_end_matches('.');
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
        let is = !name.is_empty() && name.bytes().all(plain) && !base::names::is_private(name);
        let address = name.parse::<std::net::IpAddr>().is_ok();
        if is && !address && !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_owned());
        }
    }
}

/// `hdr(host)` and its like, perhaps behind converters that leave it a name.
fn is_host(expression: &str) -> bool {
    let text = expression.to_ascii_lowercase().replace(' ', "");
    FETCHES.iter().any(|fetch| match text.strip_prefix(fetch) {
        Some("") => true,
        Some(rest) => rest.strip_prefix(',').is_some_and(keeps),
        None => false,
    })
}

fn keeps(converters: &str) -> bool {
    let mut rest = converters;
    loop {
        let Some(taken) = KEEPING.iter().find(|known| rest.starts_with(**known)) else { return false };
        match rest.get(taken.len()..) {
            Some("") => return true,
            Some(more) => match more.strip_prefix(',') {
                Some(more) => rest = more,
                None => return false,
            },
            None => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::{LoadOptions, Source};

    fn names(rules: &str) -> Vec<String> {
        let text = format!("frontend f\n mode http\n bind :80\n timeout client 1s\n{rules}");
        let source = Source { name: "a.cfg".into(), text: text.into_bytes() };
        let loaded = config::load(vec![source], &LoadOptions::default());
        of(&loaded.model.proxies[0], &mut Diagnostics::default())
    }

    #[test]
    fn hosts_of_acls_and_conditions_are_found() {
        let rules = " acl shop hdr(host) -i Shop.site.com www.site.com:443\n \
                     acl api req.hdr(Host),lower,field(1,:) -m str api.site.com\n \
                     acl tls ssl_fc_sni tls.site.com\n \
                     use_backend b if { req.hdr(host),host_only b.site.com } || shop\n \
                     http-request deny if ! { hdr(host) -i not.site.com }\nbackend b\n";
        assert_eq!(
            names(rules),
            ["shop.site.com", "www.site.com", "api.site.com", "tls.site.com", "b.site.com"]
        );
    }

    #[test]
    fn what_matches_a_part_or_cannot_be_signed_is_left_out() {
        let rules = " acl a hdr_end(host) -i .site.com\n acl b hdr(host) -m end site.com\n \
                     acl c hdr(host) -i localhost 10.0.0.1 db.internal\n acl d path /www.site.com\n \
                     acl e hdr(host),map(x) other.com\n";
        assert!(names(rules).is_empty(), "{:?}", names(rules));
    }

    #[test]
    fn keys_of_maps_are_found() {
        let file = std::env::temp_dir().join(format!("lockgate-hosts-{}.map", std::process::id()));
        std::fs::write(&file, "# hosts\na.site.com  one\nb.site.com two\n").unwrap();
        let rules =
            format!(" use_backend %[req.hdr(host),lower,map({},three)]\nbackend three\n", file.display());
        assert_eq!(names(&rules), ["a.site.com", "b.site.com"]);
        std::fs::remove_file(file).unwrap();
    }
}
