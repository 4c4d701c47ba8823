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
/// on one, and would share its connections.
pub fn free_address() -> SocketAddr {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap();
    let is_free = |port: &u16| !given.contains(port) && TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let port = quiet_ports().find(is_free).unwrap_or_else(|| {
        let any = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        std::iter::repeat_with(any).find(|port| !given.contains(port)).unwrap()
    });
    given.insert(port);
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Ports below those that the kernel gives to connections on their way out, if there are any: the neighbours of a test
/// open many, and would take a port before the program binds it. Where the search begins differs, so that two runs on one
/// machine do not meet.
fn quiet_ports() -> impl Iterator<Item = u16> {
    const LOWEST: u16 = 10_000;
    let above = first_outgoing_port().max(LOWEST);
    let begin = std::process::id().wrapping_mul(257) % u32::from(above - LOWEST).max(1);
    let begin = LOWEST + begin as u16;
    (begin..above).chain(LOWEST..begin)
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
