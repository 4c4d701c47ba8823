//! `tcp-request` and `tcp-response` rules.

use crate::row::Row;

pub(crate) const ROWS: &[Row] = &[];
