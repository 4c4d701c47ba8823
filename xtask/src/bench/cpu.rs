//! Cases of processor time: the same load on each proxy in turn, over several rounds, and what a unit of work cost.

use super::Bench;
use super::load::{ab, curl, wrk};
use super::peers::{FLOOR, Field, HAPROXY, NGINX, Proxy};
use super::table::{Figure, Row, Target};

const MICROSECONDS: &str = "us/request";

/// Small requests over keep-alive connections, in the clear.
pub(super) fn h1(bench: &Bench) -> Result<Vec<Row>, String> {
    let field = Field::new(bench)?.with_relay()?;
    let load = |proxy: &Proxy| wrk(&format!("http://127.0.0.1:{}/", proxy.http), bench.load);
    let figures = rounds(bench, &field, load)?;
    Ok(vec![Row {
        work: "h1: request, keep-alive",
        unit: MICROSECONDS,
        figures,
        targets: &[Target::Ratio(HAPROXY, 0.75), Target::Ratio(FLOOR, 1.25)],
    }])
}

/// The same over TLS 1.3, ECDSA P-256.
pub(super) fn https(bench: &Bench) -> Result<Vec<Row>, String> {
    let field = Field::new(bench)?;
    let load = |proxy: &Proxy| wrk(&format!("https://127.0.0.1:{}/", proxy.https), bench.load);
    Ok(vec![Row {
        work: "https: request, keep-alive",
        unit: MICROSECONDS,
        figures: rounds(bench, &field, load)?,
        targets: &[Target::Ratio(HAPROXY, 0.65), Target::Ratio(NGINX, 0.8)],
    }])
}

/// A connection, a full handshake, a request and the end of it.
pub(super) fn handshake(bench: &Bench) -> Result<Vec<Row>, String> {
    let field = Field::new(bench)?;
    let load = |proxy: &Proxy| ab(&format!("https://127.0.0.1:{}/", proxy.https), bench.load);
    Ok(vec![Row {
        work: "handshake: new TLS 1.3 connection, 1 request",
        unit: MICROSECONDS,
        figures: rounds(bench, &field, load)?,
        targets: &[Target::Ratio(HAPROXY, 0.5)],
    }])
}

/// One large body, in the clear and over TLS. A microsecond per MiB is a millisecond per GiB.
pub(super) fn body(bench: &Bench) -> Result<Vec<Row>, String> {
    const MIB: f64 = 1048576.0;
    let field = Field::new(bench)?;
    let fetch = |url: String| curl(&url, bench.body).map(|bytes| bytes / MIB);
    let plain = |proxy: &Proxy| fetch(format!("http://127.0.0.1:{}/big", proxy.http));
    let secure = |proxy: &Proxy| fetch(format!("https://127.0.0.1:{}/big", proxy.https));
    let row = |work, figures| Row { work, unit: "us/MiB", figures, targets: &[Target::Ratio(HAPROXY, 1.0)] };
    Ok(vec![
        row("body: large answer, plain", rounds(bench, &field, plain)?),
        row("body: large answer, TLS", rounds(bench, &field, secure)?),
    ])
}

/// Each proxy in turn, again and again, so that a slow moment of the machine meets all of them. `load` answers with
/// the units done; the figure is microseconds of processor time for each.
fn rounds(
    bench: &Bench,
    field: &Field,
    load: impl Fn(&Proxy) -> Result<f64, String>,
) -> Result<Vec<Figure>, String> {
    let mut seen = vec![Vec::with_capacity(bench.rounds); field.proxies.len()];
    for _ in 0..bench.rounds {
        for (proxy, seen) in field.proxies.iter().zip(&mut seen) {
            let before = proxy.process.cpu()?;
            let units = load(proxy).map_err(|why| format!("{}: {why}", proxy.name))?;
            let used = proxy.process.cpu()?.saturating_sub(before);
            seen.push(used.as_secs_f64() * 1e6 / units);
        }
    }
    Ok(field.proxies.iter().zip(seen).map(|(proxy, seen)| Figure::of(proxy.name, seen)).collect())
}
