//! Choosing the backend: `use_backend` lines in order, then `default_backend`.

use crate::ending::{Cause, Ending, Phase};
use crate::plan::{Backend, RouteTarget};
use crate::stream::Stream;
use crate::worker::Worker;
use std::sync::Arc;

/// How a stream ends that no backend wants: 503, as HAProxy answers it.
pub const NOWHERE: Ending = Ending::new(Cause::ServerAbort, Phase::Connect);

/// The backend for this stream.
pub fn backend<'s>(stream: &Stream<'s>) -> Option<&'s Arc<Backend>> {
    let worker: &'s Worker = stream.worker;
    let plan = &worker.plan;
    let mut name = Vec::new();
    for route in &stream.front.routes {
        if !route.cond.as_ref().is_none_or(|c| c.holds(stream)) {
            continue;
        }
        match &route.target {
            RouteTarget::Backend(index) => return plan.backends.get(*index),
            RouteTarget::Dynamic(format) => {
                name.clear();
                format.write(stream, &mut name);
                let found = std::str::from_utf8(&name).ok().and_then(|n| plan.backend(n));
                if let Some(back) = found {
                    return Some(back);
                }
                break;
            }
        }
    }
    plan.backends.get(stream.front.default_backend?)
}
