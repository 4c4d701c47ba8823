//! Replies described in a line: `return`, `deny`, `errorfile`, `http-error`.

use crate::row::Row;

pub(crate) const ROWS: &[Row] = &[];
