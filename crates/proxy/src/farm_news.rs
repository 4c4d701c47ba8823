//! Servers that came or went at run time, on their way from whoever did it (`dynamic_servers`) to the control thread, which
//! looks after their checks. One entry a command of an operator; the control thread takes them at once.

use crate::plan::Backend;
use crate::server::Server;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};

/// What happened.
pub enum FarmNews {
    /// A backend has a new server.
    Added(Arc<Backend>, Arc<Server>),
    /// A server is no longer there.
    Deleted(Arc<Server>),
}

/// Where news wait.
pub struct News {
    send: mpsc::UnboundedSender<FarmNews>,
    inbox: Mutex<mpsc::UnboundedReceiver<FarmNews>>,
}

impl Default for News {
    fn default() -> News {
        let (send, inbox) = mpsc::unbounded_channel();
        News { send, inbox: Mutex::new(inbox) }
    }
}

impl News {
    /// Tells the control thread. Before it runs the news wait for it.
    pub(crate) fn tell(&self, news: FarmNews) {
        // The other end lives in the same value.
        let _ = self.send.send(news);
    }

    /// The next, once there is one.
    pub(crate) async fn next(&self) -> FarmNews {
        match self.inbox.lock().await.recv().await {
            Some(news) => news,
            None => std::future::pending().await,
        }
    }
}
