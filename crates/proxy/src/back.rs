//! The servers' side: connections to servers and when to try again. A back lends `stream` a [`Checkout`] for each
//! exchange, the mirror image of the front's exchange.

mod attempts;
mod connect;
mod h1;
pub mod pool;

pub use attempts::{Attempts, Failure, FailureKind};
pub use connect::{checkout, learn, open, proxy_header, server_name, wrong_name};
pub use h1::Checkout;

use crate::link::Link;

/// An open connection to a server. It stays in the box that it was opened in: it goes from hand to hand with each
/// exchange.
pub struct Connection {
    /// What it stands for.
    pub key: pool::Key,
    /// The connection itself.
    pub link: Link,
    /// Exchanges it has served.
    pub uses: u32,
}
