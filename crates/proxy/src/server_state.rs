//! The state of servers as text: `show servers state`, and the state files that carry it over a restart (management
//! guide 9.3, format version 1). Writes and reads lines; touches no file.

use crate::health::plan::{Agent, ServerHealth};
use crate::health::{Verdict, check_port};
use crate::plan::{Backend, Plan};
use crate::server::{Admin, Endpoint, Health, Server, ServerPort};
use std::fmt::{Display, Write};
use std::net::IpAddr;
use std::sync::Arc;

/// The version of the format, the first line.
pub const VERSION: &str = "1";

/// The columns, the second line.
pub const COLUMNS: &str = "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight \
    srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state \
    srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port \
    srv_check_addr srv_agent_addr srv_agent_port";

/// Bits of `srv_check_state` and `srv_agent_state`.
const CONFIGURED: u32 = 2;
const ENABLED: u32 = 4;
const PAUSED: u32 = 8;
const AGENT: u32 = 16;

/// Version, columns and a line for each server, of one backend or of all. Times are milliseconds of the wall clock;
/// `started` stands in for a state that has never changed.
pub fn write(plan: &Plan, only: Option<usize>, started: u64, now: u64) -> String {
    let mut out = format!("{VERSION}\n{COLUMNS}\n");
    for back in plan.backends.iter().filter(|b| only.is_none_or(|i| b.index == i)) {
        for server in back.balance.servers().iter() {
            write_line(&mut out, back, server, started, now);
        }
    }
    out
}

fn write_line(out: &mut String, back: &Backend, server: &Server, started: u64, now: u64) {
    let facts = &server.facts;
    let health = &server.checks;
    let admin = server.admin();
    let (ip, port) = address(server);
    let since = now.saturating_sub(server.last_change().max(started)) / 1000;
    let fields: [&dyn Display; 20] = [
        &back.id,
        &back.name,
        &facts.id,
        &facts.name,
        &dash(ip),
        &op_state(server),
        &(admin.bits() | named_by_operator(server)),
        &server.weight(),
        &facts.weight,
        &since,
        &Checked(health, admin),
        &agent_state(health),
        &u8::from(back.forced_id),
        &u8::from(facts.forced_id),
        &dash(server.fqdn()),
        &port,
        &"-",
        &server.use_ssl(),
        &CheckPlace(health),
        &AgentPlace(health.agent.as_ref(), health),
    ];
    for (i, field) in fields.into_iter().enumerate() {
        // writing to a string cannot fail
        let _ = write!(out, "{}{field}", if i == 0 { "" } else { " " });
    }
    out.push('\n');
}

/// The bit of `srv_admin_state` that says so.
fn named_by_operator(server: &Server) -> u8 {
    const BY_OPERATOR: u8 = 64;
    let resolving = server.target.resolving.as_ref();
    if resolving.is_some_and(|resolving| resolving.is_by_operator()) { BY_OPERATOR } else { 0 }
}

fn dash<T: Display>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| v.to_string())
}

fn address(server: &Server) -> (Option<IpAddr>, u16) {
    match server.endpoint().as_deref() {
        Some(Endpoint::Inet { ip, port: ServerPort::Fixed(port) }) => (Some(*ip), *port),
        Some(Endpoint::Inet { ip, port: ServerPort::Offset(by) }) => (Some(*ip), *by as u16),
        Some(Endpoint::Unix(_) | Endpoint::Abstract(_)) => (None, 0),
        None => match server.target.resolving.as_ref().map(|resolving| resolving.port) {
            Some(ServerPort::Fixed(port)) => (None, port),
            Some(ServerPort::Offset(_)) | None => (None, 0),
        },
    }
}

/// 0 stopped, 1 starting, 2 running, 3 stopping.
fn op_state(server: &Server) -> u8 {
    match server.health() {
        _ if server.admin().is_maint() => 0,
        Health::Down => 0,
        Health::Up if server.is_warming() => 1,
        Health::Up => 2,
        Health::Stopping => 3,
    }
}

