//! The hatch through which an issuance reaches whoever answers challenges and serves certificates: this process, or
//! another one over its runtime socket. What stands behind it is not known to `issue`.

mod demanded;
mod dns;

pub(crate) use demanded::ForName;
pub use dns::Records;
pub(crate) use dns::WithRecords;

use crate::dns::Permit;
use crate::storage::Bundle;
use base::reason;
use std::fmt;
use std::future::{Future, ready};
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tls::{CertStore, PemPair};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A kind of challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Challenge {
    /// A file on port 80 (RFC 8555 section 8.3).
    Http01,
    /// A certificate on port 443 (RFC 8737).
    TlsAlpn01,
    /// A TXT record (RFC 8555 section 8.4).
    Dns01,
    /// The same under a name of the account's own (draft-ietf-acme-dns-account-label).
    DnsAccount01,
    /// A TXT record that stands for good (draft-ietf-acme-dns-persist).
    DnsPersist01,
}

impl Challenge {
    /// All of them.
    pub const ALL: [Challenge; 5] = [
        Challenge::Http01,
        Challenge::TlsAlpn01,
        Challenge::Dns01,
        Challenge::DnsAccount01,
        Challenge::DnsPersist01,
    ];

    /// It is a record that is looked at, which proves wildcards too.
    pub fn is_by_record(self) -> bool {
        match self {
            Challenge::Http01 | Challenge::TlsAlpn01 => false,
            Challenge::Dns01 | Challenge::DnsAccount01 | Challenge::DnsPersist01 => true,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Challenge::Http01 => "http-01",
            Challenge::TlsAlpn01 => "tls-alpn-01",
            Challenge::Dns01 => "dns-01",
            Challenge::DnsAccount01 => "dns-account-01",
            Challenge::DnsPersist01 => "dns-persist-01",
        }
    }
}

/// What must be found by the authority. `Debug` leaves the key out.
#[derive(Clone, Debug)]
pub enum Answer {
    /// At `http://NAME/.well-known/acme-challenge/TOKEN`.
    Http {
        /// The name that is proven.
        name: String,
        /// The authority's token; checked against its alphabet.
        token: String,
        /// What is answered: the key authorization.
        content: String,
    },
    /// In a TLS handshake for `sni` with the protocol `acme-tls/1`.
    Tls {
        /// The name that is asked for: for addresses their reverse name (RFC 8738 section 6).
        sni: String,
        /// What is shown.
        pair: PemPair,
    },
    /// In TXT records of `_acme-challenge.NAME`.
    Dns {
        /// The name that is proven, without `*.`.
        name: String,
        /// The record's value.
        value: String,
        /// A label before all of it, where each account has its own.
        label: Option<String>,
    },
    /// In TXT records of `_validation-persist.NAME`, which an operator made.
    Persist {
        /// The name that is proven, without `*.`.
        name: String,
        /// What is to stand there.
        permit: Permit,
    },
}

/// Why something could not be handed through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HatchError(pub String);

impl fmt::Display for HatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HatchError {}

/// A step that may wait.
pub type Handed<'a> = Pin<Box<dyn Future<Output = Result<(), HatchError>> + 'a>>;

/// Somebody who answers challenges and serves certificates.
pub trait Hatch {
    /// Challenges that can be answered here.
    fn answers(&self) -> &[Challenge];
    /// Answers for these names are about to be posted, in this order.
    fn expect(&self, _names: &[&str]) {}
    /// Makes an answer be found, sooner or later.
    fn post<'a>(&'a self, answer: &'a Answer) -> Handed<'a>;
    /// Returns once an authority that looks would find an answer that was posted.
    fn found<'a>(&'a self, _answer: &'a Answer) -> Handed<'a> {
        Box::pin(ready(Ok(())))
    }
    /// Takes an answer back.
    fn withdraw<'a>(&'a self, answer: &'a Answer) -> Handed<'a>;
    /// Serves a new certificate in the place of the one that `file` held. It has been written there already.
    fn publish<'a>(&'a self, file: &'a Path, bundle: &'a Bundle) -> Handed<'a>;
    /// Serves what is published in `file` to clients that ask for `name`, on binds of an `acme` section with `on-demand`;
    /// without a file, no more.
    fn serve_on_demand<'a>(
        &'a self,
        _section: &'a str,
        _name: &'a str,
        _file: Option<&'a Path>,
    ) -> Handed<'a> {
        Box::pin(ready(Ok(())))
    }
}

