//! What Debian's Pebble lacks, before it: renewal information (RFC 9773), profiles, `dns-persist-01` among the
//! challenges, and refusals on request. Requests are signed and go on to Pebble as they came; what is changed is what
//! comes back, or Pebble is not asked at all.
//!
//! Pebble makes its addresses from the `Host` of a request and takes TLS only: haproxy stands on both sides, so that the
//! part in the middle is plain text.

use crate::authority::authority;
use crate::client::Answer;
use crate::program::{Lockgate, Player};
use crate::upstream::{Peer, Upstream};
use certs::renew::UnixTime;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

/// See the module's head.
pub struct Front {
    hop: Lockgate,
    _server: Upstream,
    desk: Arc<Desk>,
}

/// What it does beyond Pebble.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// Names of profiles in the directory.
    pub profiles: Vec<&'static str>,
    /// Windows of the certificates asked about, in the order of the first question; the last holds for all that follow.
    /// Without any, the directory names no renewal information.
    pub windows: Vec<Window>,
    /// Challenges of authorizations.
    pub offered: Offered,
    /// Answers in place of Pebble's.
    pub refusals: Vec<Refusal>,
    /// What becomes of the chains that Pebble sends.
    pub spoilt: Option<fn(String) -> String>,
    /// Orders are called invalid, without a reason, once their names are proven.
    pub invalid_orders: bool,
}

/// A renewal window, in seconds from now.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub start: i64,
    pub end: i64,
    pub retry_after: u64,
    pub explanation: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Offered {
    #[default]
    AsPebble,
    /// `dns-persist-01`, which has no token, beside Pebble's (draft-ietf-acme-dns-persist). Whoever says that it is ready
    /// has Pebble look at its `dns-01`.
    PersistToo,
    /// `dns-account-01` in the place of `dns-01`, with its token.
    DnsAccount,
    /// Kinds that nobody knows, and nothing else.
    OnlyUnknown,
}

/// An answer to requests for `path`.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// How the path begins.
    pub path: &'static str,
    pub status: u16,
    /// RFC 8555's word, or nothing for an answer that is no problem document.
    pub kind: &'static str,
    pub detail: &'static str,
    pub retry_after: Option<u64>,
    /// How often.
    pub times: usize,
}

impl Refusal {
    /// Given each time.
    pub fn new(path: &'static str, status: u16, kind: &'static str, detail: &'static str) -> Refusal {
        Refusal { path, status, kind, detail, retry_after: None, times: usize::MAX }
    }
}

pub const NEW_ORDER: &str = "/order-plz";
pub const FINALIZE: &str = "/finalize-order/";
const RENEWAL_INFO: &str = "/renewal-info";
const ORDER: &str = "/my-order/";

/// What is shared with the threads that answer.
struct Desk {
    script: Mutex<Script>,
    noted: Mutex<Noted>,
    behind: OnceLock<SocketAddr>,
    own: OnceLock<String>,
}

/// What was asked.
#[derive(Clone, Debug, Default)]
pub struct Noted {
    /// What new orders said.
    pub orders: Vec<Value>,
    /// Which certificates were asked about, each question.
    pub asked: Vec<String>,
}

impl Front {
    pub fn start(pebble: SocketAddr, script: Script) -> Front {
        let desk = Arc::new(Desk {
            script: Mutex::new(script),
            noted: Mutex::default(),
            behind: OnceLock::new(),
            own: OnceLock::new(),
        });
        let answering = desk.clone();
        let server = Upstream::start(move |peer| answering.serve(peer));
        let text = format!(
            "defaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n option httpclose\n\
             frontend outer\n bind <outer> ssl crt {}\n default_backend front\n\
             backend front\n server f {}\n\
             frontend inner\n bind <inner>\n default_backend pebble\n\
             backend pebble\n server p {pebble} ssl verify none\n",
            authority().leaf("localhost").display(),
            server.address()
        );
        let hop = Lockgate::played_by(Player::Oracle, &text);
        desk.behind.set(hop.at("inner")).unwrap();
        desk.own.set(format!("https://localhost:{}", hop.at("outer").port())).unwrap();
        Front { hop, _server: server, desk }
    }

