//! `.if`, `.elif`, `.else`, `.endif` (manual section 2.4): which lines are read and which are passed over.

use crate::condition::{self, Facts};
use crate::env::Environment;
use crate::failure::Failure;
use base::{Span, Word};

/// How deep blocks may be nested, as with HAProxy.
const MAX_NESTED: usize = 99;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Branch {
    /// Its lines are read.
    Taken,
    /// Its lines are not read; a later branch may be.
    Waiting,
    /// Its lines are not read and no later branch will be: one was taken, or the whole block stands in a dead one.
    Done,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    branch: Branch,
    seen_else: bool,
    opened: Span,
}

/// The open blocks of one file, outermost first.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    open: Vec<Block>,
}

impl Blocks {
    /// Whether the lines that follow are read.
    pub(crate) fn reading(&self) -> bool {
        self.open.iter().all(|block| block.branch == Branch::Taken)
    }

    /// Handles the line if it is one of the four; `None` where it is not.
    pub(crate) fn line(
        &mut self,
        words: &[Word],
        environment: &Environment,
        facts: &Facts,
    ) -> Option<Result<(), Failure>> {
        let (word, rest) = words.split_first()?;
        Some(match word.text.as_str() {
            ".if" => self.open(word, rest, environment, facts),
            ".elif" => self.elif(word, rest, environment, facts),
            ".else" => nothing_behind(word, rest).and_then(|()| self.otherwise(word)),
            ".endif" => nothing_behind(word, rest).and_then(|()| self.close(word)),
            _ => return None,
        })
    }

    /// The blocks that the end of the file leaves open.
    pub(crate) fn unfinished(&self) -> impl Iterator<Item = Failure> {
        self.open
            .iter()
            .map(|block| Failure::new(block.opened, "non-terminated '.if' block").help("add '.endif'"))
    }

    fn open(&mut self, word: &Word, rest: &[Word], env: &Environment, facts: &Facts) -> Result<(), Failure> {
        if self.open.len() >= MAX_NESTED {
            return Err(Failure::new(word.span, format!("too many nested '.if', limit: {MAX_NESTED}")));
        }
        // The block exists whatever its condition is worth, so that its '.endif' finds it.
        self.open.push(Block { branch: Branch::Done, seen_else: false, opened: word.span });
        let outer = self.open.len() - 1;
        if self.open[..outer].iter().any(|block| block.branch != Branch::Taken) {
            return Ok(());
        }
        let value = value(word, rest, env, facts)?;
        self.set_branch(if value { Branch::Taken } else { Branch::Waiting });
        Ok(())
    }

    fn elif(&mut self, word: &Word, rest: &[Word], env: &Environment, facts: &Facts) -> Result<(), Failure> {
        match self.current(word)?.branch {
            Branch::Taken | Branch::Done => self.set_branch(Branch::Done),
            Branch::Waiting => {
                if value(word, rest, env, facts)? {
                    self.set_branch(Branch::Taken);
                }
            }
        }
        Ok(())
    }

    fn otherwise(&mut self, word: &Word) -> Result<(), Failure> {
        let branch = self.current(word)?.branch;
        self.set_branch(if branch == Branch::Waiting { Branch::Taken } else { Branch::Done });
        if let Some(block) = self.open.last_mut() {
            block.seen_else = true;
        }
        Ok(())
    }

    fn close(&mut self, word: &Word) -> Result<(), Failure> {
        self.open.pop().map(|_| ()).ok_or_else(|| lone(word))
    }

    /// The innermost block, for a word that opens a further branch of it.
    fn current(&self, word: &Word) -> Result<Block, Failure> {
        let block = self.open.last().copied().ok_or_else(|| lone(word))?;
        if block.seen_else {
            return Err(Failure::new(word.span, format!("'{word}' after '.else' is not permitted")));
        }
        Ok(block)
    }

    fn set_branch(&mut self, branch: Branch) {
        if let Some(block) = self.open.last_mut() {
            block.branch = branch;
        }
    }
}

fn lone(word: &Word) -> Failure {
    Failure::new(word.span, format!("lone '{word}' with no matching '.if'"))
}

fn nothing_behind(word: &Word, rest: &[Word]) -> Result<(), Failure> {
    match rest.first() {
        None => Ok(()),
        Some(extra) => Err(Failure::new(extra.span, format!("Unexpected argument '{extra}' for '{word}'"))),
    }
}

fn value(word: &Word, rest: &[Word], env: &Environment, facts: &Facts) -> Result<bool, Failure> {
    let text = rest.iter().map(Word::as_str).collect::<Vec<_>>().join(" ");
    condition::evaluate(&text, env, facts).map_err(|error| {
        Failure::new(span_at(word, rest, error.at), format!("{} in '{word}'", error.message))
    })
}

/// The word that holds the byte at `offset` of the joined text.
fn span_at(word: &Word, rest: &[Word], offset: usize) -> Span {
    let mut end = 0;
    for part in rest {
        end += part.text.len() + 1;
        if offset < end {
            return part.span;
        }
    }
    rest.last().map_or(word.span, |last| last.span)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of a file, one word a line.
    fn read(text: &str) -> Result<String, String> {
        let mut blocks = Blocks::default();
        let mut out = String::new();
        for line in text.split(';') {
            let words: Vec<Word> = line.split(' ').map(|w| Word::new(w, Span::default())).collect();
            match blocks.line(&words, &Environment::default(), &Facts::default()) {
                Some(Ok(())) => {}
                Some(Err(failure)) => return Err(failure.message),
                None if blocks.reading() => out.push_str(line),
                None => {}
            }
        }
        blocks.unfinished().next().map_or(Ok(out), |failure| Err(failure.message))
    }

    #[test]
    fn one_branch_is_read() {
        let cases = [
            (".if 1;a;.elif 1;b;.else;c;.endif;d", "ad"),
            (".if 0;a;.elif 1;b;.else;c;.endif;d", "bd"),
            (".if 0;a;.elif 0;b;.else;c;.endif;d", "cd"),
            (".if 0;.if 1;a;.else;b;.endif;.else;c;.endif", "c"),
            (".if 0;.if foo;.elif bar;.endif;.endif;d", "d"),
            (".if;a;.endif;d", "d"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn blocks_out_of_order() {
        let cases = [
            (".if 1", "non-terminated '.if' block"),
            (".endif", "lone '.endif' with no matching '.if'"),
            (".else", "lone '.else' with no matching '.if'"),
            (".if 1;.else;.else;.endif", "'.else' after '.else' is not permitted"),
            (".if 1;.else;.elif 1;.endif", "'.elif' after '.else' is not permitted"),
            (".if 1;.endif x", "Unexpected argument 'x' for '.endif'"),
            (".if foo;.endif", "unparsable conditional expression 'foo' in '.if'"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).unwrap_err(), expected, "{text}");
        }
    }
}
