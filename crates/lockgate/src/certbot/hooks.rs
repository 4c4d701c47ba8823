//! Programs of the operator's around an order: before all, for each new certificate, after all. Each command runs once
//! however many certificates name it. What fails is told; no certificate is lost over it.

use super::options::Options;
use super::talk::Talk;
use base::reason;
use std::path::Path;
use std::process::{Command, Stdio};

/// The hooks of one run of the program.
pub(super) struct Hooks<'a> {
    talk: &'a Talk,
    done: Vec<String>,
    after: Vec<String>,
}

impl<'a> Hooks<'a> {
    pub(super) fn new(talk: &'a Talk) -> Hooks<'a> {
        Hooks { talk, done: Vec::new(), after: Vec::new() }
    }

    /// Before something is ordered; remembers what has to run afterwards.
    pub(super) fn before(&mut self, options: &Options) -> Result<(), String> {
        let pre = self.folder(options, "pre")?;
        for hook in pre.into_iter().chain(options.pre_hook.clone()) {
            if !self.done.contains(&hook) {
                run(self.talk, "'pre-hook'", &hook, &[]);
                self.done.push(hook);
            }
        }
        for hook in self.folder(options, "post")?.into_iter().chain(options.post_hook.clone()) {
            if !self.after.contains(&hook) {
                self.after.push(hook);
            }
        }
        Ok(())
    }

    /// For a new certificate. A rehearsal only tells what would be run, unless it is asked to.
    pub(super) fn deploy(&self, options: &Options, lineage: &Path, names: &[String]) -> Result<(), String> {
        let folder = self.folder(options, "deploy")?;
        let own = options.deploy_hook.clone().filter(|hook| !folder.contains(hook));
        let environment =
            [("RENEWED_LINEAGE", lineage.display().to_string()), ("RENEWED_DOMAINS", names.join(" "))];
        for hook in folder.into_iter().chain(own) {
            if options.dry_run && !options.run_deploy_hooks {
                self.talk.say(&format!("Dry run: skipping deploy hook command: {hook}"));
            } else {
                run(self.talk, "'deploy-hook'", &hook, &environment);
            }
        }
        Ok(())
    }

    /// After all orders, whatever came of them. After a rehearsal nothing was renewed.
    pub(super) fn after(&mut self, renewed: &[String], failed: &[String]) {
        let environment = [("RENEWED_DOMAINS", renewed.join(" ")), ("FAILED_DOMAINS", failed.join(" "))];
        for hook in std::mem::take(&mut self.after) {
            run(self.talk, "'post-hook'", &hook, &environment);
        }
    }

    fn folder(&self, options: &Options, kind: &str) -> Result<Vec<String>, String> {
        if !options.folder_hooks {
            return Ok(Vec::new());
        }
        let programs = options.tree.folder_hooks(kind).map_err(|why| why.to_string())?;
        Ok(programs.iter().map(|program| program.display().to_string()).collect())
    }
}

/// Looks whether the programs can be found, before anything is ordered.
pub(super) fn validate(options: &Options) -> Result<(), String> {
    if !options.validate_hooks {
        return Ok(());
    }
    let hooks = [
        ("pre", &options.pre_hook),
        ("post", &options.post_hook),
        ("deploy", &options.deploy_hook),
        ("manual-auth", &options.manual_auth_hook),
        ("manual-cleanup", &options.manual_cleanup_hook),
    ];
    for (kind, hook) in hooks {
        let Some(program) = hook.as_deref().and_then(|hook| hook.split_whitespace().next()) else { continue };
        if !is_found(program) {
            let path = std::env::var("PATH").unwrap_or_default();
            return Err(format!(
                "Unable to find {kind}-hook command {program} in the PATH.\n(PATH is {path})\nName its full path, or leave \
                 the check away with --disable-hook-validation."
            ));
        }
    }
    Ok(())
}

/// A program, or a word of the shell's own.
fn is_found(program: &str) -> bool {
    // What the shell would take apart is left to it.
    if program.contains(|c: char| !(c.is_ascii_alphanumeric() || "/._-+".contains(c))) {
        return true;
    }
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "command -v \"$1\"", "sh", program]);
    let shell = shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    shell.status().is_ok_and(|status| status.success())
}

/// Runs a command of the shell's and tells what it said; what it wrote to standard output.
pub(super) fn run(talk: &Talk, kind: &str, hook: &str, environment: &[(&str, String)]) -> Option<String> {
    talk.detail(&format!("Running {kind} command: {hook}"));
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(hook).stdin(Stdio::null());
    command.envs(environment.iter().map(|(key, value)| (*key, value.as_str())));
    let output = match command.output() {
        Ok(output) => output,
        Err(why) => {
            talk.err(&format!("Hook {kind} cannot be run: {}", reason(&why)));
            return None;
        }
    };
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    let (out, err) = (said(&output.stdout), said(&output.stderr));
    if !output.status.success() {
        let code = output.status.code().map_or_else(|| output.status.to_string(), |code| code.to_string());
        talk.err(&format!("Hook {kind} reported error code {code}"));
    }
    let indented = |text: &str| text.lines().map(|line| format!(" {line}")).collect::<Vec<_>>().join("\n");
    if !out.is_empty() {
        talk.say(&format!("Hook {kind} ran with output:\n{}", indented(&out)));
    }
    if !err.is_empty() {
        talk.remark(&format!("Hook {kind} ran with error output:\n{}", indented(&err)));
    }
    output.status.success().then_some(out)
}
