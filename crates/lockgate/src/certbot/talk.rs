//! What is said and asked: results to standard output unless quiet, trouble to standard error, both into the log. It asks
//! only where somebody can answer.

use super::options::Options;
use crate::console;
use base::reason;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What a table or a summary stands between.
pub(super) const FRAME: &str =
    "- - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - -";
const LOG: &str = "letsencrypt.log";

/// See the module's head.
#[derive(Debug)]
pub(super) struct Talk {
    quiet: bool,
    verbose: u32,
    interactive: bool,
    log: Option<(PathBuf, File)>,
}

impl Talk {
    /// Opens the log, the one before moved out of its way.
    pub(super) fn new(options: &Options) -> Result<Talk, String> {
        let silent = options.noninteractive || options.quiet;
        let interactive = !silent && (options.force_interactive || std::io::stdin().is_terminal());
        let log = open_log(&options.tree.logs_dir, options.max_log_backups)?;
        Ok(Talk { quiet: options.quiet, verbose: options.verbose, interactive, log: Some(log) })
    }

    /// Says nothing but what is asked for with `-v`, asks nothing, keeps no log.
    pub(super) fn silent(options: &Options) -> Talk {
        Talk { quiet: false, verbose: options.verbose, interactive: false, log: None }
    }

    /// Says where the log is.
    pub(super) fn begin(&self) {
        if let Some((path, _)) = &self.log {
            self.remark(&format!("Saving debug log to {}", path.display()));
        }
    }

    /// Says where more can be read of what went wrong.
    pub(super) fn end(&self) {
        if let Some((path, _)) = self.log.as_ref().filter(|_| !self.quiet) {
            self.err(&format!("See the logfile {} or run it again with -v for more.", path.display()));
        }
    }

    pub(super) fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// A result.
    pub(super) fn say(&self, text: &str) {
        self.note("INFO", text);
        if !self.quiet {
            console::out(&format!("{text}\n"));
        }
    }

    /// A result between lines, after an empty one.
    pub(super) fn frame(&self, text: &str) {
        self.say(&format!("\n{FRAME}\n{text}\n{FRAME}"));
    }

    /// Trouble, or what should not be mixed with results. Said even if quiet.
    pub(super) fn err(&self, text: &str) {
        self.note("ERROR", text);
        console::err(&format!("{text}\n"));
    }

    /// What explains a failure: beside the results, or where it is heard in spite of `--quiet`.
    pub(super) fn say_or_err(&self, text: &str) {
        if self.quiet { self.err(text) } else { self.say(text) }
    }

    /// What is of interest, but not to somebody who wants quiet.
    pub(super) fn remark(&self, text: &str) {
        self.note("WARNING", text);
        if !self.quiet {
            console::err(&format!("{text}\n"));
        }
    }

    /// For `-v`.
    pub(super) fn detail(&self, text: &str) {
        self.note("DEBUG", text);
        if self.verbose > 0 && !self.quiet {
            console::err(&format!("{text}\n"));
        }
    }

    /// Asks a question. The error names the flag that would have answered it.
    pub(super) fn ask(&self, question: &str, prompt: &str, flag: &str) -> Result<String, String> {
        if !self.interactive {
            return Err(format!(
                "Missing command line flag or config entry for this setting:\n{question}\n\n(You can set this with the {flag} flag)"
            ));
        }
        console::out(&format!("\n{FRAME}\n{question}\n{FRAME}\n{prompt}: "));
        let mut answer = String::new();
        match std::io::stdin().lock().read_line(&mut answer) {
            Ok(0) => Err(format!("nobody answers; {flag} would be the answer")),
            Ok(_) => Ok(answer.trim().to_owned()),
            Err(why) => Err(format!("the answer cannot be read: {}", reason(&why))),
        }
    }

    /// Asks for yes or no.
    pub(super) fn agrees(&self, question: &str, flag: &str) -> Result<bool, String> {
        let answer = self.ask(question, "(Y)es/(N)o", flag)?.to_lowercase();
        Ok(matches!(answer.as_str(), "y" | "yes"))
    }

    fn note(&self, level: &str, text: &str) {
        if let Some((_, mut file)) = self.log.as_ref().map(|(path, file)| (path, file)) {
            let now = certs::renew::UnixTime::from(SystemTime::now());
            let mut line = String::new();
            let _ = writeln!(line, "{now}:{level}: {}", text.trim());
            // A full disk must not keep a certificate from being renewed.
            let _ = file.write_all(line.as_bytes());
        }
    }
}

fn open_log(folder: &Path, backups: u32) -> Result<(PathBuf, File), String> {
    let path = folder.join(LOG);
    let wrong = |why: std::io::Error| {
        format!(
            "{}: {}; run as root, or set --config-dir, --work-dir and --logs-dir to folders of your own",
            path.display(),
            reason(&why)
        )
    };
    let make = || -> std::io::Result<File> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        rotate(&path, backups)?;
        OpenOptions::new().create(true).append(true).mode(0o600).open(&path)
    };
    Ok((path.clone(), make().map_err(wrong)?))
}

/// `.log` becomes `.log.1`, and so on up to `backups`; with none, one log goes on growing.
fn rotate(path: &Path, backups: u32) -> std::io::Result<()> {
    let numbered = |n: u32| PathBuf::from(format!("{}.{n}", path.display()));
    if backups == 0 || !path.exists() {
        return Ok(());
    }
    let last = (1..=backups).find(|n| !numbered(*n).exists()).unwrap_or(backups);
    for n in (1..last).rev() {
        std::fs::rename(numbered(n), numbered(n + 1))?;
    }
    std::fs::rename(path, numbered(1))
}
