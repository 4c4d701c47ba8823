//! Looking after files: new and renewed certificates go live without a reload.

use crate::bind::{BindTls, Rescan};
use std::sync::Arc;

/// The binds to look after. Whoever owns a thread that serves nobody calls `rescan` every few seconds.
#[derive(Debug, Default)]
pub struct Watcher {
    binds: Vec<Arc<BindTls>>,
}

impl Watcher {
    /// Looks after these; answers name them by their place here.
    pub fn new(binds: Vec<Arc<BindTls>>) -> Watcher {
        Watcher { binds }
    }

    /// Looks at every file once. Returns the binds for which there is something to tell. Reads the disk: some
    /// microseconds a file that has not changed.
    pub fn rescan(&self) -> Vec<(usize, Rescan)> {
        let found = self.binds.iter().map(|bind| bind.rescan()).enumerate();
        found.filter(|(_, rescan)| rescan.changed || !rescan.problems.is_empty()).collect()
    }
}
