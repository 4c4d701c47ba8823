//! A certificate for a key that lies elsewhere: the request (PKCS#10, RFC 2986) was made there and is only handed on.
//! Nothing is kept in the tree: without the key nothing could be renewed.

use super::names::general_name;
use super::{Wanted, by_acme};
use crate::acme::IssueError;
use crate::hatch::Hatch;
use crate::issue::Issued;
use crate::storage::Storage;
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;

/// A request and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub(super) der: Vec<u8>,
    /// Host names and addresses in it, the common name first, in lower case.
    pub names: Vec<String>,
    /// The public key (SubjectPublicKeyInfo).
    pub(super) public: Vec<u8>,
}

impl Request {
    /// Reads a file's bytes, PEM or DER; the error says what is wrong with them.
    pub fn read(bytes: &[u8]) -> Result<Request, String> {
        let is_pem = bytes.windows(10).any(|window| window == b"-----BEGIN");
        let der = match is_pem {
            true => CertificateSigningRequestDer::from_pem_slice(bytes)
                .map_err(|why| format!("there is no request in it ({why})"))?
                .to_vec(),
            false => bytes.to_vec(),
        };
        let (_, parsed) = X509CertificationRequest::from_der(&der).map_err(|why| why.to_string())?;
        parsed.verify_signature().map_err(|_| "its signature is not by its key".to_owned())?;
        let info = &parsed.certification_request_info;
        let mut names: Vec<String> = info
            .subject
            .iter_common_name()
            .filter_map(|name| name.as_str().ok())
            .map(str::to_lowercase)
            .collect();
        let extensions = parsed.requested_extensions().into_iter().flatten();
        for extension in extensions {
            if let ParsedExtension::SubjectAlternativeName(all) = extension {
                names.extend(all.general_names.iter().filter_map(general_name));
            }
        }
        let mut known = std::collections::BTreeSet::new();
        names.retain(|name| known.insert(name.clone()));
        if names.is_empty() {
            return Err("it asks for no name".to_owned());
        }
        let public = info.subject_pki.raw.to_vec();
        Ok(Request { names, public, der })
    }
}

/// Has it signed.
pub(super) async fn sign(
    wanted: &Wanted,
    storage: &Storage,
    hatch: &dyn Hatch,
    finalizes: &dyn Fn(),
) -> Result<Issued, IssueError> {
    let mut complaints = Vec::new();
    let _lock = storage.tree().lock()?;
    let bundle = by_acme(wanted, storage, hatch, finalizes, None, &mut complaints).await?;
    Ok(Issued { bundle, complaints })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair};

    #[test]
    fn names_are_read_from_pem_and_der() {
        let key = KeyPair::generate().unwrap();
        let names = ["www.a.example", "a.example", "192.0.2.1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, "A.example");
        let request = params.serialize_request(&key).unwrap();
        let read = Request::read(request.pem().unwrap().as_bytes()).unwrap();
        assert_eq!(read.names, ["a.example", "www.a.example", "192.0.2.1"]);
        assert_eq!(Request::read(request.der()).unwrap(), read);
    }

    #[test]
    fn what_is_no_request_is_told() {
        let key = KeyPair::generate().unwrap();
        for bytes in [key.serialize_pem().as_bytes(), b"", b"x", &[0x30, 0x82, 0xff, 0xff]] {
            Request::read(bytes).unwrap_err();
        }
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        let der = params.serialize_request(&key).unwrap().der().to_vec();
        assert_eq!(Request::read(&der).unwrap_err(), "it asks for no name");
        let mut der = CertificateParams::new(vec!["a.example".to_owned()])
            .unwrap()
            .serialize_request(&key)
            .unwrap()
            .der()
            .to_vec();
        *der.last_mut().unwrap() ^= 1;
        Request::read(&der).unwrap_err();
    }
}
