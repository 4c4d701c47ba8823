//! `bind` lines and their parameters.

use crate::row::Row;

pub(crate) const ROWS: &[Row] = &[];
