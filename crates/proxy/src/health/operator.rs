//! What an operator may change of a server while traffic flows (management guide 9.3, `set server` and friends). Every
//! change takes effect for the next request; what runs on the server is left to finish. Any thread may call it, but
//! not on the request path. Refusals carry HAProxy's words.

use super::admin::change_admin;
use super::agent::AdminWish;
use super::log::Cause;
use super::plan::{Port, ServerHealth};
use super::state::{World, change_health, resolved, reweigh, unresolved};
use super::watch::Elsewhere;
use crate::clock::now_ms;
use crate::plan::{Backend, Plan};
use crate::server::{Admin, Endpoint, Health, MAX_WEIGHT, Server, ServerPort};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// A server: its backend's index and its own.
pub type Place = (usize, usize);

/// What looks after a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watcher {
    /// Its check.
    Check,
    /// Its agent check.
    Agent,
}

/// Beyond this many percent every weight is at its largest; keeps the product small.
const MOST_PERCENT: i64 = 25_600;

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the words below say it
pub enum Refusal {
    NoServer,
    Tracking,
    NoAgent,
    NoCheck,
    CheckNotConfigured,
    AgentNotConfigured,
    WeightGarbage,
    WeightTrailing,
    WeightNegative,
    WeightRange,
    WeightStatic,
    MaxconnGarbage,
    MaxconnTrailing,
    Address(String),
    PortNotANumber,
    PortRange,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::NoServer => "No such server.\n",
            Refusal::Tracking => "cannot change health on a tracking server.\n",
            Refusal::NoAgent => "agent checks are not enabled on this server",
            Refusal::NoCheck => "health checks are not enabled on this server",
            Refusal::CheckNotConfigured => "Health check was not configured on this server, cannot enable.\n",
            Refusal::AgentNotConfigured => "Agent was not configured on this server, cannot enable.\n",
            Refusal::WeightGarbage => "Empty weight string empty or preceded by garbage",
            Refusal::WeightTrailing => "Trailing garbage in weight string",
            Refusal::WeightNegative => "Relative weight must be positive.\n",
            Refusal::WeightRange => "Absolute weight can only be between 0 and 256 inclusive.\n",
            Refusal::WeightStatic => {
                "Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.\n"
            }
            Refusal::MaxconnGarbage => "maxconn string empty or preceded by garbage",
            Refusal::MaxconnTrailing => "Trailing garbage in maxconn string",
            Refusal::Address(text) => return write!(f, "invalid addr '{text}'"),
            Refusal::PortNotANumber => "provided port is not an integer",
            Refusal::PortRange => "provided port is invalid",
        })
    }
}

/// See the module's head.
pub struct Operator {
    world: World,
}

impl Operator {
    /// `wake` wakes the sessions on all threads, so that they see that their server is to be left.
    pub fn new(plan: Arc<Plan>, wake: impl Fn() + Send + Sync + 'static) -> Operator {
        Operator { world: World::new(plan, wake) }
    }

    fn find(&self, at: Place) -> Result<(&Arc<Backend>, Arc<Server>), Refusal> {
        self.world.server(at).ok_or(Refusal::NoServer)
    }

    /// Its health follows another server's.
    pub fn is_tracking(&self, at: Place) -> bool {
        self.find(at).is_ok_and(|(_, server)| server.checks.track.is_some())
    }

    /// `agent-check` is configured.
    pub fn has_agent(&self, at: Place) -> bool {
        self.find(at).is_ok_and(|(_, server)| server.checks.agent.is_some())
    }

    /// `state ready|drain|maint`
    pub fn set_admin(&self, at: Place, wish: AdminWish) {
        change_admin(&self.world, at, wish);
    }

    /// `health up|stopping|down`
    pub fn set_health(&self, at: Place, health: Health) -> Result<(), Refusal> {
        let (_, server) = self.find(at)?;
        let settings = &server.checks;
        if settings.track.is_some() {
            return Err(Refusal::Tracking);
        }
        let mut moving = settings.watch.lock();
        match health {
            Health::Down => moving.check.drop_down(),
            Health::Up | Health::Stopping => moving.check.rest(),
        }
        let agreed = health == Health::Down || moving.agree();
        drop(moving);
        if agreed && !server.admin().is_maint() {
            change_health(&self.world, at, health, &Cause::Cli, 0);
        }
        Ok(())
    }