/// `srv_check_status srv_check_result srv_check_health srv_check_state`
struct Checked<'a>(&'a ServerHealth, Admin);

impl Display for Checked<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (health, admin) = (self.0, self.1);
        let moving = health.watch.lock();
        let status = moving.last.as_ref().map_or(1, |r| r.finding.number());
        let result = match moving.last.as_ref().map(|r| r.finding.verdict()) {
            None => 0,
            Some(Verdict::Failed) => 2,
            Some(Verdict::Passed) => 3,
            Some(Verdict::Conditional) => 4,
        };
        let born_off = admin.is_maint() && admin.has(Admin::MAINT_CONFIG);
        let count = if admin.is_maint() { 0 } else { moving.check_count() };
        let configured = if health.check.is_some() { CONFIGURED } else { 0 };
        let enabled = if health.check.is_some() && moving.check_on { ENABLED } else { 0 };
        let paused = if born_off || (admin.is_maint() && enabled != 0) { PAUSED } else { 0 };
        write!(f, "{status} {result} {count} {}", configured | enabled | paused)
    }
}

fn agent_state(health: &ServerHealth) -> u32 {
    if health.agent.is_none() {
        return 0;
    }
    AGENT | CONFIGURED | if health.watch.lock().agent_on { ENABLED } else { 0 }
}

/// `srv_check_port srv_check_addr`
struct CheckPlace<'a>(&'a ServerHealth);

impl Display for CheckPlace<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let moving = self.0.watch.lock();
        let written = match self.0.check.as_ref().and_then(|c| c.probe.connect.addr.as_ref()) {
            Some(net::Target::Inet(addr)) => Some(addr.ip()),
            Some(net::Target::Unix(_) | net::Target::Abstract(_)) | None => None,
        };
        let port = moving.check_at.port.or(check_port(self.0)).unwrap_or(0);
        write!(f, "{port} {}", dash(moving.check_at.addr.or(written)))
    }
}

/// `srv_agent_addr srv_agent_port`
struct AgentPlace<'a>(Option<&'a Agent>, &'a ServerHealth);

impl Display for AgentPlace<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let moving = self.1.watch.lock();
        let addr = moving.agent_at.addr.or(self.0.and_then(|a| a.addr));
        let port = moving.agent_at.port.or(self.0.map(|a| a.port)).unwrap_or(0);
        write!(f, "{} {port}", dash(addr))
    }
}

/// Gives a backend's servers the state that was saved of them. What is no line of the format is passed over; a file of
/// another version is an error.
pub fn load(plan: &Plan, back: &Backend, saved: &str, now: u64) -> Result<(), UnknownVersion> {
    let mut lines = saved.lines();
    let version = lines.next().unwrap_or_default().trim();
    if version != VERSION {
        return Err(UnknownVersion(version.chars().take(16).collect()));
    }
    for line in lines.filter_map(Line::parse).filter(|line| *line.backend == *back.name) {
        line.restore(plan, now);
    }
    back.balance.recompute(now);
    Ok(())
}

/// A state file whose first line is not the version we know.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownVersion(String);

impl Display for UnknownVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "its version is '{}', not {VERSION}: save 'show servers state' anew", self.0)
    }
}

impl std::error::Error for UnknownVersion {}

/// Gives the servers the health that the predecessor's had, so that none that is known to be down is sent traffic before
/// its first check. What operators had changed is not taken over: that is what state files are for. Nor is what was known
/// of another address: whoever moves a server away from a dead machine wants it used at once.
pub fn resume_health(plan: &Plan, state: &str, now: u64) {
    for line in state.lines().filter_map(Line::parse) {
        let Some((back, server)) = line.find(plan) else { continue };
        let health = &server.checks;
        // A server in maintenance is stopped for another reason than its health.
        if line.admin.is_maint() || (health.check.is_none() && health.agent.is_none()) || !line.is_at(&server)
        {
            continue;
        }
        line.restore_health(&server, now);
        back.balance.recompute(now);
    }
}

