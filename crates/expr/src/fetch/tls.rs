//! Fetches about TLS connections and the certificates of both ends (manual section 7.3.4).

use super::{bin_row, bool_row, int_row, text_row};
use crate::args::{Arg, Args, BadArg};
use crate::fact::{ClientTlsFact, Fact, ServerTlsFact};
use crate::matching::MatchMethod;
use crate::rows::{AclForm, ArgKind, ArgRow, FetchRow, Fetched, Needs, arg};
use crate::sample::Sample;
use crate::scope::{CertField, Scope};

static ENTRY: &[ArgRow] =
    &[arg("entry", ArgKind::Str), arg("occ", ArgKind::Int), arg("format", ArgKind::Str)];

const FRONT: Needs = Needs::ClientTls;
const BACK: Needs = Needs::ServerConnection;

/// A certificate's rows: the same for the client's (`ssl_c_`), ours (`ssl_f_`) and the server's (`ssl_s_`).
macro_rules! certificate_rows {
    ($table:ident, $prefix:literal, $whose:literal, $needs:expr, $fact:path) => {
        pub(super) static $table: [FetchRow; 10] = [
            bin_row(
                concat!($prefix, "der"),
                $needs,
                |_, s| Ok(s.fact(&$fact(CertField::Der))),
                concat!($whose, " certificate, DER"),
            ),
            text_row(concat!($prefix, "i_dn"), $needs, asked, concat!($whose, " certificate's issuer"))
                .args(ENTRY, 0)
                .prepare(|args, _| {
                    name(args, $fact(CertField::IssuerRfc2253), |e| $fact(CertField::Issuer(e)))
                }),
            text_row(
                concat!($prefix, "key_alg"),
                $needs,
                |_, s| Ok(s.fact(&$fact(CertField::KeyAlg))),
                concat!($whose, " certificate's key algorithm"),
            ),
            text_row(
                concat!($prefix, "notafter"),
                $needs,
                |_, s| Ok(s.fact(&$fact(CertField::NotAfter))),
                concat!($whose, " certificate's last moment, YYMMDDhhmmssZ"),
            ),
            text_row(
                concat!($prefix, "notbefore"),
                $needs,
                |_, s| Ok(s.fact(&$fact(CertField::NotBefore))),
                concat!($whose, " certificate's first moment, YYMMDDhhmmssZ"),
            ),
            text_row(concat!($prefix, "s_dn"), $needs, asked, concat!($whose, " certificate's subject"))
                .args(ENTRY, 0)
                .prepare(|args, _| {
                    name(args, $fact(CertField::SubjectRfc2253), |e| $fact(CertField::Subject(e)))
                }),
            bin_row(
                concat!($prefix, "serial"),
                $needs,
                |_, s| Ok(s.fact(&$fact(CertField::Serial))),
                concat!($whose, " certificate's serial number"),
            ),
            bin_row(
                concat!($prefix, "sha1"),
                $needs,
                |_, s| Ok(s.fact(&$fact(CertField::Sha1))),
                concat!($whose, " certificate's SHA-1 fingerprint"),
            ),
            text_row(
                concat!($prefix, "sig_alg"),
                $needs,
                |_, s| Ok(s.fact(&$fact(CertField::SigAlg))),
                concat!($whose, " certificate's signature algorithm"),
            ),
            int_row(
                concat!($prefix, "version"),
                $needs,
                |_, s| Ok(s.fact(&$fact(CertField::Version))),
                concat!($whose, " certificate's X.509 version"),
            ),
        ];
    };
}

certificate_rows!(CLIENT, "ssl_c_", "The client's", FRONT, Fact::SslClient);
certificate_rows!(OURS, "ssl_f_", "Our", FRONT, Fact::SslServed);
certificate_rows!(SERVER, "ssl_s_", "The server's", BACK, Fact::SslServer);

