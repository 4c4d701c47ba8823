//! TLS without sockets: handshakes, the certificates of binds and servers, tickets, and what a connection knows of
//! its peer. Bytes in, bytes out; the caller owns sockets, deadlines and the configuration's text.
//!
//! `CertStore` holds what the whole process shares (certificate files, ticket keys, sessions); `BindTls` and
//! `ServerTls` are built from plain specifications and hand out `Session`s. Nothing here speaks ACME or prints.

pub mod aes;
mod answers;
mod bind;
mod certificate;
mod chain;
mod client_auth;
mod crl_view;
mod demand;
mod der;
mod drive;
mod edit;
mod error;
mod info;
mod lifetime;
mod list;
mod made;
mod ocsp;
mod ocsp_query;
mod openssl_error;
mod outbound;
mod p521;
mod parts;
mod policy;
mod problem;
pub mod record;
mod revocation;
mod server;
mod server_auth;
mod session;
mod settle;
mod signature;
mod source;
mod staple;
mod store;
mod suites;
mod table;
mod ticket_file;
mod tickets;
mod trust;
mod trust_edit;
mod version1;
mod versions;
mod view;
mod watch;

pub use answers::{AnswerError, Answers};
pub use bind::{BindSpec, BindTls, Named, OcspUse, OnDemand, Rescan, Verify};
pub use client_auth::VerifyReport;
pub use crl_view::CrlView;
pub use demand::{Demand, Settled, Wish};
pub use edit::{CertError, Known};
pub use error::TlsError;
pub use info::{Info, Served};
pub use ocsp_query::{OcspAnswer, OcspError, OcspQuery, OcspVerdict, ocsp_responder};
pub use openssl_error::OpensslError;
pub use outbound::Trust;
pub use parts::{Part, Parts};
pub use problem::{Built, Problem};
pub use server::{ServerSpec, ServerTls};
pub use session::{MAX_HELD, Session};
pub use staple::{Staple, StapleError, StapleView};
pub use store::{CertStore, OnDemandFiles, PemPair, StoreEntry, StoreSpec};
pub use ticket_file::{TicketFile, TicketKeyError};
pub use trust_edit::{TrustError, TrustKind, TrustView};
pub use versions::{TlsVersion, Versions};
pub use view::CertView;
pub use watch::Look;