    /// `agent up|down`
    pub fn set_agent(&self, at: Place, up: bool) -> Result<(), Refusal> {
        let (_, server) = self.find(at)?;
        let settings = &server.checks;
        if settings.agent.is_none() {
            return Err(Refusal::NoAgent);
        }
        let mut moving = settings.watch.lock();
        if up {
            moving.agent.rest()
        } else {
            moving.agent.drop_down()
        }
        let agreed = !up || moving.agree();
        drop(moving);
        if agreed && !server.admin().is_maint() {
            let health = if up { Health::Up } else { Health::Down };
            change_health(&self.world, at, health, &Cause::Cli, 0);
        }
        Ok(())
    }

    /// `enable health`, `disable health`. Without its check a server is up unless its agent says otherwise.
    pub fn switch_check(&self, at: Place, on: bool) -> Result<(), Refusal> {
        let (_, server) = self.find(at)?;
        let settings = &server.checks;
        if settings.check.is_none() {
            return if on { Err(Refusal::CheckNotConfigured) } else { Ok(()) };
        }
        settings.watch.lock().check_on = on;
        Ok(())
    }

    /// `enable agent`, `disable agent`
    pub fn switch_agent(&self, at: Place, on: bool) -> Result<(), Refusal> {
        let (_, server) = self.find(at)?;
        let settings = &server.checks;
        if settings.agent.is_none() {
            return if on { Err(Refusal::AgentNotConfigured) } else { Ok(()) };
        }
        settings.watch.lock().agent_on = on;
        Ok(())
    }

    /// `weight N` or `weight N%` of the configured one.
    pub fn set_weight(&self, at: Place, text: &str) -> Result<(), Refusal> {
        let (back, server) = self.find(at)?;
        let weight = read_weight(text, server.facts.weight)?;
        if weight != 0 && weight != server.facts.weight && !back.balance.policy().is_dynamic() {
            return Err(Refusal::WeightStatic);
        }
        server.set_weight(weight);
        reweigh(back);
        Ok(())
    }

    /// `set maxconn server`
    pub fn set_maxconn(&self, at: Place, text: &str) -> Result<(), Refusal> {
        let (back, server) = self.find(at)?;
        let (number, rest) = leading_number(text).ok_or(Refusal::MaxconnGarbage)?;
        if !rest.is_empty() {
            return Err(Refusal::MaxconnTrailing);
        }
        server.set_maxconn(u32::try_from(number.max(0)).unwrap_or(u32::MAX));
        reweigh(back);
        Ok(())
    }

    /// `addr IP [port PORT]`: moves the server, and says what was done. Connections that are open to where it was
    /// finish their exchange and are not used again.
    pub fn move_to(&self, at: Place, ip: &str, port: Option<&str>) -> Result<String, Refusal> {
        let (_, server) = self.find(at)?;
        let settings = &server.checks;
        let Ok(ip) = ip.parse::<IpAddr>() else {
            return Ok(format!("Invalid addr '{ip}'"));
        };
        let maps = settings.watch.lock().check_at.port.is_some() || check_port(settings).is_some();
        let before = server.endpoint().as_deref().cloned();
        let (endpoint, words) = moved(before.as_ref(), ip, port, maps);
        let back = self.world.plan.backends.get(at.0);
        if let Some(endpoint) = endpoint {
            server.set_endpoint(Some(endpoint));
            back.into_iter().for_each(|b| b.dynamic_cookies.give(&server));
        }
        if server.change_admin(Admin::default(), Admin::MAINT_RESOLUTION, now_ms()) {
            back.into_iter().for_each(|b| b.balance.recompute(now_ms()));
        }
        Ok(words)
    }

    /// Its name leads to this address now; `by` told so.
    pub fn resolved(&self, at: Place, ip: IpAddr, by: &str) {
        resolved(&self.world, at, ip, by);
    }

