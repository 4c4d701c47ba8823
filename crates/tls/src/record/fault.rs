//! Why a connection is given up after its handshake, and what its peer is told.

use crate::error::TlsError;
use rustls::{AlertDescription, Error};

/// An error and the alert that goes with it.
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) alert: Option<AlertDescription>,
    pub(super) error: TlsError,
}

impl Fault {
    pub(super) fn new(alert: AlertDescription, error: impl Into<TlsError>) -> Fault {
        Fault { alert: Some(alert), error: error.into() }
    }

    /// The peer has given up; it wants no answer.
    pub(super) fn told(alert: AlertDescription) -> Fault {
        Fault { alert: None, error: Error::AlertReceived(alert).into() }
    }
}

/// The two octets of an alert (RFC 8446 section 6): three of them are mere warnings.
pub(super) fn alert(description: AlertDescription) -> [u8; 2] {
    let warns = matches!(
        description,
        AlertDescription::CloseNotify | AlertDescription::UserCanceled | AlertDescription::NoRenegotiation
    );
    [if warns { 1 } else { 2 }, u8::from(description)]
}
