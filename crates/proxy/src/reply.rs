//! Replies that we make ourselves: error pages, `return`, `deny`, redirects. A [`Reply`] is what was configured; it is
//! filled in per request into a response head and a body. Sends nothing.

use expr::{Format, Scope};
use http::Response;
use std::sync::Arc;

/// A configured reply.
#[derive(Default)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// `content-type`, where there is a body.
    pub content_type: Option<Box<[u8]>>,
    /// The body.
    pub body: Body,
    /// `hdr` lines.
    pub headers: Vec<(Box<[u8]>, Format)>,
}

/// A reply's body.
#[derive(Default)]
pub enum Body {
    /// The proxy's own error page of the reply's status.
    #[default]
    Page,
    /// None at all.
    Empty,
    /// Fixed bytes.
    Fixed(Arc<[u8]>),
    /// Computed per request.
    Format(Format),
    /// A whole stored response, its head included; an empty one closes without a word.
    Stored(Arc<Stored>),
}

impl Reply {
    /// The proxy's own error page of a status.
    pub fn of_status(status: u16) -> Reply {
        Reply { status, ..Reply::default() }
    }
}

/// A response read from an `errorfile`.
pub struct Stored {
    /// Its head; `None` for an empty file: the connection is closed silently.
    pub head: Option<Response>,
    /// Its body.
    pub body: Vec<u8>,
}

/// The error replies of a proxy, by status.
#[derive(Default, Clone)]
pub struct ErrorPages {
    /// What was configured; the last entry of a status wins.
    pub list: Vec<(u16, Arc<Reply>)>,
}

impl ErrorPages {
    /// The configured reply of a status.
    pub fn get(&self, status: u16) -> Option<&Arc<Reply>> {
        self.list.iter().rev().find(|(s, _)| *s == status).map(|(_, r)| r)
    }
}

/// A reply filled in: head without framing fields, and body.
#[derive(Default)]
pub struct Filled {
    /// The body.
    pub body: Vec<u8>,
    /// Close without sending anything.
    pub silent: bool,
}

/// Fills `reply` into `into` and returns the body. `pages` serves [`Body::Page`].
pub fn fill(reply: &Reply, pages: &[&ErrorPages], scope: &dyn Scope, into: &mut Response) -> Filled {
    let filled = match &reply.body {
        Body::Page => fill_page(reply, pages, scope, into),
        Body::Empty => fill_body(reply, Vec::new(), scope, into),
        Body::Fixed(bytes) => fill_body(reply, bytes.to_vec(), scope, into),
        Body::Format(format) => {
            let mut body = Vec::new();
            format.write(scope, &mut body);
            fill_body(reply, body, scope, into)
        }
        Body::Stored(stored) => match &stored.head {
            None => Filled { silent: true, body: Vec::new() },
            Some(head) => {
                *into = head.clone();
                // The file's own status is what a client sees, whatever status chose the file.
                Filled { body: stored.body.clone(), silent: false }
            }
        },
    };
    if filled.silent {
        // for the log
        into.clear();
        into.set_status(reply.status, b"");
    }
    filled
}

fn fill_body(reply: &Reply, body: Vec<u8>, scope: &dyn Scope, into: &mut Response) -> Filled {
    into.clear();
    into.set_status(reply.status, b"");
    push_headers(reply, scope, into);
    push_length(into, body.len());
    if let Some(content_type) = &reply.content_type
        && !body.is_empty()
    {
        into.fields.push(b"content-type", content_type);
    }
    Filled { body, silent: false }
}

fn fill_page(reply: &Reply, pages: &[&ErrorPages], scope: &dyn Scope, into: &mut Response) -> Filled {
    // A configured page that points back at the pages would never end: it gets the built-in one.
    let configured = pages.iter().find_map(|p| p.get(reply.status)).filter(|r| !matches!(r.body, Body::Page));
    if let Some(page) = configured {
        return fill(page, &[], scope, into);
    }
    let (reason, body) = built_in(reply.status);
    into.clear();
    into.set_status(reply.status, reason.as_bytes());
    push_length(into, body.len());
    into.fields.push(b"cache-control", b"no-cache");
    into.fields.push(b"content-type", b"text/html");
    // what could not be read to its end leaves nothing to go on with
    if matches!(reply.status, 400 | 408) {
        into.fields.push(b"connection", b"close");
    }
    Filled { body, silent: false }
}

/// The `hdr` lines; one that comes out empty is left out, as HAProxy does.
fn push_headers(reply: &Reply, scope: &dyn Scope, into: &mut Response) {
    let mut text = Vec::new();
    for (name, format) in &reply.headers {
        text.clear();
        format.write(scope, &mut text);
        if !text.is_empty() {
            into.fields.push(name, &text);
        }
    }
}

/// Keeps the place that HAProxy has for it, in front of the fields that describe the body; its value is written with the
/// head. 204 and 304 have none.
pub fn push_length(into: &mut Response, len: usize) {
    if !matches!(into.status, 204 | 304) && into.fields.get(b"content-length").is_none() {
        into.fields.push(b"content-length", len.to_string().as_bytes());
    }
}

/// The reason that a built-in page of HAProxy has for a status where it is not the usual one: scripts look for it there.
fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad request",
        413 => "Payload Too Large",
        414 => "URI Too Long",
        502 => "Bad Gateway",
        _ => http::message::reason_of(status),
    }
}

/// What each status means to the person who sees it; 200 is what monitors get.
fn explanation(status: u16) -> &'static str {
    match status {
        200 => "Service ready.",
        400 => "The request could not be understood.",
        401 => "A user name and a password are needed here.",
        403 => "This request is not allowed.",
        404 => "There is nothing at this address.",
        405 => "This method is not allowed here.",
        407 => "The proxy needs a user name and a password.",
        408 => "The request took too long to arrive.",
        410 => "What was at this address is gone for good.",
        413 => "The request is too large.",
        414 => "The address of the request is too long.",
        421 => "This server does not answer for that name.",
        422 => "The request cannot be processed.",
        425 => "The request came too early.",
        429 => "Too many requests; try again later.",
        431 => "The header of the request is too large.",
        500 => "An internal error happened.",
        501 => "The request asks for something that is not supported.",
        502 => "The server gave an invalid or incomplete answer.",
        503 => "No server is available to answer this request.",
        504 => "The server took too long to answer.",
        505 => "This HTTP version is not supported.",
        _ => "",
    }
}

fn built_in(status: u16) -> (&'static str, Vec<u8>) {
    let reason = reason(status);
    let page = format!("<html><body><h1>{status} {reason}</h1>\n{}\n</body></html>\n", explanation(status));
    (reason, page.into_bytes())
}
