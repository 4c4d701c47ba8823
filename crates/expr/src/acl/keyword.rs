//! The first word of an ACL: a fetch, or a keyword that stands for a fetch and a match method (`path_beg`).

use crate::matching::MatchMethod;
use crate::rows::{self, AclForm, AclKeyword, FetchRow};

/// What a keyword stands for.
pub(crate) struct Keyword {
    pub(crate) fetch: &'static FetchRow,
    /// The method it implies, as long as no converter follows.
    pub(crate) method: Option<MatchMethod>,
    /// Patterns are versions.
    pub(crate) versions: bool,
}

/// The methods that give names to ACL keywords as suffixes.
const SUFFIXES: [MatchMethod; 7] = [
    MatchMethod::Beg,
    MatchMethod::Dir,
    MatchMethod::Dom,
    MatchMethod::End,
    MatchMethod::Len,
    MatchMethod::Reg,
    MatchMethod::Sub,
];

/// What a name means in an ACL.
pub(crate) fn resolve(name: &str) -> Option<Keyword> {
    if let Some(row) = rows::fetch(name) {
        return Some(whole(row));
    }
    let (stem, suffix) = name.rsplit_once('_')?;
    let method = SUFFIXES.into_iter().find(|m| m.name() == suffix)?;
    let row = rows::fetch(stem)?;
    match row.acl {
        AclForm::Texts(of) => Some(standing_for(row, of, method)),
        AclForm::Suffixes(methods) if methods.contains(&method) => {
            Some(Keyword { fetch: row, method: Some(method), versions: false })
        }
        AclForm::Suffixes(_) | AclForm::Plain | AclForm::As(_, _) | AclForm::Versions => None,
    }
}

fn whole(row: &'static FetchRow) -> Keyword {
    match row.acl {
        AclForm::Plain | AclForm::Suffixes(_) => Keyword { fetch: row, method: None, versions: false },
        AclForm::Versions => Keyword { fetch: row, method: None, versions: true },
        AclForm::As(of, method) => standing_for(row, of, method),
        AclForm::Texts(of) => standing_for(row, of, MatchMethod::Str),
    }
}

fn standing_for(row: &'static FetchRow, of: &str, method: MatchMethod) -> Keyword {
    let fetch = rows::fetch(of).unwrap_or(row);
    Keyword { fetch, method: Some(method), versions: matches!(fetch.acl, AclForm::Versions) }
}

/// All keywords that stand for a fetch and a method.
pub(crate) fn all() -> impl Iterator<Item = AclKeyword> {
    rows::fetches().flat_map(|row| exact(row).into_iter().chain(derived(row)))
}

fn exact(row: &'static FetchRow) -> Option<AclKeyword> {
    let keyword = whole(row);
    let method = keyword.method?;
    Some(AclKeyword { name: row.name.to_owned(), fetch: keyword.fetch.name, method })
}

fn derived(row: &'static FetchRow) -> impl Iterator<Item = AclKeyword> {
    let methods: &[MatchMethod] = match row.acl {
        AclForm::Texts(_) => &SUFFIXES,
        AclForm::Suffixes(methods) => methods,
        AclForm::Plain | AclForm::As(_, _) | AclForm::Versions => &[],
    };
    methods.iter().map(|method| {
        let name = format!("{}_{}", row.name, method.name());
        let fetch = resolve(&name).map_or(row.name, |k| k.fetch.name);
        AclKeyword { name, fetch, method: *method }
    })
}
