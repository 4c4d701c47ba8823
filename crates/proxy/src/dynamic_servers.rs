//! Servers that operators add and delete while traffic flows (management guide 9.3, `add server`, `del server`). Here is
//! what is allowed; `Balance` publishes the change to requests, and the control thread hears of it for its checks. A
//! request never waits for any of this. Refusals carry HAProxy's words, an empty line behind where it has one.

use crate::balance::Servers;
use crate::clock::now_ms;
use crate::farm_news::FarmNews;
use crate::lower;
use crate::plan::{Backend, Plan, UseServerTarget};
use crate::server::{Admin, Server};
use base::{Diagnostics, Severity};
use config::model::{self, Proxy};
use std::fmt;
use std::sync::Arc;

/// Why no server was added or deleted.
pub type Refused = String;

/// Whether the backend's algorithm can do with servers that come and go.
pub fn takes_servers(back: &Backend) -> bool {
    back.balance.policy().is_dynamic()
}

/// Adds a server in maintenance, unless it says `enabled`; `words` are its name, its address and its parameters. Returns
/// what is to be known beside.
pub fn add(plan: &Arc<Plan>, back: &Arc<Backend>, words: &[String]) -> Result<Vec<String>, Refused> {
    let Some(proxy) =
        plan.origin.model.proxies.iter().find(|p| p.kind.is_back() && *p.name.text == *back.name)
    else {
        return Err("No such backend.".to_owned());
    };
    let (read, mut said) = config::dynamic::server(&plan.origin.model, proxy, words);
    let Some(read) = read else { return Err(alert(&said)) };
    let server = back.balance.add(now_ms(), |servers, index| {
        let server = newcomer(plan, back, proxy, &read, servers, index, &mut said)?;
        follow(plan, back, &server).map(|()| server)
    })?;
    plan.process.farm_news.tell(FarmNews::Added(back.clone(), server));
    Ok(said.iter().filter(|d| d.severity == Severity::Warning).map(|d| d.message.clone()).collect())
}

/// The first alert among complaints.
fn alert(said: &Diagnostics) -> String {
    let alert = said.iter().find(|d| d.severity == Severity::Alert);
    alert.map_or_else(String::new, |d| d.message.clone())
}

fn newcomer(
    plan: &Plan,
    back: &Backend,
    proxy: &Proxy,
    read: &model::Server,
    servers: &Servers,
    index: usize,
    said: &mut Diagnostics,
) -> Result<Server, Refused> {
    if servers.named(&read.name.text).is_some() {
        return Err("Already exists a server with the same name in backend.".to_owned());
    }
    let id = free_id(servers, read.params.id)?;
    let (mut server, complaints) = lower::added_server(plan, proxy, read, index);
    said.append(complaints);
    if said.has_alerts() {
        return Err(alert(said));
    }
    server.facts.id = id;
    server.facts.dynamic = true;
    back.dynamic_cookies.give(&server);
    server.set_last_change(now_ms());
    if read.params.disabled != Some(false) {
        server.checks.watch.put_off();
        server.change_admin(Admin::MAINT_FORCED, Admin::default(), now_ms());
    }
    Ok(server)
}

/// The number that is asked for, else the first that is free.
fn free_id(servers: &Servers, wanted: Option<u32>) -> Result<u32, Refused> {
    let owner = |id: u32| servers.iter().find(|s| s.facts.id == id);
    match wanted {
        None => Ok((1..=u32::MAX).find(|id| owner(*id).is_none()).unwrap_or(u32::MAX)),
        Some(id) => match owner(id) {
            None => Ok(id),
            Some(other) => {
                Err(format!("'id' : custom id {id} already used by server '{}'.", other.facts.name))
            }
        },
    }
}

/// `track`: takes the state of the server that it names, which must be one of the configuration.
fn follow(plan: &Plan, back: &Backend, server: &Server) -> Result<(), Refused> {
    let Some((backend, name)) = &server.checks.track else { return Ok(()) };
    let theirs = if **backend == *back.name { Some(back) } else { plan.backend(backend).map(|b| &**b) };
    let theirs = theirs.ok_or_else(|| format!("unable to find required proxy '{backend}' for tracking."))?;
    let leader = theirs.balance.servers().named(name).cloned();
    let leader = leader.ok_or_else(|| format!("unable to find required server '{name}' for tracking."))?;
    let why = if leader.facts.dynamic {
        "is a dynamic server"
    } else if leader.checks.check.is_none() && leader.checks.agent.is_none() && leader.checks.track.is_none()
    {
        "does not have any check nor agent enabled"
    } else {
        server.set_health(leader.health(), now_ms());
        return Ok(());
    };
    Err(format!("unable to use {backend}/{name} for tracking as it {why}."))
}

/// Why a server stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stays {
    /// It is not there.
    NoServer,
    /// Other lines of the configuration name it.
    ReferredTo,
    /// It is not in maintenance.
    InService,
    /// It has sessions, or requests in its queue.
    Busy,
}

impl Stays {
    /// It may be gone by itself after a while.
    pub fn may_pass(self) -> bool {
        match self {
            Stays::Busy => true,
            Stays::NoServer | Stays::ReferredTo | Stays::InService => false,
        }
    }
}

impl fmt::Display for Stays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stays::NoServer => "No such server.",
            Stays::ReferredTo => {
                "This server cannot be removed at runtime due to other configuration elements pointing to it."
            }
            Stays::InService => "Only servers in maintenance mode can be deleted.",
            Stays::Busy => "Server still has connections attached to it, cannot remove it.",
        })
    }
}

/// Deletes a server that is in maintenance, has no session and no request in its queue, and is nowhere named in the
/// configuration. Idle connections to it end by themselves.
pub fn delete(plan: &Plan, back: &Backend, index: usize) -> Result<(), Stays> {
    let deleted = back.balance.remove(index, now_ms(), |server| removable(plan, back, server))?;
    let deleted = deleted.ok_or(Stays::NoServer)?;
    if let Some(tls) = deleted.tls() {
        tls.retire();
    }
    plan.process.farm_news.tell(FarmNews::Deleted(deleted));
    Ok(())
}

/// Whether it may be deleted now.
pub fn removable(plan: &Plan, back: &Backend, server: &Server) -> Result<(), Stays> {
    if is_referred_to(plan, back, server) {
        return Err(Stays::ReferredTo);
    }
    if !server.admin().is_maint() {
        return Err(Stays::InService);
    }
    if server.sessions() > 0 || server.queued() > 0 {
        return Err(Stays::Busy);
    }
    Ok(())
}

fn is_referred_to(plan: &Plan, back: &Backend, server: &Server) -> bool {
    let index = server.facts.index;
    let by_rule = |target: &UseServerTarget| matches!(target, UseServerTarget::Server(i) if *i == index);
    let tracks = |other: &Server| {
        other.checks.track.as_ref().is_some_and(|(b, s)| *b == back.name && *s == server.facts.name)
    };
    let tracked = |b: &Arc<Backend>| b.balance.servers().iter().any(|other| tracks(other));
    let named = |(b, s): &(Box<str>, Box<str>)| *b == back.name && *s == server.facts.name;
    back.use_servers.iter().any(|rule| by_rule(&rule.target))
        || plan.backends.iter().any(tracked)
        || plan.named_servers.iter().any(named)
}
