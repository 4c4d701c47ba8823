//! TLS towards one `server`: who is trusted, which name is asked for, which certificate we show.

use crate::certificate::Certificate;
use crate::error::TlsError;
use crate::problem::{Built, Problem};
use crate::server_auth::{AnyCertificate, ServerAuth};
use crate::source;
use crate::store::CertStore;
use crate::suites::{self, Wishes};
use crate::trust::Authorities;
use crate::versions::Versions;
use arc_swap::ArcSwap;
use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, Tls12Resumption, UnbufferedClientConnection};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{DnsName, IpAddr, ServerName};
use rustls::sign::SingleCertAndKey;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// Names whose sessions are remembered per server; each with a few tickets. More than one only where `sni` varies.
const REMEMBERED_NAMES: usize = 64;

/// A server's TLS words, as written; `None` and empty = not written.
#[derive(Clone, Debug, Default)]
pub struct ServerSpec {
    /// `verify`: `required` unless told otherwise (`ssl-server-verify` applied by the caller).
    pub verify_none: bool,
    /// `ca-file`, also `@system-ca`
    pub ca_file: Option<String>,
    /// `crl-file`
    pub crl_file: Option<String>,
    /// `verifyhost`
    pub verifyhost: Option<String>,
    /// `crt`
    pub crt: Option<String>,
    /// `alpn`, most preferred first
    pub alpn: Vec<Vec<u8>>,
    /// `ciphers`
    pub ciphers: Option<String>,
    /// `ciphersuites`
    pub ciphersuites: Option<String>,
    /// `curves`
    pub curves: Option<String>,
    /// `ssl-min-ver`, `ssl-max-ver`, `no-tlsv*`
    pub versions: Versions,
    /// `no-tls-tickets`
    pub no_tls_tickets: bool,
    /// `no-ssl-reuse`
    pub no_ssl_reuse: bool,
}

/// The running TLS towards a server, shared by its connections.
#[derive(Debug)]
pub struct ServerTls {
    live: Arc<Live>,
}

/// What connections begin with; replaced when the files of `ca-file` or `crl-file` are.
#[derive(Debug)]
pub(crate) struct Live {
    config: ArcSwap<ClientConfig>,
    spec: ServerSpec,
}

impl Live {
    /// If `file` is one of its own: checks with what the files now hold, and forgets sessions that began under what they held; whether it does. What
    /// cannot be used changes nothing.
    pub(crate) fn refresh(&self, store: &CertStore, file: &Path) -> bool {
        let mut files = [&self.spec.ca_file, &self.spec.crl_file].into_iter().flatten();
        if self.spec.verify_none || !files.any(|word| store.trust_path(word) == file) {
            return false;
        }
        let old = self.config.load_full();
        let Some(verifier) = verifier(store, &self.spec, old.crypto_provider(), &mut Vec::new()) else {
            return false;
        };
        let mut config = ClientConfig::clone(&old);
        config.dangerous().set_certificate_verifier(verifier);
        config.resumption = resumption(&self.spec);
        self.config.store(Arc::new(config));
        true
    }
}

impl ServerTls {
    /// Loads what the line names.
    pub fn new(store: &CertStore, spec: &ServerSpec) -> Built<ServerTls> {
        let mut problems = Vec::new();
        let config = config(store, spec, &mut problems);
        let live = |config| {
            let live = Arc::new(Live { config: ArcSwap::from_pointee(config), spec: spec.clone() });
            store.note_server(&live);
            ServerTls { live }
        };
        Built::of(config.map(live), problems)
    }

