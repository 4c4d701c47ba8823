//! The ground floor: where a word stands in a file, what is wrong with it, and the few value types every other
//! crate shares. Knows no configuration word, opens nothing, has no clock.

pub mod addr;
pub mod diag;
pub mod hash;
pub mod names;
pub mod raw;
pub mod reason;
pub mod span;
pub mod suggest;
pub mod units;

pub use addr::{Address, Host, PortSpec};
pub use diag::{Diagnostic, Diagnostics, Severity};
pub use reason::{innermost_reason, reason};
pub use span::{FileId, Sources, Span, Word};
