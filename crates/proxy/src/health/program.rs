//! `option external-check`: a program of the operator's judges a server, by its exit code. It is started and waited for
//! on the control thread, which goes on meanwhile; no request ever waits for one (manual, `external-check command`).

use super::finding::{Finding, Report};
use crate::server::{Endpoint, Server, ServerPort};
use config::Environment;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::process::ExitStatus;
use std::sync::Arc;
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Most programs that run at a time: hundreds of servers whose checks fall together must not exhaust the machine.
pub(super) const PROGRAMS_MAX: usize = 64;

static SLOTS: Semaphore = Semaphore::const_new(PROGRAMS_MAX);

/// What the program is told where there is no address or port of that kind.
const NOT_USED: &str = "NOT_USED";

/// The code reported of a program that cannot be started.
const NOT_STARTED: i64 = 255;

/// What to run, and what it is told of the proxy.
pub struct Program {
    /// `external-check command`
    pub command: Box<str>,
    /// `external-check path`
    pub path: Box<str>,
    /// What it finds in its environment beside what it is told (`external-check preserve-env`).
    pub environment: Option<Arc<Environment>>,
    /// Address and port of the proxy's first listener, where it has one.
    pub listener: (Option<Box<str>>, Option<u16>),
    /// The proxy's number.
    pub proxy_id: u32,
    /// Its name.
    pub proxy_name: Box<str>,
    /// The server is spoken to over TLS.
    pub tls: bool,
    /// `h1` or `tcp`
    pub proto: &'static str,
}

impl Program {
    /// Runs it for `patience`, counted from when its turn comes; what has not ended by then is killed.
    pub(super) async fn run(&self, server: &Server, patience: std::time::Duration) -> Report {
        let Ok(_slot) = SLOTS.acquire().await else { return Report::new(Finding::ProcessTimeout, "") };
        let mut program = match self.command(server).spawn() {
            Ok(child) => Running(child),
            Err(why) => {
                let info = format!("cannot run '{}': {}", self.command, why.kind());
                return Report::new(Finding::ProcessError, info).with_code(NOT_STARTED);
            }
        };
        match timeout(patience, program.0.wait()).await {
            Ok(Ok(status)) => judged(status),
            Ok(Err(_)) => Report::new(Finding::ProcessError, ""),
            Err(_) => Report::new(Finding::ProcessTimeout, ""),
        }
    }

    fn command(&self, server: &Server) -> Command {
        let (proxy_addr, proxy_port) = &self.listener;
        let proxy_port = proxy_port.map(|port| port.to_string());
        let (addr, port) = place(server);
        let or_not_used = |text: Option<&str>| text.unwrap_or(NOT_USED).to_owned();
        let mut command = Command::new(&*self.command);
        command
            .env_clear()
            .envs(self.environment.iter().flat_map(|environment| environment.iter()).map(variable))
            .args([or_not_used(proxy_addr.as_deref()), or_not_used(proxy_port.as_deref())])
            .args([addr.as_str(), port.as_deref().unwrap_or(NOT_USED)])
            .env("PATH", &*self.path)
            .env("HAPROXY_PROXY_ADDR", proxy_addr.as_deref().unwrap_or_default())
            .env("HAPROXY_PROXY_ID", self.proxy_id.to_string())
            .env("HAPROXY_PROXY_NAME", &*self.proxy_name)
            .env("HAPROXY_PROXY_PORT", proxy_port.unwrap_or_default())
            .env("HAPROXY_SERVER_ADDR", &addr)
            .env("HAPROXY_SERVER_CURCONN", server.sessions().to_string())
            .env("HAPROXY_SERVER_ID", server.facts.id.to_string())
            .env("HAPROXY_SERVER_MAXCONN", server.maxconn().to_string())
            .env("HAPROXY_SERVER_NAME", &*server.facts.name)
            .env("HAPROXY_SERVER_PORT", port.unwrap_or_default())
            .env("HAPROXY_SERVER_PROTO", self.proto)
            .env("HAPROXY_SERVER_SSL", if self.tls { "1" } else { "0" })
            .stdin(std::process::Stdio::null())
            .process_group(0);
        command
    }
}

/// A program at work. A shell that is killed leaves behind what it has started: dropping ends the whole group.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // without an id it has ended and was waited for
        if let Some(id) = self.0.id() {
            net::kill_group(id);
        }
    }
}

fn judged(status: ExitStatus) -> Report {
    let finding = if status.success() { Finding::ProcessOk } else { Finding::ProcessError };
    Report::new(finding, "").with_code(status.code().map_or(-1, i64::from))
}

fn variable<'a>((name, value): (&'a str, &str)) -> (&'a str, OsString) {
    (name, OsString::from_vec(base::raw::bytes(value).into_owned()))
}

/// The server's address and port as the program is told.
fn place(server: &Server) -> (String, Option<String>) {
    match server.endpoint().as_deref() {
        Some(Endpoint::Inet { ip, port: ServerPort::Fixed(port) }) => {
            (ip.to_string(), Some(port.to_string()))
        }
        Some(Endpoint::Inet { ip, port: ServerPort::Offset(_) }) => (ip.to_string(), Some("0".to_owned())),
        Some(Endpoint::Unix(path)) => (path.display().to_string(), None),
        Some(Endpoint::Abstract(name)) => (name.to_string(), None),
        None => (NOT_USED.to_owned(), None),
    }
}