    /// A connection that asks for `sni`; `alpn` in place of the server's own list. What cannot be a host name (a Host header
    /// with its port) is not sent, and fails where the certificate has to be for it.
    pub(crate) fn open(
        &self,
        sni: Option<&str>,
        alpn: Option<&[Vec<u8>]>,
    ) -> Result<UnbufferedClientConnection, TlsError> {
        let name = match sni.filter(|name| !name.is_empty()) {
            Some(name) => match asked(name) {
                Some(name) => name,
                None if self.live.spec.verify_none => no_name(),
                None => return Err(TlsError::BadServerName(name.into())),
            },
            None => no_name(),
        };
        let config = self.live.config.load_full();
        let alpn = alpn.map_or_else(|| config.alpn_protocols.clone(), <[Vec<u8>]>::to_vec);
        Ok(UnbufferedClientConnection::new_with_alpn(config, name, alpn)?)
    }
}

/// rustls wants a name for every connection, but sends none that is an address (RFC 6066 section 3 forbids it). This
/// one stands for "nobody in particular".
pub(crate) fn no_name() -> ServerName<'static> {
    ServerName::IpAddress(IpAddr::from(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED)))
}

fn asked(name: &str) -> Option<ServerName<'static>> {
    let address = name.parse::<std::net::IpAddr>().ok().map(|ip| ServerName::IpAddress(ip.into()));
    address.or_else(|| DnsName::try_from(name.to_owned()).ok().map(ServerName::DnsName))
}

fn config(store: &CertStore, spec: &ServerSpec, problems: &mut Vec<Problem>) -> Option<ClientConfig> {
    let wishes = Wishes {
        ciphers: spec.ciphers.as_deref(),
        ciphersuites: spec.ciphersuites.as_deref(),
        curves: spec.curves.as_deref(),
        versions: spec.versions,
    };
    let speech = suites::speech(wishes, problems)?;
    let verifier = verifier(store, spec, &speech.provider, problems)?;
    let own = match &spec.crt {
        Some(word) => Some(client_certificate(store, word, problems)?),
        None => None,
    };
    let builder = ClientConfig::builder_with_provider(speech.provider)
        .with_protocol_versions(&speech.versions)
        .inspect_err(|error| problems.push(Problem::Refused { why: error.to_string() }))
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match own {
        Some(own) => {
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&own.key))))
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = store.spoken(&spec.alpn, problems);
    config.resumption = resumption(spec);
    // For `settle`; nothing else takes them.
    config.enable_secret_extraction = true;
    Some(config)
}

fn resumption(spec: &ServerSpec) -> Resumption {
    match (spec.no_ssl_reuse, spec.no_tls_tickets) {
        (true, _) => Resumption::disabled(),
        (false, true) => {
            Resumption::in_memory_sessions(REMEMBERED_NAMES).tls12_resumption(Tls12Resumption::SessionIdOnly)
        }
        (false, false) => Resumption::in_memory_sessions(REMEMBERED_NAMES),
    }
}

fn verifier(
    store: &CertStore,
    spec: &ServerSpec,
    provider: &Arc<CryptoProvider>,
    problems: &mut Vec<Problem>,
) -> Option<Arc<dyn ServerCertVerifier>> {
    if spec.verify_none {
        return Some(Arc::new(AnyCertificate(provider.signature_verification_algorithms)));
    }
    let Some(word) = &spec.ca_file else {
        problems.push(Problem::Needs { what: "verify required", needs: "ca-file" });
        return None;
    };
    let mut authorities = Authorities::load(store, word, problems)?;
    let crls = authorities.revocations(store, spec.crl_file.as_deref(), problems)?;
    match ServerAuth::new(authorities, crls, spec.verifyhost.clone(), provider) {
        Ok(auth) => Some(Arc::new(auth)),
        Err(why) => {
            problems.push(Problem::Refused { why });
            None
        }
    }
}

fn client_certificate(
    store: &CertStore,
    word: &str,
    problems: &mut Vec<Problem>,
) -> Option<Arc<Certificate>> {
    let sources = source::resolve(store, word, problems);
    let loaded = store.load_all(sources.get(..1)?, |_| true, SystemTime::now()).pop()?;
    problems.extend(loaded.problems);
    loaded.certificate
}
