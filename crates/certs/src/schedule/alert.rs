//! Programs of the operator's that hear of what goes wrong with a certificate: an expiry that comes near, an attempt that
//! failed. They must not hold renewals up, and nothing of an authority's reaches a shell as words to act upon.

use super::Tell;
use crate::renew::Severity;
use crate::shell;
use std::ffi::OsStr;
use std::time::Duration;

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
    let environment = environment(alert);
    for hook in hooks {
        let (hook, tell, environment) = (hook.clone(), tell.clone(), environment.clone());
        tokio::task::spawn_local(async move {
            let environment: Vec<_> =
                environment.iter().map(|(name, value)| (*name, OsStr::new(value))).collect();
            if let Err(why) = shell::run(&hook, &environment, PATIENCE).await {
                tell(Severity::Err, &format!("the alert-hook '{hook}' {why}"));
            }
        });
    }
}

fn environment(alert: &Alert<'_>) -> [(&'static str, String); 6] {
    [
        ("LOCKGATE_EVENT", alert.event.word().to_owned()),
        ("LOCKGATE_SEVERITY", alert.severity.to_string()),
        ("LOCKGATE_CERTIFICATE", alert.name.to_owned()),
        ("LOCKGATE_DOMAINS", alert.names.join(" ")),
        ("LOCKGATE_ENDS_IN", alert.ends_in.map(|left| left.to_string()).unwrap_or_default()),
        ("LOCKGATE_MESSAGE", plain(alert.message)),
    ]
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
