//! What a TLS handshake agreed on, copied out of the session for rules and logs.

use http::client_hello::HelloLists;
use tls::{Info, OpensslError, Served, VerifyReport};

/// A snapshot of [`tls::Info`] that owns its texts.
#[derive(Clone, Debug, Default)]
pub struct Agreed {
    /// Name asked for.
    pub sni: Option<Box<str>>,
    /// Application protocol.
    pub alpn: Option<Box<[u8]>>,
    /// `TLSv1.3`
    pub version: &'static str,
    /// Cipher suite, as OpenSSL names it.
    pub cipher: &'static str,
    /// Bits of the symmetric key.
    pub key_bits: u16,
    /// An earlier session was taken up again.
    pub resumed: bool,
    /// The session's identifier; empty for TLS 1.2 with tickets.
    pub session_id: Box<[u8]>,
    /// The group of the key agreement.
    pub group: &'static str,
    /// What was kept of the ClientHello (`tune.ssl.capture-buffer-size`).
    pub hello: Option<Box<HelloLists>>,
    /// The certificates a server has shown, its own first, where something asks for them.
    pub server: Box<[Box<[u8]>]>,
    /// The certificate we have shown, as a server.
    pub served: Option<Served>,
    /// The certificate the client has shown.
    pub client: Option<Box<ClientShown>>,
    /// Why the handshake failed, where it did.
    pub error: Option<OpensslError>,
}

/// A client's certificate.
#[derive(Clone, Debug)]
pub struct ClientShown {
    /// The whole of it.
    pub der: Box<[u8]>,
    /// Those shown above it, one behind the other, where something asks for them.
    pub chain: Box<[u8]>,
    /// What was overlooked in it, in OpenSSL's numbers.
    pub report: VerifyReport,
}

impl Agreed {
    /// The same towards a server, whose certificates are kept too where `certificates` says so.
    pub fn with_server(info: &Info<'_>, certificates: bool) -> Agreed {
        let shown = info.peer_chain().iter().filter(|_| certificates);
        Agreed { server: shown.map(|der| der.as_ref().into()).collect(), ..Agreed::of(info) }
    }

    /// The same of a client, with what it has shown above its certificate where `chain` says so.
    pub fn with_client(info: &Info<'_>, chain: bool) -> Agreed {
        let mut agreed = Agreed::of(info);
        if let Some(client) = agreed.client.as_mut().filter(|_| chain) {
            let above: Vec<&[u8]> = info.peer_chain().iter().skip(1).map(|der| der.as_ref()).collect();
            client.chain = above.concat().into();
        }
        agreed
    }

    /// What is known of a client whose handshake failed, in the shape that HAProxy gives it: the version is the best that
    /// could have been, and a cipher is one only where it was put to use.
    pub fn with_failed_client(info: &Info<'_>, error: Option<OpensslError>) -> Agreed {
        let mut agreed = Agreed::with_client(info, true);
        agreed.version = info.version().or(info.offered()).unwrap_or("TLSv1.3");
        if info.version() != Some("TLSv1.3") || agreed.cipher.is_empty() {
            agreed.cipher = "(NONE)";
        }
        agreed.error = Some(error.unwrap_or((0, "")));
        agreed
    }

    /// Copies what is known.
    pub fn of(info: &Info<'_>) -> Agreed {
        Agreed {
            sni: info.sni().map(Into::into),
            alpn: info.alpn().map(Into::into),
            version: info.version().unwrap_or_default(),
            cipher: info.cipher().unwrap_or_default(),
            key_bits: info.key_bits().unwrap_or_default(),
            resumed: info.resumed(),
            session_id: info.session_id().into(),
            group: info.group().unwrap_or_default(),
            hello: info.hello().map(|lists| Box::new(lists.clone())),
            server: Box::default(),
            served: info.served_shared(),
            error: None,
            client: info.peer_chain().first().filter(|_| info.served_shared().is_some()).map(|der| {
                Box::new(ClientShown {
                    der: der.as_ref().into(),
                    chain: Box::default(),
                    report: info.client_verify(),
                })
            }),
        }
    }
}