    /// Its directory; trusted by the run's authority.
    pub fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.hop.at("outer").port())
    }

    /// What was asked so far.
    pub fn noted(&self) -> Noted {
        self.desk.noted.lock().unwrap().clone()
    }

    /// Goes on otherwise.
    pub fn change(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.desk.script.lock().unwrap());
    }
}

/// A request as it came.
struct Request {
    method: String,
    path: String,
    whole: Vec<u8>,
    body: Vec<u8>,
}

impl Desk {
    fn serve(&self, mut peer: Peer) {
        let Some(request) = read(&mut peer) else { return };
        self.note(&request);
        let answer = self.refusal(&request).or_else(|| self.renewal_info(&request));
        peer.send(answer.unwrap_or_else(|| self.passed_on(&request)));
    }

    fn note(&self, request: &Request) {
        if request.method == "POST" && request.path == NEW_ORDER {
            self.noted.lock().unwrap().orders.push(payload(&request.body));
        }
    }

    fn refusal(&self, request: &Request) -> Option<Vec<u8>> {
        let mut script = self.script.lock().unwrap();
        let fits = |refusal: &&mut Refusal| refusal.times > 0 && request.path.starts_with(refusal.path);
        let refusal = script.refusals.iter_mut().find(fits)?;
        refusal.times -= 1;
        let Refusal { status, kind, detail, retry_after, .. } = *refusal;
        let wait = retry_after.map(|seconds| format!("Retry-After: {seconds}\r\n")).unwrap_or_default();
        if kind.is_empty() {
            return Some(whole(status, &wait, detail.as_bytes()));
        }
        let kind = format!("urn:ietf:params:acme:error:{kind}");
        let problem = json!({"type": kind, "detail": detail, "status": status}).to_string();
        let more = format!("Content-Type: application/problem+json\r\n{wait}");
        Some(whole(status, &more, problem.as_bytes()))
    }

    fn renewal_info(&self, request: &Request) -> Option<Vec<u8>> {
        let id = request.path.strip_prefix(RENEWAL_INFO)?.trim_start_matches('/').to_owned();
        let mut noted = self.noted.lock().unwrap();
        noted.asked.push(id.clone());
        let mut known: Vec<&String> = Vec::new();
        noted.asked.iter().for_each(|asked| {
            if !known.contains(&asked) {
                known.push(asked);
            }
        });
        let at = known.iter().position(|known| **known == id)?;
        let script = self.script.lock().unwrap();
        let window = script.windows.get(at).or(script.windows.last())?;
        let mut body = json!({"suggestedWindow": {"start": moment(window.start), "end": moment(window.end)}});
        if let Some(page) = window.explanation {
            body["explanationURL"] = page.into();
        }
        let more = format!("Content-Type: application/json\r\nRetry-After: {}\r\n", window.retry_after);
        Some(whole(200, &more, body.to_string().as_bytes()))
    }

    fn passed_on(&self, request: &Request) -> Vec<u8> {
        let mut pebble = TcpStream::connect(self.behind.get().unwrap()).unwrap();
        pebble.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        pebble.write_all(&request.whole).unwrap();
        let mut all = Vec::new();
        // A peer that closes with a reset has sent what it had.
        let _ = pebble.read_to_end(&mut all);
        self.changed(request, all)
    }

