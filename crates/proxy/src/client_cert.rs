//! Facts about the client's certificate, out of what the handshake kept.

use crate::agreed::Agreed;
use expr::{Fact, Sample};

/// Answers `ssl_c_*` and `ssl_f_*`.
pub fn fact<'a>(tls: Option<&'a Agreed>, fact: &Fact) -> Option<Sample<'a>> {
    let _tls = tls?;
    match fact {
        Fact::SslClientUsed => Some(Sample::Bool(false)),
        Fact::SslClientVerify | Fact::SslClientErr | Fact::SslClientCaErr | Fact::SslClientCaErrDepth => {
            Some(Sample::Int(0))
        }
        _ => None,
    }
}
