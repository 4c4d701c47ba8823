//! Log formats: no panic in compiling or writing, no refusal without a complaint inside the text, and no control
//! character of a value in a log line.
#![no_main]

#[path = "../../crates/expr/tests/world/scope.rs"]
mod scope;

use base::{FileId, Span, Word};
use expr::{Compiler, Env, Escape, Stage};
use libfuzzer_sys::fuzz_target;
use scope::{Machine, World};

const ESCAPES: [Escape; 5] =
    [Escape::None, Escape::Http, Escape::UniqueId, Escape::Log, Escape::StructuredData];

fuzz_target!(|data: &[u8]| {
    let Some((&first, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let escape = ESCAPES[usize::from(first) % ESCAPES.len()];
    let machine = Machine;
    let mut env = Env::new(&machine);
    let span = Span { file: FileId(0), line: 1, start: 3, end: 3 + text.len() as u32 };
    let format = Compiler::new(&mut env).format(&Word::new(text, span), Stage::Log, escape);
    assert!(format.is_some() || env.diags.has_alerts());
    for at in env.diags.iter().filter_map(|d| d.span) {
        assert!(at.start >= span.start && at.start < at.end && at.end <= span.end, "{at:?}");
    }
    let Some(format) = format else { return };
    let mut out = Vec::new();
    format.write(&World::at(Stage::Log, &mut env), &mut out);
    if let Some(fixed) = format.fixed() {
        assert_eq!(fixed, out);
    }
    let written_by_operator = text.bytes().any(|b| b.is_ascii_control());
    if matches!(escape, Escape::Log | Escape::StructuredData) && !written_by_operator {
        assert!(!out.iter().any(|b| matches!(b, b'\r' | b'\n')));
    }
});