pub(super) static ROWS: &[FetchRow] = &[
    bool_row(
        "ssl_bc",
        BACK,
        |_, s| Ok(s.fact(&Fact::ServerTls(ServerTlsFact::SslBc))),
        "True for a TLS connection to the server",
    ),
    int_row(
        "ssl_bc_alg_keysize",
        BACK,
        |_, s| Ok(s.fact(&Fact::ServerTls(ServerTlsFact::SslBcKeysize))),
        "Its cipher's key size in bits",
    ),
    text_row(
        "ssl_bc_alpn",
        BACK,
        |_, s| Ok(s.fact(&Fact::ServerTls(ServerTlsFact::SslBcAlpn))),
        "Its protocol chosen by ALPN",
    ),
    text_row(
        "ssl_bc_cipher",
        BACK,
        |_, s| Ok(s.fact(&Fact::ServerTls(ServerTlsFact::SslBcCipher))),
        "Its cipher",
    ),
    text_row(
        "ssl_bc_curve",
        BACK,
        |_, s| Ok(s.fact(&Fact::ServerTls(ServerTlsFact::SslBcCurve))),
        "Its group for key agreement",
    ),
    int_row(
        "ssl_bc_err",
        BACK,
        |_, s| Ok(s.fact(&Fact::ServerTls(ServerTlsFact::SslBcErr))),
        "Its TLS error",
    ),
    text_row(
        "ssl_bc_err_str",
        BACK,
        |_, s| Ok(s.fact(&Fact::ServerTls(ServerTlsFact::SslBcErrText))),
        "Its TLS error, in words",
    ),
    bool_row(
        "ssl_bc_is_resumed",
        BACK,
        |_, s| Ok(s.fact(&Fact::ServerTls(ServerTlsFact::SslBcIsResumed))),
        "True where its session was resumed",
    ),
    text_row(
        "ssl_bc_protocol",
        BACK,
        |_, s| Ok(s.fact(&Fact::ServerTls(ServerTlsFact::SslBcProtocol))),
        "Its TLS version",
    ),
    int_row(
        "ssl_bc_use_keysize",
        BACK,
        |_, s| Ok(s.fact(&Fact::ServerTls(ServerTlsFact::SslBcKeysize))),
        "Its cipher's key size in bits",
    ),
    int_row(
        "ssl_c_ca_err",
        FRONT,
        |_, s| Ok(s.fact(&Fact::ClientTls(ClientTlsFact::SslClientCaErr))),
        "Error above the client's certificate",
    ),
    int_row(
        "ssl_c_ca_err_depth",
        FRONT,
        |_, s| Ok(s.fact(&Fact::ClientTls(ClientTlsFact::SslClientCaErrDepth))),
        "Depth of the error above the client's certificate",
    ),
    bin_row(
        "ssl_c_chain_der",
        FRONT,
        |_, s| Ok(s.fact(&Fact::ClientTls(ClientTlsFact::SslClientChain))),
        "The certificates the client showed above its own, DER",
    ),
    int_row(
        "ssl_c_err",
        FRONT,
        |_, s| Ok(s.fact(&Fact::ClientTls(ClientTlsFact::SslClientErr))),
        "Error of the client's certificate",
    ),
    bool_row(
        "ssl_c_used",
        FRONT,
        |_, s| Ok(s.fact(&Fact::ClientTls(ClientTlsFact::SslClientUsed))),
        "True where the client has a certificate",
    ),
    int_row(
        "ssl_c_verify",
        FRONT,
        |_, s| Ok(s.fact(&Fact::ClientTls(ClientTlsFact::SslClientVerify))),
        "Outcome of verifying it; 0 is good",
    ),
    bool_row(
        "ssl_fc",
        FRONT,
        |_, s| Ok(s.fact(&Fact::ClientTls(ClientTlsFact::SslFc))),
        "True for a TLS connection from the client",
    ),
    int_row(
        "ssl_fc_alg_keysize",
        FRONT,
        |_, s| Ok(s.fact(&Fact::ClientTls(ClientTlsFact::SslFcKeysize))),
        "Its cipher's key size in bits",
    ),
    text_row(
        "ssl_fc_alpn",
        FRONT,
        |_, s| Ok(s.fact(&Fact::ClientTls(ClientTlsFact::SslFcAlpn))),
        "Its protocol chosen by ALPN",
    ),
    text_row(
        "ssl_fc_cipher",
        FRONT,
        |_, s| Ok(s.fact(&Fact::ClientTls(ClientTlsFact::SslFcCipher))),
        "Its cipher",
    ),
    text_row(
        "ssl_fc_curve",
        FRONT,
        |_, s| Ok(s.fact(&Fact::ClientTls(ClientTlsFact::SslFcCurve))),
        "Its group for key agreement",
    ),
    int_row(
        "ssl_fc_err",
        FRONT,
        |_, s| Ok(s.fact(&Fact::ClientTls(ClientTlsFact::SslFcErr))),
        "Its TLS error",
    ),
    text_row(
        "ssl_fc_err_str",
        FRONT,
        |_, s| Ok(s.fact(&Fact::ClientTls(ClientTlsFact::SslFcErrText))),
        "Its TLS error, in words",
    ),
    bool_row("ssl_fc_has_crt", FRONT, has_certificate, "True where the client presented a certificate on it"),
    bool_row(
        "ssl_fc_has_early",
        FRONT,
        |_, s| Ok(s.fact(&Fact::ClientTls(ClientTlsFact::SslFcHasEarly))),
        "True while early data arrived on it",
    ),
    bool_row("ssl_fc_has_sni", FRONT, has_sni, "True where the client named a host"),
    bool_row(
        "ssl_fc_is_resumed",
        FRONT,
        |_, s| Ok(s.fact(&Fact::ClientTls(ClientTlsFact::SslFcIsResumed))),
        "True where its session was resumed",
    ),
    text_row(
        "ssl_fc_protocol",
        FRONT,
        |_, s| Ok(s.fact(&Fact::ClientTls(ClientTlsFact::SslFcProtocol))),
        "Its TLS version",
    ),
    bin_row(
        "ssl_fc_session_id",
        FRONT,
        |_, s| Ok(s.fact(&Fact::ClientTls(ClientTlsFact::SslFcSessionId))),
        "Its session id",
    ),
    bin_row(
        "ssl_s_chain_der",
        BACK,
        |_, s| Ok(s.fact(&Fact::ServerTls(ServerTlsFact::SslServerChain))),
        "All certificates the server showed, DER",
    ),
    text_row(
        "ssl_fc_sni",
        FRONT,
        |_, s| Ok(s.fact(&Fact::ClientTls(ClientTlsFact::SslFcSni))),
        "The host the client named",
    )
    .acl(AclForm::Suffixes(&[MatchMethod::End, MatchMethod::Reg])),
    int_row(
        "ssl_fc_use_keysize",
        FRONT,
        |_, s| Ok(s.fact(&Fact::ClientTls(ClientTlsFact::SslFcKeysize))),
        "Its cipher's key size in bits",
    ),
];

