//! The last message of each proxy that could not be understood, kept for operators (`show errors`): what was received,
//! where it went wrong, and whose it was. Only what is refused pays for it. One message a proxy, no longer than a
//! buffer.

use crate::server::Server;
use crate::stream::Stream;
use arc_swap::ArcSwapOption;
use http::h1::Reject;
use net::Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Most bytes of a message that are kept: a buffer of HAProxy's default size, which a head cannot exceed.
const KEPT: usize = 16 * 1024;

/// A message that was refused.
#[derive(Debug)]
pub struct Captured {
    /// Its number among all of the process.
    pub event: u32,
    /// When, microseconds since the epoch.
    pub when_us: i64,
    /// The client.
    pub src: Addr,
    /// Index of the frontend.
    pub front: usize,
    /// Index of the backend, where it had one.
    pub back: Option<usize>,
    /// The server, where it had one.
    pub server: Option<Arc<Server>>,
    /// Offset of the byte, or of the line, that is wrong.
    pub at: usize,
    /// Why it is.
    pub reason: &'static str,
    /// What was received.
    pub bytes: Box<[u8]>,
}

/// The place for one proxy's last one of a kind.
#[derive(Debug, Default)]
pub struct LastInvalid(ArcSwapOption<Captured>);

/// Counts them for the whole process.
#[derive(Debug, Default)]
pub struct Events(AtomicU32);

impl Events {
    /// How many there were.
    pub fn count(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

impl LastInvalid {
    /// The last one, if there was any.
    pub fn get(&self) -> Option<Arc<Captured>> {
        self.0.load_full()
    }

    /// Keeps this one instead.
    pub(crate) fn keep(&self, stream: &Stream<'_>, received: &[u8], reject: Reject) {
        let bytes = received.get(..received.len().min(KEPT)).unwrap_or_default();
        self.0.store(Some(Arc::new(Captured {
            event: stream.worker.plan.process.invalid.0.fetch_add(1, Relaxed),
            when_us: stream.worker.wall_us(),
            src: stream.session.src,
            front: stream.front.index,
            back: stream.back.map(|back| back.index),
            server: stream.server.clone(),
            at: reject.at,
            reason: reject.reason,
            bytes: bytes.into(),
        })));
    }
}
