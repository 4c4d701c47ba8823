//! Revocation lists of X.509 version 1, as `openssl ca -gencrl` makes them where nobody asks for numbers. OpenSSL takes
//! them, but rustls refuses to read them. Where a `crl-file` holds one, all its lists are checked here; elsewhere rustls
//! does it. The numbers and their order are OpenSSL's (`man 3 X509_STORE_CTX_get_error`).
//!
//! As with rustls, each certificate up to the trusted one needs a list of its issuer. Whatever could stand in the path
//! is asked about, so that no choice of what is sent leads around a revoked issuer.

use crate::chain::{CRL_EXPIRED, CRL_NOT_YET_VALID, CRL_SIGNATURE, Fault, NO_CRL, REVOKED, UNSPECIFIED};
use crate::crl_view::CrlView;
use crate::der::{BITS, Der, SEQUENCE};
use crate::trust::Authorities;
use aws_lc_rs::digest;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use x509_parser::prelude::{FromDer, X509Certificate, X509Error};
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

/// Signatures looked at for one chain, as many as rustls looks at: who sends more than that takes is refused.
const MAX_SIGNATURES: usize = 100;

/// What a `crl-file` holds, by who checks with it: one of the two is empty.
#[derive(Debug, Default)]
pub(crate) struct Revocations {
    /// For rustls.
    pub(crate) current: Vec<CertificateRevocationListDer<'static>>,
    old: Vec<List>,
}

impl Revocations {
    /// The text says what cannot be used.
    pub(crate) fn new(ders: Vec<Vec<u8>>) -> Result<Revocations, &'static str> {
        let old = |der: &Vec<u8>| CrlView::new(der).is_some_and(|list| list.version() == 1);
        if !ders.iter().any(old) {
            let current = ders.into_iter().map(CertificateRevocationListDer::from).collect();
            return Ok(Revocations { current, old: Vec::new() });
        }
        let old = ders.into_iter().map(List::read).collect::<Result<_, _>>()?;
        Ok(Revocations { current: Vec::new(), old })
    }

    /// Over each list; empty without one.
    pub(crate) fn digest(&self) -> Vec<u8> {
        let current = self.current.iter().map(AsRef::as_ref);
        let ders = current.chain(self.old.iter().map(|list| list.der.as_slice()));
        ders.flat_map(|der| digest::digest(&digest::SHA256, der).as_ref().to_vec()).collect()
    }

    /// What the lists of this file say against a chain, the leaf's first. Nothing where rustls is to ask.
    pub(crate) fn faults(
        &self,
        trusted: &Authorities,
        leaf: &CertificateDer<'_>,
        issuers: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Vec<Fault> {
        if self.old.is_empty() {
            return Vec::new();
        }
        let read = |der| X509Certificate::from_der(der).ok().map(|(_, certificate)| certificate);
        let sent: Vec<_> = issuers.iter().filter_map(|der| read(der.as_ref())).collect();
        let roots: Vec<_> = trusted.anchors.iter().filter_map(|der| read(der.as_ref())).collect();
        let Some(leaf) = read(leaf) else { return Vec::new() };
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let Some(path) = possible_path(&leaf, &sent, trusted) else {
            return vec![Fault { depth: 0, number: UNSPECIFIED }];
        };
        let authorities: Vec<_> = roots.iter().chain(&sent).collect();
        path.iter().flat_map(|(depth, one)| self.faults_of(one, *depth, &authorities, now)).collect()
    }

    fn faults_of(
        &self,
        certificate: &X509Certificate<'_>,
        depth: u16,
        authorities: &[&X509Certificate<'_>],
        now: i64,
    ) -> Vec<Fault> {
        let issuer = certificate.issuer().as_raw();
        let fault = |number| Fault { depth, number };
        let Some(list) = self.old.iter().filter(|list| list.issuer == issuer).max_by_key(|list| list.from)
        else {
            return vec![fault(NO_CRL)];
        };
        let signed = authorities.iter().any(|one| one.subject().as_raw() == issuer && list.is_signed_by(one));
        let checks = [
            (now < list.from, CRL_NOT_YET_VALID),
            (list.until.is_some_and(|until| now > until), CRL_EXPIRED),
            (!signed, CRL_SIGNATURE),
            (list.names(certificate.raw_serial()), REVOKED),
        ];
        checks.into_iter().filter(|(found, _)| *found).map(|(_, number)| fault(number)).collect()
    }
}

/// The leaf, and of what was sent whatever may have signed something in here; what is trusted is not asked about.
/// `None` where that takes too long to find out.
fn possible_path<'p, 'd>(
    leaf: &'p X509Certificate<'d>,
    sent: &'p [X509Certificate<'d>],
    trusted: &Authorities,
) -> Option<Vec<(u16, &'p X509Certificate<'d>)>> {
    let (mut path, mut at, mut signatures) = (vec![(0, leaf)], 0, 0);
    while let Some((depth, certificate)) = path.get(at).copied() {
        at += 1;
        for issuer in sent.iter().filter(|one| one.subject().as_raw() == certificate.issuer().as_raw()) {
            let known = path.iter().any(|(_, one)| one.as_raw() == issuer.as_raw());
            if known || trusted.is_anchor(issuer.as_raw()) {
                continue;
            }
            signatures += 1;
            if signatures > MAX_SIGNATURES {
                return None;
            }
            if may_have_signed(issuer, certificate) {
                path.push((depth + 1, issuer));
            }
        }
    }
    Some(path)
}