/// This process.
#[derive(Clone)]
pub struct Here {
    store: CertStore,
    refresh: Arc<dyn Fn(&Path) + Send + Sync>,
    published: Arc<dyn Fn(&Path) + Send + Sync>,
}

impl Here {
    /// `refresh` has the binds look at the certificate of a file; `published` hears of each that is new.
    pub fn new(
        store: CertStore,
        refresh: impl Fn(&Path) + Send + Sync + 'static,
        published: impl Fn(&Path) + Send + Sync + 'static,
    ) -> Here {
        Here { store, refresh: Arc::new(refresh), published: Arc::new(published) }
    }
}

impl Hatch for Here {
    fn answers(&self) -> &[Challenge] {
        &[Challenge::Http01, Challenge::TlsAlpn01]
    }

    fn post<'a>(&'a self, answer: &'a Answer) -> Handed<'a> {
        let answers = self.store.answers();
        let posted = match answer {
            Answer::Http { token, content, .. } => answers.post_http(token, content),
            Answer::Tls { sni, pair } => answers.post_tls(sni, pair),
            Answer::Dns { .. } | Answer::Persist { .. } => return Box::pin(ready(Err(no_dns()))),
        };
        Box::pin(ready(posted.map_err(|why| HatchError(why.to_string()))))
    }

    fn withdraw<'a>(&'a self, answer: &'a Answer) -> Handed<'a> {
        match answer {
            Answer::Http { token, .. } => self.store.answers().withdraw_http(token),
            Answer::Tls { sni, .. } => self.store.answers().withdraw_tls(sni),
            Answer::Dns { .. } | Answer::Persist { .. } => {}
        }
        Box::pin(ready(Ok(())))
    }

    fn publish<'a>(&'a self, file: &'a Path, bundle: &'a Bundle) -> Handed<'a> {
        let installed = self.store.install(file, &bundle.whole());
        (self.refresh)(file);
        if installed.is_ok() {
            (self.published)(file);
        }
        Box::pin(ready(installed.map_err(|why| HatchError(why.to_string()))))
    }

    fn serve_on_demand<'a>(&'a self, section: &'a str, name: &'a str, file: Option<&'a Path>) -> Handed<'a> {
        match file {
            Some(file) => self.store.serve_on_demand(section, name, file.to_owned()),
            None => {
                if let Some(file) = self.store.forget_on_demand(section, name) {
                    (self.refresh)(&file);
                }
            }
        }
        Box::pin(ready(Ok(())))
    }
}

/// As one word of a runtime API's command line (management guide 9.3).
pub fn escaped(text: &str) -> String {
    let mut word = String::new();
    for letter in text.chars() {
        if matches!(letter, ' ' | '\t' | ';' | '\\') {
            word.push('\\');
        }
        word.push(letter);
    }
    word
}

fn no_dns() -> HatchError {
    HatchError("records are not made here".to_owned())
}

/// How long a running proxy has for one command.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer of a command that is read.
const MAX_SAID: u64 = 64 * 1024;

/// A connection to a runtime API, of whatever kind.
pub trait Wire: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Wire for T {}

/// One on its way.
pub type Connecting = Pin<Box<dyn Future<Output = io::Result<Box<dyn Wire>>>>>;

