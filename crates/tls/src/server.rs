//! TLS towards one `server`: who is trusted, which name is asked for, which certificate we show.

use crate::certificate::Certificate;
use crate::error::TlsError;
use crate::problem::{Built, Problem};
use crate::server_auth::{AnyCertificate, ServerAuth};
use crate::source;
use crate::store::CertStore;
use crate::suites::{self, Wishes};
use crate::trust::{self, Authorities};
use crate::trust_edit::{InUse, TrustKind};
use crate::versions::Versions;
use arc_swap::ArcSwap;
use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, Tls12Resumption, UnbufferedClientConnection};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{DnsName, IpAddr, ServerName};
use rustls::sign::SingleCertAndKey;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// What connections begin with; replaced when the files of `ca-file`, `crl-file` or `crt` are.
#[derive(Debug)]
pub(crate) struct Live {
    config: ArcSwap<ClientConfig>,
    spec: ServerSpec,
    /// `None` once the server is deleted: its last connections keep no file in use.
    files: Mutex<Option<Files>>,
}

#[derive(Debug)]
struct Files {
    /// Of its certificate.
    crt: Option<PathBuf>,
    _trust: Vec<InUse>,
}

impl Live {
    /// It shows the certificate of this file.
    pub(crate) fn shows(&self, file: &Path) -> bool {
        self.files().as_ref().is_some_and(|files| files.crt.as_deref() == Some(file))
    }

    fn files(&self) -> MutexGuard<'_, Option<Files>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// If its certificate is that of `file`: shows this one in its place, and forgets sessions that began with the former;
    /// whether it does.
    pub(crate) fn show(&self, file: &Path, certificate: &Certificate) -> bool {
        if !self.shows(file) {
            return false;
        }
        let mut config = ClientConfig::clone(&self.config.load());
        config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(Arc::clone(&certificate.key)));
        config.resumption = resumption(&self.spec);
        self.config.store(Arc::new(config));
        true
    }

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
        let live = |(config, crt)| {
            let (config, spec) = (ArcSwap::from_pointee(config), spec.clone());
            let files = Files { crt, _trust: store.use_trust(trust_files(store, &spec)) };
            let live = Arc::new(Live { config, spec, files: Mutex::new(Some(files)) });
            store.note_server(&live);
            ServerTls { live }
        };
        Built::of(config.map(live), problems)
    }

    /// Its server is deleted.
    pub fn retire(&self) {
        *self.live.files() = None;
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

fn trust_files(store: &CertStore, spec: &ServerSpec) -> impl Iterator<Item = (PathBuf, TrustKind)> {
    let files = [(&spec.ca_file, TrustKind::Authorities), (&spec.crl_file, TrustKind::Revocations)];
    files.into_iter().filter_map(|(word, kind)| Some((store.trust_path(word.as_deref()?), kind)))
}

/// With the file of the certificate that is shown.
fn config(
    store: &CertStore,
    spec: &ServerSpec,
    problems: &mut Vec<Problem>,
) -> Option<(ClientConfig, Option<PathBuf>)> {
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
    let mut config = match &own {
        Some((_, own)) => {
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&own.key))))
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = store.spoken(&spec.alpn, problems);
    config.resumption = resumption(spec);
    // For `settle`; nothing else takes them.
    config.enable_secret_extraction = true;
    Some((config, own.map(|(file, _)| file)))
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
    let authorities = Authorities::load(store, word, problems)?;
    let revocations = trust::revocations(store, spec.crl_file.as_deref(), problems)?;
    match ServerAuth::new(authorities, revocations, spec.verifyhost.clone(), provider) {
        Ok(auth) => Some(Arc::new(auth)),
        Err(why) => {
            problems.push(Problem::Refused { why });
            None
        }
    }
}

/// The store keeps it, so that operators can replace it, and give it to servers that they add.
fn client_certificate(
    store: &CertStore,
    word: &str,
    problems: &mut Vec<Problem>,
) -> Option<(PathBuf, Arc<Certificate>)> {
    let sources = source::resolve(store, word, problems);
    let source = sources.first()?;
    let loaded = store.load_all(std::slice::from_ref(source), |_| true, SystemTime::now()).pop()?;
    problems.extend(loaded.problems);
    let certificate = loaded.certificate?;
    store.keep(&source.crt, &certificate);
    Some((source.crt.clone(), certificate))
}
