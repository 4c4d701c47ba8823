//! HTTP messages: bytes to meaning and back. Pure state machines: no socket, no clock, no thread. The message head
//! is version-neutral ([`Request`], [`Response`], [`Fields`]); each protocol version has a module of its own.

pub mod client_hello;
pub mod fields;
pub mod h1;
pub mod message;
pub mod proxy_protocol;
pub mod raw;
mod spelling;
pub mod uri;

pub use fields::Fields;
pub use message::{Method, Request, Response, Slice, Version};
pub use spelling::{Spelling, capitalized};
