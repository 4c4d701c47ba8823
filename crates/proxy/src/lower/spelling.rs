//! `h1-case-adjust` and `h1-case-adjust-file`: how header names are spelled for peers that depend on it.

use base::{Diagnostics, Word, reason};
use config::model::Global;
use http::Spelling;
use std::sync::Arc;

/// `None` where nothing was written.
pub(super) fn lower(global: &Global, diags: &mut Diagnostics) -> Option<Arc<Spelling>> {
    let mut spelling = Spelling::default();
    for (_, spelled) in &global.h1_case_adjust {
        spelling.add(&spelled.bytes());
    }
    if let Some(file) = &global.h1_case_adjust_file {
        from_file(file, &mut spelling, diags);
    }
    (!spelling.is_empty()).then(|| Arc::new(spelling))
}

fn from_file(file: &Word, spelling: &mut Spelling, diags: &mut Diagnostics) {
    let text = match std::fs::read(&file.text) {
        Ok(text) => text,
        Err(error) => {
            diags.alert(
                file.span,
                format!("h1-case-adjust-file '{file}': failed to open file: {}", reason(&error)),
            );
            return;
        }
    };
    for (index, line) in text.split(|b| *b == b'\n').enumerate() {
        if let Err(what) = line_of_file(line, spelling) {
            let text = format!("h1-case-adjust-file '{file}' : {what} at line {}", index + 1);
            diags.alert(file.span, text).help("each line holds a name in lower case and its spelling");
        }
    }
}

/// `FROM TO`, or nothing, or a comment.
fn line_of_file(line: &[u8], spelling: &mut Spelling) -> Result<(), &'static str> {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let Some(from) = words.next().filter(|word| !word.starts_with(b"#")) else { return Ok(()) };
    let Some(to) = words.next() else { return Err("<from> and <to> are expected") };
    if !from.eq_ignore_ascii_case(to) {
        return Err("<from> and <to> must not differ except the case");
    }
    if spelling.add(to) { Ok(()) } else { Err("duplicate entry") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_file() {
        let mut spelling = Spelling::default();
        let mut read = |line: &str| line_of_file(line.as_bytes(), &mut spelling);
        assert_eq!(read("content-length  Content-Length\r"), Ok(()));
        assert_eq!((read(""), read("  # comment")), (Ok(()), Ok(())));
        assert!(read("content-length CONTENT-LENGTH").is_err_and(|what| what.starts_with("duplicate")));
        assert!(read("host").is_err() && read("host port").is_err());
        assert_eq!(spelling.of(b"content-length"), b"Content-Length");
    }
}
