//! The household: how a process starts, goes to the background, is asked to stop and ends. Later also the master, its
//! workers and the runtime API. Parses no byte of a client and no word of a configuration.

pub mod daemon;
pub mod life;
pub mod notify;
pub mod pidfile;
pub mod predecessor;
pub mod signals;
