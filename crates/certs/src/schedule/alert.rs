//! Programs of the operator's that hear of what goes wrong with a certificate: an expiry that comes near, an attempt that
//! failed. They must not hold renewals up, and nothing of an authority's reaches a shell as words to act upon.

use super::Tell;
use crate::renew::Severity;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// How long a program may run. Alerts of a certificate are minutes apart at least: they cannot pile up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Characters of a message that are handed on: it may quote an authority.
const LONGEST_MESSAGE: usize = 1000;

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// How near the end of what is served is.
    Expiry,
    /// An attempt failed.
    Failure,
    /// The authority took back what is served.
    Revoked,
}

impl Event {
    fn word(self) -> &'static str {
        match self {
            Event::Expiry => "expiry",
            Event::Failure => "failure",
            Event::Revoked => "revoked",
        }
    }
}

/// A piece of news.
pub(super) struct Alert<'a> {
    pub event: Event,
    pub severity: Severity,
    pub name: &'a str,
    pub names: &'a [String],
    /// Seconds until what is served ends, negative once it has; `None` where nothing is served.
    pub ends_in: Option<i64>,
    pub message: &'a str,
}

/// Runs all programs, beside what goes on. One that fails is told.
pub(super) fn raise(hooks: &[String], alert: &Alert<'_>, tell: &Tell) {
    for hook in hooks {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(hook).stdin(Stdio::null()).kill_on_drop(true);
        command
            .env("LOCKGATE_EVENT", alert.event.word())
            .env("LOCKGATE_SEVERITY", alert.severity.to_string())
            .env("LOCKGATE_CERTIFICATE", alert.name)
            .env("LOCKGATE_DOMAINS", alert.names.join(" "))
            .env("LOCKGATE_ENDS_IN", alert.ends_in.map(|left| left.to_string()).unwrap_or_default())
            .env("LOCKGATE_MESSAGE", plain(alert.message));
        let (hook, tell) = (hook.clone(), tell.clone());
        tokio::task::spawn_local(async move {
            let why = match tokio::time::timeout(PATIENCE, command.status()).await {
                Ok(Ok(status)) if status.success() => return,
                Ok(Ok(status)) => format!("ended with {status}"),
                Ok(Err(why)) => format!("cannot be run: {why}"),
                Err(_) => format!("was ended after {} s", PATIENCE.as_secs()),
            };
            tell(Severity::Err, &format!("the alert-hook '{hook}' {why}"));
        });
    }
}

/// Without anything that a shell would act upon, however carelessly a program puts it on a line.
fn plain(message: &str) -> String {
    let harmless = |c: &char| c.is_ascii_alphanumeric() || " .,:/@_=+%-".contains(*c);
    message.chars().filter(harmless).take(LONGEST_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_holds_nothing_that_a_shell_would_act_upon() {
        let said = "'a.example': `rm -rf /` $(id) \"x\"; see https://ca.example/why?n=1&b\n#é";
        assert_eq!(plain(said), "a.example: rm -rf / id x see https://ca.example/whyn=1b");
        assert_eq!(plain(&"x".repeat(5000)).len(), LONGEST_MESSAGE);
    }
}
