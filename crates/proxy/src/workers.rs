//! How other threads reach the worker threads: orders to all of them, and visits, which look around in a thread
//! between two turns of its tasks. Must not wait for a thread without a bound: one may be gone or busy.

use crate::worker::Worker;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// What somebody else wants to do in a worker thread, between two turns of its tasks; short, and never waiting.
type Visit = Box<dyn FnOnce(&Worker) + Send>;

/// What is said to the worker threads.
pub enum Order {
    /// Finish what is open, take nothing new.
    SoftStop,
    /// Look around: a server's sessions are to be shut down.
    WakeAll,
    /// Frontends are to be opened or closed; answers whether that went well.
    Gates(oneshot::Sender<bool>),
    /// Let somebody look around.
    Visit(Visit),
    /// End now.
    Stop,
}

/// How other threads reach the workers.
#[derive(Clone, Default)]
pub struct Workers {
    orders: Vec<mpsc::UnboundedSender<Order>>,
}

impl Workers {
    /// One more thread; it takes its orders from what is returned.
    pub(crate) fn enlist(&mut self) -> mpsc::UnboundedReceiver<Order> {
        let (orders, inbox) = mpsc::unbounded_channel();
        self.orders.push(orders);
        inbox
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.orders.len()
    }

    /// Wakes every session, so that it sees that its server is to be left.
    pub fn wake_all(&self) {
        self.tell(|| Order::WakeAll);
    }

    /// Runs `look` in every worker thread and gathers what it returns, in the threads' order. A thread that has
    /// ended, or does not come to it within `patience`, has no entry.
    pub async fn visit<T: Send + 'static>(
        &self,
        patience: Duration,
        look: impl Fn(&Worker) -> T + Clone + Send + 'static,
    ) -> Vec<T> {
        let replies: Vec<_> = self.orders.iter().map(|orders| ask(orders, look.clone())).collect();
        let deadline = Instant::now() + patience;
        let mut all = Vec::with_capacity(replies.len());
        for reply in replies {
            if let Ok(Ok(found)) = tokio::time::timeout_at(deadline, reply).await {
                all.push(found);
            }
        }
        all
    }

    /// Makes every thread open and close its listening sockets as the frontends' gates stand now; `false` where one
    /// could not, or did not come to it within `patience`.
    pub async fn follow_gates(&self, patience: Duration) -> bool {
        let ask = |orders: &mpsc::UnboundedSender<Order>| {
            let (reply, replied) = oneshot::channel();
            // A thread that is gone drops the question, and we see that.
            let _ = orders.send(Order::Gates(reply));
            replied
        };
        let replies: Vec<_> = self.orders.iter().map(ask).collect();
        let deadline = Instant::now() + patience;
        let mut well = true;
        for reply in replies {
            well &= matches!(tokio::time::timeout_at(deadline, reply).await, Ok(Ok(true)));
        }
        well
    }

    /// Gives every thread an order.
    pub(crate) fn tell(&self, order: impl Fn() -> Order) {
        for orders in &self.orders {
            // A thread that is gone needs no order.
            let _ = orders.send(order());
        }
    }
}

fn ask<T: Send + 'static>(
    orders: &mpsc::UnboundedSender<Order>,
    look: impl FnOnce(&Worker) -> T + Send + 'static,
) -> oneshot::Receiver<T> {
    let (reply, replied) = oneshot::channel();
    let visit = Order::Visit(Box::new(move |worker| {
        // Whoever asked may have given up.
        let _ = reply.send(look(worker));
    }));
    // A thread that is gone drops the question, and the asker sees that.
    let _ = orders.send(visit);
    replied
}
