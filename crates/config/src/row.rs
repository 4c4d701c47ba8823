//! A keyword is a row: its names, the sections it may stand in, its arguments, one line about it, how true it is here,
//! and its parser. The parser, "did you mean", the reference and `lockgate keywords` all read the same row.

use crate::args::Args;
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{
    Acme, BindParams, CrtStore, Global, HttpErrors, Proxy, Resolvers, Ring, ServerParams, Settings, TlsOffer,
    Userlist,
};

/// A set of sections; also the lines whose parameters are rows of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u16);

/// Sections, and lines that take parameters, by their word, in the order in which they are listed.
const SECTIONS: [(&str, Place); 14] = [
    ("global", Place::GLOBAL),
    ("defaults", Place::DEFAULTS),
    ("frontend", Place::FRONTEND),
    ("listen", Place::LISTEN),
    ("backend", Place::BACKEND),
    ("userlist", Place::USERLIST),
    ("http-errors", Place::HTTP_ERRORS),
    ("resolvers", Place::RESOLVERS),
    ("ring", Place::RING),
    ("crt-store", Place::CRT_STORE),
    ("acme", Place::ACME),
    ("bind line", Place::BIND_LINE),
    ("server line", Place::SERVER_LINE),
    ("default-server line", Place::DEFAULT_SERVER_LINE),
];

impl Place {
    /// `global`
    pub const GLOBAL: Place = Place(1);
    /// `defaults`
    pub const DEFAULTS: Place = Place(1 << 1);
    /// `frontend`
    pub const FRONTEND: Place = Place(1 << 2);
    /// `backend`
    pub const BACKEND: Place = Place(1 << 3);
    /// `listen`
    pub const LISTEN: Place = Place(1 << 4);
    /// `userlist`
    pub const USERLIST: Place = Place(1 << 5);
    /// `http-errors`
    pub const HTTP_ERRORS: Place = Place(1 << 6);
    /// `resolvers`
    pub const RESOLVERS: Place = Place(1 << 7);
    /// `ring`
    pub const RING: Place = Place(1 << 8);
    /// `crt-store`
    pub const CRT_STORE: Place = Place(1 << 9);
    /// The parameters of a `bind` line.
    pub const BIND_LINE: Place = Place(1 << 10);
    /// The parameters of a `server` or `server-template` line.
    pub const SERVER_LINE: Place = Place(1 << 11);
    /// The parameters of a `default-server` line.
    pub const DEFAULT_SERVER_LINE: Place = Place(1 << 12);
    /// `acme`
    pub const ACME: Place = Place(1 << 13);
    /// `frontend` and `listen`
    pub const FRONT: Place = Place::FRONTEND.and(Place::LISTEN);
    /// `backend` and `listen`
    pub const BACK: Place = Place::BACKEND.and(Place::LISTEN);
    /// `frontend`, `backend` and `listen`
    pub const PROXY: Place = Place::FRONT.and(Place::BACK);
    /// `defaults`, `frontend` and `listen`
    pub const DEFAULTS_FRONT: Place = Place::DEFAULTS.and(Place::FRONT);
    /// `defaults`, `backend` and `listen`
    pub const DEFAULTS_BACK: Place = Place::DEFAULTS.and(Place::BACK);
    /// `defaults` and all proxies
    pub const ALL: Place = Place::DEFAULTS.and(Place::PROXY);

    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: Place) -> Place {
        Place(self.0 | other.0)
    }

    /// Whether all of `other` is part of this set.
    pub const fn has(self, other: Place) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the sets share a section.
    pub const fn meets(self, other: Place) -> bool {
        self.0 & other.0 != 0
    }

    /// The sections' words.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        SECTIONS.into_iter().filter(move |(_, place)| self.has(*place)).map(|(name, _)| name)
    }
}

/// How true a word is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does what the manual says.
    Supported,
    /// It loads, and a warning says that it does nothing, and why.
    NoEffect(Text),
    /// It does not load; the text names the alternative or the reason.
    Refused(Text),
}

/// What every row's parser returns.
pub type Parsed = Result<(), Failure>;

/// What reads the words behind a row's name into what it sets.
pub type Parser<T> = fn(&mut Ctx<'_>, &mut Args<'_>, &mut T) -> Parsed;

/// The names of a row, see [`Row::names`].
pub type Names = &'static [&'static str];

/// What a row says of itself: always written out in the program.
pub type Text = &'static str;

