//! The moment at which rustls lets a connection go: what it knows is kept as far as somebody may still ask, its keys
//! go to the record layer, and the rest of it, some two kilobytes, goes back to the allocator.

use crate::info::Facts;
use crate::record::{Key, Ratchet, Records, Renewal};
use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::{ExtractedSecrets, NamedGroup, ProtocolVersion, SupportedCipherSuite};

/// A connection whose records are ours.
pub(crate) struct Settled {
    pub(crate) records: Records,
    alpn: Option<Box<[u8]>>,
    version: Option<ProtocolVersion>,
    suite: Option<SupportedCipherSuite>,
    group: Option<NamedGroup>,
    resumed: bool,
}

impl Settled {
    /// A connection to a client, and what its keys were made of, where that is known. Nothing may wait in it to be sent.
    /// `None` where rustls keeps the keys to itself.
    pub(crate) fn server(
        connection: UnbufferedServerConnection,
        ratchet: Option<Box<Ratchet>>,
    ) -> Option<Settled> {
        let tls13 = is_tls13(connection.protocol_version());
        let settled = Settled::of(&Facts::of(&connection));
        let (secrets, kernel) = connection.dangerous_into_kernel_connection().ok()?;
        let renewal = match ratchet.filter(|ratchet| ratchet.yields(&secrets)) {
            _ if !tls13 => Renewal::NeverServer,
            Some(ratchet) => Renewal::Own(ratchet),
            None => Renewal::Server(Box::new(kernel)),
        };
        Some(settled(records(tls13, &secrets, renewal)?))
    }

    /// The same of a connection to a server.
    pub(crate) fn client(connection: UnbufferedClientConnection) -> Option<Settled> {
        let tls13 = is_tls13(connection.protocol_version());
        let settled = Settled::of(&Facts::of(&connection));
        let (secrets, kernel) = connection.dangerous_into_kernel_connection().ok()?;
        let renewal = if tls13 { Renewal::Client(Box::new(kernel)) } else { Renewal::NeverClient };
        Some(settled(records(tls13, &secrets, renewal)?))
    }

    /// Copies the facts; the records follow.
    fn of(facts: &Facts<'_>) -> impl FnOnce(Records) -> Settled + use<> {
        let (alpn, version) = (facts.alpn.map(Box::from), facts.version);
        let (suite, group, resumed) = (facts.suite, facts.group, facts.resumed);
        move |records| Settled { records, alpn, version, suite, group, resumed }
    }

    /// What is still known; not what the peer has shown.
    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            alpn: self.alpn.as_deref(),
            version: self.version,
            suite: self.suite,
            group: self.group,
            resumed: self.resumed,
            chain: &[],
        }
    }
}

fn is_tls13(version: Option<ProtocolVersion>) -> bool {
    version == Some(ProtocolVersion::TLSv1_3)
}

fn records(tls13: bool, secrets: &ExtractedSecrets, renewal: Renewal) -> Option<Records> {
    let ((received, open), (sent, seal)) = (&secrets.rx, &secrets.tx);
    Some(Records::new(Key::new(tls13, *received, open)?, Key::new(tls13, *sent, seal)?, renewal))
}
