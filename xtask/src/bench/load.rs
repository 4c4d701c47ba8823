//! Load generators that others wrote, on the core that is not measured. Each answers with how much it did, and an
//! error in any answer is an error here: a proxy that fails fast must not look fast.

use super::running::OTHERS;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Keep-alive connections of `wrk`.
const CONNECTIONS: &str = "-c64";
/// Connections that `ab` opens at a time.
const AT_A_TIME: &str = "16";
/// More than any peer answers in one measurement; `ab` keeps a record of each.
const MOST: &str = "200000";
/// A load generator that hangs is ended, seconds beyond its own time.
const GRACE: u64 = 30;

/// Requests answered over keep-alive connections within `time`.
pub(super) fn wrk(url: &str, time: Duration) -> Result<f64, String> {
    let seconds = format!("-d{}", time.as_secs());
    let said = run(time, &["wrk", "-t1", CONNECTIONS, &seconds, url])?;
    all_answered(url, &said)
}

/// How many requests wrk saw answered; an error if one was not.
fn all_answered(url: &str, said: &str) -> Result<f64, String> {
    if let Some(bad) = said.lines().find(|l| l.contains("Socket errors") || l.contains("Non-2xx")) {
        return Err(format!("wrk {url}: {}", bad.trim()));
    }
    let number =
        said.lines().find_map(|l| l.split_once(" requests in")).and_then(|(n, _)| n.trim().parse().ok());
    number.filter(|n| *n > 0.0).ok_or_else(|| format!("wrk {url}: no request was answered"))
}

/// Clients that think between their requests.
pub(super) struct Pace {
    pub(super) clients: u32,
    /// A script for wrk whose `delay()` says how long.
    pub(super) thinks: PathBuf,
}

/// The 99th percentile of the waits for an answer, microseconds.
pub(super) fn paced(url: &str, time: Duration, pace: &Pace) -> Result<f64, String> {
    let (seconds, clients) = (format!("-d{}", time.as_secs()), format!("-c{}", pace.clients));
    let script = pace.thinks.to_string_lossy();
    let said = run(time, &["wrk", "-t1", &clients, &seconds, "--latency", "-s", &script, url])?;
    all_answered(url, &said)?;
    let line = said.lines().find_map(|l| l.trim().strip_prefix("99%"));
    line.and_then(|l| microseconds(l.trim())).ok_or_else(|| format!("wrk {url}: {said}"))
}

/// A time as wrk prints it.
fn microseconds(text: &str) -> Option<f64> {
    let units = [("us", 1.0), ("ms", 1e3), ("s", 1e6)];
    units.iter().find_map(|(unit, factor)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * factor))
}

/// Requests answered within `time`, each on a new connection with a full TLS 1.3 handshake.
pub(super) fn ab(url: &str, time: Duration) -> Result<f64, String> {
    let seconds = time.as_secs().to_string();
    let said = run(time, &["ab", "-q", "-c", AT_A_TIME, "-t", &seconds, "-n", MOST, "-f", "TLS1.3", url])?;
    let figure = |name: &str| {
        let line = said.lines().find_map(|l| l.strip_prefix(name))?;
        line.trim_start_matches(':').split_whitespace().next()?.parse::<f64>().ok()
    };
    let bad = figure("Failed requests").unwrap_or(0.0) + figure("Non-2xx responses").unwrap_or(0.0);
    match figure("Complete requests") {
        Some(number) if number > 0.0 && bad == 0.0 => Ok(number),
        Some(number) => Err(format!("ab {url}: {bad} of {number} requests failed")),
        None => Err(format!("ab {url}: {said}")),
    }
}

/// Bytes of one body, which must all arrive.
pub(super) fn curl(url: &str, length: u64) -> Result<f64, String> {
    let words = ["curl", "-sSk", "--http1.1", "-o", "/dev/null", "-w", "%{http_code} %{size_download}", url];
    let said = run(Duration::from_secs(GRACE), &words)?;
    if said.trim() == format!("200 {length}") {
        return Ok(length as f64);
    }
    Err(format!("curl {url}: {said} instead of 200 {length}"))
}

fn run(time: Duration, words: &[&str]) -> Result<String, String> {
    let limit = (time.as_secs() + GRACE).to_string();
    let ran = Command::new("timeout").args([&limit, "taskset", "-c", OTHERS]).args(words).output();
    let output = ran.map_err(|e| format!("{}: {e}", words.join(" ")))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("{} failed ({}): {why}", words.join(" "), output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::microseconds;

    #[test]
    fn times_of_wrk_are_understood() {
        assert_eq!(microseconds("420.00us"), Some(420.0));
        assert_eq!(microseconds("1.50ms"), Some(1500.0));
        assert_eq!(microseconds("2s"), Some(2e6));
        assert_eq!(microseconds("soon"), None);
    }
}