    /// Its name leads nowhere, and why.
    pub fn unresolved(&self, at: Place, why: &str) {
        unresolved(&self.world, at, why);
    }

    /// `check-addr` or `agent-addr IP [port PORT]`
    pub fn set_watch_addr(
        &self,
        at: Place,
        which: Watcher,
        ip: &str,
        port: Option<&str>,
    ) -> Result<(), Refusal> {
        self.send_elsewhere(at, which, || {
            Ok(Elsewhere { addr: Some(read_ip(ip)?), port: port.map(read_port).transpose()? })
        })
    }

    /// `check-port` or `agent-port PORT`
    pub fn set_watch_port(&self, at: Place, which: Watcher, port: &str) -> Result<(), Refusal> {
        self.send_elsewhere(at, which, || Ok(Elsewhere { addr: None, port: Some(read_port(port)?) }))
    }

    /// Changes what is said of address and port and keeps the rest.
    fn send_elsewhere(
        &self,
        at: Place,
        which: Watcher,
        read: impl FnOnce() -> Result<Elsewhere, Refusal>,
    ) -> Result<(), Refusal> {
        let (_, server) = self.find(at)?;
        let settings = &server.checks;
        match which {
            Watcher::Check => settings.check.as_ref().map(drop).ok_or(Refusal::NoCheck)?,
            Watcher::Agent => settings.agent.as_ref().map(drop).ok_or(Refusal::NoAgent)?,
        }
        let new = read()?;
        let mut moving = settings.watch.lock();
        let place = match which {
            Watcher::Check => &mut moving.check_at,
            Watcher::Agent => &mut moving.agent_at,
        };
        *place = Elsewhere { addr: new.addr.or(place.addr), port: new.port.or(place.port) };
        Ok(())
    }

    /// `agent-send WORDS`
    pub fn set_agent_send(&self, at: Place, words: &str) -> Result<(), Refusal> {
        let (_, server) = self.find(at)?;
        let settings = &server.checks;
        settings.agent.as_ref().ok_or(Refusal::NoAgent)?;
        settings.watch.lock().agent_send = Some(words.as_bytes().into());
        Ok(())
    }
}

/// The port that the check was configured with.
pub(crate) fn check_port(settings: &ServerHealth) -> Option<u16> {
    match settings.check.as_ref()?.probe.connect.port.as_ref()? {
        Port::Fixed(port) => Some(*port),
        Port::Expr(_) => None,
    }
}

/// The number a text begins with, and what follows it.
fn leading_number(text: &str) -> Option<(i64, &str)> {
    let signs = usize::from(text.starts_with(['-', '+']));
    let digits = text.get(signs..)?.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(signs + digits)?;
    Some((number.parse().ok()?, rest))
}

fn read_weight(text: &str, configured: u16) -> Result<u16, Refusal> {
    let (number, rest) = leading_number(text).ok_or(Refusal::WeightGarbage)?;
    if rest == "%" {
        if number < 0 {
            return Err(Refusal::WeightNegative);
        }
        let share = i64::from(configured) * number.min(MOST_PERCENT) / 100;
        return Ok(u16::try_from(share).unwrap_or(MAX_WEIGHT).min(MAX_WEIGHT));
    }
    let weight = u16::try_from(number).ok().filter(|w| *w <= MAX_WEIGHT).ok_or(Refusal::WeightRange)?;
    if rest.is_empty() { Ok(weight) } else { Err(Refusal::WeightTrailing) }
}

fn read_ip(text: &str) -> Result<IpAddr, Refusal> {
    text.parse().map_err(|_| Refusal::Address(text.to_owned()))
}

fn read_port(text: &str) -> Result<u16, Refusal> {
    let number: i64 = text.parse().map_err(|_| Refusal::PortNotANumber)?;
    u16::try_from(number).map_err(|_| Refusal::PortRange)
}

