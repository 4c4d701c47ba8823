//! Maintenance and drain: what an operator, an agent, a name or a tracked server asks for, who follows, and what the log
//! says of it. Runs on the control thread and on operators' threads, never on the request path.

use super::agent::AdminWish;
use super::log::{self, Cause, Counts};
use super::state::{TRACK_DEPTH, World, changing, followers, forget_emptied, shut_down, tell, tell_change};
use crate::clock::now_ms;
use crate::plan::Backend;
use crate::server::{Admin, Health, Server};

/// `set server … state` and an agent's word for it.
pub(super) fn change_admin(world: &World, at: (usize, usize), wish: AdminWish) {
    let (set, clear) = match wish {
        AdminWish::Maint => (Admin::MAINT_FORCED, Admin::DRAIN_FORCED),
        AdminWish::Drain => (Admin::DRAIN_FORCED, Admin::MAINT_FORCED),
        AdminWish::Ready => (Admin::default(), Admin::MAINT_FORCED.with(Admin::DRAIN_FORCED)),
    };
    let Some(change) = apply(world, at, set, clear) else { return };
    change.tell(None);
    inherit(world, at, 0, true);
}

/// What a change of administrative bits was like for one server.
struct Change<'w> {
    back: &'w Backend,
    subject: String,
    before: Admin,
    after: Admin,
    was_down: bool,
    is_down: bool,
    counts: Counts,
    /// The server it tracks.
    tracked: String,
}

/// Sets and clears bits of one server, with what follows for its sessions; `None` where nothing changed.
fn apply<'w>(world: &'w World, at: (usize, usize), set: Admin, clear: Admin) -> Option<Change<'w>> {
    let (back, server) = world.server(at)?;
    let (before, was_down) = (server.admin(), server.health() == Health::Down);
    let after = before.without(clear).with(set);
    if before.is_maint() && !after.is_maint() {
        recover(world, at);
    }
    let counts = changing(back, &server, |now| server.change_admin(set, clear, now))?;
    match (before.is_maint(), after.is_maint()) {
        (false, true) if !was_down => shut_down(world, back, &server, Health::Down),
        (true, false) if server.is_up() => shut_down(world, back, &server, Health::Up),
        (false, _) | (true, _) => {}
    }
    let tracked = server.checks.track.as_ref().map_or_else(String::new, |(b, s)| format!("{b}/{s}"));
    let (subject, is_down) = (log::subject(back, &server), server.health() == Health::Down);
    Some(Change { back, subject, before, after, was_down, is_down, counts, tracked })
}

impl Change<'_> {
    /// Tells it in HAProxy's words, of which some are for those who follow the server named by `via`.
    fn tell(&self, via: Option<&str>) {
        match (self.before.is_maint(), self.after.is_maint()) {
            (false, true) => self.tell_maintenance(via),
            (true, false) => {
                self.tell_leaving();
                if self.after.is_drain() {
                    tell(&self.back.health, &self.still_draining(), log::NOTICE);
                }
            }
            (true, true) => self.tell_still_in_maintenance(),
            (false, false) => self.tell_drain(via),
        }
    }

    fn tell_maintenance(&self, via: Option<&str>) {
        let cause = via.map_or(Cause::Report(None), Cause::Via);
        let subject = &self.subject;
        if self.was_down {
            let line = format!("{subject} was DOWN and now enters maintenance{}.", cause.text());
            return tell_change(self.back, &line, log::NOTICE);
        }
        let line = log::down_line(subject, "is going DOWN for maintenance", &cause, self.counts);
        tell_change(self.back, &line, log::ALERT);
    }

    fn tell_leaving(&self) {
        let up = if self.is_down { "DOWN" } else { "UP" };
        let ready = if self.after.is_drain() { "DRAIN" } else { "READY" };
        let forced = if self.before.has(Admin::MAINT_FORCED) { "forced " } else { "" };
        let line = format!("{} is {up}/{ready} (leaving {forced}maintenance).", self.subject);
        tell_change(self.back, &line, log::NOTICE);
    }

    fn tell_still_in_maintenance(&self) {
        let (subject, tracked) = (&self.subject, &self.tracked);
        let line = if self.lost(Admin::MAINT_FORCED) {
            format!("{subject} is leaving forced maintenance but remains in maintenance via {tracked}.")
        } else if self.lost(Admin::MAINT_INHERITED) {
            format!("{subject} remains in forced maintenance.")
        } else {
            return;
        };
        tell_change(self.back, &line, log::NOTICE);
    }

    fn tell_drain(&self, via: Option<&str>) {
        let cause = via.map_or(Cause::Report(None), Cause::Via);
        let line = match (self.before.is_drain(), self.after.is_drain()) {
            (false, true) if self.was_down => {
                log::down_line(&self.subject, "enters drain state", &cause, self.counts)
            }
            (false, true) => log::up_line(&self.subject, "enters drain state", &cause, self.counts),
            (true, false) => {
                let up = if self.is_down { "DOWN" } else { "UP" };
                format!("{} is {up} (leaving forced drain).", self.subject)
            }
            (true, true) => self.still_draining(),
            (false, false) => return,
        };
        tell_change(self.back, &line, log::NOTICE);
    }

    fn still_draining(&self) -> String {
        let (subject, tracked) = (&self.subject, &self.tracked);
        if self.after.has(Admin::DRAIN_FORCED) {
            return format!("{subject} remains in forced drain mode.");
        }
        format!("{subject} is leaving forced drain but remains in drain mode via {tracked}.")
    }

    fn lost(&self, bit: Admin) -> bool {
        self.before.has(bit) && !self.after.has(bit)
    }
}

/// Who leaves maintenance is up until a check says otherwise, unless its agent or the server it tracks is down; so are
/// those who track it.
pub(super) fn recover(world: &World, at: (usize, usize)) {
    let Some((_, server)) = world.server(at) else { return };
    if server.checks.track.is_some() {
        return;
    }
    let mut moving = server.checks.watch.lock();
    moving.check.fragile();
    let up = moving.agree();
    drop(moving);
    if up {
        raise(world, at, &server, 0);
    }
}

fn raise(world: &World, at: (usize, usize), server: &Server, depth: usize) {
    server.set_health(Health::Up, now_ms());
    let Some((back, _)) = world.server(at).filter(|_| depth < TRACK_DEPTH) else { return };
    for follower in followers(&world.plan, back, server) {
        let theirs = world.server(follower).map(|(_, server)| server);
        if let Some(theirs) = theirs.filter(|s| s.checks.watch.lock().agree()) {
            raise(world, follower, &theirs, depth + 1);
        }
    }
}

/// Those who track a server are in maintenance or drain with it. `aloud`: the log is told.
pub(super) fn inherit(world: &World, at: (usize, usize), depth: usize, aloud: bool) {
    let Some((back, server)) = world.server(at).filter(|_| depth < TRACK_DEPTH) else { return };
    let admin = server.admin();
    let name = format!("{}/{}", back.name, server.facts.name);
    let wanted = |is: bool, bit: Admin| if is { bit } else { Admin::default() };
    let set = wanted(admin.is_maint(), Admin::MAINT_INHERITED)
        .with(wanted(admin.is_drain(), Admin::DRAIN_INHERITED));
    let clear = Admin::MAINT_INHERITED.with(Admin::DRAIN_INHERITED).without(set);
    for follower in followers(&world.plan, back, &server) {
        let change = apply(world, follower, set, clear);
        match change {
            Some(change) if aloud => change.tell(Some(&name)),
            Some(_) => forget_emptied(),
            None => {}
        }
        inherit(world, follower, depth + 1, aloud);
    }
}
