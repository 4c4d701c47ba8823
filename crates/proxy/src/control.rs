//! The control thread: what happens beside the traffic. Slow starts climb here; checks and agents report here.

use crate::certificates;
use crate::clock::now_ms;
use crate::health;
use crate::list_edits;
use crate::plan::Plan;
use crate::resolvers;
use crate::workers::Workers;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// How often weights of servers in a slow start are brought up to date.
const WARM_EVERY: Duration = Duration::from_millis(200);
/// Once in so many times the highest rates are noted: once a second.
const RATES_EVERY: u32 = 5;

/// A running control thread; ends when dropped.
pub struct Control {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Control {
    /// Starts it.
    pub fn start(plan: Arc<Plan>, workers: Workers) -> io::Result<Control> {
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(tokio::runtime::LocalOptions::default());
        drop(runtime?);
        let thread = std::thread::Builder::new().name("control".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build_local(tokio::runtime::LocalOptions::default());
            if let Ok(runtime) = runtime {
                runtime.block_on(async move {
                    let wake = move || workers.wake_all();
                    tokio::select! {
                        _ = stopped => {}
                        () = warm(&plan) => {}
                        () = list_edits::apply(&plan) => {}
                        () = certificates::watch(plan.clone()) => {}
                        () = resolvers::run(plan.clone(), wake.clone()) => {}
                        () = health::run(plan.clone(), wake.clone()) => {}
                    }
                });
            }
        })?;
        Ok(Control { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}

async fn warm(plan: &Plan) {
    for round in (0..RATES_EVERY).cycle() {
        tokio::time::sleep(WARM_EVERY).await;
        if round == 0 {
            plan.note_rates(now_ms());
        }
        for back in plan.backends.iter().filter(|b| b.balance.is_warming()) {
            back.balance.recompute(now_ms());
        }
    }
}
