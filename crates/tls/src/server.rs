//! TLS towards one `server`: who is trusted, which name is asked for and checked, which certificate we show.

use crate::error::TlsError;
use crate::problem::{Built, Problem};
use crate::store::CertStore;
use crate::versions::Versions;
use rustls::client::UnbufferedClientConnection;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, DnsName, IpAddr, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use std::sync::Arc;

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
    config: Arc<ClientConfig>,
}

impl ServerTls {
    /// Loads what the line names.
    pub fn new(_store: &CertStore, spec: &ServerSpec) -> Built<ServerTls> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = Arc::new(AnyCertificate(provider.signature_verification_algorithms));
        if !spec.verify_none {
            let why = "'verify required' is not ready yet".into();
            return Built::of(None, vec![Problem::Refused { why }]);
        }
        let built = ClientConfig::builder_with_provider(Arc::clone(&provider) as Arc<CryptoProvider>)
            .with_safe_default_protocol_versions()
            .map(|b| b.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth());
        match built {
            Ok(mut config) => {
                config.alpn_protocols = spec.alpn.clone();
                Built::of(Some(ServerTls { config: Arc::new(config) }), Vec::new())
            }
            Err(error) => Built::of(None, vec![Problem::Refused { why: error.to_string() }]),
        }
    }

    /// A connection that asks for `sni`; `alpn` in place of the server's own list.
    pub(crate) fn open(
        &self,
        sni: Option<&str>,
        alpn: Option<&[Vec<u8>]>,
    ) -> Result<UnbufferedClientConnection, TlsError> {
        let name = match sni {
            Some(name) => ServerName::DnsName(
                DnsName::try_from(name.to_owned()).map_err(|_| TlsError::BadServerName(name.into()))?,
            ),
            // rustls sends no SNI for an address; whose it is plays no part.
            None => ServerName::IpAddress(IpAddr::V4([0, 0, 0, 0].into())),
        };
        let alpn = alpn.map_or_else(|| self.config.alpn_protocols.clone(), <[Vec<u8>]>::to_vec);
        Ok(UnbufferedClientConnection::new_with_alpn(Arc::clone(&self.config), name, alpn)?)
    }
}

/// `verify none`: any certificate will do, but its owner must hold the key.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
