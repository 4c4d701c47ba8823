//! Command lines: `;` parts commands, blanks part words, a backslash makes the next byte ordinary, `<<` at the end
//! announces a payload (management guide 9.3). Pure text, no socket.

/// Most words of one command, as in HAProxy; the rest of a longer one would be ignored there and is refused here.
pub(crate) const MAX_WORDS: usize = 64;

/// What one line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The words of each command, in order. A command may be empty.
    pub(crate) commands: Vec<Vec<String>>,
    /// What ends the payload of the last command: an empty line, or the word behind `<<`. `None`: there is none.
    pub(crate) payload_end: Option<String>,
}

impl Line {
    /// Takes a line, without its end, apart.
    pub(crate) fn parse(text: &str) -> Line {
        let (text, payload_end) = match announced(text) {
            Some((before, end)) => (before, Some(end.to_owned())),
            None => (text, None),
        };
        Line { commands: split(text), payload_end }
    }
}

/// The text before `<<PATTERN` where the line's last word is one.
fn announced(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_end();
    let start = text.rfind([' ', '\t']).map_or(0, |at| at + 1);
    let (before, last) = text.split_at_checked(start)?;
    Some((before, last.strip_prefix("<<")?))
}

fn split(text: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => end_word(&mut commands, &mut word),
            ';' => {
                end_word(&mut commands, &mut word);
                commands.push(Vec::new());
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c => word.get_or_insert_default().push(c),
        }
    }
    end_word(&mut commands, &mut word);
    commands
}

fn end_word(commands: &mut [Vec<String>], word: &mut Option<String>) {
    if let (Some(word), Some(command)) = (word.take(), commands.last_mut())
        // one more is kept, so that it shows
        && command.len() <= MAX_WORDS
    {
        command.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(text: &str) -> Vec<Vec<String>> {
        Line::parse(text).commands
    }

    #[test]
    fn semicolons_part_commands_and_a_backslash_keeps_them_together() {
        assert_eq!(commands("show info;quit"), [vec!["show", "info"], vec!["quit"]]);
        assert_eq!(commands(r"set var\ x a\;b \\"), [vec!["set", "var x", "a;b", r"\"]]);
        assert_eq!(commands(""), [Vec::<String>::new()]);
        assert_eq!(commands("a;"), [vec!["a".to_owned()], vec![]]);
    }

    #[test]
    fn a_word_too_many_shows() {
        let words = |n: usize| commands(&"w ".repeat(n)).remove(0).len();
        assert_eq!((words(MAX_WORDS), words(MAX_WORDS + 1), words(9_999)), (64, 65, 65));
    }

    #[test]
    fn a_payload_is_announced_by_the_last_word() {
        let line = Line::parse("set ssl cert a.pem <<");
        assert_eq!(line.commands, [vec!["set", "ssl", "cert", "a.pem"]]);
        assert_eq!(line.payload_end.as_deref(), Some(""));
        assert_eq!(Line::parse("add map m <<%E%").payload_end.as_deref(), Some("%E%"));
        assert_eq!(Line::parse("add map m <<x y").payload_end, None);
    }
}
