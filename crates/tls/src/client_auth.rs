//! Client certificates: who is let in (`verify`, `ca-file`, `ca-verify-file`, `crl-file`), which faults are overlooked
//! (`crt-ignore-err`, `ca-ignore-err`), and what is said of them afterwards in OpenSSL's numbers.
//!
//! rustls' verifier decides. Only where it refuses are the faults worked out, in the order in which OpenSSL meets
//! them, because settings and fetches are written in those terms. The signature of the handshake itself is always
//! checked: whoever is let in holds the key of the certificate shown.

use crate::bind::Verify;
use crate::chain::{self, Fault, Purpose};
use crate::policy::PolicySpec;
use crate::problem::Problem;
use crate::revocation::Revocations;
use crate::signature;
use crate::store::CertStore;
use crate::trust::{self, Authorities};
use crate::version1;
use aws_lc_rs::digest;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use std::cell::RefCell;
use std::sync::Arc;

/// What OpenSSL would say of a client's certificate. All zero = nothing is wrong with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// `ssl_c_verify`: the last fault found.
    pub verify: u16,
    /// `ssl_c_err`: the first of the certificate itself.
    pub err: u16,
    /// `ssl_c_ca_err`: the first of its issuers.
    pub ca_err: u16,
    /// `ssl_c_ca_err_depth`: which issuer's, 1 being the nearest.
    pub ca_err_depth: u16,
}

impl VerifyReport {
    fn of(faults: &[Fault]) -> VerifyReport {
        let leaf_fault = faults.iter().find(|fault| fault.depth == 0);
        let ca_fault = faults.iter().find(|fault| fault.depth > 0);
        VerifyReport {
            verify: faults.last().map_or(0, |fault| fault.number),
            err: leaf_fault.map_or(0, |fault| fault.number),
            ca_err: ca_fault.map_or(0, |fault| fault.number),
            ca_err_depth: ca_fault.map_or(0, |fault| fault.depth),
        }
    }
}

/// A client that was not let in for its certificate.
#[derive(Debug)]
pub(crate) struct Refused {
    /// What it has shown, its own first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// Up to the fault that was not overlooked.
    pub(crate) report: VerifyReport,
}

thread_local! {
    /// rustls forgets the certificates of whom it refuses, and logs want to tell of them. The verifier runs inside the
    /// session's own call, so it leaves word here and the session takes it on return.
    static REFUSED: RefCell<Option<Refused>> = const { RefCell::new(None) };
}

/// The client that was refused since the last call, on this thread.
pub(crate) fn take_refused() -> Option<Refused> {
    REFUSED.with_borrow_mut(Option::take)
}

/// `all`, or numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Overlook {
    all: bool,
    numbers: Vec<u16>,
}

impl Overlook {
    fn parse(what: &'static str, list: Option<&str>, problems: &mut Vec<Problem>) -> Overlook {
        let mut overlook = Overlook::default();
        let mut unknown = Vec::new();
        for word in list.unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match (word, word.parse().ok().or_else(|| chain::number_of(word))) {
                ("all", _) => overlook.all = true,
                (_, Some(number)) => overlook.numbers.push(number),
                (_, None) => unknown.push(word.to_owned()),
            }
        }
        if !unknown.is_empty() {
            problems.push(Problem::UnknownNames { what, names: unknown });
        }
        overlook
    }

    fn covers(&self, number: u16) -> bool {
        self.all || self.numbers.contains(&number)
    }
}

