//! What compiling expressions may ask of the machine: files, names, and the environment that the configuration has left.

use crate::stats_socket::StatsSockets;
use config::Environment;
use expr::Outside;
use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;

/// Reads files and the environment for the expression compiler.
pub(super) struct Machine {
    environment: RefCell<Arc<Environment>>,
}

impl Machine {
    pub(super) fn new(environment: Arc<Environment>) -> Machine {
        Machine { environment: RefCell::new(environment) }
    }

    /// What expressions see from now on.
    pub(super) fn publish(&self, environment: Arc<Environment>) {
        self.environment.replace(environment);
    }
}

impl Outside for Machine {
    fn read_file(&self, path: &str) -> std::io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn env_var(&self, name: &str) -> Option<String> {
        self.environment.borrow().get(name).map(str::to_owned)
    }

    fn lookup(&self, host: &str) -> Option<IpAddr> {
        net::resolve(host).ok()?.into_iter().next()
    }
}

/// The environment with the addresses of the runtime API (`HAPROXY_CLI`, manual section 2.3).
pub(super) fn told(written: &Environment, stats: &StatsSockets) -> Arc<Environment> {
    let mut environment = written.clone();
    let addresses = stats.addresses();
    if !addresses.is_empty() {
        environment.set("HAPROXY_CLI", &addresses);
    }
    Arc::new(environment)
}
