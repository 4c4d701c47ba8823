//! HTTP: the request as it goes out, the response's head and body, and `expect` on them.

use super::{End, Run, Stepped};
use crate::health::expect::{Expect, Look};
use crate::health::finding::{Finding, Report};
use crate::health::plan::HttpSend;
use crate::health::protocols::lossy;
use crate::health::wire::INPUT_MAX;
use crate::server::{Endpoint, Health, Server, ServerPort};
use http::Method;
use http::h1::{self, BodyDecoder, Parsed};

/// Most header fields of a response (`tune.http.maxhdr`'s default).
const MAX_FIELDS: usize = 101;

impl<'p> Run<'p> {
    /// The request as it goes out. A `connection: close` goes with HTTP/1.1, as nothing follows.
    pub(super) fn http_request(&self, send: &HttpSend) -> Vec<u8> {
        let mut out = Vec::new();
        let body = send.body.as_ref().map(|b| b.bytes(&self.scope));
        let host = send.headers.iter().find(|(name, _)| **name == *b"host");
        let host = host.map(|(_, value)| value.bytes(&self.scope));
        let uri = with_host(send.uri.bytes(&self.scope), host.as_deref());
        for part in [&send.method[..], b" ", &uri, b" ", &send.version, b"\r\n"] {
            out.extend_from_slice(part);
        }
        let mut field = |name: &[u8], value: &[u8]| {
            for part in [name, b": ", value, b"\r\n"] {
                out.extend_from_slice(part);
            }
        };
        for (name, value) in &send.headers {
            field(name, &value.bytes(&self.scope));
        }
        if let Some(state) = self.state_header.as_ref().filter(|_| self.probe.send_state) {
            field(b"x-haproxy-server-state", state.as_bytes());
        }
        if let Some(body) = &body {
            field(b"content-length", body.len().to_string().as_bytes());
        }
        let connection = send.headers.iter().any(|(name, _)| **name == *b"connection");
        if &*send.version == b"HTTP/1.1" && !connection {
            field(b"connection", b"close");
        }
        out.extend_from_slice(b"\r\n");
        out.extend(body.unwrap_or_default());
        out
    }

    pub(super) async fn expect_http(&mut self, expect: &'p Expect) -> Result<Report, End> {
        self.read_head(expect).await?;
        let status = self.scope.response.as_ref().map_or(0, |r| r.status);
        let up = self.scope.server.health() != Health::Down;
        if self.probe.disable_on_404 && status == 404 && up {
            return Err(End(Report::new(Finding::L7OkConditionally, "").with_code(404)));
        }
        loop {
            match expect.look_at_response(&self.scope, &self.scope.body, self.scope.complete) {
                Look::Met => return Ok(self.met(&expect.reporting)),
                Look::Unmet => return Err(self.unmet_http(expect)),
                Look::More => self.read_more(expect).await?,
            }
        }
    }

    fn unmet_http(&self, expect: &Expect) -> End {
        if !expect.wants_body() {
            let reason = self.scope.response.as_ref().map_or(&b""[..], |r| r.reason());
            return self.unmet_as(&expect.reporting, Finding::L7Status, lossy(reason));
        }
        let text = match (expect.negate, self.scope.body.is_empty()) {
            (true, _) => "HTTP check matched unwanted content",
            (false, true) => "HTTP content check could not find a response body",
            (false, false) => "HTTP content check did not match",
        };
        self.unmet(&expect.reporting, text.into())
    }

    async fn read_more(&mut self, expect: &'p Expect) -> Stepped {
        match self.more().await {
            Ok(()) => {
                self.read_body();
                Ok(())
            }
            Err(Some(end)) => Err(end),
            Err(None) => Err(self.too_late(expect)),
        }
    }

    /// Reads up to the end of the head unless an earlier `expect` has.
    async fn read_head(&mut self, expect: &'p Expect) -> Stepped {
        while self.scope.response.is_none() {
            if self.scope.complete {
                return Err(self.cut_short(expect));
            }
            match self.more().await {
                Ok(()) => self.parse_head(expect)?,
                Err(Some(end)) => return Err(end),
                Err(None) => return Err(self.too_late(expect)),
            }
        }
        Ok(())
    }

