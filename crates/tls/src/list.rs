//! The language of `crt-list` files: `FILE [\[OPTION …\]] [[!]FILTER …]`, one certificate a line.

use crate::bind::Verify;
use crate::policy::PolicySpec;
use crate::problem::Problem;
use crate::versions::TlsVersion;
use std::path::Path;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The certificate's word, as after `crt`.
    pub(crate) crt: String,
    /// The bind's settings with this line's options over them.
    pub(crate) policy: PolicySpec,
    pub(crate) filters: Vec<Filter>,
    /// `ocsp-update`
    pub(crate) ocsp_update: Option<bool>,
}

impl Line {
    /// As if a list held the certificate's word alone.
    pub(crate) fn bare(crt: &str, base: &PolicySpec) -> Line {
        Line { crt: crt.to_owned(), policy: base.clone(), filters: Vec::new(), ocsp_update: None }
    }
}

/// Which names a certificate is for; where there are none, those in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) negative: bool,
    /// Lower case; `*` alone, `*.domain` or a whole name.
    pub(crate) name: Box<str>,
}

impl Filter {
    fn parse(word: &str) -> Filter {
        let (negative, name) = match word.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, word),
        };
        Filter { negative, name: name.to_ascii_lowercase().into() }
    }
}

/// Reads a whole file. Lines that are wrong are reported and left out.
pub(crate) fn parse(file: &Path, text: &str, base: &PolicySpec, problems: &mut Vec<Problem>) -> Vec<Line> {
    let mut lines = Vec::new();
    for (number, text) in text.lines().enumerate() {
        let mut notes = Vec::new();
        match line(text.trim(), base, &mut notes) {
            Ok(line) => lines.extend(line),
            Err(why) => problems.push(Problem::BadListLine { file: file.to_owned(), line: number + 1, why }),
        }
        problems.extend(notes);
    }
    lines
}

fn line(text: &str, base: &PolicySpec, notes: &mut Vec<Problem>) -> Result<Option<Line>, String> {
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let (crt, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim_start();
    let (options, filters) = match rest.strip_prefix('[') {
        Some(inner) => inner.split_once(']').ok_or("']' is missing")?,
        None => ("", rest),
    };
    if filters.contains(['[', ']']) {
        return Err("options stand in one pair of brackets, before the filters".into());
    }
    let mut policy = base.clone();
    let mut words = options.split_whitespace();
    let mut ocsp_update = None;
    while let Some(word) = words.next() {
        match word {
            // About the certificate, and not about the handshakes for the line's names.
            "ocsp-update" => ocsp_update = Some(on_or_off(word, words.next())?),
            other => option(other, &mut words, &mut policy, notes)?,
        }
    }
    let filters = filters.split_whitespace().map(Filter::parse).collect();
    Ok(Some(Line { crt: crt.to_owned(), policy, filters, ocsp_update }))
}

/// One option and its argument.
fn option<'w>(
    word: &str,
    words: &mut impl Iterator<Item = &'w str>,
    policy: &mut PolicySpec,
    notes: &mut Vec<Problem>,
) -> Result<(), String> {
    let mut argument =
        || words.next().map(str::to_owned).ok_or_else(|| format!("'{word}' needs an argument"));
    match word {
        "alpn" => policy.alpn = argument()?.split(',').map(|name| name.as_bytes().to_vec()).collect(),
        "no-alpn" => policy.alpn.clear(),
        "verify" => policy.verify = verify(&argument()?)?,
        "ca-file" => policy.ca_file = Some(argument()?),
        "ca-verify-file" => policy.ca_verify_file = Some(argument()?),
        "crl-file" => policy.crl_file = Some(argument()?),
        "ciphers" => policy.ciphers = Some(argument()?),
        "ciphersuites" => policy.ciphersuites = Some(argument()?),
        "curves" | "ecdhe" => policy.curves = Some(argument()?),
        "ssl-min-ver" => policy.versions.min = Some(version(&argument()?)?),
        "ssl-max-ver" => policy.versions.max = Some(version(&argument()?)?),
        "no-ca-names" => policy.no_ca_names = true,
        "allow-0rtt" => notes.push(no_effect(word, "early data is never taken")),
        "npn" | "sigalgs" | "client-sigalgs" => {
            argument()?;
            notes.push(no_effect(word, "it is understood, but does nothing here yet"));
        }
        other => return Err(format!("unknown option '{other}'")),
    }
    Ok(())
}

