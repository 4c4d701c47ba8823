//! The statistics page of a proxy, as far as traffic is concerned: which requests ask for it, who may, and whether they
//! may change anything. What stands on the page is made elsewhere, on a thread of its own: a request is laid on the
//! [`Desk`] as an [`Ask`] and waits for its [`Page`].

use expr::{Condition, Scope};
use http::{Method, Request};
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, oneshot};

/// Requests that may wait for their page; the next is answered 503. Making a page takes milliseconds, so that more than
/// this is no reader any more.
const DESK_MOST: usize = 64;

/// `stats ...` of a proxy.
pub struct Statistics {
    /// What the address begins with.
    pub uri: Box<[u8]>,
    /// Who may see it.
    pub rules: Vec<StatisticsRule>,
    /// `stats auth`: names and passwords; anyone where there are none.
    pub users: Vec<Box<[u8]>>,
    /// `stats realm`
    pub realm: Box<[u8]>,
    /// Who may change servers.
    pub admin: Vec<Condition>,
    /// How the page looks.
    pub look: Arc<Look>,
}

/// How a page looks.
pub struct Look {
    /// The proxy it is in.
    pub proxy: Box<str>,
    /// Its address, for links.
    pub uri: Box<str>,
    /// `stats refresh`, seconds.
    pub refresh: Option<u64>,
    /// The version is told.
    pub version: bool,
    /// `stats show-legends`
    pub legends: bool,
    /// `stats show-node`
    pub node: Option<Box<str>>,
    /// `stats show-desc`
    pub description: Option<Box<str>>,
    /// `stats scope`: names of proxies; all where there are none.
    pub scope: Vec<Box<str>>,
}

/// A `stats http-request` rule.
pub struct StatisticsRule {
    /// What it does.
    pub verdict: Verdict,
    /// When.
    pub cond: Option<Condition>,
}

/// What becomes of a request for the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is answered.
    Allow,
    /// It is refused.
    Deny,
    /// A name and a password are asked for, in this realm.
    Auth(Box<[u8]>),
}

/// A request for a page.
pub struct Ask {
    /// How it looks.
    pub look: Arc<Look>,
    /// What follows the page's address: `;csv`, `;norefresh`, ...
    pub rest: Vec<u8>,
    /// The form that was sent; `Err` where it is longer than a buffer.
    pub form: Option<Result<Vec<u8>, ()>>,
    /// Servers may be changed.
    pub admin: bool,
    /// Where the page goes.
    pub reply: oneshot::Sender<Page>,
}

/// An answer.
pub struct Page {
    /// Its status.
    pub status: u16,
    /// Its fields, without framing.
    pub fields: Vec<(&'static str, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// Where requests wait for their page.
pub struct Desk {
    asks: mpsc::Sender<Ask>,
    inbox: Mutex<Option<mpsc::Receiver<Ask>>>,
}

impl Default for Desk {
    fn default() -> Desk {
        let (asks, inbox) = mpsc::channel(DESK_MOST);
        Desk { asks, inbox: Mutex::new(Some(inbox)) }
    }
}

impl Desk {
    /// The other side, for the one who makes pages; `None` when it was taken already.
    pub fn take(&self) -> Option<mpsc::Receiver<Ask>> {
        self.inbox.lock().ok()?.take()
    }

    /// Lays a request on the desk; `None` where there is no room.
    pub(crate) fn lay(
        &self,
        ask: impl FnOnce(oneshot::Sender<Page>) -> Ask,
    ) -> Option<oneshot::Receiver<Page>> {
        let (reply, page) = oneshot::channel();
        self.asks.try_send(ask(reply)).ok().map(|()| page)
    }
}

impl Statistics {
    /// Whether a request asks for the page.
    pub(crate) fn is_asked(&self, request: &Request) -> bool {
        matches!(request.method, Method::Get | Method::Head | Method::Post)
            && request.path_and_query().starts_with(&self.uri)
    }

    /// What becomes of a request that does.
    pub(crate) fn verdict(&self, scope: &dyn Scope) -> Verdict {
        let holds = |rule: &&StatisticsRule| rule.cond.as_ref().is_none_or(|c| c.holds(scope));
        if let Some(rule) = self.rules.iter().find(holds) {
            return rule.verdict.clone();
        }
        match self.users.is_empty() || self.knows(scope) {
            true => Verdict::Allow,
            false => Verdict::Auth(self.realm.clone()),
        }
    }

    fn knows(&self, scope: &dyn Scope) -> bool {
        let Some(sent) = expr::basic_credentials(scope) else { return false };
        // every one is compared to its end, so that time tells nothing
        self.users.iter().fold(false, |known, user| known | same(user, &sent))
    }

    /// Whether it may change servers. A form that another site's page sends may not: the browser would add the password
    /// by itself.
    pub(crate) fn is_admin(&self, scope: &dyn Scope, request: &Request) -> bool {
        let foreign = request.fields.get(b"sec-fetch-site").is_some_and(|from| from == b"cross-site");
        !foreign && self.admin.iter().any(|c| c.holds(scope))
    }
}

fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (x, y)| differ | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_desk_takes_no_more() {
        let desk = Desk::default();
        let look = Arc::new(Look {
            proxy: "p".into(),
            uri: "/".into(),
            refresh: None,
            version: true,
            legends: false,
            node: None,
            description: None,
            scope: Vec::new(),
        });
        let lay = || {
            desk.lay(|reply| Ask { look: look.clone(), rest: Vec::new(), form: None, admin: false, reply })
        };
        assert!((0..DESK_MOST).all(|_| lay().is_some()));
        assert!(lay().is_none());
        assert!(desk.take().is_some() && desk.take().is_none());
        assert!(same(b"a:b", b"a:b") && !same(b"a:b", b"a:c") && !same(b"a", b"a:"));
    }
}
