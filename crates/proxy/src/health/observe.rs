//! `observe`: what traffic tells about a server. Streams count on any thread; when a row of errors is long enough the
//! server's task on the control thread is woken. Costs one relaxed read per good answer.

use crate::server::Server;
use config::model::Observe;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::Notify;

/// The observer of one server.
#[derive(Debug)]
pub struct Observer {
    layer: Observe,
    /// `error-limit`
    limit: u32,
    /// How long the row was that was reported and not yet seen to; 0 when none was.
    reported: AtomicU32,
    bell: Notify,
}

impl Observer {
    pub(super) fn new(layer: Observe, limit: u32) -> Observer {
        Observer { layer, limit: limit.max(1), reported: AtomicU32::new(0), bell: Notify::new() }
    }

    /// A connection was made, or could not be.
    pub fn connected(&self, server: &Server, ok: bool) {
        match self.layer {
            Observe::Layer4 => self.count(server, ok),
            // a connection alone proves nothing about layer 7, but its failure does
            Observe::Layer7 if !ok => self.count(server, false),
            Observe::Layer7 | Observe::None => {}
        }
    }

    /// A response came, was malformed or never came. `ok` is false for those and for statuses 100..=499 it is true;
    /// 500 and above count as errors save 501 and 505 (manual, `observe`).
    pub fn answered(&self, server: &Server, ok: bool) {
        match self.layer {
            Observe::Layer7 => self.count(server, ok),
            Observe::Layer4 | Observe::None => {}
        }
    }

    fn count(&self, server: &Server, ok: bool) {
        if ok {
            return server.note_success();
        }
        let row = server.note_error();
        if row >= self.limit && self.reported.swap(row, Ordering::AcqRel) == 0 {
            self.bell.notify_one();
        }
    }

    /// Waits until a row of errors reached the limit; gives its length and begins a new one.
    pub(super) async fn struck(&self, server: &Server) -> u32 {
        loop {
            self.bell.notified().await;
            let row = self.reported.swap(0, Ordering::AcqRel);
            if row > 0 {
                server.note_success();
                return row;
            }
        }
    }
}

/// Whether a status says that the server works.
pub fn is_good_status(status: u16) -> bool {
    (100..500).contains(&status) || matches!(status, 501 | 505)
}
