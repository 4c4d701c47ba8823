//! From the words of the command line, and the lines of cli.ini behind them, to `Options`. What is on the command line
//! counts before what is in a file.

use super::flags::{self, Arity, Does, Row};
use super::ini;
use super::options::Options;
use super::verb::{self, Verb};
use std::path::PathBuf;

/// What was asked for.
#[derive(Debug)]
pub(super) enum Asked {
    /// Help, about everything.
    Help,
    /// Our version.
    Version,
    /// Something is to be done.
    To(Verb, Box<Options>, Vec<String>),
}

/// Reads all; the error is one of usage.
pub(super) fn parse(arguments: &[String]) -> Result<Asked, String> {
    let mut reader =
        Reader { options: Options::default(), warnings: Vec::new(), verb: None, files: Vec::new() };
    if let Some(asked) = reader.words(arguments)? {
        return Ok(asked);
    }
    let written = reader.options.given.clone();
    let files = if reader.files.is_empty() { ini::usual() } else { reader.files.clone() };
    for file in files {
        for line in ini::read(&file)? {
            let place = format!("{}:{}", file.display(), line.number);
            reader.line(&line, &written).map_err(|why| format!("{place}: {why}"))?;
        }
    }
    let verb = reader.verb.unwrap_or(Verb::Run);
    Ok(Asked::To(verb, Box::new(reader.options), reader.warnings))
}

struct Reader {
    options: Options,
    warnings: Vec<String>,
    verb: Option<Verb>,
    files: Vec<PathBuf>,
}

impl Reader {
    fn words(&mut self, arguments: &[String]) -> Result<Option<Asked>, String> {
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let (flag, attached) = split(word);
            match flag {
                "-h" | "--help" => return Ok(Some(Asked::Help)),
                "--version" => return Ok(Some(Asked::Version)),
                "-c" | "--config" => {
                    let file = attached.or_else(|| words.next().cloned()).ok_or("-c expects a file")?;
                    self.files.push(file.into());
                }
                _ if !flag.starts_with('-') || flag == "-" => self.positional(word)?,
                _ if attached.is_none() && is_cluster(word) => {
                    for letter in word.chars().skip(1) {
                        self.apply(flags::find(&format!("-{letter}"))?, None, &format!("-{letter}"))?;
                    }
                }
                _ => {
                    let row = flags::find(flag)?;
                    let value = match (takes(row), attached) {
                        (true, None) => {
                            let next = words
                                .next()
                                .ok_or_else(|| format!("argument {flag}: expected one argument"))?;
                            Some(next.clone())
                        }
                        (true, attached) => attached,
                        (false, None) => None,
                        (false, Some(value)) => {
                            return Err(format!("argument {flag}: ignored explicit argument '{value}'"));
                        }
                    };
                    self.apply(row, value.as_deref(), flag)?;
                }
            }
        }
        Ok(None)
    }

    fn positional(&mut self, word: &str) -> Result<(), String> {
        match (verb::of(word), self.verb) {
            (Some(verb), None) => self.verb = Some(verb),
            (Some(_) | None, _) => return Err(format!("unrecognized arguments: {word}")),
        }
        Ok(())
    }

    fn apply(&mut self, row: &'static Row, value: Option<&str>, flag: &str) -> Result<(), String> {
        match (&row.does, value) {
            (Does::Switch(set), _) => set(&mut self.options),
            (Does::Take(_, set), Some(value)) => {
                set(&mut self.options, value).map_err(|why| format!("argument {flag}: {why}"))?;
            }
            (Does::Take(word, _), None) => return Err(format!("argument {flag}: expected {word}")),
            (Does::Idle(_, why), _) => self.warnings.push(format!("{flag} has no effect: {why}")),
            (Does::Refuse(why), _) => return Err(format!("argument {flag}: {why}")),
        }
        self.options.given.insert(row.key);
        Ok(())
    }

    fn line(
        &mut self,
        line: &ini::Line,
        written: &std::collections::BTreeSet<&'static str>,
    ) -> Result<(), String> {
        let flag = format!("--{}", line.key.replace('_', "-"));
        let row = flags::find(&flag)?;
        if !row.key.is_empty() && written.contains(row.key) {
            return Ok(());
        }
        if takes(row) {
            return line.values.iter().try_for_each(|value| self.apply(row, Some(value), &flag));
        }
        match line.values.first().map(|value| value.to_lowercase()).as_deref() {
            None | Some("true" | "yes" | "1" | "on") => self.apply(row, None, &flag),
            Some("false" | "no" | "0" | "off") => Ok(()),
            Some(other) => Err(format!("'{}' is true or false, not '{other}'", line.key)),
        }
    }
}

