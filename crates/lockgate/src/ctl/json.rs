//! Answers as JSON, for scripts. Pure text. `show stat` and `show info` have a JSON of their own, which the other side
//! makes; here the rest is turned: a table becomes an array of objects, lines `name: value` an object, other lines an
//! array of strings.

use super::table::{Part, parts};
use serde_json::{Map, Value};

/// The answer as one JSON value and a line's end. Values stay strings: what is a number is the command's affair.
pub(super) fn json(answer: &str) -> String {
    let parts = parts(answer);
    let tables: Vec<&Vec<Vec<String>>> = parts.iter().filter_map(Part::table).collect();
    let value = match tables.is_empty() {
        false => Value::Array(tables.into_iter().flat_map(|table| objects(table)).collect()),
        true => lines(answer),
    };
    format!("{value}\n")
}

fn objects(table: &[Vec<String>]) -> Vec<Value> {
    let Some((names, rows)) = table.split_first() else { return Vec::new() };
    rows.iter().map(|row| object(names.iter().cloned().zip(row.iter().cloned()))).collect()
}

fn lines(answer: &str) -> Value {
    let lines: Vec<&str> = answer.lines().filter(|line| !line.is_empty()).collect();
    let pairs: Option<Vec<(&str, &str)>> = lines.iter().map(|line| line.split_once(": ")).collect();
    match pairs.filter(|pairs| !pairs.is_empty()) {
        Some(pairs) => object(pairs.into_iter().map(|(name, value)| (name.trim(), value.trim()))),
        None => lines.into_iter().map(Value::from).collect(),
    }
}

fn object<T: Into<String>>(pairs: impl Iterator<Item = (T, T)>) -> Value {
    Value::Object(
        pairs.map(|(name, value)| (name.into(), Value::String(value.into()))).collect::<Map<_, _>>(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_an_array_of_objects() {
        assert_eq!(
            json("1\n# be srv\nb \"s\nb t\n\n"),
            "[{\"be\":\"b\",\"srv\":\"\\\"s\"},{\"be\":\"b\",\"srv\":\"t\"}]\n"
        );
        assert_eq!(json("# name\n"), "[]\n");
    }

    #[test]
    fn pairs_are_an_object_and_other_lines_strings() {
        assert_eq!(json("Name: x\n  Up: 1: 2\n"), "{\"Name\":\"x\",\"Up\":\"1: 2\"}\n");
        assert_eq!(json("2.6.12\n\n"), "[\"2.6.12\"]\n");
        assert_eq!(json("\n"), "[]\n");
    }
}
