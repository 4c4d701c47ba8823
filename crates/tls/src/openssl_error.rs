//! Why a handshake failed, in the numbers and words of OpenSSL 3 (`man 3 ERR_error_string`): HAProxy's users know these
//! from `ssl_fc_err` and `ssl_bc_err`, and filter by them.

use crate::error::TlsError;
use rustls::{Error, PeerIncompatible};

/// An error's code and its line.
pub type OpensslError = (u32, &'static str);

/// Alerts by their number (RFC 8446 section 6): the code is 1000 more.
const ALERTS: [OpensslError; 33] = [
    (10, "error:0A0003F2:SSL routines::sslv3 alert unexpected message"),
    (20, "error:0A0003FC:SSL routines::sslv3 alert bad record mac"),
    (21, "error:0A0003FD:SSL routines::tlsv1 alert decryption failed"),
    (22, "error:0A0003FE:SSL routines::tlsv1 alert record overflow"),
    (30, "error:0A000406:SSL routines::sslv3 alert decompression failure"),
    (40, "error:0A000410:SSL routines::sslv3 alert handshake failure"),
    (41, "error:0A000411:SSL routines::sslv3 alert no certificate"),
    (42, "error:0A000412:SSL routines::sslv3 alert bad certificate"),
    (43, "error:0A000413:SSL routines::sslv3 alert unsupported certificate"),
    (44, "error:0A000414:SSL routines::sslv3 alert certificate revoked"),
    (45, "error:0A000415:SSL routines::sslv3 alert certificate expired"),
    (46, "error:0A000416:SSL routines::sslv3 alert certificate unknown"),
    (47, "error:0A000417:SSL routines::sslv3 alert illegal parameter"),
    (48, "error:0A000418:SSL routines::tlsv1 alert unknown ca"),
    (49, "error:0A000419:SSL routines::tlsv1 alert access denied"),
    (50, "error:0A00041A:SSL routines::tlsv1 alert decode error"),
    (51, "error:0A00041B:SSL routines::tlsv1 alert decrypt error"),
    (60, "error:0A000424:SSL routines::tlsv1 alert export restriction"),
    (70, "error:0A00042E:SSL routines::tlsv1 alert protocol version"),
    (71, "error:0A00042F:SSL routines::tlsv1 alert insufficient security"),
    (80, "error:0A000438:SSL routines::tlsv1 alert internal error"),
    (86, "error:0A00043E:SSL routines::tlsv1 alert inappropriate fallback"),
    (90, "error:0A000442:SSL routines::tlsv1 alert user cancelled"),
    (100, "error:0A00044C:SSL routines::tlsv1 alert no renegotiation"),
    (109, "error:0A000455:SSL routines::tlsv13 alert missing extension"),
    (110, "error:0A000456:SSL routines::tlsv1 unsupported extension"),
    (111, "error:0A000457:SSL routines::tlsv1 certificate unobtainable"),
    (112, "error:0A000458:SSL routines::tlsv1 unrecognized name"),
    (113, "error:0A000459:SSL routines::tlsv1 bad certificate status response"),
    (114, "error:0A00045A:SSL routines::tlsv1 bad certificate hash value"),
    (115, "error:0A00045B:SSL routines::tlsv1 alert unknown psk identity"),
    (116, "error:0A00045C:SSL routines::tlsv13 alert certificate required"),
    (120, "error:0A000460:SSL routines::tlsv1 alert no application protocol"),
];

/// The library's part of a code.
const SSL: u32 = 20 << 23;
const VERIFY_FAILED: OpensslError = (134, "error:0A000086:SSL routines::certificate verify failed");
const CLEAR_REQUEST: OpensslError = (156, "error:0A00009C:SSL routines::http request");
const LENGTH: OpensslError = (159, "error:0A00009F:SSL routines::length mismatch");
const NO_CIPHER: OpensslError = (193, "error:0A0000C1:SSL routines::no shared cipher");
const NO_CERTIFICATE: OpensslError = (199, "error:0A0000C7:SSL routines::peer did not return a certificate");
const CALLBACK: OpensslError = (234, "error:0A0000EA:SSL routines::callback failed");
const UNEXPECTED: OpensslError = (244, "error:0A0000F4:SSL routines::unexpected message");
const OLD_VERSION: OpensslError = (258, "error:0A000102:SSL routines::unsupported protocol");
const NO_TLS: OpensslError = (267, "error:0A00010B:SSL routines::wrong version number");
const BAD_RECORD: OpensslError = (281, "error:0A000119:SSL routines::decryption failed or bad record mac");
const NO_SIGNATURE: OpensslError = (376, "error:0A000178:SSL routines::no shared signature algorithms");

impl TlsError {
    /// What OpenSSL would call it; the nearest where it has no such error.
    pub fn openssl(&self) -> OpensslError {
        let (reason, text) = match self {
            TlsError::UnknownName(_) | TlsError::BadServerName(_) => CALLBACK,
            TlsError::ClearRequest => CLEAR_REQUEST,
            TlsError::NotTls => NO_TLS,
            TlsError::Protocol(error) => protocol(error),
            TlsError::NotReady | TlsError::Ended | TlsError::Fragmented | TlsError::KeyExhausted => {
                UNEXPECTED
            }
        };
        (SSL + reason, text)
    }
}

fn protocol(error: &Error) -> OpensslError {
    match error {
        Error::AlertReceived(alert) => {
            let number = u32::from(u8::from(*alert));
            let known = ALERTS.iter().find(|row| row.0 == number);
            known.map_or(UNEXPECTED, |(number, text)| (1000 + number, *text))
        }
        Error::InvalidCertificate(_) => VERIFY_FAILED,
        Error::NoCertificatesPresented => NO_CERTIFICATE,
        Error::InvalidMessage(_) => LENGTH,
        Error::DecryptError => BAD_RECORD,
        Error::PeerIncompatible(why) => incompatible(why),
        // rustls may grow others; all that are left mean that somebody did not keep to the protocol.
        _ => UNEXPECTED,
    }
}

fn incompatible(why: &PeerIncompatible) -> OpensslError {
    match why {
        PeerIncompatible::SupportedVersionsExtensionRequired
        | PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled => OLD_VERSION,
        PeerIncompatible::NoSignatureSchemesInCommon => NO_SIGNATURE,
        // What is left is about ciphers and groups; the enum is foreign and may grow.
        _ => NO_CIPHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::AlertDescription;

    #[test]
    fn codes_stand_in_their_texts() {
        for error in [
            TlsError::UnknownName(None),
            TlsError::ClearRequest,
            TlsError::NotTls,
            TlsError::NotReady,
            Error::AlertReceived(AlertDescription::UnknownCA).into(),
            Error::AlertReceived(AlertDescription::CertificateRequired).into(),
            Error::NoCertificatesPresented.into(),
            Error::DecryptError.into(),
            Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon).into(),
            Error::PeerIncompatible(PeerIncompatible::Tls12NotOfferedOrEnabled).into(),
        ] {
            let (code, text) = error.openssl();
            assert!(text.starts_with(&format!("error:{code:08X}:SSL routines::")), "{code:08X} {text}");
        }
        assert_eq!(TlsError::from(Error::AlertReceived(AlertDescription::UnknownCA)).openssl().0, SSL + 1048);
    }
}
