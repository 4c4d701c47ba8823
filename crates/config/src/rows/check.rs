//! `option …-check`, `http-check` and `tcp-check` lines.

use crate::row::Row;

pub(crate) const ROWS: &[Row] = &[];
