//! The TLS of our own requests to authorities on the web: whom we believe there. Those requests are made elsewhere;
//! here is only what rustls needs to know for them.

use crate::server_auth::AnyCertificate;
use crate::store::{CertStore, StoreSpec};
use crate::trust::{Authorities, system_bundle};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use std::path::PathBuf;
use std::sync::Arc;

/// Whose certificates are believed.
#[derive(Clone, Debug, PartialEq, Eq, Default, Hash)]
pub enum Trust {
    /// What the environment says (`REQUESTS_CA_BUNDLE`, or `SSL_CERT_FILE` and `SSL_CERT_DIR`), else the system's
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
        let told = |names: &[&str]| -> Vec<PathBuf> {
            let values = names.iter().filter_map(std::env::var_os).filter(|value| !value.is_empty());
            values.map(PathBuf::from).collect()
        };
        match self {
            Trust::Anybody => Vec::new(),
            Trust::Files(files) => files.clone(),
            Trust::System => [told(&["REQUESTS_CA_BUNDLE"]), told(&["SSL_CERT_FILE", "SSL_CERT_DIR"])]
                .into_iter()
                .find(|paths| !paths.is_empty())
                .unwrap_or_else(|| vec![system_bundle()]),
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
        Ok(builder.with_root_certificates(self.roots()?.roots()).with_no_client_auth())
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