    /// Pebble's answer, with what it lacks.
    fn changed(&self, request: &Request, raw: Vec<u8>) -> Vec<u8> {
        let path = request.path.as_str();
        if let (Some(spoil), true) = (self.script.lock().unwrap().spoilt, path.starts_with("/certZ/")) {
            return spoilt(&raw, spoil);
        }
        if raw.is_empty()
            || !(matches!(path, "/dir" | NEW_ORDER) || path.starts_with("/authZ/") || path.starts_with(ORDER))
        {
            return raw;
        }
        let answer = Answer::parse(&raw);
        let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body) else { return raw };
        let script = self.script.lock().unwrap();
        if path == "/dir" {
            let own = self.own.get().unwrap();
            if !script.windows.is_empty() {
                body["renewalInfo"] = format!("{own}{RENEWAL_INFO}").into();
            }
            for name in &script.profiles {
                body["meta"]["profiles"][name] = format!("https://ca.example/profiles/{name}").into();
            }
        } else if path == NEW_ORDER {
            // What was taken note of is repeated (RFC 9773 section 5).
            let said = payload(&request.body);
            for word in ["replaces", "profile"].into_iter().filter(|word| said.get(word).is_some()) {
                body[word] = said[word].clone();
            }
        } else if path.starts_with(ORDER) {
            if script.invalid_orders && body["status"] == "ready" {
                body["status"] = "invalid".into();
            }
        } else {
            offer(script.offered, &mut body);
        }
        let kept = |name: &&(String, String)| {
            !matches!(name.0.as_str(), "content-length" | "connection" | "transfer-encoding")
        };
        let fields: String =
            answer.fields.iter().filter(kept).map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        whole(answer.status, &fields, body.to_string().as_bytes())
    }
}

/// An answer with another chain.
fn spoilt(raw: &[u8], spoil: fn(String) -> String) -> Vec<u8> {
    let answer = Answer::parse(raw);
    let chain = spoil(String::from_utf8(answer.body).unwrap());
    let kept = |name: &&(String, String)| {
        !matches!(name.0.as_str(), "content-length" | "connection" | "transfer-encoding")
    };
    let fields: String =
        answer.fields.iter().filter(kept).map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    whole(answer.status, &fields, chain.as_bytes())
}

fn offer(offered: Offered, authorization: &mut Value) {
    let Some(challenges) = authorization["challenges"].as_array_mut() else { return };
    match offered {
        Offered::AsPebble => {}
        Offered::PersistToo => {
            let behind = challenges.iter().find(|one| one["type"] == "dns-01").cloned().unwrap_or_default();
            let more = json!({"type": "dns-persist-01", "url": behind["url"], "status": behind["status"],
                              "issuer-domain-names": ["ca.example"]});
            challenges.insert(0, more);
        }
        Offered::DnsAccount => challenges.iter_mut().filter(|one| one["type"] == "dns-01").for_each(|one| {
            one["type"] = "dns-account-01".into();
        }),
        Offered::OnlyUnknown => challenges.iter_mut().enumerate().for_each(|(i, challenge)| {
            challenge["type"] = format!("carrier-pigeon-{i:02}").into();
        }),
    }
}

/// Reads head and body; haproxy sends a length with every body.
fn read(peer: &mut Peer) -> Option<Request> {
    let head = peer.read_message();
    let mut words = head.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length:").map(|v| v.trim().to_owned())
    });
    let length: usize = length.and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = Vec::new();
    while body.len() < length {
        let more = peer.read();
        if more.is_empty() {
            return None;
        }
        body.extend(more);
    }
    let whole = [head.as_bytes(), &body].concat();
    Some(Request { method, path, whole, body })
}

fn whole(status: u16, more: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status} -\r\n{more}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// What a signed request says (RFC 7515 section 7.2.2).
fn payload(body: &[u8]) -> Value {
    let outer: Value = serde_json::from_slice(body).unwrap_or_default();
    serde_json::from_slice(&base64url(outer["payload"].as_str().unwrap_or_default())).unwrap_or_default()
}

fn base64url(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut held, mut out) = (0_u32, 0, Vec::new());
    for value in text.bytes().filter_map(|letter| LETTERS.iter().position(|one| *one == letter)) {
        (bits, held) = (bits << 6 | value as u32, held + 6);
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    out
}

/// RFC 3339, to the minute.
fn moment(from_now: i64) -> String {
    let at = UnixTime(UnixTime::from(SystemTime::now()).0 + from_now).to_string();
    at.replace(" UTC", ":00Z").replace(' ', "T")
}