/// A row's parser, by what it writes to. A `Settings` row may stand in `defaults` and in proxies, a `Proxy` row in
/// proxies alone; a `Bind` or `Server` row is a parameter of such a line.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // named after the section, each
pub enum Parse {
    /// No parser: the arguments are not looked at. Only for rows that are not supported.
    None,
    Global(Parser<Global>),
    Settings(Parser<Settings>),
    Proxy(Parser<Proxy>),
    Userlist(Parser<Userlist>),
    HttpErrors(Parser<HttpErrors>),
    Resolvers(Parser<Resolvers>),
    Ring(Parser<Ring>),
    CrtStore(Parser<CrtStore>),
    Acme(Parser<Acme>),
    Bind(Parser<BindParams>),
    Server(Parser<ServerParams>),
    Tls(Parser<TlsOffer>),
}

/// One keyword.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its names, the public one first. A name of several words (`timeout client`) matches that many words of a line.
    /// A name that ends in `(` or `.` matches every word that begins with it (`set-var(`, `lua.`); one that ends in
    /// `*` every word that begins with what stands before the star (`track-sc*`).
    pub names: Names,
    /// Where it may stand.
    pub place: Place,
    /// The grammar of what follows the name, in the manual's notation.
    pub args: Text,
    /// One line about it.
    pub doc: Text,
    /// How true it is here.
    pub status: Status,
    /// Whether `no` may stand in front of it (and `default`, for options).
    pub negatable: bool,
    /// Its parser.
    pub parse: Parse,
}

impl Row {
    /// A supported word.
    pub const fn new(names: Names, place: Place, args: Text, doc: Text, parse: Parse) -> Row {
        Row { names, place, args, doc, status: Status::Supported, negatable: false, parse }
    }

    /// A word that loads with a warning and does nothing. `reason` completes "accepted without effect: …".
    pub const fn no_effect(names: Names, place: Place, args: Text, doc: Text, reason: Text) -> Row {
        Row {
            names,
            place,
            args,
            doc,
            status: Status::NoEffect(reason),
            negatable: false,
            parse: Parse::None,
        }
    }

    /// A word that does not load. `alternative` is a sentence: what to write instead, or why not.
    pub const fn refused(names: Names, place: Place, args: Text, doc: Text, alternative: Text) -> Row {
        Row {
            names,
            place,
            args,
            doc,
            status: Status::Refused(alternative),
            negatable: false,
            parse: Parse::None,
        }
    }

    /// Checks the arguments of a word that is not supported before saying so.
    #[must_use]
    pub const fn parsed_by(mut self, parse: Parse) -> Row {
        self.parse = parse;
        self
    }

    /// Allows `no` in front of it.
    #[must_use]
    pub const fn negatable(mut self) -> Row {
        self.negatable = true;
        self
    }

    /// The public name.
    pub fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }

    /// How many of the line's first words are this row's name; 0 where they are not.
    pub fn matches<W: AsRef<str>>(&self, words: &[W]) -> usize {
        self.names.iter().map(|name| name_matches(name, words)).max().unwrap_or(0)
    }

    /// As [`Row::matches`], with how many letters of the name were spelled out: the fullest name wins over families.
    pub(crate) fn score<W: AsRef<str>>(&self, words: &[W]) -> (usize, usize) {
        let scores =
            self.names.iter().map(|name| (name_matches(name, words), name.trim_end_matches('*').len()));
        scores.filter(|(len, _)| *len > 0).max().unwrap_or((0, 0))
    }
}

fn name_matches<W: AsRef<str>>(name: &str, words: &[W]) -> usize {
    let mut count = 0;
    for part in name.split(' ') {
        let Some(word) = words.get(count) else { return 0 };
        if !part_matches(part, word.as_ref()) {
            return 0;
        }
        count += 1;
    }
    count
}

fn part_matches(part: &str, word: &str) -> bool {
    if let Some(prefix) = part.strip_suffix('*') {
        return word.starts_with(prefix);
    }
    if part.ends_with(['(', '.']) { word.starts_with(part) } else { word == part }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_whole_words_calls_and_families() {
        let row = |names| {
            Row::no_effect(names, Place::ALL, "", "", "test").matches(&[
                "http-request",
                "set-var(txn.a)",
                "x",
            ])
        };
        assert_eq!(row(&["http-request"]), 1);
        assert_eq!(row(&["http-request set-var("]), 2);
        assert_eq!(row(&["http-request set-v*", "http-request"]), 2);
        assert_eq!(row(&["http-request set-var"]), 0);
        assert_eq!(row(&["http-request set-var( x y"]), 0);
    }
}
