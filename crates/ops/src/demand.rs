//! From handshakes that wait for a certificate to whoever obtains it: this process' scheduler or, under a master, the
//! keeper. Neither of them is on a thread that serves.

use crate::runtime::demanded_of;
use crate::worker::Elsewhere;
use certs::schedule::{Handle, Verdict};
use std::future::poll_fn;
use std::sync::Arc;
use tls::{Demand, Settled, Wish};

/// Who obtains certificates.
#[derive(Clone)]
pub(crate) enum Obtainer {
    /// The scheduler of this process.
    Here(Handle),
    /// The keeper.
    Elsewhere(Elsewhere),
}

impl Obtainer {
    async fn obtain(&self, wish: &Wish) -> Settled {
        let verdict = match self {
            Obtainer::Here(scheduler) => scheduler.demand(&wish.section, &wish.name).await,
            Obtainer::Elsewhere(keeper) => demanded_of(keeper, &wish.section, &wish.name).await,
        };
        match verdict {
            Verdict::Served => Settled::Served,
            Verdict::Refused(_) => Settled::Refused,
        }
    }
}

/// Sees to wishes for as long as it is polled, on a local runtime; `Demand` bounds how many there are at a time.
pub(crate) async fn forward(demand: Arc<Demand>, obtainer: Obtainer) {
    loop {
        let wish = poll_fn(|cx| demand.poll_wish(cx)).await;
        let (demand, obtainer) = (demand.clone(), obtainer.clone());
        tokio::task::spawn_local(async move {
            let settled = obtainer.obtain(&wish).await;
            demand.settle(&wish, settled);
        });
    }
}
