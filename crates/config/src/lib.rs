//! The configuration language: `text -> lex -> section -> keywords -> Model`, with a place for every word and all
//! complaints in one run. Opens nothing but the configuration files themselves, resolves no name, knows no runtime type.

pub mod args;
mod blocks;
mod check;
pub mod condition;
pub mod ctx;
mod defaults;
mod dispatch;
pub mod dynamic;
pub mod env;
pub mod failure;
mod lex;
pub mod load;
pub mod model;
pub mod row;
pub mod rows;
mod section;

pub use condition::Facts;
pub use env::Environment;
pub use failure::Failure;
pub use load::{LoadOptions, Loaded, Source, load};
pub use model::Model;
pub use row::{Place, Row, Status};
