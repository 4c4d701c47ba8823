//! Where a test keeps its files and gets its ports, and how it waits.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine; a test that reaches it has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A directory of its own, removed on drop.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("lockgate-e2e-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An address that nobody listens on at the moment, and that no other test of this run was given: two proxies can listen
/// on one, and would share its connections. Its port lies below those that the kernel gives to connections on their way
/// out, for the test's neighbours open many and would take it before the program binds it.
pub fn free_address() -> SocketAddr {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let (lowest, above) = (10_000, first_outgoing_port());
    let mut given = GIVEN.lock().unwrap();
    // Where the search begins differs, so that two runs on one machine do not meet.
    let begin = std::process::id().wrapping_mul(257) % u32::from(above - lowest);
    let from_here = (lowest + begin as u16)..above;
    for port in from_here.chain(lowest..above) {
        if !given.contains(&port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            given.insert(port);
            return SocketAddr::from(([127, 0, 0, 1], port));
        }
    }
    panic!("every port from {lowest} to {above} was given");
}

fn first_outgoing_port() -> u16 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    range.split_whitespace().next().unwrap().parse().unwrap()
}

/// Whether somebody listens on `address`. Asks the kernel instead of connecting, for a connection would be logged.
pub fn is_listening(address: SocketAddr) -> bool {
    let wanted = format!("0100007F:{:04X} 00000000:0000 0A", address.port());
    std::fs::read_to_string("/proc/net/tcp").unwrap().contains(&wanted)
}

/// Polls until `probe` has something; `None` after [`PATIENCE`].
pub fn wait_for<T>(probe: impl FnMut() -> Option<T>) -> Option<T> {
    wait_within(PATIENCE, probe)
}

/// The same with a patience of its own, where nothing to come is no failure.
pub fn wait_within<T>(patience: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let give_up = Instant::now() + patience;
    while Instant::now() < give_up {
        if let Some(found) = probe() {
            return Some(found);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}
