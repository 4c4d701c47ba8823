//! Certificates: how they come to be. So far the local authority, for names that no public one would sign; ACME and
//! Certbot's tree come later. Never on the path of a request.

pub mod local;

pub use local::{Authority, Leaf, LocalError, Purpose, temporary};
