//! The household: how a process starts, goes to the background, is asked to stop and ends, and how operators reach it
//! while it runs (`runtime`); a master and its workers, and what they hand over to each other. Parses no byte of a client and no word of a
//! configuration.

pub mod daemon;
mod demand;
pub mod keeper;
pub mod life;
pub mod master;
mod message;
pub mod notify;
pub mod pidfile;
pub mod predecessor;
pub mod runtime;
pub mod scheduler;
pub mod signals;
pub mod stapling;
pub mod worker;
