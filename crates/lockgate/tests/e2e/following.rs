//! Servers that track others, in maintenance, drain and out of them: haproxy's log lines and states, from the same commands.

use crate::place::wait_for;
use crate::program::{Lockgate, Player};
use crate::runtime_api::converse;
use crate::upstream::Upstream;

/// Everything is ready again at the end of each line.
const COMMANDS: &str = "
a maint;a ready
a drain;a ready
a maint;a drain;a ready
a drain;a maint;a ready
a down;a maint;a ready
a down;a drain;a ready;a up
b maint;a maint;a ready;b ready
b drain;a maint;a ready;b ready
b drain;a drain;a ready;b ready
b maint;a drain;b ready;a ready
a maint;b maint;b ready;a ready
";

/// Name, state and weight of each server and backend. How far a check is on its way depends on when it ran.
fn states(proxy: &Lockgate) -> Vec<String> {
    let answer = converse(&proxy.folder().path().join("api.sock"), "show stat\n");
    let told = |line: &str| {
        let mut fields = line.split(',');
        let (name, status, weight) = (fields.nth(1)?, fields.nth(15)?, fields.next()?);
        Some(format!("{name} {} {weight}", status.replace(" 1/3", "")))
    };
    answer.lines().filter_map(told).collect()
}

fn done_by(player: Player, config: &str) -> Vec<String> {
    let proxy = Lockgate::played_by(player, config);
    let mut told = Vec::new();
    for word in COMMANDS.split([';', '\n']).filter(|word| !word.is_empty()) {
        let (server, state) = word.split_once(' ').unwrap();
        let what = if matches!(state, "up" | "down") { "health" } else { "state" };
        let command = format!("set server b/{server} {what} {state}");
        assert_eq!(converse(&proxy.folder().path().join("api.sock"), &format!("{command}\n")), "\n");
        told.push(command);
        told.extend(states(&proxy));
    }
    // its second line is told last, so that all lines before it are there
    converse(&proxy.folder().path().join("api.sock"), "set server last/z state maint\n");
    // haproxy tells standard error too, behind its severity
    let logged = |line: &String| line.contains("erver ") && !line.starts_with('[');
    let lines = || proxy.lines().into_iter().filter(logged).collect();
    let all = |lines: &Vec<String>| lines.iter().any(|l| l.contains("backend last has no server"));
    told.extend(wait_for(|| Some(lines()).filter(all)).unwrap());
    told
}

#[test]
fn those_who_track_follow_in_haproxys_words() {
    let server = Upstream::answering(b"").address();
    let config = format!(
        "global\n log stdout format raw local0\n stats socket <folder>/api.sock level admin\ndefaults\n mode http\n log global\n \
         timeout connect 5s\n timeout client 5s\n timeout server 5s\nfrontend f\n bind <http>\n\
         backend b\n server a {server} check inter 24h\n server b 127.0.0.1:9 track a\n server c 127.0.0.1:9 track b\n \
         server d 127.0.0.1:9 track a backup\nbackend b2\n server e 127.0.0.1:9 track b/a\n server f 127.0.0.1:9\n\
         backend spare\n server x 127.0.0.1:9 disabled\n server y 127.0.0.1:9 backup weight 2\n server y2 127.0.0.1:9 backup\n\
         backend last\n server z 127.0.0.1:9\n"
    );
    let (theirs, ours) = (done_by(Player::Oracle, &config), done_by(Player::Tested, &config));
    let first = theirs.iter().zip(&ours).position(|(a, b)| a != b);
    let from = first.unwrap_or(theirs.len().min(ours.len())).saturating_sub(3);
    let part = |told: &[String]| told.iter().skip(from).take(12).cloned().collect::<Vec<_>>();
    assert!(theirs == ours, "theirs: {:#?}\nours: {:#?}", part(&theirs), part(&ours));
}