fn on_or_off(word: &str, value: Option<&str>) -> Result<bool, String> {
    match value {
        Some("on") => Ok(true),
        Some("off") => Ok(false),
        Some(other) => Err(format!("'{word}' takes on or off, not '{other}'")),
        None => Err(format!("'{word}' needs an argument")),
    }
}

fn no_effect(word: &str, why: &'static str) -> Problem {
    Problem::NoEffect { what: word.to_owned(), why }
}

fn verify(word: &str) -> Result<Verify, String> {
    match word {
        "none" => Ok(Verify::None),
        "optional" => Ok(Verify::Optional),
        "required" => Ok(Verify::Required),
        other => Err(format!("'verify' takes none, optional or required, not '{other}'")),
    }
}

fn version(word: &str) -> Result<TlsVersion, String> {
    match word {
        "SSLv3" => Ok(TlsVersion::Ssl3),
        "TLSv1.0" => Ok(TlsVersion::Tls10),
        "TLSv1.1" => Ok(TlsVersion::Tls11),
        "TLSv1.2" => Ok(TlsVersion::Tls12),
        "TLSv1.3" => Ok(TlsVersion::Tls13),
        other => Err(format!("'{other}' is no TLS version")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Vec<Line>, Vec<Problem>) {
        let mut problems = Vec::new();
        let lines = parse(Path::new("list"), text, &PolicySpec::default(), &mut problems);
        (lines, problems)
    }

    #[test]
    fn the_manuals_example_is_read() {
        let (lines, problems) = parsed(
            "cert1.pem !*\n# comment\n\ncert2.pem [alpn h2,http/1.1]\n\
             certW.pem                   *.domain.tld !secure.domain.tld\n\
             certS.pem [curves X25519:P-256 ciphers ECDHE-ECDSA-AES256-GCM-SHA384] Secure.domain.tld\r\n",
        );
        assert!(problems.is_empty(), "{problems:?}");
        let crts: Vec<&str> = lines.iter().map(|line| line.crt.as_str()).collect();
        assert_eq!(crts, ["cert1.pem", "cert2.pem", "certW.pem", "certS.pem"]);
        assert_eq!(lines[0].filters, [Filter { negative: true, name: "*".into() }]);
        assert_eq!(lines[1].policy.alpn, [b"h2".to_vec(), b"http/1.1".to_vec()]);
        assert_eq!(lines[2].filters.len(), 2);
        assert_eq!(lines[3].policy.curves.as_deref(), Some("X25519:P-256"));
        assert_eq!(lines[3].filters[0].name.as_ref(), "secure.domain.tld");
    }

    #[test]
    fn wrong_lines_name_their_number_and_do_not_hide_the_others() {
        for (line, word) in [
            ("a.pem [alpn h2 x.example", "']' is missing"),
            ("a.pem [alpn]", "'alpn' needs an argument"),
            ("a.pem [frob 1]", "unknown option 'frob'"),
            ("a.pem [ocsp-update]", "'ocsp-update' needs an argument"),
            ("a.pem [ocsp-update auto]", "not 'auto'"),
            ("a.pem [verify maybe]", "'maybe'"),
            ("a.pem [ssl-min-ver TLS1]", "'TLS1'"),
            ("a.pem name [alpn h2]", "before the filters"),
        ] {
            let (lines, problems) = parsed(&format!("good.pem\n{line}\nalso.pem\n"));
            assert_eq!(lines.len(), 2, "{line}");
            let [Problem::BadListLine { line: 2, why, .. }] = &problems[..] else { panic!("{problems:?}") };
            assert!(why.contains(word), "{why}");
        }
    }

    #[test]
    fn options_without_effect_say_so() {
        let (lines, problems) =
            parsed("a.pem [ocsp-update on allow-0rtt npn x verify optional ca-file ca.pem] x\n");
        assert_eq!(lines[0].policy.verify, Verify::Optional);
        assert_eq!(lines[0].ocsp_update, Some(true));
        assert_eq!(problems.len(), 2);
    }
}
