//! Expressions and conditions: no panic in compiling or evaluating, no refusal without a complaint, and every
//! complaint points into the text.
#![no_main]

#[path = "../../crates/expr/tests/world/scope.rs"]
mod scope;

use base::{FileId, Span, Word};
use expr::{Compiler, Env, Stage};
use libfuzzer_sys::fuzz_target;
use scope::{Machine, World};

const STAGES: [Stage; 4] = [Stage::Request, Stage::Response, Stage::TcpContent, Stage::Log];

fuzz_target!(|data: &[u8]| {
    let Some((&first, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let stage = STAGES[usize::from(first >> 1) % STAGES.len()];
    let words = words(text);
    let machine = Machine;
    let mut env = Env::new(&machine);
    let mut compiler = Compiler::new(&mut env);
    if first & 1 == 0 {
        let expr = compiler.expr(&words, stage);
        complaints(&env, expr.is_none(), text);
        if let Some(expr) = expr {
            let world = World::at(stage, &mut env);
            let _ = expr.try_eval(&world).map(|v| v.map(|v| v.to_str().map(|t| t.len())));
        }
    } else {
        let condition = compiler.condition(first & 128 != 0, &words, stage);
        complaints(&env, condition.is_none(), text);
        if let Some(condition) = condition {
            condition.eval(&World::at(stage, &mut env));
        }
    }
});

fn words(text: &str) -> Vec<Word> {
    let mut at = 0;
    let mut list = Vec::new();
    for piece in text.split(' ') {
        let span = Span { file: FileId(0), line: 1, start: at, end: at + piece.len() as u32 };
        if !piece.is_empty() {
            list.push(Word::new(piece, span));
        }
        at = span.end + 1;
    }
    list
}

fn complaints(env: &Env<'_>, refused: bool, text: &str) {
    assert!(!refused || env.diags.has_alerts());
    for span in env.diags.iter().filter_map(|d| d.span) {
        assert!(span.start < span.end && span.end as usize <= text.len(), "{span:?}");
    }
}
