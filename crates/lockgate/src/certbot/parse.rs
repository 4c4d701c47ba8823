//! From the words of the command line, and the lines of cli.ini behind them, to `Options`. What is on the command line
//! counts before what is in a file. A flag that means nothing for the verb is refused on the command line; a file serves
//! all verbs, so there it is passed over.

use super::contradictions;
use super::flags::{self, Arity, Does, Row};
use super::ini;
use super::options::Options;
use super::verb::{self, Verb};
use std::collections::BTreeSet;
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

/// Why nothing can be done.
#[derive(Debug)]
pub(super) enum Wrong {
    /// The words make no sense.
    Usage(String),
    /// Each does, but not all of them together.
    Contradiction(String),
}

impl From<String> for Wrong {
    fn from(why: String) -> Wrong {
        Wrong::Usage(why)
    }
}

/// Reads all.
pub(super) fn parse(arguments: &[String]) -> Result<Asked, Wrong> {
    parse_beside(ini::usual(), arguments)
}

/// The same on a machine with these files.
fn parse_beside(usual: Vec<PathBuf>, arguments: &[String]) -> Result<Asked, Wrong> {
    let mut reader = Reader::default();
    if let Some(asked) = reader.words(arguments)? {
        return Ok(asked);
    }
    let verb = reader.verb.unwrap_or(Verb::Run);
    reader.place(verb)?;
    let written = reader.options.given.clone();
    let files: Vec<PathBuf> = usual.into_iter().chain(reader.file.take()).collect();
    for said in lines(&files)? {
        reader.line(&said, &written, verb).map_err(|why| format!("{}: {why}", said.place))?;
    }
    if let Some(why) = contradictions::find(verb, &reader.options) {
        return Err(Wrong::Contradiction(why));
    }
    // Nobody waits for it: it runs by the clock.
    reader.options.noninteractive |= verb == Verb::Renew;
    Ok(Asked::To(verb, Box::new(reader.options), reader.warnings))
}

/// A line of a file that counts.
struct Said {
    place: String,
    row: &'static Row,
    line: ini::Line,
}

/// The lines of all files. Of several about one flag the last counts: that of the file named by `-c`, where it has one.
fn lines(files: &[PathBuf]) -> Result<Vec<Said>, String> {
    let mut all: Vec<Said> = Vec::new();
    for file in files {
        for line in ini::read(file)? {
            let place = format!("{}:{}", file.display(), line.number);
            let row = flags::find(&flag_of(&line)).map_err(|why| format!("{place}: {why}"))?;
            all.retain(|before| !std::ptr::eq(before.row, row));
            all.push(Said { place, row, line });
        }
    }
    Ok(all)
}

fn flag_of(line: &ini::Line) -> String {
    format!("--{}", line.key.replace('_', "-"))
}

