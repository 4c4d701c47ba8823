//! Health: checks, agents and what observing traffic tells, on the control thread. Each server with a check or an
//! agent has a task of its own; a verdict moves the server's state, those who track it follow, the backend's
//! balancing is recomputed, and the log hears of it in HAProxy's words.
//!
//! Decisions are pure: `rise` counts, `protocols`, `expect` and `agent` read bytes. Only `wire` has sockets.

mod admin;
mod agent;
mod expect;
mod finding;
mod log;
pub(crate) mod lower;
mod observe;
mod operator;
pub mod plan;
mod probe;
mod program;
mod protocols;
mod rise;
mod schedule;
mod scope;
mod state;
mod watch;
mod wire;

pub use agent::AdminWish;
pub use finding::{Finding, Report, Verdict};
pub use observe::{Complaint, Observer};
pub(crate) use operator::check_port;
pub use operator::{Operator, Place, Refusal, Watcher};
pub use schedule::run;
pub use state::TRACK_DEPTH;
pub use watch::{Moving, Watch};

#[cfg(test)]
mod tests;
