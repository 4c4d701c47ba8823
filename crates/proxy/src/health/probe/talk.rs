//! A built-in protocol, talked to its end.

use super::{End, Run};
use crate::health::finding::{Finding, Report};
use crate::health::protocols::{Protocol, Reading};

impl Run<'_> {
    pub(super) async fn talk(&mut self, protocol: &Protocol) -> Result<Report, End> {
        let (good, late) = protocol.findings();
        let mut report = Report::new(good, "");
        let mut turn = 0;
        let mut early = Vec::new();
        while let Some(words) = protocol.say(turn) {
            self.scope.clear();
            self.scope.input = early;
            self.send(&words).await?;
            let (code, info) = self.hear(protocol, turn, late).await?;
            // a goodbye without details keeps those of the turn before
            if code != 0 || !info.is_empty() || turn == 0 {
                report = Report::new(good, info).with_code(code);
            }
            let taken = protocol.taken(&self.scope.input).min(self.scope.input.len());
            early = self.scope.input.split_off(taken);
            turn += 1;
        }
        Ok(report)
    }

    async fn hear(&mut self, protocol: &Protocol, turn: usize, late: Finding) -> Result<(i64, String), End> {
        loop {
            match protocol.read(turn, &self.scope.input) {
                Reading::Good(code, info) => return Ok((code, info)),
                Reading::Bad(finding, code, info) => {
                    return Err(End(Report::new(finding, info).with_code(code)));
                }
                Reading::More if self.scope.complete && self.scope.input.is_empty() => {
                    let (finding, info) = protocol.silence(turn);
                    return Err(self.fail(finding, info));
                }
                Reading::More if self.scope.complete => {
                    let (finding, info) = protocol.cut_short(&self.scope.input);
                    return Err(self.fail(finding, info));
                }
                Reading::More => match self.more().await {
                    Ok(()) => {}
                    Err(Some(end)) => return Err(end),
                    Err(None) => return Err(self.fail(late, String::new())),
                },
            }
        }
    }
}
