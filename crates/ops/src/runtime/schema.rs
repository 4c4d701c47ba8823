//! `show schema json`: what `show info json` and `show stat json` look like, for validators and generators of code.
//!
//! Parts, names and words are those of HAProxy's schema, which its own `show stat json` does not keep. This one is kept:
//! a subject of `show stat` is an array of items, these have a `value`, and a `u64` may need all 64 bits.

use super::call::Call;
use super::table::Command;
use proxy::stats_socket::CliLevel::User;

pub(crate) const COMMANDS: &[Command] =
    &[Command::now(&["show", "schema", "json"], "", "report schema used for stats", User, schema)];

const SCHEMA: &str = include_str!("schema.json");

/// On one line, as clients read the other JSON answers.
fn schema(call: &mut Call<'_>) {
    call.put(SCHEMA.lines().map(str::trim_start).collect::<String>() + "\n");
}

#[cfg(test)]
mod tests {
    use super::super::value::{NATURES, ORIGINS, SCOPES};
    use super::SCHEMA;

    #[test]
    fn every_word_of_a_tag_is_in_the_schema() {
        for (_, word) in ORIGINS.iter().chain(NATURES).chain(SCOPES) {
            assert!(SCHEMA.contains(&format!("\"{word}\"")), "{word}");
        }
    }
}