fn takes(row: &Row) -> bool {
    matches!(row.does, Does::Take(..) | Does::Idle(Arity::One, _))
}

/// `--flag=value`, `-dvalue`.
fn split(word: &str) -> (&str, Option<String>) {
    if word.starts_with("--") {
        return match word.split_once('=') {
            Some((flag, value)) => (flag, Some(value.to_owned())),
            None => (word, None),
        };
    }
    let short = word.char_indices().nth(2).and_then(|(at, _)| word.split_at_checked(at));
    match short {
        Some((flag, value)) if flag.starts_with('-') && flags::find(flag).is_ok_and(takes) => {
            (flag, Some(value.strip_prefix('=').unwrap_or(value).to_owned()))
        }
        Some((flag @ "-c", value)) => (flag, Some(value.to_owned())),
        Some(_) | None => (word, None),
    }
}

/// `-nq`: several switches in one word.
fn is_cluster(word: &str) -> bool {
    !word.starts_with("--") && word.chars().count() > 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use certs::hatch::Challenge;

    fn asked(words: &str) -> Result<(Verb, Options, Vec<String>), String> {
        let words: Vec<String> = words.split_whitespace().map(ToOwned::to_owned).collect();
        // An empty file instead of the machine's own.
        let words = [vec!["-c".to_owned(), "/dev/null".to_owned()], words].concat();
        match parse(&words)? {
            Asked::To(verb, options, warnings) => Ok((verb, *options, warnings)),
            Asked::Help | Asked::Version => Err("help".to_owned()),
        }
    }

    #[test]
    fn words_of_scripts_are_understood() {
        let (verb, options, warnings) = asked(
            "certonly --standalone --preferred-challenges http --http-01-address 127.0.0.1 --http-01-port 2031 -d \
             A.example,b.example -dc.example --email=x@example.com --agree-tos -nq --no-eff-email --post-hook ls",
        )
        .unwrap();
        assert_eq!((verb, options.http_port, options.quiet), (Verb::Certonly, 2031, true));
        assert_eq!(options.names, ["a.example", "b.example", "c.example"]);
        assert_eq!((options.challenges, options.interactive), (vec![Challenge::Http01], Some(false)));
        assert!(warnings[0].contains("--no-eff-email has no effect"), "{warnings:?}");
        assert_eq!(asked("-d x.example").unwrap().0, Verb::Run);
        assert!(asked("renew --dry").unwrap().1.dry_run);
    }

    #[test]
    fn what_is_not_honoured_is_refused() {
        for (words, part) in [
            ("certonly --nginx", "no web server"),
            ("certonly --must-staple", "OCSP"),
            ("certonly --blah", "unrecognized arguments: --blah"),
            ("certonly --standalon3", "did you mean --standalone?"),
            ("certonly --key-type dsa", "'dsa' is no type of key"),
            ("certonly -d", "expected one argument"),
            ("certonly --http-01-port 99999", "no number that fits"),
            ("certonly --standalone=1", "ignored explicit argument"),
            ("certonly -a dns-foo", "no way to prove control"),
            ("certonly renew", "unrecognized arguments: renew"),
            ("certonly --pre", "ambiguous option"),
            ("certonly -w /no/such/folder", "is no folder"),
        ] {
            let said = asked(words).unwrap_err();
            assert!(said.contains(part), "{words}: {said}");
        }
    }

    #[test]
    fn a_folder_counts_for_the_names_behind_it() {
        let (_, options, _) = asked("certonly --webroot -w /tmp -d a.example -w /usr -d b.example").unwrap();
        assert_eq!(
            (options.webroot_of("a.example"), options.webroot_of("b.example")),
            (Some("/tmp"), Some("/usr"))
        );
        assert_eq!(options.webroot_of("c.example"), Some("/usr"));
        let (_, options, _) = asked("certonly --webroot-map {\"a.example,b.example\":\"/x\"}").unwrap();
        assert_eq!((options.names.len(), options.webroot_of("b.example")), (2, Some("/x")));
    }

    #[test]
    fn every_row_is_found_by_all_its_names() {
        for row in flags::ROWS {
            for name in row.names {
                assert!(std::ptr::eq(flags::find(name).unwrap(), row), "{name}");
            }
        }
    }
}