/// Where a server goes, `None` for nowhere else, and the words for it. `maps`: its checks have a port of their own, so
/// its port may follow the client's.
fn moved(
    before: Option<&Endpoint>,
    ip: IpAddr,
    port: Option<&str>,
    maps: bool,
) -> (Option<Endpoint>, String) {
    let (old_ip, old_port) = match before {
        Some(Endpoint::Inet { ip, port }) => (Some(*ip), Some(*port)),
        Some(Endpoint::Unix(_) | Endpoint::Abstract(_)) | None => (None, None),
    };
    let mut words = match old_ip {
        Some(old) if old == ip => "no need to change the addr".to_owned(),
        Some(old) => format!("IP changed from '{old}' to '{ip}'"),
        None => format!("IP changed from '' to '{ip}'"),
    };
    let kept = old_port.unwrap_or(ServerPort::Offset(0));
    let wanted = match port.map(|text| read_server_port(text, maps)) {
        None => kept,
        Some(Ok(port)) if old_port == Some(port) => {
            words += ", no need to change the port";
            port
        }
        Some(Ok(port)) => {
            let old = old_port.map_or_else(String::new, port_text);
            words += &format!(", port changed from '{old}' to '{}'", port_text(port));
            port
        }
        // the address changes all the same, as the words say
        Some(Err(why)) => {
            words += &why;
            kept
        }
    };
    let unchanged = old_ip == Some(ip) && old_port == Some(wanted);
    ((!unchanged).then_some(Endpoint::Inet { ip, port: wanted }), words)
}

fn read_server_port(text: &str, maps: bool) -> Result<ServerPort, String> {
    let broken = || format!(", problem converting port '{text}' to an int");
    if !text.starts_with(['+', '-']) {
        return text.parse().map(ServerPort::Fixed).map_err(|_| broken());
    }
    if !maps {
        let why = ", can't change <port> to port map because it is incompatible with current health check port \
                   configuration (use 'port' statement from the 'server' directive.";
        return Err(why.to_owned());
    }
    let by = text.parse::<i32>().ok().filter(|by| by.unsigned_abs() <= u32::from(u16::MAX));
    by.map(ServerPort::Offset).ok_or_else(broken)
}

fn port_text(port: ServerPort) -> String {
    match port {
        ServerPort::Fixed(port) => port.to_string(),
        ServerPort::Offset(by) => format!("{by:+}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_their_refusals() {
        let cases = [
            ("5", Ok(5)),
            ("0", Ok(0)),
            ("256", Ok(256)),
            ("50%", Ok(5)),
            ("3000%", Ok(256)),
            ("99999999999%", Ok(256)),
            ("300", Err(Refusal::WeightRange)),
            ("-1", Err(Refusal::WeightRange)),
            ("-5%", Err(Refusal::WeightNegative)),
            ("abc", Err(Refusal::WeightGarbage)),
            ("%", Err(Refusal::WeightGarbage)),
            ("", Err(Refusal::WeightGarbage)),
            ("5x", Err(Refusal::WeightTrailing)),
        ];
        for (text, expected) in cases {
            assert_eq!(read_weight(text, 10), expected, "{text}");
        }
    }

    #[test]
    fn moves_in_the_oracles_words() {
        let from = Endpoint::Inet { ip: [127, 0, 0, 1].into(), port: ServerPort::Fixed(18932) };
        let to = |ip: &str, port| moved(Some(&from), ip.parse().unwrap(), port, false);
        let said = |ip, port| to(ip, port).1;
        assert_eq!(said("127.0.0.2", None), "IP changed from '127.0.0.1' to '127.0.0.2'");
        assert_eq!(said("127.0.0.1", None), "no need to change the addr");
        assert_eq!(
            said("127.0.0.3", Some("99")),
            "IP changed from '127.0.0.1' to '127.0.0.3', port changed from '18932' to '99'"
        );
        assert_eq!(
            to("127.0.0.1", Some("abc")),
            (None, "no need to change the addr, problem converting port 'abc' to an int".to_owned())
        );
        assert!(said("127.0.0.1", Some("+1")).contains("port map"));
        assert_eq!(
            to("127.0.0.1", Some("18932")),
            (None, "no need to change the addr, no need to change the port".to_owned())
        );
        assert_eq!(
            moved(Some(&from), [127, 0, 0, 1].into(), Some("-1"), true).1,
            "no need to change the addr, port changed from '18932' to '-1'"
        );
    }
}