/// Makes the fact of a distinguished name: whole, or one entry's occurrence (the first by default). The format is one of
/// the whole.
fn name(
    args: &mut Args,
    rfc2253: Fact,
    fact: impl Fn(Option<(Box<str>, i32)>) -> Fact,
) -> Result<(), BadArg> {
    let format = args.str(2).filter(|format| !format.is_empty());
    if format.is_some_and(|format| format != b"rfc2253") {
        return Err(BadArg::new(2, "the only format beside the default is 'rfc2253'"));
    }
    if format.is_some() && args.str(0).is_none_or(<[u8]>::is_empty) {
        args.put(0, Arg::Fact(rfc2253));
        return Ok(());
    }
    let entry = args.str(0).filter(|entry| !entry.is_empty());
    let entry = entry.map(|entry| String::from_utf8_lossy(entry).into_owned().into_boxed_str());
    let occurrence = i32::try_from(args.int(1).unwrap_or(0)).unwrap_or(0);
    let occurrence = if occurrence == 0 { 1 } else { occurrence };
    args.put(0, Arg::Fact(fact(entry.map(|entry| (entry, occurrence)))));
    Ok(())
}

fn asked<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(args.fact(0).and_then(|fact| scope.fact(fact)))
}

/// `ssl_c_used` without resumed sessions, on which no certificate travels.
fn has_certificate<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let used = scope.fact(&Fact::ClientTls(ClientTlsFact::SslClientUsed));
    let resumed = scope.fact(&Fact::ClientTls(ClientTlsFact::SslFcIsResumed)) == Some(Sample::Bool(true));
    Ok(used.map(|used| Sample::Bool(used == Sample::Bool(true) && !resumed)))
}

fn has_sni<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let tls = scope.fact(&Fact::ClientTls(ClientTlsFact::SslFc)) == Some(Sample::Bool(true));
    Ok(tls.then(|| Sample::Bool(scope.fact(&Fact::ClientTls(ClientTlsFact::SslFcSni)).is_some())))
}
