//! Error pages and the replies of rules; the files they name are read once.

use super::Lower;
use crate::reply::{Body, ErrorPages, Reply, Stored};
use base::{Word, reason};
use config::model::{self, ErrorReplyKind, Proxy, ReplyBody};
use expr::{Escape, Stage};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Statuses that `errorfiles` may set.
const ERROR_STATUSES: [u16; 16] =
    [200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 425, 429, 500, 501, 502, 503];
/// Where no type is written for a text body.
const TEXT_PLAIN: &[u8] = b"text/plain";

/// Error files read so far, by path.
#[derive(Default)]
pub(crate) struct StoredFiles {
    by_path: BTreeMap<String, Option<Arc<Stored>>>,
}

impl Lower<'_> {
    pub(super) fn error_pages(&mut self, proxy: &Proxy) -> ErrorPages {
        let mut pages = ErrorPages::default();
        for error in &proxy.settings.errors {
            match &error.kind {
                ErrorReplyKind::File(file) => {
                    if let Some(stored) = self.stored_file(file) {
                        let reply = Arc::new(Reply { body: Body::Stored(stored), ..Reply::default() });
                        pages.list.extend(error.statuses.iter().map(|s| (*s, reply.clone())));
                    }
                }
                ErrorReplyKind::Location302(url) => add_location(&mut pages, &error.statuses, 302, self, url),
                ErrorReplyKind::Location303(url) => add_location(&mut pages, &error.statuses, 303, self, url),
                ErrorReplyKind::Section(name) => self.add_section(&mut pages, name, &error.statuses),
                ErrorReplyKind::Reply(reply) => {
                    let status = error.statuses.first().copied().unwrap_or(500);
                    if let Some(reply) = self.reply(reply, status, Stage::ErrorReply) {
                        pages.list.push((status, Arc::new(reply)));
                    }
                }
            }
        }
        pages
    }

    fn add_section(&mut self, pages: &mut ErrorPages, name: &Word, statuses: &[u16]) {
        let model = self.model;
        // of one that there is not the model's own check has told
        let Some(section) = model.http_errors.iter().find(|s| s.name.text == name.text) else { return };
        for (status, file) in &section.files {
            let wanted =
                if statuses.is_empty() { ERROR_STATUSES.contains(status) } else { statuses.contains(status) };
            if wanted && let Some(stored) = self.stored_file(file) {
                pages
                    .list
                    .push((*status, Arc::new(Reply { body: Body::Stored(stored), ..Reply::default() })));
            }
        }
    }

    fn stored_file(&mut self, file: &Word) -> Option<Arc<Stored>> {
        if let Some(known) = self.stored.by_path.get(&file.text) {
            return known.clone();
        }
        let stored = match std::fs::read(&file.text) {
            Err(error) => {
                let text = format!("cannot read error file '{}': {}", file.text, reason(&error));
                self.env.diags.alert(file.span, text);
                None
            }
            Ok(bytes) => match http::raw::parse(&bytes) {
                Ok(None) => Some(Arc::new(Stored { head: None, body: Vec::new() })),
                Ok(Some(file)) => Some(Arc::new(Stored { head: Some(file.head), body: file.body })),
                Err(error) => {
                    let text = format!("error file '{}' is no HTTP response: {error}", file.text);
                    let help = "it needs a status line, header lines, an empty line and the body";
                    self.env.diags.alert(file.span, text).help(help);
                    None
                }
            },
        };
        self.stored.by_path.insert(file.text.clone(), stored.clone());
        stored
    }

    /// The reply of a rule; `status` where it writes none.
    pub(super) fn reply(&mut self, reply: &model::Reply, status: u16, stage: Stage) -> Option<Reply> {
        let headers = reply
            .headers
            .iter()
            .filter_map(|(name, value)| Some((super::front::lower_name(name), self.format(value, stage)?)))
            .collect();
        let body = self.reply_body(reply, stage)?;
        let typed = reply.content_type.as_ref().map(|w| Box::from(w.bytes()));
        let content_type = match body {
            Body::Fixed(_) | Body::Format(_) => typed.or_else(|| Some(TEXT_PLAIN.into())),
            Body::Page | Body::Empty | Body::Stored(_) => None,
        };
        Some(Reply { status: reply.status.unwrap_or(status), content_type, body, headers })
    }

    fn reply_body(&mut self, reply: &model::Reply, stage: Stage) -> Option<Body> {
        Some(match &reply.body {
            ReplyBody::Default | ReplyBody::DefaultErrorfiles => Body::Page,
            ReplyBody::Errorfile(file) => Body::Stored(self.stored_file(file)?),
            ReplyBody::Errorfiles(name) => {
                let mut pages = ErrorPages::default();
                let status = reply.status.unwrap_or(403);
                self.add_section(&mut pages, name, &[status]);
                match pages.get(status).map(|r| &r.body) {
                    Some(Body::Stored(stored)) => Body::Stored(stored.clone()),
                    Some(Body::Page | Body::Empty | Body::Fixed(_) | Body::Format(_)) | None => Body::Empty,
                }
            }
            ReplyBody::File(file) => {
                let bytes = self.plain_file(file)?;
                if reply.content_type.is_none() && !bytes.is_empty() {
                    let text = "a content type must be defined when a payload is configured";
                    self.env.diags.alert(file.span, text).help("add 'content-type text/plain', for one");
                }
                Body::Fixed(bytes.into())
            }
            ReplyBody::String(text) => Body::Fixed(text.bytes().into()),
            ReplyBody::LfString(text) => Body::Format(self.format(text, stage)?),
            ReplyBody::LfFile(file) => {
                let text = base::raw::text(self.plain_file(file)?);
                Body::Format(self.format_word(&Word::new(text, file.span), stage, Escape::Http)?)
            }
        })
    }

    fn plain_file(&mut self, file: &Word) -> Option<Vec<u8>> {
        match std::fs::read(&file.text) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                self.env.diags.alert(file.span, format!("cannot read '{}': {}", file.text, reason(&error)));
                None
            }
        }
    }
}

fn add_location(pages: &mut ErrorPages, statuses: &[u16], code: u16, lower: &mut Lower<'_>, url: &Word) {
    // The URL is fixed text: percent signs in it mean themselves.
    let escaped = Word::new(url.text.replace('%', "%%"), url.span);
    let mut format = |text: &Word| lower.format_word(text, Stage::Response, Escape::None);
    let fixed = |text| Word::new(text, url.span);
    let (Some(cache), Some(length), Some(location)) =
        (format(&fixed("no-cache")), format(&fixed("0")), format(&escaped))
    else {
        return;
    };
    let reply = Arc::new(Reply {
        status: code,
        body: Body::Empty,
        headers: vec![
            (Box::from(&b"cache-control"[..]), cache),
            (Box::from(&b"content-length"[..]), length),
            (Box::from(&b"location"[..]), location),
        ],
        content_type: None,
    });
    pages.list.extend(statuses.iter().map(|s| (*s, reply.clone())));
}
