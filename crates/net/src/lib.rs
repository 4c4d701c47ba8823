//! Sockets and the other things that only the operating system has: listeners, streams, log sinks, splice, rights
//! and limits. Everything above asks here and names no system call itself.
//!
//! Knows neither HTTP nor TLS nor a configuration word. `unsafe` lives in `raw` alone.

pub mod accept;
pub mod accounts;
pub mod addr;
pub mod changes;
pub mod channel;
pub mod connect;
pub mod expose;
pub mod inherit;
pub mod listen;
pub mod log;
pub mod log_queue;
pub mod machine;
pub mod meter;
mod raw;
pub mod resolve;
pub mod rights;
pub mod ring;
pub mod signals;
pub mod splice;
pub mod stream;
mod unix_path;
pub mod written;

pub use accept::{AcceptError, Listener};
pub use addr::Addr;
pub use connect::{
    ConnectOptions, Marks, Source, SourcePorts, Target, connect, connect_marked, has_congestion_control,
};
pub use inherit::Inherited;
pub use listen::{
    BindCause, BindError, BoundListener, ListenAddr, ListenOptions, UnixOwner, bind, is_listened_on,
};
pub use log::{LogAddr, LogSink, LogSocket};
pub use machine::{FdLimit, cpus, hostname, kill_group, raise_fd_limit, set_affinity};
pub use meter::{Measured, Meter};
pub use resolve::resolve;
pub use ring::Ring;
pub use splice::{Pipe, Pipes, PipesUse};
pub use stream::{Idle, KeepAlive, Stream};
