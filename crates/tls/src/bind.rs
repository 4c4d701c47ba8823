//! The TLS of one `bind` line: its certificates, and which configuration a ClientHello gets.

use crate::error::TlsError;
use crate::problem::{Built, Problem};
use crate::store::CertStore;
use crate::versions::Versions;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ClientHello;
use std::path::PathBuf;
use std::sync::Arc;

/// `verify`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub enum Verify {
    /// No certificate is asked for.
    #[default]
    None,
    /// One is asked for; a client without one is let in.
    Optional,
    /// Nobody enters without one.
    Required,
}

/// A bind's TLS words, as written; `None` and empty = not written.
#[derive(Clone, Debug, Default)]
pub struct BindSpec {
    /// `crt` and `default-crt`, the default first: a file, a folder or `@store/alias`.
    pub crts: Vec<String>,
    /// `crt-list`
    pub crt_lists: Vec<String>,
    /// `strict-sni`
    pub strict_sni: bool,
    /// `alpn`, most preferred first; empty = no ALPN.
    pub alpn: Vec<Vec<u8>>,
    /// `ciphers`, OpenSSL's list for TLS 1.2
    pub ciphers: Option<String>,
    /// `ciphersuites`, for TLS 1.3
    pub ciphersuites: Option<String>,
    /// `curves`, or `ecdhe`
    pub curves: Option<String>,
    /// `ssl-min-ver`, `ssl-max-ver`, `no-tlsv*`
    pub versions: Versions,
    /// `no-tls-tickets`
    pub no_tls_tickets: bool,
    /// `verify`
    pub verify: Verify,
    /// `ca-file`
    pub ca_file: Option<String>,
    /// `ca-verify-file`
    pub ca_verify_file: Option<String>,
    /// `crl-file`
    pub crl_file: Option<String>,
    /// `crt-ignore-err`
    pub crt_ignore_err: Option<String>,
    /// `ca-ignore-err`
    pub ca_ignore_err: Option<String>,
    /// `tls-ticket-keys`
    pub tls_ticket_keys: Option<String>,
}

/// The running TLS of a bind, shared by its connections.
#[derive(Debug)]
pub struct BindTls {
    config: Arc<ServerConfig>,
}

impl BindTls {
    /// Loads every certificate of the line.
    pub fn new(store: &CertStore, spec: &BindSpec) -> Built<BindTls> {
        let mut problems = Vec::new();
        let loaded: Vec<_> =
            spec.crts.iter().filter_map(|crt| load(store.crt_path(crt), &mut problems)).collect();
        let value = loaded.into_iter().next().and_then(|pair| configure(spec, pair, &mut problems));
        Built::of(value, problems)
    }

    /// The configuration for this client.
    pub(crate) fn config_for(&self, _hello: &ClientHello<'_>) -> Result<Arc<ServerConfig>, TlsError> {
        Ok(Arc::clone(&self.config))
    }
}

type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn load(file: PathBuf, problems: &mut Vec<Problem>) -> Option<Pair> {
    let pem = match std::fs::read(&file) {
        Ok(pem) => pem,
        Err(error) => {
            problems.push(Problem::Unreadable { file, why: error.to_string() });
            return None;
        }
    };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
    if chain.is_empty() {
        problems.push(Problem::NoCertificate { file });
        return None;
    }
    match PrivateKeyDer::from_pem_slice(&pem) {
        Ok(key) => Some((chain, key)),
        Err(_) => {
            problems.push(Problem::NoKey { file, tried: Vec::new() });
            None
        }
    }
}

fn configure(spec: &BindSpec, (chain, key): Pair, problems: &mut Vec<Problem>) -> Option<BindTls> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let built = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
    match built {
        Ok(mut config) => {
            config.alpn_protocols = spec.alpn.clone();
            config.send_tls13_tickets = 1;
            if let Ok(ticketer) = aws_lc_rs::Ticketer::new() {
                config.ticketer = ticketer;
            }
            Some(BindTls { config: Arc::new(config) })
        }
        Err(error) => {
            problems.push(Problem::Refused { why: error.to_string() });
            None
        }
    }
}
