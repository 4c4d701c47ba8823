//! How requests travel to an authority: with a time limit, a size limit, and a message where it is not an authority that
//! answers. Headers that `instant-acme` does not hand on (`Retry-After` of a refusal, alternate chains) are kept here.

use super::Directory;
use super::binding::Binder;
use super::failure::IssueError;
use super::signer::Signer;
use base::innermost_reason;
use hyper::body::{Body, Bytes};
use hyper::header::{CONTENT_TYPE, DATE, HeaderMap, LINK, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// Connecting, asking and reading the answer, together. Authorities under load take many seconds.
const PATIENCE: Duration = Duration::from_secs(45);
/// Longest answer read: a chain is a few KB, an order of a hundred names some tens.
const MAX_ANSWER: usize = 1024 * 1024;
/// Challenges of dns-persist-01 that are remembered.
const MAX_PERSIST: usize = 1000;
/// How long a `Retry-After` is believed; one that says more is a mistake.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The way to one authority; clones share it.
#[derive(Clone)]
pub struct Transport {
    client: Client<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>,
    noted: Arc<Mutex<Noted>>,
    signer: Option<Arc<Signer>>,
    binder: Option<Arc<Binder>>,
}

/// What was in headers and bodies that are not handed on.
#[derive(Default)]
struct Noted {
    /// `Retry-After` of the last refusal.
    retry_after: Option<SystemTime>,
    /// Addresses of other chains for the certificate last fetched (RFC 8555 section 7.4.2).
    alternates: Vec<String>,
    /// The last chain that came.
    chain: Option<String>,
    /// The addresses of the last account that came.
    contact: Option<Vec<String>>,
    /// By the challenges' addresses, what the authority is called in records of dns-persist-01.
    persist: BTreeMap<String, Vec<String>>,
}

/// Of an account (RFC 8555 section 7.1.2), what is told of it.
#[derive(Deserialize)]
struct AccountBody {
    contact: Vec<String>,
}

/// Of an authorization, what is told of challenges and not handed on.
#[derive(Deserialize)]
struct AuthorizationBody {
    challenges: Vec<ChallengeBody>,
}

#[derive(Deserialize)]
struct ChallengeBody {
    url: String,
    #[serde(default, rename = "issuer-domain-names")]
    issuers: Vec<String>,
}

/// Of a directory, what is told of the authority.
#[derive(Deserialize)]
struct DirectoryBody {
    #[serde(default)]
    meta: Meta,
}

#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default, rename = "caaIdentities")]
    caa_identities: Vec<String>,
}

impl Transport {
    /// Reads the trusted roots from disk.
    pub fn new(directory: &Directory) -> Result<Transport, IssueError> {
        if directory.trust == tls::Trust::Anybody && directory.is_production() {
            return Err(IssueError::Unverified);
        }
        let config = directory.trust.client().map_err(|why| IssueError::Trust { why })?;
        let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1();
        Ok(Transport {
            client: Client::builder(TokioExecutor::new()).build(connector.build()),
            noted: Arc::default(),
            signer: None,
            binder: None,
        })
    }

    /// The same, with requests signed by another key than the library's.
    pub(super) fn signing_by(self, signer: Signer) -> Transport {
        Transport { signer: Some(Arc::new(signer)), ..self }
    }

    /// The same, and a new account becomes bound to an external one.
    pub(super) fn binding_by(self, binder: Binder) -> Transport {
        Transport { binder: Some(Arc::new(binder)), ..self }
    }

    async fn signed(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Result<Request<BodyWrapper<Bytes>>, Error> {
        if request.method() != Method::POST || (self.signer.is_none() && self.binder.is_none()) {
            return Ok(request);
        }
        let (parts, body) = request.into_parts();
        let mut body = whole(body).await;
        if let Some(binder) = &self.binder {
            body = binder.bind(&body).map_err(text)?;
        }
        if let Some(signer) = &self.signer {
            body = signer.sign(&body).map_err(text)?;
        }
        Ok(Request::from_parts(parts, body.into()))
    }

    /// When the authority wants to be asked again, of its last refusal.
    pub(crate) fn take_retry_after(&self) -> Option<SystemTime> {
        self.noted().retry_after.take()
    }

    pub(crate) fn take_alternates(&self) -> Vec<String> {
        std::mem::take(&mut self.noted().alternates)
    }

    pub(crate) fn take_chain(&self) -> Option<String> {
        self.noted().chain.take()
    }

    /// What an authority is called in CAA records, as its directory says (RFC 8555 section 7.1.1).
    pub(crate) async fn caa_identities(self, url: &str) -> Result<Vec<String>, Error> {
        let request = Request::get(url).body(BodyWrapper::default()).map_err(other)?;
        let mut answer = self.ask(request).await?;
        let body = answer.body.into_bytes().await.map_err(|why| text(why.to_string()))?;
        let directory: DirectoryBody = serde_json::from_slice(&body).map_err(|why| text(why.to_string()))?;
        Ok(directory.meta.caa_identities)
    }

    /// What time it is to an authority, by its answer to the cheapest of requests.
    async fn date(self, url: &str) -> Result<SystemTime, Error> {
        let request = Request::get(url).body(BodyWrapper::default()).map_err(other)?;
        let answer = self.ask(request).await?;
        let date = answer.parts.headers.get(DATE).and_then(|value| http_date(value.to_str().ok()?));
        date.ok_or_else(|| text("the answer has no date".to_owned()))
    }

    pub(super) fn take_contact(&self) -> Option<Vec<String>> {
        self.noted().contact.take()
    }

    /// What the authority is called in records of dns-persist-01, as the challenge of this address said.
    pub(crate) fn persist_issuers(&self, url: &str) -> Vec<String> {
        self.noted().persist.get(url).cloned().unwrap_or_default()
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Error> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let exchange = async {
            let request = self.signed(request).await?;
            let response = self.client.request(request).await.map_err(other)?;
            let (parts, body) = response.into_parts();
            let body = read(body).await?;
            Ok::<_, Error>(Response::from_parts(parts, body))
        };
        let response = match tokio::time::timeout(PATIENCE, exchange).await {
            Ok(response) => response?,
            Err(_) => return Err(text(format!("{host} did not answer within {} s", PATIENCE.as_secs()))),
        };
        self.note(&response);
        check(&host, &response)?;
        let (parts, body) = response.into_parts();
        Ok(BytesResponse { parts, body: Box::new(body) })
    }

    fn note(&self, response: &Response<Bytes>) {
        let mut noted = self.noted();
        if !response.status().is_success() {
            noted.retry_after = retry_after(response.headers(), SystemTime::now());
        } else if media_type(response.headers()) == "application/pem-certificate-chain" {
            noted.alternates = alternates(response.headers());
            noted.chain = Some(String::from_utf8_lossy(response.body()).into_owned());
        } else if let Ok(account) = serde_json::from_slice::<AccountBody>(response.body()) {
            noted.contact = Some(account.contact);
        } else if let Ok(body) = serde_json::from_slice::<AuthorizationBody>(response.body()) {
            for one in body.challenges.into_iter().filter(|one| !one.issuers.is_empty()) {
                // An order has a hundred names at most; what was noted of orders before is of no use.
                if noted.persist.len() >= MAX_PERSIST {
                    noted.persist.clear();
                }
                noted.persist.insert(one.url, one.issuers);
            }
        }
    }
}

impl HttpClient for Transport {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        Box::pin(self.clone().ask(request))
    }
}

