//! The settings of a bind, or of a line of its `crt-list`, and the rustls configuration they come to. Certificates are
//! added by `table`; equal settings share one policy.

use crate::bind::Verify;
use crate::client_auth::ClientAuth;
use crate::problem::Problem;
use crate::record::Confidant;
use crate::store::CertStore;
use crate::suites::{self, Speech, Wishes};
use crate::tickets::{Binding, BoundSessions, BoundTickets, Keys, NoTickets};
use crate::versions::Versions;
use aws_lc_rs::digest;
use rustls::ServerConfig;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, NoServerSessionStorage, ResolvesServerCert};
use std::sync::Arc;

/// What can differ between the certificates of one bind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct PolicySpec {
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) ciphers: Option<String>,
    pub(crate) ciphersuites: Option<String>,
    pub(crate) curves: Option<String>,
    pub(crate) versions: Versions,
    pub(crate) no_tls_tickets: bool,
    pub(crate) verify: Verify,
    pub(crate) ca_file: Option<String>,
    pub(crate) ca_verify_file: Option<String>,
    pub(crate) crl_file: Option<String>,
    pub(crate) crt_ignore_err: Option<String>,
    pub(crate) ca_ignore_err: Option<String>,
    pub(crate) no_ca_names: bool,
}

/// Settings, ready for use.
#[derive(Debug)]
pub(crate) struct Policy {
    base: ServerConfig,
    alpn: Vec<Vec<u8>>,
    tickets: Option<Keys>,
    store: CertStore,
    /// Who is let in, and how: sessions of one policy are not taken up under another.
    pub(crate) fingerprint: [u8; 32],
    pub(crate) client_auth: Option<Arc<ClientAuth>>,
}

impl Policy {
    /// `keys` are what tickets are made with.
    pub(crate) fn new(
        store: &CertStore,
        spec: &PolicySpec,
        keys: Keys,
        problems: &mut Vec<Problem>,
    ) -> Option<Policy> {
        let wishes = Wishes {
            ciphers: spec.ciphers.as_deref(),
            ciphersuites: spec.ciphersuites.as_deref(),
            curves: spec.curves.as_deref(),
            versions: spec.versions,
        };
        let speech = suites::speech(wishes, problems)?;
        let client_auth = match spec.verify {
            Verify::None => None,
            Verify::Optional | Verify::Required => Some(Arc::new(ClientAuth::new(store, spec, problems)?)),
        };
        let alpn = store.spoken(&spec.alpn, problems);
        let fingerprint = fingerprint(spec, client_auth.as_deref());
        let base = base(speech, client_auth.clone(), problems)?;
        let (store, tickets) = (store.clone(), (!spec.no_tls_tickets).then_some(keys));
        Some(Policy { base, alpn, tickets, store, fingerprint, client_auth })
    }

    /// One of the protocols offered is among ours.
    pub(crate) fn shares_alpn<'a>(&self, offered: impl IntoIterator<Item = &'a [u8]>) -> bool {
        offered.into_iter().any(|name| self.alpn.iter().any(|own| own == name))
    }

    /// The configuration for certificates of this policy.
    pub(crate) fn config(
        &self,
        resolver: Arc<dyn ResolvesServerCert>,
        binding: Binding,
        alpn: bool,
    ) -> ServerConfig {
        let mut config = self.base.clone();
        config.cert_resolver = resolver;
        let lifetime = self.store.session_lifetime();
        config.session_storage = match self.store.sessions() {
            Some(shared) => Arc::new(BoundSessions { shared, binding, lifetime }),
            None => Arc::new(NoServerSessionStorage {}),
        };
        config.ticketer = match self.tickets.clone() {
            Some(keys) => Arc::new(BoundTickets { keys, binding, lifetime }),
            None => Arc::new(NoTickets),
        };
        if alpn {
            config.alpn_protocols = self.alpn.clone();
        }
        config
    }
}

/// Replaced in every configuration that is used.
#[derive(Debug)]
struct Nobody;

impl ResolvesServerCert for Nobody {
    fn resolve(&self, _hello: rustls::server::ClientHello<'_>) -> Option<Arc<rustls::sign::CertifiedKey>> {
        None
    }
}

fn base(
    speech: Speech,
    client_auth: Option<Arc<ClientAuth>>,
    problems: &mut Vec<Problem>,
) -> Option<ServerConfig> {
    let verifier: Arc<dyn ClientCertVerifier> = match client_auth {
        Some(auth) => auth,
        None => Arc::new(NoClientAuth),
    };
    let builder =
        ServerConfig::builder_with_provider(speech.provider).with_protocol_versions(&speech.versions);
    match builder {
        Ok(builder) => {
            let mut config = builder.with_client_cert_verifier(verifier).with_cert_resolver(Arc::new(Nobody));
            // As HAProxy: the order of `ciphers` counts, not the client's.
            config.ignore_client_order = true;
            // Browsers take a second ticket only to open a second connection, which gets one of its own.
            config.send_tls13_tickets = 1;
            // For `settle`; nothing else takes or hears them.
            config.enable_secret_extraction = true;
            config.key_log = Arc::new(Confidant);
            Some(config)
        }
        Err(error) => {
            problems.push(Problem::Refused { why: error.to_string() });
            None
        }
    }
}

/// Digest over the settings and what the files they name held.
fn fingerprint(spec: &PolicySpec, client_auth: Option<&ClientAuth>) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(format!("{spec:?}").as_bytes());
    if let Some(auth) = client_auth {
        auth.digest(&mut context);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}
