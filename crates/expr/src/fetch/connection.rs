//! Fetches about connections, proxies and servers below TLS (manual section 7.3.3).

use super::{bool_row, int_row, ip_row, text_row};
use crate::args::{Arg, Args, BadArg};
use crate::compile::Env;
use crate::fact::{AddressFact, ConnectionFact, Fact, NameFact, StreamFact};
use crate::rows::{ArgKind, FetchRow, Fetched, Needs, arg};
use crate::sample::Sample;
use crate::scope::{Scope, TimeoutName};

pub(super) static ROWS: &[FetchRow] = &[
    ip_row(
        "bc_dst",
        Needs::ServerConnection,
        |_, s| Ok(s.fact(&Fact::Address(AddressFact::BackDst))),
        "The server's address",
    ),
    int_row(
        "bc_dst_port",
        Needs::ServerConnection,
        |_, s| Ok(s.fact(&Fact::Address(AddressFact::BackDstPort))),
        "The server's port",
    ),
    int_row(
        "bc_err",
        Needs::ServerConnection,
        |_, s| Ok(s.fact(&Fact::Connection(ConnectionFact::BcErr))),
        "Error of the server's connection",
    ),
    text_row(
        "bc_err_name",
        Needs::ServerConnection,
        |_, s| Ok(error_name(s.fact(&Fact::Connection(ConnectionFact::BcErr)))),
        "Error of the server's connection, by its name",
    ),
    text_row(
        "bc_err_str",
        Needs::ServerConnection,
        |_, s| Ok(s.fact(&Fact::Connection(ConnectionFact::BcErrText))),
        "Error of the server's connection, in words",
    ),
    int_row(
        "bc_http_major",
        Needs::ServerConnection,
        |_, s| Ok(s.fact(&Fact::Connection(ConnectionFact::BcHttpMajor))),
        "HTTP major version of the server's connection",
    ),
    ip_row(
        "bc_src",
        Needs::ServerConnection,
        |_, s| Ok(s.fact(&Fact::Address(AddressFact::BackSrc))),
        "Our address towards the server",
    ),
    int_row(
        "bc_src_port",
        Needs::ServerConnection,
        |_, s| Ok(s.fact(&Fact::Address(AddressFact::BackSrcPort))),
        "Our port towards the server",
    ),
    int_row("be_id", Needs::Backend, |_, s| Ok(s.fact(&Fact::Name(NameFact::BackendId))), "The backend's id"),
    text_row(
        "be_name",
        Needs::Backend,
        |_, s| Ok(s.fact(&Fact::Name(NameFact::BackendName))),
        "The backend's name",
    ),
    configured("be_connect_timeout", Needs::Backend, |_, s| of(s, TimeoutName::Connect)),
    configured("be_queue_timeout", Needs::Backend, |_, s| of(s, TimeoutName::Queue)),
    configured("be_server_timeout", Needs::Backend, |_, s| of(s, TimeoutName::Server)),
    configured("be_tarpit_timeout", Needs::Backend, |_, s| of(s, TimeoutName::Tarpit)),
    configured("be_tunnel_timeout", Needs::Backend, |_, s| of(s, TimeoutName::Tunnel)),
    current("cur_client_timeout", Needs::Frontend, |_, s| now(s, TimeoutName::Client)),
    current("cur_connect_timeout", Needs::Backend, |_, s| now(s, TimeoutName::Connect)),
    current("cur_queue_timeout", Needs::Backend, |_, s| now(s, TimeoutName::Queue)),
    current("cur_server_timeout", Needs::Backend, |_, s| now(s, TimeoutName::Server)),
    current("cur_tarpit_timeout", Needs::Backend, |_, s| now(s, TimeoutName::Tarpit)),
    current("cur_tunnel_timeout", Needs::Backend, |_, s| now(s, TimeoutName::Tunnel)),
    ip_row(
        "dst",
        Needs::Client,
        |_, s| Ok(s.fact(&Fact::Address(AddressFact::Dst))),
        "The address the client connected to",
    ),
    bool_row(
        "dst_is_local",
        Needs::Client,
        |_, s| Ok(s.fact(&Fact::Address(AddressFact::DstIsLocal))),
        "True where `dst` is of this machine",
    ),
    int_row(
        "dst_port",
        Needs::Client,
        |_, s| Ok(s.fact(&Fact::Address(AddressFact::DstPort))),
        "The port the client connected to",
    ),
    ip_row(
        "fc_dst",
        Needs::Client,
        |_, s| Ok(s.fact(&Fact::Address(AddressFact::FcDst))),
        "`dst` of the connection, without PROXY header",
    ),
    bool_row(
        "fc_dst_is_local",
        Needs::Client,
        |_, s| Ok(s.fact(&Fact::Address(AddressFact::FcDstIsLocal))),
        "`dst_is_local` of the connection",
    ),
    int_row(
        "fc_dst_port",
        Needs::Client,
        |_, s| Ok(s.fact(&Fact::Address(AddressFact::FcDstPort))),
        "`dst_port` of the connection, without PROXY header",
    ),
    int_row(
        "fc_err",
        Needs::Client,
        |_, s| Ok(s.fact(&Fact::Connection(ConnectionFact::FcErr))),
        "Error of the client's connection",
    ),
    text_row(
        "fc_err_name",
        Needs::Client,
        |_, s| Ok(error_name(s.fact(&Fact::Connection(ConnectionFact::FcErr)))),
        "Error of the client's connection, by its name",
    ),
    text_row(
        "fc_err_str",
        Needs::Client,
        |_, s| Ok(s.fact(&Fact::Connection(ConnectionFact::FcErrText))),
        "Error of the client's connection, in words",
    ),
    bool_row(
        "bc_reused",
        Needs::ServerConnection,
        |_, s| Ok(s.fact(&Fact::Connection(ConnectionFact::BcReused))),
        "True where the server's connection was a kept one",
    ),
    int_row("bc_glitches", Needs::ServerConnection, |_, _| Ok(Some(Sample::Int(0))), "Faults of HTTP/2; 0"),
    int_row("fc_glitches", Needs::Client, |_, _| Ok(Some(Sample::Int(0))), "Faults of HTTP/2; 0"),
    int_row("bc_nb_streams", Needs::ServerConnection, |_, _| Ok(Some(Sample::Int(1))), "Streams on it; 1"),
    int_row("fc_nb_streams", Needs::Client, |_, _| Ok(Some(Sample::Int(1))), "Streams on it; 1"),
    int_row(
        "bc_settings_streams_limit",
        Needs::ServerConnection,
        |_, _| Ok(Some(Sample::Int(1))),
        "Streams that may share it; 1",
    ),
    int_row(
        "fc_settings_streams_limit",
        Needs::Client,
        |_, _| Ok(Some(Sample::Int(1))),
        "Streams that may share it; 1",
    ),
    int_row(
        "fc_http_major",
        Needs::Client,
        |_, s| Ok(s.fact(&Fact::Connection(ConnectionFact::FcHttpMajor))),
        "HTTP major version of the client's connection",
    ),
    text_row(
        "fc_pp_authority",
        Needs::Client,
        |_, s| Ok(s.fact(&Fact::Connection(ConnectionFact::FcPpAuthority))),
        "PROXY protocol: the authority",
    ),
    FetchRow::new(
        "fc_pp_tlv",
        crate::SampleType::Str,
        Needs::Client,
        asked,
        "PROXY protocol: the TLV of that type",
    )
    .args(&[arg("id", ArgKind::Str)], 1)
    .prepare(tlv),
    text_row(
        "fc_pp_unique_id",
        Needs::Client,
        |_, s| Ok(s.fact(&Fact::Connection(ConnectionFact::FcPpUniqueId))),
        "PROXY protocol: the unique id",
    ),
    bool_row(
        "fc_rcvd_proxy",
        Needs::Client,
        |_, s| Ok(s.fact(&Fact::Connection(ConnectionFact::FcRcvdProxy))),
        "True where the connection began with a PROXY protocol header",
    ),
    ip_row(
        "fc_src",
        Needs::Client,
        |_, s| Ok(s.fact(&Fact::Address(AddressFact::FcSrc))),
        "`src` of the connection, without PROXY header",
    ),
    bool_row(
        "fc_src_is_local",
        Needs::Client,
        |_, s| Ok(s.fact(&Fact::Address(AddressFact::FcSrcIsLocal))),
        "`src_is_local` of the connection",
    ),
    int_row(
        "fc_src_port",
        Needs::Client,
        |_, s| Ok(s.fact(&Fact::Address(AddressFact::FcSrcPort))),
        "`src_port` of the connection, without PROXY header",
    ),
    configured("fe_client_timeout", Needs::Frontend, |_, s| of(s, TimeoutName::Client)),
    text_row(
        "fe_defbe",
        Needs::Frontend,
        |_, s| Ok(s.fact(&Fact::Name(NameFact::FrontendDefaultBackend))),
        "The frontend's default backend",
    ),
    int_row(
        "fe_id",
        Needs::Frontend,
        |_, s| Ok(s.fact(&Fact::Name(NameFact::FrontendId))),
        "The frontend's id",
    ),
    text_row(
        "fe_name",
        Needs::Frontend,
        |_, s| Ok(s.fact(&Fact::Name(NameFact::FrontendName))),
        "The frontend's name",
    ),
    int_row(
        "so_id",
        Needs::Frontend,
        |_, s| Ok(s.fact(&Fact::Name(NameFact::ListenerId))),
        "The listener's id",
    ),
    text_row(
        "so_name",
        Needs::Frontend,
        |_, s| Ok(s.fact(&Fact::Name(NameFact::ListenerName))),
        "The listener's name",
    ),
    ip_row("src", Needs::Client, |_, s| Ok(s.fact(&Fact::Address(AddressFact::Src))), "The client's address"),
    bool_row(
        "src_is_local",
        Needs::Client,
        |_, s| Ok(s.fact(&Fact::Address(AddressFact::SrcIsLocal))),
        "True where `src` is of this machine",
    ),
    int_row(
        "src_port",
        Needs::Client,
        |_, s| Ok(s.fact(&Fact::Address(AddressFact::SrcPort))),
        "The client's port",
    ),
    int_row("srv_id", Needs::Server, |_, s| Ok(s.fact(&Fact::Name(NameFact::ServerId))), "The server's id"),
    text_row(
        "srv_name",
        Needs::Server,
        |_, s| Ok(s.fact(&Fact::Name(NameFact::ServerName))),
        "The server's name",
    ),
];

