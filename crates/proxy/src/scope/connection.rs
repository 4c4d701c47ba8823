//! Facts about the connections of a stream and their TLS.

use super::{int, text};
use crate::stream::Stream;
use expr::{ClientTlsFact, ConnectionFact, HelloPart, Measure, Sample, ServerTlsFact};
use http::client_hello::HelloLists;
use std::rc::Weak;
use tls::VerifyReport;

/// The message of error 0 (manual, `fc_err_str`).
const NO_ERROR: &str = "Success";

pub(super) fn known<'a>(stream: &'a Stream<'_>, fact: &ConnectionFact) -> Option<Sample<'a>> {
    match fact {
        ConnectionFact::FcHttpMajor | ConnectionFact::BcHttpMajor => Some(Sample::Int(1)),
        ConnectionFact::FcRcvdProxy => Some(Sample::Bool(stream.session.proxy.is_some())),
        ConnectionFact::FcPpAuthority => {
            stream.session.proxy.as_deref().and_then(|p| p.authority()).map(Sample::str)
        }
        ConnectionFact::FcPpUniqueId => {
            stream.session.proxy.as_deref().and_then(|p| p.unique_id()).map(Sample::str)
        }
        ConnectionFact::FcPpTlv(kind) => {
            stream.session.proxy.as_deref().and_then(|p| p.tlv(*kind)).map(Sample::str)
        }
        ConnectionFact::FcMeasured(which) => measured(&stream.session.meter, *which),
        ConnectionFact::BcMeasured(which) => measured(&stream.back_meter, *which),
        ConnectionFact::BcReused => stream.back_addrs.as_ref().map(|_| Sample::Bool(stream.back_reused)),
        ConnectionFact::FcErr => Some(Sample::Int(stream.session.error.get().map_or(0, |e| i64::from(e.0)))),
        ConnectionFact::FcErrText => Some(text(stream.session.error.get().map_or(NO_ERROR, |e| e.1))),
        ConnectionFact::BcErr => back_error(stream).map(|e| Sample::Int(i64::from(e.0))),
        ConnectionFact::BcErrText => back_error(stream).map(|e| text(e.1)),
    }
}

/// Of the connection to the server, where one was tried.
fn back_error(stream: &Stream<'_>) -> Option<(u8, &'static str)> {
    stream.back_error.get().or_else(|| stream.back_addrs.as_ref().map(|_| (0, NO_ERROR)))
}

fn measured(meter: &Weak<net::Meter>, which: Measure) -> Option<Sample<'static>> {
    let all = meter.upgrade()?.read().ok()?;
    Some(int(match which {
        Measure::Rtt => all.rtt_us,
        Measure::RttVar => all.rttvar_us,
        Measure::Unacked => all.unacked,
        Measure::Sacked => all.sacked,
        Measure::Lost => all.lost,
        Measure::Retrans => all.retrans,
        Measure::Fackets => all.fackets,
        Measure::Reordering => all.reordering,
    }))
}

/// What a handshake left unsaid is no text.
fn said(text: &'static str) -> Option<Sample<'static>> {
    (!text.is_empty()).then(|| super::text(text))
}

pub(super) fn client_tls<'a>(stream: &'a Stream<'_>, fact: &ClientTlsFact) -> Option<Sample<'a>> {
    let tls = stream.session.tls.as_deref();
    let report = || Some(tls?.client.as_ref().map_or_else(VerifyReport::default, |client| client.report));
    match fact {
        ClientTlsFact::SslFc => Some(Sample::Bool(tls.is_some())),
        ClientTlsFact::SslFcSni => tls?.sni.as_deref().map(text),
        ClientTlsFact::SslFcAlpn => tls?.alpn.as_deref().map(Sample::str),
        ClientTlsFact::SslFcProtocol => said(tls?.version),
        ClientTlsFact::SslFcCipher => said(tls?.cipher),
        ClientTlsFact::SslFcKeysize => Some(int(tls?.key_bits)),
        ClientTlsFact::SslFcIsResumed => Some(Sample::Bool(tls?.resumed)),
        ClientTlsFact::SslFcHasEarly => Some(Sample::Bool(false)),
        ClientTlsFact::SslFcCurve => said(tls?.group),
        ClientTlsFact::Hello(part) => hello(tls?.hello.as_deref()?, *part),
        ClientTlsFact::SslFcErr => Some(int(tls?.error.map_or(0, |error| error.0))),
        // Without an error there are no words either, unlike below TLS.
        ClientTlsFact::SslFcErrText => said(tls?.error?.1),
        ClientTlsFact::SslFcSessionId => Some(Sample::Bin(tls?.session_id.as_ref().into())),
        ClientTlsFact::SslClientUsed => Some(Sample::Bool(tls?.client.is_some())),
        // Nothing was verified to its end where the handshake failed.
        ClientTlsFact::SslClientVerify => tls?.error.is_none().then(|| report().map(|r| int(r.verify)))?,
        ClientTlsFact::SslClientErr => Some(int(report()?.err)),
        ClientTlsFact::SslClientCaErr => Some(int(report()?.ca_err)),
        ClientTlsFact::SslClientCaErrDepth => Some(int(report()?.ca_err_depth)),
        ClientTlsFact::SslClientChain => bytes(&tls?.client.as_ref()?.chain),
    }
}

fn bytes(bytes: &[u8]) -> Option<Sample<'static>> {
    (!bytes.is_empty()).then(|| Sample::Bin(bytes.to_vec().into()))
}

fn hello(lists: &HelloLists, part: HelloPart) -> Option<Sample<'_>> {
    let list = match part {
        HelloPart::Version => return Some(int(lists.version)),
        HelloPart::Ciphers => &lists.ciphers,
        HelloPart::Extensions => &lists.extensions,
        HelloPart::Groups => &lists.groups,
        HelloPart::PointFormats => &lists.formats,
        HelloPart::Signatures => &lists.signatures,
        HelloPart::Versions => &lists.versions,
    };
    Some(Sample::str(list))
}

pub(super) fn server_tls<'a>(stream: &'a Stream<'_>, fact: &ServerTlsFact) -> Option<Sample<'a>> {
    let back = stream.back_tls.as_deref();
    match fact {
        ServerTlsFact::SslBc => Some(Sample::Bool(back.is_some() || stream.back_error.get().is_some())),
        ServerTlsFact::SslBcAlpn => back?.alpn.as_deref().map(Sample::str),
        ServerTlsFact::SslBcProtocol => said(back?.version),
        ServerTlsFact::SslBcCipher => said(back?.cipher),
        ServerTlsFact::SslBcIsResumed => Some(Sample::Bool(back?.resumed)),
        ServerTlsFact::SslBcCurve => said(back?.group),
        ServerTlsFact::SslBcErr => {
            let failed = stream.back_tls_error.get().map(|error| error.0);
            failed.or(back.map(|_| 0)).map(int)
        }
        ServerTlsFact::SslBcKeysize => back.map(|tls| int(tls.key_bits)),
        ServerTlsFact::SslBcErrText => said(stream.back_tls_error.get()?.1),
        ServerTlsFact::SslServerChain => bytes(&back?.server.concat()),
    }
}
