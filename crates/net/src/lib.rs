//! Sockets and the other things that only the operating system has: listeners, streams, log sinks, splice, rights
//! and limits. Everything above asks here and names no system call itself.
//!
//! Knows neither HTTP nor TLS nor a configuration word. `unsafe` lives in `raw` alone.

pub mod accept;
pub mod addr;
pub mod connect;
pub mod listen;
mod raw;
pub mod stream;
mod unix_path;

pub use accept::{AcceptError, Listener};
pub use addr::Addr;
pub use connect::{ConnectOptions, Source, SourcePorts, Target, connect};
pub use listen::{BindCause, BindError, BoundListener, ListenAddr, ListenOptions, UnixOwner, bind};
pub use stream::{Idle, KeepAlive, Stream};
