//! TLS without sockets: handshakes, the certificates of binds and servers, tickets, and what a connection knows of
//! its peer. Bytes in, bytes out; the caller owns sockets, deadlines and the configuration's text.
//!
//! `CertStore` holds what the whole process shares (certificate files, ticket keys, sessions); `BindTls` and
//! `ServerTls` are built from plain specifications and hand out `Session`s. Nothing here speaks ACME or prints.

pub mod bind;
mod drive;
mod error;
mod info;
mod problem;
pub mod server;
mod session;
mod store;
mod versions;

pub use bind::{BindSpec, BindTls, Verify};
pub use error::TlsError;
pub use info::Info;
pub use problem::{Built, Problem};
pub use server::{ServerSpec, ServerTls};
pub use session::{MAX_HELD, Session};
pub use store::{CertStore, StoreSpec};
pub use versions::{TlsVersion, Versions};
