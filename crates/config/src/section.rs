//! Sections: their words, what may follow them on the line, and what is open while their lines are read. Inheritance
//! from `defaults` is in [`crate::defaults`], the lines themselves in [`crate::dispatch`].

use crate::failure::Failure;
use crate::model::{Acme, CrtStore, HttpErrors, Proxy, ProxyKind, Resolvers, Ring, Settings, Userlist};
use crate::row::Place;
use base::{Severity, Span, Word};

/// What a section word opens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Global,
    Defaults,
    Proxy(ProxyKind),
    Userlist,
    HttpErrors,
    Resolvers,
    Ring,
    CrtStore,
    Acme,
    /// Recognised, its lines are not looked at; one complaint says so.
    Skipped(Severity, &'static str),
}

/// Every section word. Those that are skipped say why; an alert is for those without which traffic would be lost or
/// handled otherwise than written.
const KINDS: &[(&str, Kind)] = &[
    ("global", Kind::Global),
    ("defaults", Kind::Defaults),
    ("frontend", Kind::Proxy(ProxyKind::Frontend)),
    ("backend", Kind::Proxy(ProxyKind::Backend)),
    ("listen", Kind::Proxy(ProxyKind::Listen)),
    ("userlist", Kind::Userlist),
    ("http-errors", Kind::HttpErrors),
    ("resolvers", Kind::Resolvers),
    ("ring", Kind::Ring),
    ("crt-store", Kind::CrtStore),
    ("acme", Kind::Acme),
    ("peers", Kind::Skipped(Severity::Warning, "stick tables are not shared between machines yet")),
    ("mailers", Kind::Skipped(Severity::Warning, "no mail is sent about servers; watch the logs instead")),
    (
        "cache",
        Kind::Skipped(Severity::Warning, "responses are not cached yet; all requests go to the servers"),
    ),
    (
        "program",
        Kind::Skipped(Severity::Warning, "other programs are not started; let the service manager do that"),
    ),
    (
        "log-profile",
        Kind::Skipped(Severity::Warning, "log profiles are not applied yet; lines keep their own format"),
    ),
    ("traces", Kind::Skipped(Severity::Warning, "there are no traces to steer")),
    ("fcgi-app", Kind::Skipped(Severity::Warning, "FastCGI is not spoken yet; 'use-fcgi-app' is refused")),
    ("dynamic-update", Kind::Skipped(Severity::Warning, "nothing is updated from outside yet")),
    (
        "healthcheck",
        Kind::Skipped(Severity::Alert, "write the checks into the backends: 'option httpchk', 'tcp-check'"),
    ),
    ("log-forward", Kind::Skipped(Severity::Alert, "logs are not relayed; use a syslog daemon for that")),
];

/// The section words.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(word, _)| *word)
}

/// What the line opens, if its first word is a section's.
pub(crate) fn kind_of(word: &str) -> Option<(&'static str, Kind)> {
    KINDS.iter().find(|(name, _)| *name == word).copied()
}

/// The section whose lines are being read. Boxed, because some hold hundreds of settings.
#[derive(Debug)]
pub(crate) enum Open {
    /// Before the first section, or behind one whose own line was wrong: its lines are read and complained about
    /// no further.
    None,
    Skipped,
    Global,
    Defaults(Box<Settings>),
    Proxy(Box<Proxy>),
    Userlist(Userlist),
    HttpErrors(HttpErrors),
    Resolvers(Resolvers),
    Ring(Ring),
    CrtStore(CrtStore),
    Acme(Box<Acme>),
}

impl Open {
    /// The section as a place; `None` where no keyword is looked up.
    pub(crate) fn place(&self) -> Option<Place> {
        Some(match self {
            Open::None | Open::Skipped => return None,
            Open::Global => Place::GLOBAL,
            Open::Defaults(_) => Place::DEFAULTS,
            Open::Proxy(proxy) => match proxy.kind {
                ProxyKind::Frontend => Place::FRONTEND,
                ProxyKind::Backend => Place::BACKEND,
                ProxyKind::Listen => Place::LISTEN,
            },
            Open::Userlist(_) => Place::USERLIST,
            Open::HttpErrors(_) => Place::HTTP_ERRORS,
            Open::Resolvers(_) => Place::RESOLVERS,
            Open::Ring(_) => Place::RING,
            Open::CrtStore(_) => Place::CRT_STORE,
            Open::Acme(_) => Place::ACME,
        })
    }
}

/// A section line taken apart: `WORD [NAME] [from DEFAULTS] [ADDRESS …]`.
#[derive(Debug)]
pub(crate) struct Header<'l> {
    pub(crate) word: &'l Word,
    pub(crate) name: Option<&'l Word>,
    pub(crate) from: Option<&'l Word>,
    /// Words behind all that: the address of HAProxy 1.4's `listen NAME ADDRESS`.
    pub(crate) extra: &'l [Word],
}

impl<'l> Header<'l> {
    /// `None` for an empty line.
    pub(crate) fn read(words: &'l [Word]) -> Option<Result<Header<'l>, Failure>> {
        let (word, rest) = words.split_first()?;
        let (name, rest) = match rest.split_first() {
            Some((name, rest)) if name.text != "from" || word.text != "defaults" => (Some(name), rest),
            Some(_) | None => (None, rest),
        };
        let (from, extra) = match rest.split_first() {
            Some((from, rest)) if from.text == "from" => match rest.split_first() {
                Some((defaults, rest)) => (Some(defaults), rest),
                None => {
                    let failure = Failure::new(from.span, "'from' expects the name of a defaults section");
                    return Some(Err(failure));
                }
            },
            Some(_) | None => (None, rest),
        };
        Some(Ok(Header { word, name, from, extra }))
    }

    /// The section line's place: its word and its name.
    pub(crate) fn span(&self) -> Span {
        self.name.map_or(self.word.span, |name| self.word.span.to(name.span))
    }

    /// The name, where the section must have one.
    pub(crate) fn required_name(&self) -> Result<Word, Failure> {
        let Some(name) = self.name.filter(|n| !n.text.is_empty()) else {
            return Err(Failure::new(self.word.span, format!("'{}' expects an <id> argument", self.word))
                .help(format!("give the section a name: {} NAME", self.word)));
        };
        valid_name(self.word, name)?;
        Ok(name.clone())
    }

    /// The name of a section that may have one.
    pub(crate) fn optional_name(&self) -> Word {
        self.name.cloned().unwrap_or_else(|| Word::new("", self.word.span))
    }

    /// Complains about words that this section's line cannot have.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        let extra = self.from.or_else(|| self.extra.first());
        match extra {
            None => Ok(()),
            Some(extra) => Err(Failure::new(
                extra.span,
                format!("'{}' cannot handle unexpected argument '{extra}'", self.word),
            )),
        }
    }
}

/// Section 4 of the manual: letters, digits, dash, underscore, dot and colon.
fn valid_name(section: &Word, name: &Word) -> Result<(), Failure> {
    let bad = name.text.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.' | ':'));
    match bad {
        None => Ok(()),
        Some(bad) => Err(Failure::new(
            name.span,
            format!("character '{bad}' is not permitted in '{section}' name '{name}'"),
        )
        .help("names are made of letters, digits, '-', '_', '.' and ':'")),
    }
}
