//! What is shown of a revocation list, in the words of OpenSSL.

use crate::view::{long_algorithm_name, one_line, whole_utc};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

/// A revocation list, parsed for as long as one looks at it.
#[derive(Debug)]
pub struct CrlView<'d>(CertificateRevocationList<'d>);

impl<'d> CrlView<'d> {
    /// `None` where it is none.
    pub fn new(der: &'d [u8]) -> Option<CrlView<'d>> {
        CertificateRevocationList::from_der(der).ok().map(|(_, list)| CrlView(list))
    }

    /// 1 or 2.
    pub fn version(&self) -> u32 {
        self.0.version().map_or(1, |version| version.0 + 1)
    }

    /// The signature's algorithm, `ecdsa-with-SHA256`.
    pub fn sig_alg(&self) -> String {
        long_algorithm_name(&self.0.signature_algorithm.algorithm)
    }

    /// The issuer in one line.
    pub fn issuer(&self) -> Vec<u8> {
        one_line(self.0.issuer())
    }

    /// When it was made, `YYYYMMDDhhmmssZ`.
    pub fn last_update(&self) -> String {
        whole_utc(self.0.last_update().timestamp())
    }

    /// When there will be a newer one.
    pub fn next_update(&self) -> Option<String> {
        self.0.next_update().map(|time| whole_utc(time.timestamp()))
    }

    /// Serial numbers of what is revoked, and since when.
    pub fn revoked(&self) -> Vec<(Vec<u8>, String)> {
        let serial = |raw: &[u8]| raw.strip_prefix(&[0]).filter(|r| !r.is_empty()).unwrap_or(raw).to_vec();
        let revoked = self.0.iter_revoked_certificates();
        revoked.map(|one| (serial(one.raw_serial()), whole_utc(one.revocation_date.timestamp()))).collect()
    }
}
