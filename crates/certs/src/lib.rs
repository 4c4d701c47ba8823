//! Certificates: how they come to be and how they are kept. Authorities on the web by ACME, a local authority for names
//! that no public one would sign. Never on the path of a request.

pub mod acme;
pub mod dns;
pub mod hatch;
pub mod issue;
mod key;
pub mod local;
pub mod ocsp;
mod outline;
mod private_file;
pub mod rehearsal;
pub mod renew;
pub mod schedule;
mod shell;
mod storage;
pub mod tree;

pub use key::KeyKind;
pub use local::{Authority, Leaf, LocalError, Purpose, temporary};
pub use outline::Outline;
pub use storage::{Bundle, Storage};
