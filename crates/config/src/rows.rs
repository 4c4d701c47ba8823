//! All keyword rows, by topic. Adding a word is adding a row to one of these files.

use crate::row::{Place, Row};
use std::collections::HashMap;
use std::sync::LazyLock;

mod acl;
mod acme;
mod balance;
mod bind;
mod bind_params;
mod check;
mod check_expect;
mod check_option;
mod cookie;
mod cpu_map;
mod global;
mod global_ocsp;
mod global_tls;
mod global_tuning;
mod http_actions;
mod keepalive;
mod later;
mod legacy;
mod log;
mod option;
mod params;
mod persist;
mod proxy;
mod redirect;
mod reply;
mod rules_http;
mod rules_tcp;
mod sections;
pub(crate) mod server;
mod server_params;
mod statistics;
mod stats_socket;
mod timeout;
mod tls_params;
mod tls_versions;
mod vars;

const TABLES: &[&[Row]] = &[
    global::ROWS,
    stats_socket::ROWS,
    cpu_map::ROWS,
    global_tls::ROWS,
    global_ocsp::ROWS,
    global_tuning::ROWS,
    log::ROWS,
    proxy::ROWS,
    acl::ROWS,
    timeout::ROWS,
    keepalive::ROWS,
    option::ROWS,
    bind::ROWS,
    bind_params::ROWS,
    server::ROWS,
    server_params::ROWS,
    tls_params::ROWS,
    balance::ROWS,
    cookie::ROWS,
    persist::ROWS,
    rules_tcp::ROWS,
    rules_http::ROWS,
    redirect::ROWS,
    reply::ROWS,
    check_option::ROWS,
    check::ROWS,
    later::ROWS,
    statistics::ROWS,
    legacy::ROWS,
    sections::ROWS,
    acme::ROWS,
];

/// Every row, in the order of the tables.
pub fn all() -> impl Iterator<Item = &'static Row> {
    TABLES.iter().copied().flatten()
}

/// Rows by the first word of their names, so that a line looks at a handful of them and not at hundreds; a large
/// configuration has a hundred thousand lines.
struct Index {
    words: HashMap<&'static str, Vec<&'static Row>>,
    /// Rows whose first word is a family (`tune.`, `track-sc*`).
    families: Vec<&'static Row>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index { words: HashMap::new(), families: Vec::new() };
    for row in all() {
        for name in row.names {
            let first = name.split(' ').next().unwrap_or_default();
            let list = if first.ends_with(['(', '.', '*']) {
                &mut index.families
            } else {
                index.words.entry(first).or_default()
            };
            if !list.last().is_some_and(|last| std::ptr::eq(*last, row)) {
                list.push(row);
            }
        }
    }
    index
});

/// The row with the longest name that the line's first words spell, among those that may stand in one of `places`,
/// and how many words the name takes.
pub(crate) fn find<W: AsRef<str>>(words: &[W], places: Place) -> Option<(&'static Row, usize)> {
    let first = words.first()?.as_ref();
    let named = INDEX.words.get(first).into_iter().flatten();
    named
        .chain(&INDEX.families)
        .copied()
        .filter(|row| row.place.meets(places))
        .map(|row| (row, row.score(words)))
        .filter(|(_, (len, _))| *len > 0)
        .max_by_key(|(_, score)| *score)
        .map(|(row, (len, _))| (row, len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{Parse, Status};

    #[test]
    fn every_row_is_whole() {
        for row in all() {
            assert!(!row.names.is_empty() && !row.doc.is_empty(), "{row:?}");
            if matches!(row.parse, Parse::None) {
                assert_ne!(row.status, Status::Supported, "{}", row.name());
            }
        }
    }

    #[test]
    fn no_name_stands_twice_in_one_section() {
        let mut seen: Vec<(&str, Place)> = Vec::new();
        let mut twice = Vec::new();
        for row in all() {
            for name in row.names {
                if seen.iter().any(|(n, place)| n == name && place.meets(row.place)) {
                    twice.push(*name);
                }
                seen.push((name, row.place));
            }
        }
        assert!(twice.is_empty(), "{twice:?}");
    }
}
