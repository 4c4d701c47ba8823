//! Programs of the operator's that publish and remove records, run as Certbot runs `--manual-auth-hook` and
//! `--manual-cleanup-hook`: by the shell, with its environment variables. What an authority sent comes to them only in
//! those, and checked.

use super::{DnsError, Proof};
use base::reason;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

/// How long a hook may run: many sleep until their record has spread.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
/// How much of a hook's output is kept for the cleanup.
const MAX_OUTPUT: u64 = 64 * 1024;

/// The two programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hooks {
    /// Publishes; a line of shell.
    pub auth: String,
    /// Removes; a line of shell.
    pub cleanup: Option<String>,
    /// More of their environment.
    pub environment: Vec<(String, String)>,
}

impl Hooks {
    /// Runs the first, and returns what it wrote to its output.
    pub(super) async fn present(&self, proof: &Proof<'_>) -> Result<String, DnsError> {
        self.run(&self.auth, proof, None).await
    }

    pub(super) async fn withdraw(&self, proof: &Proof<'_>, output: &str) -> Result<(), DnsError> {
        match &self.cleanup {
            Some(cleanup) => self.run(cleanup, proof, Some(output)).await.map(drop),
            None => Ok(()),
        }
    }

    async fn run(&self, hook: &str, proof: &Proof<'_>, output: Option<&str>) -> Result<String, DnsError> {
        let failed = |why: String| DnsError::Provider { provider: format!("the hook '{hook}'"), why };
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(hook).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        command
            .env("CERTBOT_DOMAIN", proof.domain)
            .env("CERTBOT_VALIDATION", proof.value)
            .env("CERTBOT_ALL_DOMAINS", proof.all_domains.join(","))
            .env("CERTBOT_REMAINING_CHALLENGES", proof.remaining.to_string())
            .env("LOCKGATE_RECORD", proof.owner())
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .env_remove("CERTBOT_TOKEN");
        match output {
            Some(output) => command.env("CERTBOT_AUTH_OUTPUT", output),
            None => command.env_remove("CERTBOT_AUTH_OUTPUT"),
        };
        let mut child = command.spawn().map_err(|e| failed(format!("cannot be run: {e}")))?;
        let all = async {
            let mut text = Vec::new();
            if let Some(stdout) = child.stdout.take() {
                stdout.take(MAX_OUTPUT).read_to_end(&mut text).await?;
            }
            Ok::<_, std::io::Error>((text, child.wait().await?))
        };
        match tokio::time::timeout(PATIENCE, all).await {
            // A NUL byte could not be handed to the cleanup's environment.
            Ok(Ok((text, status))) if status.success() => {
                Ok(String::from_utf8_lossy(&text).replace('\0', "").trim_end().to_owned())
            }
            Ok(Ok((_, status))) => Err(failed(format!("ended with {status}"))),
            Ok(Err(why)) => Err(failed(reason(&why))),
            Err(_) => Err(failed(format!("was ended after {} s", PATIENCE.as_secs()))),
        }
    }
}
