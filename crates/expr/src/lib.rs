//! Sample expressions, converters, ACLs and log-format strings: compiled once at load, evaluated against a
//! [`Scope`]. Holds no live state: what the running proxy knows is asked for through the scope.

pub mod sample;
pub mod scope;
pub mod stage;

pub use sample::{Sample, SampleType};
pub use scope::{CertField, Direction, Fact, Payload, Scope, VarId, VarScope};
pub use stage::Stage;
