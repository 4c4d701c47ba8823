//! Configuration files: no panic in reading, checking or showing, and every complaint stands inside the file.
#![no_main]

use base::Severity;
use config::{Environment, Facts, LoadOptions, Source, condition};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let environment = vec![("A".to_owned(), "b c".to_owned())];
    let options = LoadOptions { environment, ..LoadOptions::default() };
    let loaded = config::load(vec![Source { name: "f".to_owned(), text: data.to_vec() }], &options);
    let _ = loaded.diags.render(&loaded.sources, 1, Severity::Diag);
    let lines = data.split(|byte| *byte == b'\n').count();
    for span in loaded.diags.iter().filter_map(|complaint| complaint.span) {
        assert!(span.line as usize <= lines && span.start <= span.end, "{span:?}");
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = condition::evaluate(text, &Environment::default(), &Facts::default());
    }
});
