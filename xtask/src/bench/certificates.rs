//! A folder of certificates: how long `-c` takes over it, and what each costs a running proxy in memory.

use super::peers::{HAPROXY, LOCKGATE};
use super::running::{MEASURED, Running, Scratch, children_cpu, ports};
use super::table::{Figure, Row, Target};
use super::{Bench, target};
use crate::say;
use certs::{Authority, Purpose};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime};

/// Certificates in the folder.
const NUMBER: usize = 10_000;

/// Time of `-c` and memory for each certificate. haproxy takes about 20 s for both: it is
/// measured once, and left out of a quick run.
pub(super) fn rows(bench: &Bench) -> Result<Vec<Row>, String> {
    let folder = folder(NUMBER)?;
    let one = self::folder(1)?;
    let haproxy = PathBuf::from("haproxy");
    let mut peers = vec![(LOCKGATE, &bench.lockgate, bench.rounds)];
    if !bench.quick {
        peers.push((HAPROXY, &haproxy, 1));
    }
    let (mut wall, mut cpu, mut each) = (Vec::new(), Vec::new(), Vec::new());
    for (name, program, rounds) in peers {
        let named = |why| format!("{name}: {why}");
        let checks: Result<Vec<_>, _> = (0..rounds).map(|_| checked(program, &folder)).collect();
        let (seconds, used) = checks.map_err(named)?.into_iter().unzip();
        wall.push(Figure::of(name, seconds));
        cpu.push(Figure::of(name, used));
        let more = resident(program, &folder).map_err(named)? - resident(program, &one).map_err(named)?;
        each.push(Figure::of(name, vec![more / NUMBER as f64]));
    }
    let row = |work, unit, figures, targets| Row { work, unit, figures, targets };
    Ok(vec![
        row("certs: `-c` with 10,000 certificates", "s, wall", wall, &[Target::Most(1.0)]),
        row("certs: the same", "s, CPU", cpu, &[]),
        row("certs: resident memory of each", "KiB", each, &[Target::Most(8.0)]),
    ])
}

/// Made once and kept: signing takes longer than measuring. A folder appears whole or not at all.
fn folder(number: usize) -> Result<PathBuf, String> {
    let done =
        std::path::absolute(target().join(format!("bench-certs/{number}"))).map_err(|e| e.to_string())?;
    if done.is_dir() {
        return Ok(done);
    }
    say(&format!("making {number} certificates in {}", done.display()));
    let part = done.with_extension("part");
    let failed = |e: std::io::Error| format!("{}: {e}", part.display());
    fs::create_dir_all(&part).map_err(failed)?;
    let root = Authority::create("bench", SystemTime::now()).map_err(|e| e.to_string())?;
    for n in 0..number {
        let name = format!("host{n}.example.org");
        let leaf = root.issue(&[&name], Purpose::Server, SystemTime::now()).map_err(|e| e.to_string())?;
        fs::write(part.join(format!("{name}.pem")), leaf.bundle()).map_err(failed)?;
    }
    fs::rename(&part, &done).map_err(failed)?;
    Ok(done)
}

fn cfg(scratch: &Scratch, port: u16, folder: &Path) -> Result<PathBuf, String> {
    let text = format!(
        "global\n    nbthread 1\ndefaults\n    mode http\n    timeout connect 5s\n    timeout client 60s\n    \
         timeout server 60s\nfrontend f\n    bind 127.0.0.1:{port} ssl crt {}\n    http-request return status 204\n",
        folder.display()
    );
    scratch.put("certs.cfg", &text)
}

/// Seconds that `-c` takes: by the clock, and of processor time.
fn checked(program: &Path, folder: &Path) -> Result<(f64, f64), String> {
    let scratch = Scratch::new()?;
    let [port] = ports()?;
    let cfg = cfg(&scratch, port, folder)?;
    let (started, before) = (Instant::now(), children_cpu()?);
    let output = Command::new(program)
        .args(["-c", "-f"])
        .arg(&cfg)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("cannot be started: {e}"))?;
    let wall = started.elapsed().as_secs_f64();
    if !output.status.success() {
        return Err(format!("-c failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok((wall, children_cpu()?.saturating_sub(before).as_secs_f64()))
}

/// Resident KiB once it listens.
fn resident(program: &Path, folder: &Path) -> Result<f64, String> {
    let scratch = Scratch::new()?;
    let [port] = ports()?;
    let cfg = cfg(&scratch, port, folder)?;
    let log = scratch.0.join("log");
    let mut process = Running::start(MEASURED, program, &["-db", "-f", &cfg.to_string_lossy()], &log)?;
    process.listens(port)?;
    process.resident()
}
