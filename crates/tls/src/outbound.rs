//! The TLS of our own requests to authorities on the web: whom we believe there. Those requests are made elsewhere;
//! here is only what rustls needs to know for them.

use crate::server_auth::AnyCertificate;
use crate::store::{CertStore, StoreSpec};
use crate::trust::{Authorities, system_bundle};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use std::path::PathBuf;
use std::sync::Arc;

/// Variables in which people are used to name roots: OpenSSL's, and the one that Certbot heeds.
const NAMED_BY: [&str; 3] = ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"];

/// Whose certificates are believed.
#[derive(Clone, Debug, PartialEq, Eq, Default, Hash)]
pub enum Trust {
    /// All that the environment names (`SSL_CERT_FILE`, `SSL_CERT_DIR`, `REQUESTS_CA_BUNDLE`), else the system's
    /// bundle.
    #[default]
    System,
    /// These files and folders.
    Files(Vec<PathBuf>),
    /// Anybody's: `--no-verify-ssl`. For tests against an authority of one's own.
    Anybody,
}

impl Trust {
    /// Where the roots are read from.
    fn paths(&self) -> Vec<PathBuf> {
        let told = || {
            let values = NAMED_BY.iter().filter_map(std::env::var_os).filter(|value| !value.is_empty());
            values.map(PathBuf::from).collect::<Vec<_>>()
        };
        match self {
            Trust::Anybody => Vec::new(),
            Trust::Files(files) => files.clone(),
            Trust::System => match told() {
                none if none.is_empty() => vec![system_bundle()],
                named => named,
            },
        }
    }

    /// A client's settings. The error names the file that cannot be used. Reads the disk.
    pub fn client(&self) -> Result<ClientConfig, String> {
        let provider = Arc::new(default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        if *self == Trust::Anybody {
            let verifier = Arc::new(AnyCertificate(algorithms));
            return Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth());
        }
        Ok(builder.with_root_certificates(self.roots()?.all_as_roots()).with_no_client_auth())
    }

    fn roots(&self) -> Result<Authorities, String> {
        let (nowhere, mut all) = (CertStore::new(StoreSpec::default()), Authorities::default());
        for path in self.paths() {
            let mut problems = Vec::new();
            let word = path.display().to_string();
            let loaded = Authorities::load(&nowhere, &word, &mut problems);
            let why = || problems.first().map_or_else(|| word.clone(), ToString::to_string);
            all = all.and(loaded.ok_or_else(why)?);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_bundle_is_named() {
        let why = Trust::Files(vec!["/no/such/roots.pem".into()]).client().unwrap_err();
        assert!(why.contains("/no/such/roots.pem"), "{why}");
    }
}
