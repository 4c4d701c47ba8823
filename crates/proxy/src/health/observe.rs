//! `observe`: what traffic tells about a server. Streams count on any thread; when a row of errors is long enough the
//! server's task on the control thread is woken. Costs one relaxed read per good answer.

use crate::server::Server;
use config::model::Observe;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use tokio::sync::Notify;

/// What a stream has against a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Complaint {
    /// No connection came about.
    NoConnection = 0,
    /// It closed before a response.
    Closed = 1,
    /// No response in time.
    Timeout = 2,
    /// A response that makes no sense.
    Junk = 3,
    /// A status that says that it does not work.
    WrongStatus = 4,
}

impl Complaint {
    /// As logs word it.
    pub fn text(self) -> &'static str {
        match self {
            Complaint::NoConnection => "L4 unsuccessful connection",
            Complaint::Closed => "Close from server (http)",
            Complaint::Timeout => "Read timeout (http)",
            Complaint::Junk => "Invalid http response (headers)",
            Complaint::WrongStatus => "Wrong http response",
        }
    }

    fn of(number: u8) -> Complaint {
        match number {
            0 => Complaint::NoConnection,
            1 => Complaint::Closed,
            2 => Complaint::Timeout,
            3 => Complaint::Junk,
            _ => Complaint::WrongStatus,
        }
    }
}

/// The observer of one server.
#[derive(Debug)]
pub struct Observer {
    layer: Observe,
    /// `error-limit`
    limit: u32,
    /// How long the row was that was reported and not yet seen to; 0 when none was.
    reported: AtomicU32,
    last: AtomicU8,
    bell: Notify,
}

impl Observer {
    pub(super) fn new(layer: Observe, limit: u32) -> Observer {
        Observer {
            layer,
            limit: limit.max(1),
            reported: AtomicU32::new(0),
            last: AtomicU8::new(0),
            bell: Notify::new(),
        }
    }

    /// A connection was made: on layer 4 that ends a row of errors, on layer 7 it proves nothing.
    pub fn connected(&self, server: &Server) {
        if self.layer == Observe::Layer4 {
            server.note_success();
        }
    }

    /// A response came.
    pub fn answered(&self, server: &Server, status: u16) {
        match self.layer {
            Observe::Layer7 if is_good_status(status) => server.note_success(),
            Observe::Layer7 => self.failed(server, Complaint::WrongStatus),
            Observe::Layer4 | Observe::None => {}
        }
    }

    /// Something went wrong. On layer 4 only connections count, on layer 7 everything does.
    pub fn failed(&self, server: &Server, complaint: Complaint) {
        let counts = match self.layer {
            Observe::Layer4 => complaint == Complaint::NoConnection,
            Observe::Layer7 => true,
            Observe::None => false,
        };
        if !counts {
            return;
        }
        self.last.store(complaint as u8, Ordering::Relaxed);
        let row = server.note_error();
        if row >= self.limit && self.reported.swap(row, Ordering::AcqRel) == 0 {
            self.bell.notify_one();
        }
    }

    /// Waits until a row of errors reached the limit; gives its length and its last member, and begins a new one.
    pub(super) async fn struck(&self, server: &Server) -> (u32, Complaint) {
        loop {
            self.bell.notified().await;
            let row = self.reported.swap(0, Ordering::AcqRel);
            if row > 0 {
                server.note_success();
                return (row, Complaint::of(self.last.load(Ordering::Relaxed)));
            }
        }
    }
}

/// Whether a status says that the server works (manual, `observe`).
fn is_good_status(status: u16) -> bool {
    (100..500).contains(&status) || matches!(status, 501 | 505)
}
