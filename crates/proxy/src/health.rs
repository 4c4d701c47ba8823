//! Health: checks, agents and what observing traffic tells, on the control thread. Each server with a check or an
//! agent has a task of its own; a verdict moves the server's state, those who track it follow, the backend's
//! balancing is recomputed, and the log hears of it in HAProxy's words.
//!
//! Decisions are pure: `rise` counts, `protocols`, `expect` and `agent` read bytes. Only `wire` has sockets.

mod agent;
mod expect;
mod finding;
mod log;
pub(crate) mod lower;
mod observe;
pub mod plan;
mod probe;
mod protocols;
mod rise;
mod schedule;
mod scope;
mod state;
mod wire;

pub use finding::Finding;
pub use observe::{Complaint, Observer};
pub use schedule::run;

#[cfg(test)]
mod tests;
