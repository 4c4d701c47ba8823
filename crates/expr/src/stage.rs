//! Where an expression is evaluated, and so which data can exist there.

/// The places of evaluation, in the order a connection meets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// `global` set-var: nothing but the process.
    Config,
    /// `tcp-request connection`: addresses only.
    TcpConnection,
    /// `tcp-request session`: after PROXY protocol and handshake.
    TcpSession,
    /// `tcp-request content`: buffered client bytes, and the request head in HTTP mode.
    TcpContent,
    /// `http-request`, `use_backend`, `redirect`, `use-server`, balancing, captures of the request.
    Request,
    /// The server's `sni` and `source`: the request is final, the server is chosen.
    ServerConnect,
    /// `tcp-response content`
    TcpResponse,
    /// `http-response`
    Response,
    /// `http-after-response`
    AfterResponse,
    /// Log lines: all of it has happened.
    Log,
    /// `http-error`: whatever of the request or the response is there when the error is met.
    ErrorReply,
    /// Health check sequences.
    Check,
}
