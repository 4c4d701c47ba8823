//! A process under measurement: started pinned to a core, killed on drop, its processor time and memory read from
//! /proc. Linux only, as the benchmark is.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The core of whatever is measured.
pub(super) const MEASURED: &str = "0";
/// The core of everything else: load generators and the origin.
pub(super) const OTHERS: &str = "1";

/// A peer that does not listen by then has failed; haproxy with 10,000 certificates takes about 10 s.
const START: Duration = Duration::from_secs(60);
/// How often a starting peer is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// Unit of the times in /proc/PID/stat: USER_HZ, which is 100 wherever Linux runs on x86-64 and arm64.
const TICK: Duration = Duration::from_millis(10);
/// Longest piece of a log shown in an error, bytes.
const SHOWN: usize = 2000;

/// A process, its threads included.
pub(super) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts a program on a core; what it prints goes to `log`. `taskset` becomes the program, so the id is its own.
    pub(super) fn start(
        core: &str,
        program: &Path,
        arguments: &[&str],
        log: &Path,
    ) -> Result<Running, String> {
        let failed = |e: std::io::Error| format!("{} cannot be started: {e}", program.display());
        let out = File::create(log).map_err(failed)?;
        let child = Command::new("taskset")
            .args(["-c", core])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(out.try_clone().map_err(failed)?)
            .stderr(out)
            .spawn()
            .map_err(failed)?;
        Ok(Running { child, log: log.to_owned() })
    }

    /// Waits until `port` of this machine takes connections.
    pub(super) fn listens(&mut self, port: u16) -> Result<(), String> {
        let end = Instant::now() + START;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("ended at once ({status}): {}", self.said()));
            }
            if Instant::now() > end {
                return Err(format!("does not listen after {} s: {}", START.as_secs(), self.said()));
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Processor time so far, user and system, of all threads.
    pub(super) fn cpu(&self) -> Result<Duration, String> {
        let ticks = times(&format!("/proc/{}/stat", self.child.id()), [11, 12])?;
        Ok(TICK * ticks)
    }

    /// Resident memory now, KiB.
    pub(super) fn resident(&self) -> Result<f64, String> {
        let status = read(&format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
        line.and_then(|l| l.split_whitespace().next()?.parse().ok()).ok_or_else(|| "no VmRSS".to_owned())
    }

    fn said(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(log.get(..SHOWN).unwrap_or(&log)).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A process that has ended already cannot be killed, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time of all finished children of this process.
pub(super) fn children_cpu() -> Result<Duration, String> {
    Ok(TICK * times("/proc/self/stat", [13, 14])?)
}

/// The sum of two fields of a stat file, counted behind the program's name, which may itself hold spaces (proc(5)).
fn times(path: &str, fields: [usize; 2]) -> Result<u32, String> {
    let stat = read(path)?;
    let behind = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let words: Vec<&str> = behind.split_whitespace().collect();
    let field = |n: usize| words.get(n).and_then(|w| w.parse::<u32>().ok());
    let [user, system] = fields;
    field(user).zip(field(system)).map(|(u, s)| u + s).ok_or_else(|| format!("{path} cannot be understood"))
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))
}

/// Ports that were free a moment ago, all different.
pub(super) fn ports<const N: usize>() -> Result<[u16; N], String> {
    let failed = |e: std::io::Error| format!("no free port: {e}");
    let mut listeners = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
        *port = listener.local_addr().map_err(failed)?.port();
        listeners.push(listener);
    }
    Ok(ports)
}

/// A folder of its own, removed on drop.
pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    pub(super) fn new() -> Result<Scratch, String> {
        let path = std::env::temp_dir().join(format!("lockgate-bench-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Scratch(path))
    }

    /// Writes a file and returns its path.
    pub(super) fn put(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        let path = self.0.join(name);
        fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind in the temporary folder hurts nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::{Running, ports};
    use std::path::Path;

    #[test]
    fn a_process_is_measured_and_ends_with_its_value() {
        let log = std::env::temp_dir().join(format!("lockgate-running-{}", std::process::id()));
        let running = Running::start("0", Path::new("/bin/sleep"), &["60"], &log).unwrap();
        let seen = format!("/proc/{}", running.child.id());
        assert!(running.cpu().is_ok());
        assert!(running.resident().unwrap() > 0.0);
        drop(running);
        assert!(!Path::new(&seen).exists());
        std::fs::remove_file(log).unwrap();
    }

    #[test]
    fn ports_differ() {
        let [a, b, c] = ports::<3>().unwrap();
        assert!(a != b && b != c && a != c);
    }
}
