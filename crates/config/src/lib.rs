//! The configuration language: `text -> lex -> section -> keywords -> Model`, with a place for every word and all
//! complaints in one run. Opens nothing but the configuration files themselves, resolves no name, knows no runtime type.

pub mod model;

pub use model::Model;
