//! The fetches, by where their data comes from.

mod constant;

use crate::rows::FetchRow;

/// All tables; a new module adds its own here.
pub(crate) static TABLES: &[&[FetchRow]] = &[constant::ROWS];
