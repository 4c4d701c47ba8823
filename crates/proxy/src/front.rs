//! The client's side, one module a protocol version. A front reads requests and lends each to `stream` as an exchange.

pub mod h1;
mod room;