#[derive(Default)]
struct Reader {
    options: Options,
    warnings: Vec<String>,
    verb: Option<Verb>,
    /// The last one that was named.
    file: Option<PathBuf>,
    /// The flags of the command line, as they were typed.
    typed: Vec<(&'static Row, String)>,
}

impl Reader {
    fn words(&mut self, arguments: &[String]) -> Result<Option<Asked>, String> {
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let (flag, attached) = split(word);
            match flag {
                "-h" | "--help" => return Ok(Some(Asked::Help)),
                // As with Certbot it stands for the flag, whatever topic follows.
                "help" if self.verb.is_none() => return Ok(Some(Asked::Help)),
                "--version" => return Ok(Some(Asked::Version)),
                "-c" | "--config" => {
                    let file = attached.or_else(|| words.next().cloned()).ok_or("-c expects a file")?;
                    self.file = Some(file.into());
                }
                _ if !flag.starts_with('-') || flag == "-" => self.positional(word)?,
                _ if attached.is_none() && is_cluster(word) => {
                    for letter in word.chars().skip(1) {
                        let flag = format!("-{letter}");
                        self.typed(flags::find(&flag)?, None, &flag)?;
                    }
                }
                _ => {
                    let row = flags::find(flag)?;
                    let value = match (row.arity(), attached) {
                        (Arity::One, None) => {
                            let next = words.next().filter(|next| !is_flag(next));
                            Some(next.cloned().ok_or(format!("argument {flag}: expected one argument"))?)
                        }
                        (Arity::One, attached) => attached,
                        (Arity::None, None) => None,
                        (Arity::None, Some(value)) => {
                            return Err(format!("argument {flag}: ignored explicit argument '{value}'"));
                        }
                    };
                    self.typed(row, value.as_deref(), flag)?;
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

    fn typed(&mut self, row: &'static Row, value: Option<&str>, flag: &str) -> Result<(), String> {
        self.typed.push((row, flag.to_owned()));
        self.apply(row, value, flag)
    }

    /// Whether what was typed belongs to the verb, which may have come last.
    fn place(&self, verb: Verb) -> Result<(), Wrong> {
        if matches!(verb, Verb::Refused(_)) {
            return Ok(());
        }
        for (row, flag) in &self.typed {
            if let Does::Refuse(_, why) = row.does {
                return Err(Wrong::Usage(format!("argument {flag}: {why}")));
            }
            if !row.verbs.contains(&verb) {
                return Err(match contradictions::misplaced(row.key, verb) {
                    Some(why) => Wrong::Contradiction(why),
                    None => Wrong::Usage(format!(
                        "argument {flag}: it means nothing for '{}'; it belongs to {}",
                        verb.word(),
                        row.homes()
                    )),
                });
            }
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
            // Told once the verb is known.
            (Does::Refuse(..), _) => {}
        }
        self.options.given.insert(row.key);
        Ok(())
    }

    fn line(&mut self, said: &Said, written: &BTreeSet<&'static str>, verb: Verb) -> Result<(), String> {
        let Said { row, line, .. } = said;
        let flag = flag_of(line);
        if !row.verbs.contains(&verb) || (!row.key.is_empty() && written.contains(row.key)) {
            return Ok(());
        }
        let off = |value: &str| matches!(value, "false" | "no" | "0" | "off");
        let first = line.values.first().map(|value| value.to_lowercase());
        match (row.arity(), first.as_deref()) {
            (Arity::None, Some(value)) if off(value) => return Ok(()),
            (Arity::None, Some(other)) if !matches!(other, "true" | "yes" | "1" | "on") => {
                return Err(format!("'{}' is true or false, not '{other}'", line.key));
            }
            (Arity::None | Arity::One, _) => {}
        }
        if let Does::Refuse(_, why) = row.does {
            return Err(format!("argument {flag}: {why}"));
        }
        match row.arity() {
            Arity::One if line.values.is_empty() => self.apply(row, Some(""), &flag),
            Arity::One => line.values.iter().try_for_each(|value| self.apply(row, Some(value), &flag)),
            Arity::None => self.apply(row, None, &flag),
        }
    }
}

/// A word that begins a flag is no flag's value; a lone dash or a negative number may be.
fn is_flag(word: &str) -> bool {
    word.len() > 1 && word.starts_with('-') && !word.contains(' ') && word.parse::<f64>().is_err()
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
        Some((flag, value))
            if flag.starts_with('-') && flags::find(flag).is_ok_and(|row| row.arity() == Arity::One) =>
        {
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
        with_file("/dev/null", words)
    }

    fn with_file(file: &str, words: &str) -> Result<(Verb, Options, Vec<String>), String> {
        let words: Vec<String> = words.split_whitespace().map(ToOwned::to_owned).collect();
        let words = [vec!["-c".to_owned(), file.to_owned()], words].concat();
        match parse_beside(Vec::new(), &words) {
            Ok(Asked::To(verb, options, warnings)) => Ok((verb, *options, warnings)),
            Ok(Asked::Help | Asked::Version) => Err("help".to_owned()),
            Err(Wrong::Usage(why)) => Err(format!("2: {why}")),
            Err(Wrong::Contradiction(why)) => Err(format!("1: {why}")),
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
        assert_eq!((options.challenges, options.noninteractive), (vec![Challenge::Http01], true));
        assert!(warnings[0].contains("--no-eff-email has no effect"), "{warnings:?}");
        assert_eq!(asked("-d x.example").unwrap().0, Verb::Run);
        assert!(asked("renew --dry").unwrap().1.dry_run);
        assert!(asked("help certonly").is_err_and(|said| said == "help"));
        assert_eq!(asked("certonly --cert-name= -d a.example").unwrap().1.cert_name, None);
        assert_eq!(asked("certonly --ip-address 192.0.2.1,::1").unwrap().1.names, ["192.0.2.1", "::1"]);
    }

    #[test]
    fn what_is_not_honoured_is_refused() {
        for (words, part) in [
            ("certonly --nginx", "no web server"),
            ("certonly --dns-route53", "not part of lockgate"),
            ("certonly -i nginx", "no web server"),
            ("certonly --reason bogus", "invalid choice"),
            ("certonly --cert-name --standalone", "expected one argument"),
            ("certonly --blah", "unrecognized arguments: --blah"),
            ("certonly --standalon3", "did you mean --standalone?"),
            ("certonly --key-type dsa", "'dsa' is no type of key"),
            ("certonly -d", "expected one argument"),
            ("certonly --http-01-port 99999", "no number that fits"),
            ("certonly --standalone=1", "ignored explicit argument"),
            ("certonly -a dns-foo", "1: 'dns-foo' is no way to prove control"),
            ("certonly renew", "unrecognized arguments: renew"),
            ("certonly --pre", "ambiguous option"),
            ("certonly -w /no/such/folder", "1: /no/such/folder does not exist or is not a directory"),
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
    fn a_flag_of_another_verb_is_refused_on_the_command_line_alone() {
        for (words, part) in [
            ("delete -d a.example", "1: Which certificate is deleted is not told by its names."),
            ("revoke -d a.example", "1: Error! Exactly one of --cert-path or --cert-name"),
            (
                "delete --expand",
                "2: argument --expand: it means nothing for 'delete'; it belongs to run, certonly, ",
            ),
            ("certificates --standalone", "2: argument --standalone: it means nothing for 'certificates'"),
            (
                "--reason superseded renew",
                "2: argument --reason: it means nothing for 'renew'; it belongs to revoke",
            ),
            ("renew -d a.example", "1: Currently, the renew verb"),
            ("run --csr x", "1: Currently, a CSR file"),
            ("delete --dry-run", "1: --dry-run currently only works with"),
            ("renew --force-interactive", "1: --force-interactive cannot be used"),
            ("certonly -q --force-interactive", "1: Flag for non-interactive mode and"),
            ("certonly --standalone --webroot", "1: Too many flags setting"),
            ("certonly -d https://a.example", "1: Requested name https://a.example appears to be a URL"),
            ("certonly -d b\u{fc}cher.example", "1: Non-ASCII"),
            (
                "certonly -d a.example,",
                "1: Requested domain  is not a FQDN because it contains an empty label",
            ),
            ("certonly -d 192.0.2.1", "1: Requested name 192.0.2.1 is an IP address: --ip-address"),
            ("certonly -d ::1 --ip-address ::2", "1: Requested name ::1 is an IP address"),
            ("certonly --cert-name ../x", "1: '../x' cannot be a certificate's name"),
            ("certonly --elliptic-curve P-256", "2: argument --elliptic-curve: invalid choice: 'P-256'"),
        ] {
            let said = asked(words).unwrap_err();
            assert!(said.starts_with(part), "{words}: {said}");
        }
        for words in [
            "renew -n -q --agree-tos -m me@example.com --no-eff-email --keep-until-expiring --webroot -w /tmp",
            "revoke --cert-name a --agree-tos --no-self-upgrade",
            "enhance --redirect",
            "rollback --checkpoints 1",
            "certonly --standalone -a standalone",
        ] {
            asked(words).unwrap();
        }
        let file = std::env::temp_dir().join(format!("lockgate-cli-ini-{}", std::process::id()));
        let text = "domains = a.example\nreason = superseded\nauthenticator = webroot\ncsr = x\nredirect = True\n\
                    rsa-key-size = 4096\nmax-log-backups = 3\n";
        std::fs::write(&file, text).unwrap();
        let name = file.display().to_string();
        let (_, options, _) = with_file(&name, "renew --standalone").unwrap();
        assert_eq!((options.names.len(), options.rsa_key_size, options.max_log_backups), (0, Some(4096), 3));
        assert_eq!(options.authenticator.unwrap().name(), "standalone");
        for verb in ["delete", "certificates", "show_account", "plugins", "revoke", "unregister"] {
            with_file(&name, verb).unwrap();
        }
        std::fs::remove_file(file).unwrap();
    }

    #[test]
    fn the_file_that_is_named_counts_before_the_machines_own() {
        let file = |name: &str, text: &str| {
            let file = std::env::temp_dir().join(format!("lockgate-{name}-{}", std::process::id()));
            std::fs::write(&file, text).unwrap();
            file
        };
        let own = file("own", "domains = own.example\nrsa-key-size = 3072\nkey-type = ecdsa\n");
        let [first, second] = [
            file("first", "domains = first.example\n"),
            file("second", "domains = a.example\ndomains = b.example\nkey-type = rsa\n"),
        ];
        let read = |more: &[&std::path::Path]| {
            let named = more.iter().flat_map(|file| ["-c".to_owned(), file.display().to_string()]);
            let words: Vec<String> = std::iter::once("certonly".to_owned()).chain(named).collect();
            match parse_beside(vec![own.clone()], &words) {
                Ok(Asked::To(_, options, _)) => {
                    (options.names, options.key_type.unwrap(), options.rsa_key_size)
                }
                other => panic!("{other:?}"),
            }
        };
        let said = |names: &str, key: &str| (vec![names.to_owned()], key.to_owned(), Some(3072));
        assert_eq!(read(&[]), said("own.example", "ecdsa"));
        assert_eq!(read(&[&first, &second]), said("b.example", "rsa"));
        assert_eq!(read(&[&second, &first]), said("first.example", "ecdsa"));
        std::fs::write(&first, "key-type =\n").unwrap();
        let empty = with_file(&first.display().to_string(), "certonly").unwrap_err();
        assert!(empty.contains(":1: argument --key-type: '' is no type of key"), "{empty}");
        [own, first, second].iter().for_each(|file| std::fs::remove_file(file).unwrap());
    }

    #[test]
    fn every_row_is_found_by_all_its_names() {
        for row in flags::rows() {
            for name in row.names {
                assert!(std::ptr::eq(flags::find(name).unwrap(), row), "{name}");
            }
        }
    }
}
