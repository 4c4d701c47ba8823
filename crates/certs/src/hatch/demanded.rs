//! A hatch for a certificate that was obtained on demand: whoever serves is first told for whom it is, as no line of the
//! configuration names it.

use super::{Answer, Challenge, Handed, Hatch};
use crate::storage::Bundle;
use std::path::Path;

/// See the module's head.
pub(crate) struct ForName<'h> {
    pub inner: &'h dyn Hatch,
    pub section: &'h str,
    pub name: &'h str,
}

impl Hatch for ForName<'_> {
    fn answers(&self) -> &[Challenge] {
        self.inner.answers()
    }

    fn expect(&self, names: &[&str]) {
        self.inner.expect(names);
    }

    fn post<'a>(&'a self, answer: &'a Answer) -> Handed<'a> {
        self.inner.post(answer)
    }

    fn found<'a>(&'a self, answer: &'a Answer) -> Handed<'a> {
        self.inner.found(answer)
    }

    fn withdraw<'a>(&'a self, answer: &'a Answer) -> Handed<'a> {
        self.inner.withdraw(answer)
    }

    fn publish<'a>(&'a self, file: &'a Path, bundle: &'a Bundle) -> Handed<'a> {
        Box::pin(async move {
            self.inner.serve_on_demand(self.section, self.name, Some(file)).await?;
            self.inner.publish(file, bundle).await
        })
    }
}
