//! `expect` lines: matchers, regular expressions, and what is reported.

use crate::health::expect::{Expect, Matcher, Pattern};
use crate::health::finding::Finding;
use crate::health::plan::Reporting;
use crate::lower::Lower;
use base::Word;
use config::model::{CheckExpect, CheckMatch, CheckPattern, CheckText, NameMatch};
use expr::Stage;
use regex::bytes::Regex;

impl Lower<'_> {
    pub(super) fn expect(&mut self, expect: &CheckExpect) -> Option<Expect> {
        let matcher = match &expect.matcher {
            CheckMatch::String(text) => {
                Matcher::Bytes { text: self.check_text(text, false)?, word: "string" }
            }
            CheckMatch::Binary(text) => Matcher::Bytes { text: self.check_text(text, true)?, word: "binary" },
            CheckMatch::Rstring(word) => Matcher::Regex(self.check_regex(word, false)?),
            CheckMatch::Rbinary(word) => Matcher::HexRegex(self.check_regex(word, false)?),
            CheckMatch::Status(ranges) => Matcher::Status(ranges.clone()),
            CheckMatch::Rstatus(word) => Matcher::StatusRegex(self.check_regex(word, false)?),
            CheckMatch::Header { name, value, full } => Matcher::Header {
                // names know no case (RFC 9110 section 5.1)
                name: self.pattern(name, true)?,
                value: match value {
                    Some(value) => Some(self.pattern(value, false)?),
                    None => None,
                },
                full: *full,
            },
        };
        // a negative minimum is none
        let min_recv = expect.min_recv.and_then(|n| usize::try_from(n).ok());
        Some(Expect { matcher, negate: expect.negate, min_recv, reporting: self.reporting(expect)? })
    }

    fn pattern(&mut self, pattern: &CheckPattern, ignore_case: bool) -> Option<Pattern> {
        match (&pattern.text, pattern.method) {
            (CheckText::Plain(word), NameMatch::Reg) => {
                Some(Pattern::Regex(self.check_regex(word, ignore_case)?))
            }
            (text, method) => Some(Pattern::Text { text: self.check_text(text, false)?, method }),
        }
    }

    fn check_regex(&mut self, word: &Word, ignore_case: bool) -> Option<Regex> {
        match expr::pcre::compile(&word.text, ignore_case) {
            Ok(regex) => Some(regex),
            Err(error) => {
                let diag = self.env.diags.alert(word.span, format!("regex '{}' : {error}", word.text));
                if let Some(help) = error.help() {
                    diag.help(help);
                }
                None
            }
        }
    }

    fn reporting(&mut self, expect: &CheckExpect) -> Option<Reporting> {
        let mut reporting = Reporting {
            comment: expect.comment.as_ref().map(|w| w.text.as_str().into()),
            ..Default::default()
        };
        for (keyword, value) in &expect.extras {
            match keyword.text.as_str() {
                "ok-status" => reporting.ok = Some(self.finding(value)?),
                "error-status" => reporting.error = Some(self.finding(value)?),
                "tout-status" => reporting.timeout = Some(self.finding(value)?),
                "on-success" => reporting.on_success = Some(self.check_format(value)?),
                "on-error" => reporting.on_error = Some(self.check_format(value)?),
                "status-code" => {
                    let text = config::model::ExprText { words: vec![value.clone()] };
                    reporting.code = Some(self.expr(&text, Stage::Check)?);
                }
                _ => {
                    self.env.diags.alert(keyword.span, format!("unknown argument '{}'", keyword.text));
                    return None;
                }
            }
        }
        Some(reporting)
    }

    fn finding(&mut self, word: &Word) -> Option<Finding> {
        let finding = Finding::parse(&word.text);
        if finding.is_none() {
            let text =
                format!("unknown status '{}' : L7OK, L7RSP, L7TOUT and the like are expected", word.text);
            self.env.diags.alert(word.span, text);
        }
        finding
    }
}
