//! How long requests wait when there is time for them: the 99th percentile at half of haproxy's peak rate. Clients send,
//! wait for the answer, think for a while and send again, so nobody is measured in a queue of his own making.

use super::Bench;
use super::load::{Pace, paced, wrk};
use super::peers::{Field, HAPROXY, Proxy};
use super::table::{Figure, Row, Target};

/// The share of haproxy's peak rate at which all are measured.
const SHARE: f64 = 0.5;
/// A client thinks between 0 and twice so long, milliseconds: wrk's delays are whole ones.
const THOUGHT: f64 = 5.0;
/// Fewer clients would come in lockstep, more would measure the load generator.
const CLIENTS: (f64, f64) = (16.0, 512.0);

/// Microseconds within which 99 of 100 requests have their answer.
pub(super) fn rows(bench: &Bench) -> Result<Vec<Row>, String> {
    let field = Field::new(bench)?;
    let url = |proxy: &Proxy| format!("http://127.0.0.1:{}/", proxy.http);
    let haproxy = field.proxies.iter().find(|p| p.name == HAPROXY).ok_or("haproxy does not run")?;
    let peak = wrk(&url(haproxy), bench.load)? / bench.load.as_secs_f64();
    let clients = (peak * SHARE * THOUGHT / 1000.0).clamp(CLIENTS.0, CLIENTS.1).round();
    let thinks = field.scratch.put(
        "think.lua",
        &format!(
            "math.randomseed(os.time())\nfunction delay() return math.random(0, {}) end\n",
            2.0 * THOUGHT
        ),
    )?;
    let pace = Pace { clients: clients as u32, thinks };
    let mut seen = vec![Vec::with_capacity(bench.rounds); field.proxies.len()];
    for _ in 0..bench.rounds {
        for (proxy, seen) in field.proxies.iter().zip(&mut seen) {
            seen.push(paced(&url(proxy), bench.load, &pace).map_err(|why| format!("{}: {why}", proxy.name))?);
        }
    }
    Ok(vec![Row {
        work: "p99: wait for an answer at half of haproxy's peak rate",
        unit: "us",
        figures: field.proxies.iter().zip(seen).map(|(p, seen)| Figure::of(p.name, seen)).collect(),
        targets: &[Target::Ratio(HAPROXY, 1.0)],
    }])
}
