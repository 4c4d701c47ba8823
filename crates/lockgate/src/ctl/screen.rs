//! The terminal while `lockgate ctl top` has it: another screen, no cursor, keys at once. Whatever ends the program, the
//! terminal is given back as it was.

use super::frame::{Line, Tone};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use std::io::{self, IsTerminal, Write};

/// What is assumed of a terminal that does not tell.
const USUAL: (usize, usize) = (80, 24);

/// See the file's head.
pub(super) struct Screen {
    before: Termios,
    colours: bool,
}

impl Screen {
    /// Takes the terminal; `None` where input or output is none.
    pub(super) fn take() -> io::Result<Option<Screen>> {
        let (input, output) = (io::stdin(), io::stdout());
        if !input.is_terminal() || !output.is_terminal() {
            return Ok(None);
        }
        let before = tcgetattr(&input)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&input, OptionalActions::Now, &raw)?;
        let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let screen = Screen { before, colours };
        // another screen; no cursor
        write("\x1b[?1049h\x1b[?25l")?;
        Ok(Some(screen))
    }

    /// Columns and lines.
    pub(super) fn size() -> (usize, usize) {
        match tcgetwinsize(io::stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
            Ok(_) | Err(_) => USUAL,
        }
    }

    /// Draws over what was drawn before, in one write: nothing flickers.
    pub(super) fn draw(&self, lines: &[Line]) -> io::Result<()> {
        let mut text = String::from("\x1b[H");
        for (at, line) in lines.iter().enumerate() {
            if at > 0 {
                text.push_str("\r\n");
            }
            text.push_str(&self.toned(line));
            // the rest of the line
            text.push_str("\x1b[K");
        }
        // the rest of the screen
        text.push_str("\x1b[J");
        write(&text)
    }

    fn toned(&self, line: &Line) -> String {
        let code = match line.tone {
            Tone::Plain => return line.text.clone(),
            Tone::Head => "\x1b[1m",
            Tone::Good | Tone::Between | Tone::Bad if !self.colours => return line.text.clone(),
            Tone::Good => "\x1b[32m",
            Tone::Between => "\x1b[33m",
            Tone::Bad => "\x1b[31m",
        };
        let mut out = String::new();
        for (at, c) in line.text.chars().enumerate() {
            if at == line.marked.start {
                out.push_str(code);
            }
            if at == line.marked.end {
                out.push_str("\x1b[0m");
            }
            out.push(c);
        }
        out.push_str("\x1b[0m");
        out
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing back.
        let _ = write("\x1b[?25h\x1b[?1049l");
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
