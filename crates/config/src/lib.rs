//! The configuration language: `text -> lex -> section -> keywords -> Model`, with a place for every word and all
//! complaints in one run. Opens nothing but the configuration files themselves, resolves no name, knows no runtime type.

pub mod args;
pub mod ctx;
pub mod failure;
pub mod model;
pub mod row;
pub mod rows;

pub use failure::Failure;
pub use model::Model;
pub use row::{Place, Row, Status};
