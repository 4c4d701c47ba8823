//! `http-request`, `http-response` and `http-after-response` rules, `redirect` lines.

use crate::row::Row;

pub(crate) const ROWS: &[Row] = &[];