/// The verifier of a policy.
#[derive(Debug)]
pub(crate) struct ClientAuth {
    verifier: Arc<dyn ClientCertVerifier>,
    authorities: Authorities,
    crt_overlook: Overlook,
    ca_overlook: Overlook,
    revocations: Revocations,
    revocation_digest: Vec<u8>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientAuth {
    pub(crate) fn new(
        store: &CertStore,
        spec: &PolicySpec,
        problems: &mut Vec<Problem>,
    ) -> Option<ClientAuth> {
        let Some((authorities, shown)) = authorities(store, spec, problems) else {
            if spec.ca_file.is_none() && spec.ca_verify_file.is_none() {
                problems.push(Problem::Needs { what: "verify", needs: "ca-file" });
            }
            return None;
        };
        let revocations = trust::revocations(store, spec.crl_file.as_deref(), problems)?;
        let revocation_digest = revocations.digest();
        let provider = Arc::new(default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let mut builder =
            WebPkiClientVerifier::builder_with_provider(Arc::new(authorities.roots()), provider)
                .with_crls(revocations.current.iter().cloned())
                .enforce_revocation_expiration()
                .clear_root_hint_subjects()
                .add_root_hint_subjects(shown);
        if spec.verify == Verify::Optional {
            builder = builder.allow_unauthenticated();
        }
        let verifier = match builder.build() {
            Ok(verifier) => verifier,
            Err(error) => {
                problems.push(Problem::Refused { why: error.to_string() });
                return None;
            }
        };
        let crt_overlook = Overlook::parse("crt-ignore-err", spec.crt_ignore_err.as_deref(), problems);
        let ca_overlook = Overlook::parse("ca-ignore-err", spec.ca_ignore_err.as_deref(), problems);
        Some(ClientAuth {
            verifier,
            authorities,
            crt_overlook,
            ca_overlook,
            revocations,
            revocation_digest,
            algorithms,
        })
    }

    /// What decides who is let in, for the binding of sessions.
    pub(crate) fn digest(&self, context: &mut digest::Context) {
        self.authorities.digest(context);
        context.update(&self.revocation_digest);
    }

    /// What is wrong with a chain, leaf first. Nobody with a fault has entered where none is overlooked; elsewhere it is
    /// worked out afresh, also for sessions taken up again, so that what has expired in the meantime shows.
    pub(crate) fn report(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> VerifyReport {
        if self.crt_overlook == Overlook::default() && self.ca_overlook == Overlook::default() {
            return VerifyReport::default();
        }
        let Some((leaf, issuers)) = chain.split_first() else { return VerifyReport::default() };
        let faults = self.examine(leaf, issuers, now).err().map(|(faults, _)| faults).unwrap_or_default();
        VerifyReport::of(&faults)
    }

    fn examine(
        &self,
        leaf: &CertificateDer<'_>,
        issuers: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), (Vec<Fault>, Error)> {
        let issuers = &self.authorities.issuers(issuers);
        let revocation = self.revocations.faults(&self.authorities, leaf, issuers, now);
        let verify = |()| self.verifier.verify_client_cert(leaf, issuers, now);
        let (faults, error) = match self.authorities.believe_nobody().and_then(verify) {
            Ok(_) => (revocation, CertificateError::UnknownRevocationStatus.into()),
            Err(error) if self.trusts_version1(leaf, now) => (revocation, error),
            Err(error) => {
                let purpose = Purpose::Client;
                (chain::faults(&self.authorities, leaf, issuers, now, purpose, &error, revocation), error)
            }
        };
        if faults.is_empty() { Ok(()) } else { Err((faults, error)) }
    }

    fn trusts_version1(&self, leaf: &[u8], now: UnixTime) -> bool {
        let old = version1::read(leaf).filter(|_| self.revocations.current.is_empty());
        old.is_some_and(|old| version1::is_trusted(&old, &self.authorities, now))
    }

    fn overlooks(&self, fault: &Fault) -> bool {
        let list = if fault.depth == 0 { &self.crt_overlook } else { &self.ca_overlook };
        list.covers(fault.number)
    }
}

type Trusted = (Authorities, Vec<DistinguishedName>);

/// Both files' certificates are trusted; only those of `ca-file` are named to the client.
fn authorities(store: &CertStore, spec: &PolicySpec, problems: &mut Vec<Problem>) -> Option<Trusted> {
    let mut load = |word: &Option<String>| word.as_ref().map(|word| Authorities::load(store, word, problems));
    let (named, quiet) = (load(&spec.ca_file), load(&spec.ca_verify_file));
    let shown = match &named {
        Some(Some(authorities)) if !spec.no_ca_names => authorities.all_as_roots().subjects(),
        _ => Vec::new(),
    };
    match (named, quiet) {
        (None, None) | (Some(None), _) | (_, Some(None)) => None,
        (Some(Some(one)), None) | (None, Some(Some(one))) => Some((one, shown)),
        (Some(Some(one)), Some(Some(other))) => Some((one.and(other), shown)),
    }
}

impl ClientCertVerifier for ClientAuth {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        self.verifier.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let Err((faults, error)) = self.examine(end_entity, intermediates, now) else {
            return Ok(ClientCertVerified::assertion());
        };
        let Some(last) = faults.iter().position(|fault| !self.overlooks(fault)) else {
            return Ok(ClientCertVerified::assertion());
        };
        let met = faults.get(..=last).unwrap_or_default();
        let shown = std::iter::once(end_entity).chain(intermediates);
        let chain = shown.map(|der| der.clone().into_owned()).collect();
        REFUSED.set(Some(Refused { chain, report: VerifyReport::of(met) }));
        Err(met.last().map_or(error.clone(), |fault| fault.error(error)))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        signature::check_tls12(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        signature::check_tls13(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