const fn configured(name: &'static str, needs: Needs, eval: crate::rows::FetchFn) -> FetchRow {
    int_row(name, needs, eval, "The timeout as configured, in milliseconds")
}

const fn current(name: &'static str, needs: Needs, eval: crate::rows::FetchFn) -> FetchRow {
    int_row(name, needs, eval, "The timeout as it is for this stream, in milliseconds")
}

fn of<'a>(scope: &'a dyn Scope, name: TimeoutName) -> Fetched<'a> {
    Ok(scope.fact(&Fact::Stream(StreamFact::ConfiguredTimeout(name))))
}

fn now<'a>(scope: &'a dyn Scope, name: TimeoutName) -> Fetched<'a> {
    Ok(scope.fact(&Fact::Stream(StreamFact::CurrentTimeout(name))))
}

fn asked<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(args.fact(0).and_then(|fact| scope.fact(fact)))
}

/// A number, decimal or `0x..`, or a name of the PROXY protocol's specification, section 2.2.
fn tlv(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    let text = String::from_utf8_lossy(args.str(0).unwrap_or_default()).into_owned();
    let id = match text.as_str() {
        "ALPN" => Some(0x01),
        "AUTHORITY" => Some(0x02),
        "CRC32C" => Some(0x03),
        "NOOP" => Some(0x04),
        "UNIQUE_ID" => Some(0x05),
        "SSL" => Some(0x20),
        "NETNS" => Some(0x30),
        number => match number.strip_prefix("0x") {
            Some(hex) => u8::from_str_radix(hex, 16).ok(),
            None => number.parse().ok(),
        },
    };
    let Some(id) = id else {
        return Err(BadArg::new(0, "not a TLV type: a number up to 255 or a name like ALPN"));
    };
    args.put(0, Arg::Fact(Fact::Connection(ConnectionFact::FcPpTlv(id))));
    Ok(())
}