/// What time it is to an authority.
pub async fn time_of(directory: &Directory) -> Result<SystemTime, IssueError> {
    let said = Transport::new(directory)?.date(&directory.url).await;
    said.map_err(|error| IssueError::of(error, "the time", directory.host(), None))
}

/// Our own request, which is in memory.
async fn whole(mut body: BodyWrapper<Bytes>) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(Ok(frame)) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        all.extend(frame.into_data().unwrap_or_default());
    }
    all
}

/// Reads a whole body of a bounded size.
async fn read(body: impl Body<Data = Bytes, Error = hyper::Error>) -> Result<Bytes, Error> {
    let (mut body, mut all) = (pin!(body), Vec::new());
    loop {
        let frame = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await;
        let Some(frame) = frame else { return Ok(all.into()) };
        if let Ok(data) = frame.map_err(other)?.into_data() {
            all.extend_from_slice(&data);
        }
        if all.len() > MAX_ANSWER {
            return Err(text(format!("an answer of more than {MAX_ANSWER} bytes came")));
        }
    }
}

/// A refusal that is no problem document comes from a proxy or a portal in between, not from the authority.
fn check(host: &str, response: &Response<Bytes>) -> Result<(), Error> {
    let status = response.status();
    let refused = !(status.is_success() || status.is_redirection());
    if refused && serde_json::from_slice::<instant_acme::Problem>(response.body()).is_err() {
        return Err(text(format!("{host} answered {status}, and not in ACME's words")));
    }
    if status.is_redirection() && status != StatusCode::SEE_OTHER {
        return Err(text(format!("{host} answered {status}: the directory has moved or is not one")));
    }
    Ok(())
}

fn media_type(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

/// RFC 9110 section 10.2.3, in seconds or as a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<SystemTime> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => http_date(value)?.duration_since(now).unwrap_or_default(),
    };
    Some(now + wait.min(MAX_RETRY_AFTER))
}

/// `Fri, 31 Dec 1999 23:59:59 GMT`
fn http_date(text: &str) -> Option<SystemTime> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.split(' ');
    let day: i64 = words.next()?.parse().ok()?;
    let month = words.next()?;
    let month = 1 + i64::try_from(MONTHS.iter().position(|m| *m == month)?).ok()?;
    let year: i64 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    // Days since the epoch of a civil date: years begin in March, so that leap days come last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days =
        365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (153 * m + 2) / 5 + day - 719_469;
    let seconds = u64::try_from(days * 86_400 + hour * 3600 + minute * 60 + second).ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// `<https://…>;rel="alternate"`
fn alternates(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    let links = lines.flat_map(|line| line.split(','));
    let alternate = links.filter_map(|link| {
        let (address, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is = parameters.split(';').any(|p| matches!(p.trim(), "rel=\"alternate\"" | "rel=alternate"));
        is.then(|| address.to_owned())
    });
    alternate.collect()
}

fn other(error: impl std::error::Error) -> Error {
    text(innermost_reason(&error))
}

fn text(why: String) -> Error {
    Error::Other(why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(now, SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777));
        let after = |value: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
            retry_after(&headers, now).and_then(|at| at.duration_since(now).ok()).map(|wait| wait.as_secs())
        };
        assert_eq!(after("120"), Some(120));
        assert_eq!(after("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!(after("Sun, 06 Nov 1994 08:40:37 GMT"), Some(0));
        assert_eq!(after("99999999999"), Some(MAX_RETRY_AFTER.as_secs()));
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn other_chains_are_found_among_links() {
        let mut headers = HeaderMap::new();
        headers.append(LINK, "<https://ca/dir>;rel=\"index\"".parse().unwrap());
        headers.append(
            LINK,
            "<https://ca/1/alt>;rel=\"alternate\", <https://ca/2>; rel=alternate".parse().unwrap(),
        );
        assert_eq!(alternates(&headers), ["https://ca/1/alt", "https://ca/2"]);
    }
}
