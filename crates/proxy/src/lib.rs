//! The data plane: serves traffic from an immutable [`plan::Plan`]. A request walks
//! `listen -> session -> front -> stream -> rules -> route -> assign -> back -> log`, and each file is opened once.
//! Knows neither ACME nor argv nor processes; touches no disk while a request is served.

mod agreed;
mod assign;
mod back;
pub mod balance;
mod buf;
pub mod certificates;
mod client_cert;
pub mod clock;
mod control;
mod deadline;
pub mod dynamic_servers;
mod ending;
mod farm_news;
mod front;
pub mod gate;
pub mod health;
pub mod invalid;
pub mod limit;
pub mod link;
pub mod list_edits;
mod listening;
mod log;
pub mod lower;
pub mod persist;
pub mod plan;
pub mod queue;
mod rate;
mod reply;
pub mod resolvers;
pub mod roster;
mod route;
mod rules;
mod running;
mod scope;
pub mod server;
pub mod server_state;
mod session;
pub mod socks4;
mod splice;
pub mod statistics;
pub mod stats_file;
pub mod stats_socket;
mod stream;
pub mod tally;
mod tcp;
mod transfer;
mod tunnel;
mod vars;
mod worker;
mod workers;

pub use listening::{StartError, Unbound, shared_with_others};
pub use running::{Ready, Running};
pub use worker::{PoolUse, Worker};
pub use workers::Workers;