/// One line of a state file, as far as a server takes something from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `be_name`
    pub backend: String,
    /// `srv_name`
    pub server: String,
    /// `srv_op_state`
    pub op_state: u8,
    /// `srv_admin_state`
    pub admin: Admin,
    /// `srv_uweight` and `srv_iweight`
    pub weights: (u16, u16),
    /// `srv_time_since_last_change`, seconds
    pub since: u64,
    /// `srv_check_health`
    pub check_count: u32,
    /// `srv_use_ssl`
    pub ssl: bool,
    /// `srv_addr` and `srv_port`; `None` where it has no address.
    pub addr: Option<(IpAddr, u16)>,
}

impl Line {
    /// Reads a line; `None` for a comment and for one that is not of this format.
    pub fn parse(text: &str) -> Option<Line> {
        if text.starts_with('#') {
            return None;
        }
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let field = |i: usize| fields.get(i).copied();
        let port = field(18)?.parse().ok()?;
        Some(Line {
            backend: field(1)?.to_owned(),
            server: field(3)?.to_owned(),
            op_state: field(5)?.parse().ok().filter(|s| *s <= 3)?,
            admin: Admin::from_bits(field(6)?.parse().ok()?),
            weights: (field(7)?.parse().ok()?, field(8)?.parse().ok()?),
            since: field(9)?.parse().ok()?,
            check_count: field(12)?.parse().ok()?,
            ssl: field(20) == Some("1"),
            addr: field(4)?.parse().ok().map(|ip| (ip, port)),
        })
    }

    /// Gives a server the state that this line remembers: what operators forced, the weight they set as long as the
    /// configured one is the same, health, and how long it has lasted. Its checks go on from where they were.
    /// `false`: there is no such server. Call `Balance::recompute` afterwards.
    pub fn restore(&self, plan: &Plan, now: u64) -> bool {
        let Some((_, server)) = self.find(plan) else { return false };
        self.restore_admin(&server, now);
        if self.weights.1 == server.facts.weight {
            server.set_weight(self.weights.0);
        }
        self.restore_health(&server, now);
        // never the other way: a configuration that asks for TLS now is not overruled by what was
        if self.ssl {
            server.switch_tls(true);
        }
        true
    }

    /// Whether the server has the address that the line remembers.
    fn is_at(&self, server: &Server) -> bool {
        let (ip, port) = address(server);
        self.addr == ip.map(|ip| (ip, port))
    }

    /// The server that the line is about.
    fn find<'p>(&self, plan: &'p Plan) -> Option<(&'p Backend, Arc<Server>)> {
        let back = plan.backend(&self.backend)?;
        let server = back.balance.servers().named(&self.server)?.clone();
        Some((back, server))
    }

    fn restore_health(&self, server: &Server, now: u64) {
        // an unchecked server that an operator put down stays down
        let health_word = match self.op_state {
            0 if self.admin.is_maint() => Health::Up,
            0 => Health::Down,
            3 => Health::Stopping,
            _ => Health::Up,
        };
        if !self.admin.is_maint() {
            server.checks.watch.lock().resume(self.check_count);
        }
        server.set_health(health_word, now);
        server.set_last_change(now.saturating_sub(self.since.saturating_mul(1000)));
    }

    fn restore_admin(&self, server: &Server, now: u64) {
        let was_configured = self.admin.has(Admin::MAINT_CONFIG);
        for bit in [Admin::MAINT_FORCED, Admin::DRAIN_FORCED] {
            // maintenance that only came from the old configuration is not carried into a new one
            let from_file = bit == Admin::MAINT_FORCED && was_configured;
            if self.admin.has(bit) && !from_file {
                server.change_admin(bit, Admin::default(), now);
            }
        }
        if server.facts.disabled && !self.admin.is_maint() && was_configured {
            // an operator had made it ready
            server.change_admin(Admin::default(), Admin::MAINT_FORCED, now);
        }
    }
}

#[cfg(test)]
mod tests;
