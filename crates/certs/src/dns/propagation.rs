//! Whether the servers of a zone show a record: asked themselves, since a resolver's cache would answer for them. The
//! authority is told only then, as each of its failed looks counts against a limit.

use super::lookup::texts;
use super::{DnsError, Presented, Resolver};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Between two looks at a server that does not show the record yet.
const BETWEEN: Duration = Duration::from_secs(2);
/// Secondaries of a slow provider take minutes.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// How long it is waited for somebody to say that a record is there, unless told.
const WORD: Duration = Duration::from_secs(3600);

/// How it is made sure that a record can be seen; all of it, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// Somebody has to say so.
    pub told: bool,
    /// It is waited for this long.
    pub wait: Option<Duration>,
    /// Every authoritative server is asked, for at most this long.
    pub servers: Option<Duration>,
}

impl Default for Check {
    fn default() -> Check {
        Check::servers(PATIENCE)
    }
}

impl Check {
    /// Every authoritative server is asked, for at most this long.
    pub const fn servers(patience: Duration) -> Check {
        Check { told: false, wait: None, servers: Some(patience) }
    }

    /// It is waited for this long, and nobody asked: for zones whose servers cannot be reached from here.
    pub const fn wait(time: Duration) -> Check {
        Check { told: false, wait: Some(time), servers: None }
    }

    /// How long somebody may take to say that a record is there.
    pub(crate) fn patience(self) -> Duration {
        self.servers.unwrap_or(WORD).max(WORD)
    }
}

/// Returns once every server of the zone shows the record, or says which do not.
pub async fn propagated(presented: &Presented, resolver: &Resolver, check: Check) -> Result<(), DnsError> {
    sleep(check.wait.unwrap_or_default()).await;
    let Some(patience) = check.servers else { return Ok(()) };
    let until = Instant::now() + patience;
    let mut missing = resolver.authorities(&presented.owner).await?;
    loop {
        missing = still_missing(missing, presented).await;
        if missing.is_empty() {
            return Ok(());
        }
        if Instant::now() >= until {
            let servers: Vec<String> = missing.into_iter().map(|(name, _)| name).collect();
            let (owner, servers) = (presented.owner.clone(), servers.join(", "));
            return Err(DnsError::NotSeen { owner, servers, seconds: patience.as_secs() });
        }
        sleep(BETWEEN.min(patience)).await;
    }
}

async fn still_missing(
    servers: Vec<(String, Vec<SocketAddr>)>,
    presented: &Presented,
) -> Vec<(String, Vec<SocketAddr>)> {
    let mut missing = Vec::new();
    for (name, addresses) in servers {
        if !shows(&addresses, presented).await {
            missing.push((name, addresses));
        }
    }
    missing
}

/// One of the server's addresses is enough: IPv6 may not lead anywhere from here.
async fn shows(addresses: &[SocketAddr], presented: &Presented) -> bool {
    for address in addresses {
        // An address that does not answer is not told: the server counts as missing if none shows the record.
        if let Ok(values) = texts(*address, &presented.owner).await {
            return values.iter().any(|value| value == presented.value.as_bytes());
        }
    }
    false
}
