//! `option contstats`: bytes are counted while they are carried, not only when their stream ends, so that curves of long
//! transfers are smooth. What was counted here is left out at the end.

use super::{Count, Tally};
use crate::plan::{Backend, Frontend, Listener};
use crate::server::Server;
use crate::stream::Stream;
use std::sync::Arc;

/// Counts the bytes of one stream for all who count them.
pub struct Carrying {
    front: Arc<Frontend>,
    listener: Arc<Listener>,
    back: Option<Arc<Backend>>,
    server: Option<Arc<Server>>,
    worker: usize,
    /// Up and down, counted so far.
    pub counted: (u64, u64),
}

impl Carrying {
    /// For a stream that is assigned; `None` without the option.
    pub fn of(stream: &Stream<'_>) -> Option<Carrying> {
        stream.front.contstats.then(|| Carrying {
            front: stream.front.clone(),
            listener: stream.session.listener.clone(),
            back: stream.back.cloned(),
            server: stream.server.clone(),
            worker: stream.worker.index,
            counted: (0, 0),
        })
    }

    /// So much has been carried by now.
    pub fn carried(&mut self, up: u64, down: u64) {
        let (before_up, before_down) = std::mem::replace(&mut self.counted, (up, down));
        let (more_up, more_down) = (up.saturating_sub(before_up), down.saturating_sub(before_down));
        let behind = self.back.as_ref().map(|back| &back.tally);
        let server = self.server.as_ref().map(|server| &server.target.tally);
        let tallies: [Option<&Tally>; 4] =
            [Some(&self.front.tally), Some(&self.listener.tally), behind, server];
        for tally in tallies.into_iter().flatten() {
            tally.add(self.worker, Count::BytesIn, more_up);
            tally.add(self.worker, Count::BytesOut, more_down);
        }
    }
}
