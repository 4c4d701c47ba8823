//! When a certificate is renewed, and when it must not be tried. Pure: time and chance are arguments, nothing is read
//! or written, no authority is spoken to; the scheduler that acts on these decisions is elsewhere.
//!
//! A scheduler keeps one [`State`] per lineage and one [`AuthorityState`] per authority, asks [`step()`] what to do now,
//! does it, tells the two what came of it ([`State::failed`], [`State::issued`], [`State::polled`],
//! [`AuthorityState::failed`], [`Buckets::take`], ...), and writes them down whenever they differ from what was written.

mod backoff;
mod bucket;
mod clock;
mod facts;
mod limits;
mod policy;
mod revocation;
mod severity;
mod state;
mod step;
mod time;
mod window;

pub use backoff::Backoff;
pub use clock::{Clock, Shown, Wrong};
pub use facts::{CertificateFacts, FactsError};
pub use limits::{Buckets, Limit, NewOrder, OrderKind, Published, Refusal, registered_domain};
pub use policy::{Due, Policy, Why};
pub use revocation::{CrlError, Reason, Revoked, find_revoked, list_addresses};
pub use severity::{Severity, Watch};
pub use state::{AuthorityState, State, StateError};
pub use step::{Step, Waiting, step};
pub use time::UnixTime;
pub use window::{DEFAULT_POLL, LONGEST_POLL, SHORTEST_POLL, Window, WindowError};
