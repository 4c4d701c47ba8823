//! Pieces of request targets: `percent` coding, parameters of a `query`, and the normalizers of
//! `http-request normalize-uri`. Text in, text out; no module here knows a message.

pub mod normalize;
pub mod percent;
pub mod query;
