//! What a worker thread does from its start to its end: it opens its listeners, follows orders, and after a soft stop
//! goes on until its last connection has ended.

use super::Worker;
use super::accept::accept;
use crate::gate::Door;
use crate::listening::Bound;
use crate::plan::Plan;
use crate::workers::Order;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How often idle server connections are looked through.
const PURGE_EVERY: Duration = Duration::from_secs(1);

/// The whole life of worker thread `index`, counted from 0.
pub fn thread_main(
    index: usize,
    plan: Arc<Plan>,
    share: Vec<Bound>,
    mut inbox: mpsc::UnboundedReceiver<Order>,
) {
    if let Some(cpus) = plan.process.cpus.get(index).filter(|c| !c.is_empty()) {
        // Placement is a wish; the traffic flows without it.
        let _ = net::set_affinity(cpus);
    }
    let built = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .event_interval(31)
        .on_thread_unpark(super::rested)
        .build_local(tokio::runtime::LocalOptions::default());
    let Ok(runtime) = built else { return };
    runtime.block_on(async move {
        let worker = Rc::new(Worker::new(index + 1, plan));
        let mut doors: Vec<_> = share
            .into_iter()
            .filter_map(|(front, listener, bound)| Some(Door::new(front, listener, bound.into_tokio().ok()?)))
            .collect();
        follow_gates(&worker, &mut doors).await;
        let purging = tokio::task::spawn_local(purge(worker.clone()));
        while let Some(order) = inbox.recv().await {
            match order {
                Order::WakeAll => worker.wake_all(),
                Order::Visit(visit) => visit(&worker),
                Order::Gates(followed) => {
                    // Whoever asked may have given up.
                    let _ = followed.send(follow_gates(&worker, &mut doors).await);
                }
                Order::Stop => break,
                Order::SoftStop => {
                    worker.stopping.set(Some(Instant::now()));
                    worker.leave.notify_waiters();
                    let accepting: Vec<_> = doors.iter_mut().filter_map(Door::let_go).collect();
                    worker.wake_all();
                    worker.pool.borrow_mut().clear();
                    tokio::select! {
                        () = drained(&worker, accepting) => break,
                        () = stopped(&mut inbox, &worker) => break,
                    }
                }
            }
        }
        purging.abort();
    });
}

/// Opens and closes doors as their frontends' gates stand; `false` where one could not be moved.
async fn follow_gates(worker: &Rc<Worker>, doors: &mut [Door]) -> bool {
    let mut well = true;
    for door in doors {
        let moved = door.follow(|front, listener, socket| {
            tokio::task::spawn_local(accept(worker.clone(), front, listener, socket))
        });
        well &= moved.await.is_ok();
    }
    well
}

/// During a soft stop: until the order to end at once.
async fn stopped(inbox: &mut mpsc::UnboundedReceiver<Order>, worker: &Worker) {
    while let Some(order) = inbox.recv().await {
        match order {
            Order::Stop => return,
            Order::WakeAll => worker.wake_all(),
            Order::Visit(visit) => visit(worker),
            // it takes nothing new: the question is dropped, and the asker sees that
            Order::SoftStop | Order::Gates(_) => {}
        }
    }
}

/// Until the last connection that came before the listeners were closed has ended.
async fn drained(worker: &Worker, accepting: Vec<tokio::task::JoinHandle<()>>) {
    for task in accepting {
        // A panic there was reported when it happened.
        let _ = task.await;
    }
    no_connections(worker).await;
}

async fn no_connections(worker: &Worker) {
    poll_fn(|cx| {
        if worker.connections.get() == 0 {
            return Poll::Ready(());
        }
        *worker.idle.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    })
    .await;
}

async fn purge(worker: Rc<Worker>) {
    loop {
        tokio::time::sleep(PURGE_EVERY).await;
        worker.pool.borrow_mut().purge(Instant::now());
    }
}