/// Names of the errors of a connection from number 1 on (manual, `fc_err_str`).
const ERROR_NAMES: [&str; 56] = [
    "CONF_FDLIM",
    "PROC_FDLIM",
    "SYS_FDLIM",
    "SYS_MEMLIM",
    "NOPROTO",
    "SOCK_ERR",
    "PORT_RANGE",
    "CANT_BIND",
    "FREE_PORTS",
    "ADDR_INUSE",
    "PRX_EMPTY",
    "PRX_ABORT",
    "PRX_TIMEOUT",
    "PRX_TRUNCATED",
    "PRX_NOT_HDR",
    "PRX_BAD_HDR",
    "PRX_BAD_PROTO",
    "CIP_EMPTY",
    "CIP_ABORT",
    "CIP_TIMEOUT",
    "CIP_TRUNCATED",
    "CIP_BAD_MAGIC",
    "CIP_BAD_PROTO",
    "SSL_EMPTY",
    "SSL_ABORT",
    "SSL_TIMEOUT",
    "SSL_TOO_MANY",
    "SSL_NO_MEM",
    "SSL_RENEG",
    "SSL_CA_FAIL",
    "SSL_CRT_FAIL",
    "SSL_MISMATCH",
    "SSL_MISMATCH_SNI",
    "SSL_HANDSHAKE",
    "SSL_HANDSHAKE_HB",
    "SSL_KILLED_HB",
    "SSL_NO_TARGET",
    "SSL_EARLY_FAILED",
    "SOCKS4_SEND",
    "SOCKS4_RECV",
    "SOCKS4_DENY",
    "SOCKS4_ABORT",
    "SSL_FATAL",
    "REVERSE",
    "POLLERR",
    "EREFUSED",
    "ERESET",
    "EUNREACH",
    "ENOMEM",
    "EBADF",
    "EFAULT",
    "EINVAL",
    "ENCONN",
    "ENSOCK",
    "ENOBUFS",
    "EPIPE",
];

/// Nothing where there was no error.
fn error_name(number: Option<Sample<'_>>) -> Option<Sample<'static>> {
    let index = usize::try_from(number?.to_int()?).ok()?.checked_sub(1)?;
    ERROR_NAMES.get(index).map(|name| Sample::str(name.as_bytes()))
}
