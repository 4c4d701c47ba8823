//! Protocol versions a line allows. Only TLS 1.2 and 1.3 are ever spoken; older names are understood as limits.

/// A version by name, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// `SSLv3`
    Ssl3,
    /// `TLSv1.0`
    Tls10,
    /// `TLSv1.1`
    Tls11,
    /// `TLSv1.2`
    Tls12,
    /// `TLSv1.3`
    Tls13,
}

/// `ssl-min-ver`, `ssl-max-ver` and `no-tlsv*` of a line; `None` = not written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Versions {
    /// `ssl-min-ver`
    pub min: Option<TlsVersion>,
    /// `ssl-max-ver`
    pub max: Option<TlsVersion>,
    /// `no-tlsv12`
    pub no_tls12: bool,
    /// `no-tlsv13`
    pub no_tls13: bool,
}