    /// The response ended within its head: by a reset, or as if that were all.
    fn cut_short(&mut self, expect: &Expect) -> End {
        match self.wire.as_mut().and_then(|wire| wire.broken.take()) {
            Some(error) => self.fail(Finding::SocketError, base::reason(&error)),
            None => self.no_response(expect),
        }
    }

    fn no_response(&self, expect: &Expect) -> End {
        self.fail(Finding::L7Response, self.worded(&expect.reporting, String::new()))
    }

    fn parse_head(&mut self, expect: &Expect) -> Stepped {
        let limits = h1::Limits { max_head: INPUT_MAX, max_fields: MAX_FIELDS, ..h1::Limits::default() };
        loop {
            let (mut scanned, mut response) = (0, http::Response::default());
            match h1::parse_response(&self.scope.input, &mut scanned, &limits, Method::Get, &mut response) {
                Err(_) => return Err(self.no_response(expect)),
                Ok(Parsed::Partial) => return Ok(()),
                Ok(Parsed::Complete(head)) => {
                    if (100..200).contains(&response.status) && response.status != 101 {
                        self.scope.input.drain(..head.head_len.min(self.scope.input.len()));
                        continue;
                    }
                    self.scope.response = Some(response);
                    self.framing = Some((head.head_len, head.body));
                    self.read_body();
                    return Ok(());
                }
            }
        }
    }

    /// Decodes what there is of the body; it is bounded by the input, so decoding it anew each time is cheap enough.
    fn read_body(&mut self) {
        let Some((start, framing)) = self.framing else { return };
        let mut decoder = BodyDecoder::new(framing);
        let mut rest = self.scope.input.get(start..).unwrap_or_default();
        let mut body = Vec::new();
        let mut done = decoder.is_done();
        while !done {
            let Ok(step) = decoder.step(rest) else {
                done = true;
                break;
            };
            let data = rest.get(step.consumed..step.consumed + step.data).unwrap_or_default();
            body.extend_from_slice(data);
            rest = rest.get(step.consumed + step.data..).unwrap_or_default();
            done = step.done;
            if step.consumed == 0 && step.data == 0 {
                break;
            }
        }
        self.scope.body = body;
        self.scope.complete |= done;
    }
}

/// A target in absolute form names the host that the `host` field names, for they must agree (RFC 9112 section 3.2.2).
fn with_host(uri: Vec<u8>, host: Option<&[u8]>) -> Vec<u8> {
    let Some(host) = host else { return uri };
    let Some(at) = memchr::memmem::find(&uri, b"://").filter(|_| !uri.starts_with(b"/")) else { return uri };
    let (scheme, rest) = uri.split_at(at + 3);
    let path = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
    [scheme, host, rest.get(path..).unwrap_or_default()].concat()
}

/// The state header of `http-check send-state`.
pub(in crate::health) fn state_header(
    status: &str,
    backend: &str,
    server: &Server,
    node: &str,
    shares: (u64, u32, u32),
) -> String {
    let (total_weight, sessions, queued) = shares;
    let place = match server.endpoint().as_deref() {
        Some(Endpoint::Inet { ip, port: ServerPort::Fixed(port) }) => format!("address={ip}; port={port}; "),
        Some(Endpoint::Inet { ip, port: ServerPort::Offset(_) }) => format!("address={ip}; port=0; "),
        Some(Endpoint::Unix(_) | Endpoint::Abstract(_)) => "address=unix; port=0; ".to_owned(),
        None => String::new(),
    };
    let name = &server.facts.name;
    let (weight, now) = (server.weight(), server.sessions());
    format!(
        "{status}; {place}name={backend}/{name}; node={node}; weight={weight}/{total_weight}; \
         scur={now}/{sessions}; qcur={queued}"
    )
}