/// Another process, by its runtime API.
#[derive(Clone)]
pub struct OverSocket {
    /// How it is called in complaints.
    name: String,
    /// Before each command: a master passes those on that name a worker.
    prefix: &'static str,
    connect: Arc<dyn Fn() -> Connecting + Send + Sync>,
}

impl fmt::Debug for OverSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OverSocket").field("name", &self.name).finish_non_exhaustive()
    }
}

impl OverSocket {
    /// A proxy that is reached in this way.
    pub fn by(name: String, connect: impl Fn() -> Connecting + Send + Sync + 'static) -> OverSocket {
        OverSocket { name, prefix: "", connect: Arc::new(connect) }
    }

    /// The same behind its master.
    #[must_use]
    pub fn behind_master(self) -> OverSocket {
        OverSocket { prefix: "@1 ", ..self }
    }

    /// Has whoever looks after the certificate of a file replace it, because it was revoked.
    pub async fn replace_revoked(&self, file: &Path) -> Result<(), HatchError> {
        self.tell(format!("acme revoked {}\n", escaped(&file.display().to_string()))).await
    }

    /// Has a command carried out; one that was says nothing.
    async fn tell(&self, command: String) -> Result<(), HatchError> {
        let failed = |why: String| HatchError(format!("{}: {why}", self.name));
        let talk = async {
            let mut stream = (self.connect)().await?;
            stream.write_all(self.prefix.as_bytes()).await?;
            stream.write_all(command.as_bytes()).await?;
            stream.shutdown().await?;
            let mut said = String::new();
            stream.take(MAX_SAID).read_to_string(&mut said).await?;
            Ok::<String, io::Error>(said)
        };
        let said = tokio::time::timeout(PATIENCE, talk).await;
        let said = said.map_err(|_| failed("no answer".into()))?.map_err(|why| failed(reason(&why)))?;
        match said.trim() {
            "" => Ok(()),
            complaint => Err(failed(complaint.to_owned())),
        }
    }
}

impl Hatch for OverSocket {
    fn answers(&self) -> &[Challenge] {
        &[Challenge::Http01, Challenge::TlsAlpn01]
    }

    fn post<'a>(&'a self, answer: &'a Answer) -> Handed<'a> {
        match answer {
            Answer::Http { token, content, .. } => {
                Box::pin(self.tell(format!("acme answer http {token} {content}\n")))
            }
            Answer::Tls { sni, pair } => {
                let pem = format!("{}{}", pair.cert, pair.key);
                Box::pin(self.tell(format!("acme answer tls {sni} <<\n{}\n\n", pem.trim_end())))
            }
            Answer::Dns { .. } | Answer::Persist { .. } => Box::pin(ready(Err(no_dns()))),
        }
    }

    fn withdraw<'a>(&'a self, answer: &'a Answer) -> Handed<'a> {
        match answer {
            Answer::Http { token, .. } => Box::pin(self.tell(format!("acme withdraw http {token}\n"))),
            Answer::Tls { sni, .. } => Box::pin(self.tell(format!("acme withdraw tls {sni}\n"))),
            Answer::Dns { .. } | Answer::Persist { .. } => Box::pin(ready(Ok(()))),
        }
    }

    fn publish<'a>(&'a self, file: &'a Path, bundle: &'a Bundle) -> Handed<'a> {
        let whole = bundle.whole();
        // An empty line would end the payload.
        let lines: Vec<&str> = whole.lines().filter(|line| !line.trim().is_empty()).collect();
        let file = escaped(&file.display().to_string());
        Box::pin(self.tell(format!("acme publish {file} <<\n{}\n\n", lines.join("\n"))))
    }

    fn serve_on_demand<'a>(&'a self, section: &'a str, name: &'a str, file: Option<&'a Path>) -> Handed<'a> {
        let file = file.map(|file| escaped(&file.display().to_string())).unwrap_or_default();
        Box::pin(self.tell(format!("acme on-demand {} {name} {file}\n", escaped(section))))
    }
}