/// rustls knows algorithms that are not known here: those count as if they fitted.
fn may_have_signed(issuer: &X509Certificate<'_>, certificate: &X509Certificate<'_>) -> bool {
    let outcome = certificate.verify_signature(Some(issuer.public_key()));
    outcome != Err(X509Error::SignatureVerificationError)
}

/// One list, read once.
#[derive(Debug)]
struct List {
    der: Vec<u8>,
    /// DER of the name.
    issuer: Vec<u8>,
    /// Seconds since 1970.
    from: i64,
    /// As `from`; `None` = the list does not say.
    until: Option<i64>,
    /// Sorted.
    serials: Vec<Vec<u8>>,
}

impl List {
    fn read(der: Vec<u8>) -> Result<List, &'static str> {
        let (_, list) = CertificateRevocationList::from_der(&der).map_err(|_| "one is no revocation list")?;
        if list.extensions().iter().any(|extension| extension.critical) {
            return Err("one with critical extensions cannot stand beside one of version 1");
        }
        let mut serials: Vec<_> =
            list.iter_revoked_certificates().map(|one| plain(one.raw_serial()).to_vec()).collect();
        serials.sort_unstable();
        let (issuer, from) = (list.issuer().as_raw().to_vec(), list.last_update().timestamp());
        let until = list.next_update().map(|time| time.timestamp());
        Ok(List { issuer, from, until, serials, der })
    }

    fn names(&self, serial: &[u8]) -> bool {
        self.serials.binary_search_by(|known| known.as_slice().cmp(plain(serial))).is_ok()
    }

    /// The authority made this list, and may.
    fn is_signed_by(&self, authority: &X509Certificate<'_>) -> bool {
        let usage = authority.key_usage().ok().flatten();
        usage.is_none_or(|usage| usage.value.crl_sign())
            && self.is_signed_with(authority.public_key()).is_some()
    }

    /// Without reading all that is revoked again.
    fn is_signed_with(&self, key: &SubjectPublicKeyInfo<'_>) -> Option<()> {
        let mut parts = Der(Der(&self.der).take(SEQUENCE).ok()?);
        let told = parts.whole().ok()?;
        let (_, algorithm) = AlgorithmIdentifier::from_der(parts.whole().ok()?).ok()?;
        let (unused_bits, signature) = parts.take(BITS).ok()?.split_first()?;
        let signature = x509_parser::der_parser::asn1_rs::BitString::new(*unused_bits, signature);
        x509_parser::verify::verify_signature(key, &algorithm, &signature, told).ok()
    }
}

/// A number without the zeros that some pad it with.
fn plain(mut serial: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = serial {
        serial = rest;
    }
    serial
}
