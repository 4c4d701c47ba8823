//! Checks JSON against a JSON schema of draft 4: only the keywords that our own schema uses. Any other fails, since a
//! keyword that nobody reads promises nothing.

use serde_json::{Map, Value};

/// `Err`: what is wrong with `value`, or with the schema.
pub fn check(schema: &Value, value: &Value) -> Result<(), String> {
    matches(schema, schema, value)
}

fn matches(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let keywords = schema.as_object().ok_or_else(|| format!("no schema: {schema}"))?;
    keywords.iter().try_for_each(|(keyword, wanted)| keeps(root, keywords, keyword, wanted, value))
}

fn keeps(
    root: &Value,
    all: &Map<String, Value>,
    keyword: &str,
    wanted: &Value,
    value: &Value,
) -> Result<(), String> {
    let kept = match keyword {
        "$schema" | "title" | "definitions" => true,
        "$ref" => return matches(root, target(root, wanted)?, value),
        "type" => is_a(wanted, value)?,
        "enum" => list(wanted)?.contains(value),
        "minimum" => number(value) >= number(wanted),
        "maximum" => number(value) <= number(wanted),
        "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= wanted.as_u64().unwrap()),
        "required" => list(wanted)?.iter().all(|name| value.get(name.as_str().unwrap()).is_some()),
        "items" => {
            let mut items = value.as_array().into_iter().flatten();
            return items.try_for_each(|item| matches(root, wanted, item));
        }
        "properties" => {
            let wanted = wanted.as_object().ok_or("properties are no object")?;
            let mut present = wanted.iter().filter_map(|(name, schema)| Some((schema, value.get(name)?)));
            return present.try_for_each(|(schema, member)| matches(root, schema, member));
        }
        "oneOf" => list(wanted)?.iter().filter(|one| matches(root, one, value).is_ok()).count() == 1,
        unknown => return Err(format!("the schema has `{unknown}`, which nobody reads")),
    };
    if kept { Ok(()) } else { Err(format!("`{keyword}` of {all:?} is not kept by {value}")) }
}

fn target<'r>(root: &'r Value, reference: &Value) -> Result<&'r Value, String> {
    let pointer = reference.as_str().and_then(|text| text.strip_prefix('#'));
    pointer.and_then(|pointer| root.pointer(pointer)).ok_or_else(|| format!("nothing at {reference}"))
}

fn is_a(kind: &Value, value: &Value) -> Result<bool, String> {
    match kind.as_str() {
        Some("array") => Ok(value.is_array()),
        Some("object") => Ok(value.is_object()),
        Some("string") => Ok(value.is_string()),
        Some("integer") => Ok(value.is_i64() || value.is_u64()),
        Some(_) | None => Err(format!("unknown type {kind}")),
    }
}

fn list(value: &Value) -> Result<&Vec<Value>, String> {
    value.as_array().ok_or_else(|| format!("no list: {value}"))
}

fn number(value: &Value) -> Option<i128> {
    value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))
}
