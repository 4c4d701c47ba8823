//! The converters, by what they do.

mod text;

use crate::rows::ConverterRow;

/// All tables; a new module adds its own here.
pub(crate) static TABLES: &[&[ConverterRow]] = &[text::ROWS];
