//! Operators steer servers while traffic flows: over the runtime API, with real clients and servers.

use crate::client::{curl, try_curl};
use crate::nginx::Nginx;
use crate::place::{Folder, wait_for};
use crate::runtime_api::{Operated, converse};
use std::process::Command;

fn two(one: &Nginx, two: &Nginx) -> Operated {
    Operated::start(
        "level admin",
        &format!(
            "listen l\n bind <http>\n balance roundrobin\n server one {}\n server two {}\n",
            one.address(),
            two.address()
        ),
    )
}

/// Which servers answer ten requests.
fn answering(operated: &Operated) -> Vec<String> {
    let url = operated.lockgate.url("http", "/");
    let mut names: Vec<String> =
        (0..10).filter_map(|_| curl(&url).field("x-server").map(str::to_owned)).collect();
    assert_eq!(names.len(), 10);
    names.sort();
    names.dedup();
    names
}

#[test]
fn a_server_is_drained_under_load_and_nothing_is_lost() {
    let (one, other) = (Nginx::start("one"), Nginx::start("two"));
    let operated = two(&one, &other);
    let url = operated.lockgate.url("http", "/");
    let mut load = Command::new("ab");
    load.args(["-q", "-k", "-c", "16", "-n", "6000"]).arg(&url);
    let load = std::thread::spawn(move || load.output().unwrap());
    for state in ["drain", "ready", "maint", "ready", "drain"] {
        let before = operated.ask("show servers state l");
        assert_eq!(operated.ask(&format!("set server l/two state {state}")), "\n");
        wait_for(|| (operated.ask("show servers state l") != before).then_some(())).unwrap();
    }
    let said = String::from_utf8(load.join().unwrap().stdout).unwrap();
    assert!(
        said.contains("Complete requests:      6000") && said.contains("Failed requests:        0"),
        "{said}"
    );
    assert!(!said.contains("Non-2xx"), "{said}");
    assert_eq!(answering(&operated), ["one"]);
    operated.ask("set server l/two state ready");
    assert_eq!(answering(&operated), ["one", "two"]);
}

#[test]
fn maintenance_closes_idle_connections_and_everything_down_is_503() {
    let (one, other) = (Nginx::start("one"), Nginx::start("two"));
    let operated = two(&one, &other);
    assert_eq!(answering(&operated), ["one", "two"]);
    operated.ask("disable server l/one;disable server l/two");
    assert_eq!(curl(&operated.lockgate.url("http", "/")).status, 503);
    let idle = || {
        let text = operated.ask("show servers conn l");
        let of = |line: &str| line.split(' ').nth(12).map(str::to_owned);
        text.lines().skip(1).filter_map(of).collect::<Vec<_>>()
    };
    wait_for(|| (idle() == ["0", "0"]).then_some(())).unwrap_or_else(|| panic!("{:?}", idle()));
    operated.ask("enable server l/one");
    assert_eq!(answering(&operated), ["one"]);
}

#[test]
fn a_server_moves_and_changes_its_weight() {
    let (one, other, third) = (Nginx::start("one"), Nginx::start("two"), Nginx::start("three"));
    let operated = two(&one, &other);
    assert_eq!(answering(&operated), ["one", "two"]);
    let (from, to) = (other.address(), third.address());
    let said = operated.ask(&format!("set server l/two addr {} port {}", to.ip(), to.port()));
    let port = format!("port changed from '{}' to '{}'", from.port(), to.port());
    assert_eq!(said, format!("no need to change the addr, {port} by 'stats socket command'\n\n"));
    assert_eq!(answering(&operated), ["one", "three"]);
    assert_eq!(operated.ask("set weight l/one 0;get weight l/one"), "\n0 (initial 1)\n\n");
    assert_eq!(answering(&operated), ["three"]);
}

/// What an operator may get wrong, as Debian's haproxy answers it.
const REFUSED: &[(&str, &str)] = &[
    ("set server", "Require 'backend/server'.\n\n"),
    ("set server l", "Require 'backend/server'.\n\n"),
    ("set server x/one state ready", "No such backend.\n\n"),
    ("set server l/x state ready", "No such server.\n\n"),
    ("set server l/one state foo", "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n\n"),
    ("set server l/one health foo", "'set server <srv> health' expects 'up', 'stopping', or 'down'.\n\n"),
    ("set server l/one agent up", "agent checks are not enabled on this server.\n\n"),
    ("set server l/one agent-send x", "agent checks are not enabled on this server.\n\n"),
    (
        "set server l/one agent-addr",
        "set server <b>/<s> agent-addr requires an address and optionally a port.\n\n",
    ),
    ("set server l/one agent-port 5", "agent checks are not enabled on this server\n"),
    ("set server l/one check-port 5", "health checks are not enabled on this server\n"),
    ("set server l/one check-port", "set server <b>/<s> check-port requires a port.\n\n"),
    ("set server l/one weight", "Require <weight> or <weight%>.\n\n"),
    ("set server l/one weight abc", "Empty weight string empty or preceded by garbage\n"),
    ("set server l/one weight 300", "Absolute weight can only be between 0 and 256 inclusive.\n\n"),
    ("set server l/one addr foo", "Invalid addr 'foo' by 'stats socket command'\n\n"),
    (
        "set server l/one fqdn a.example",
        "set server <b>/<s> fqdn failed because no resolution is configured.\n\n",
    ),
    ("enable health l/one", "Health check was not configured on this server, cannot enable.\n\n"),
    ("enable agent l/one", "Agent was not configured on this server, cannot enable.\n\n"),
    ("set maxconn server l/one", "Require <maxconn>.\n\n"),
    ("set maxconn server l/one 5x", "Trailing garbage in maxconn string\n"),
    ("show servers state nope", "Can't find backend.\n\n"),
    ("get weight l/one", "1 (initial 1)\n\n"),
    ("show backend", "# name\nl\n\n"),
];

#[test]
fn wrong_commands_are_answered_in_haproxys_words() {
    let (one, other) = (Nginx::start("one"), Nginx::start("two"));
    let operated = two(&one, &other);
    for (line, answer) in REFUSED {
        assert_eq!(operated.ask(line), *answer, "{line}");
    }
    assert_eq!(answering(&operated), ["one", "two"]);
    let operated = Operated::start("", "listen b\n bind <http>\n server s 127.0.0.1:9\n");
    assert_eq!(operated.ask("set server b/s state maint"), "Permission denied\n\n");
}

#[test]
fn limits_move_while_clients_wait() {
    let (one, other) = (Nginx::start("one"), Nginx::start("two"));
    let operated = two(&one, &other);
    let url = operated.lockgate.url("http", "/");
    for (line, answer) in [
        ("set maxconn frontend", "A frontend name is expected.\n\n"),
        ("set maxconn frontend x 1", "No such frontend.\n\n"),
        ("set maxconn frontend l", "Integer value expected.\n\n"),
        ("set maxconn global", "Expects an integer value.\n\n"),
        ("set maxconn global 4000000000", "Value out of range.\n\n"),
        ("set maxconn frontend l 0", "\n"),
    ] {
        assert_eq!(operated.ask(line), answer, "{line}");
    }
    // each thread may be waiting for a connection already: the limit is looked at before the next one
    let waits = || (try_curl(&format!("--max-time 1 {url}")).0 == 28).then_some(());
    wait_for(waits).expect("a client beyond the limit waits");
    assert_eq!(operated.ask("set maxconn frontend l 100"), "\n");
    assert_eq!(curl(&url).status, 200);
    operated.ask("set maxconn global 5");
    assert!(operated.ask("show info").contains("\nMaxconn: 5\n"));
}

/// A proxy that routes by a map and refuses by a list, both files.
fn routed(one: &Nginx, other: &Nginx) -> (Folder, Operated) {
    let folder = Folder::new();
    let map = folder.file("hosts.map", "# sites\na.example one\nb.example   other  \n");
    let list = folder.file("paths.lst", "/secret\n");
    let (map, list) = (map.display(), list.display());
    let text = format!(
        "frontend f\n bind <http>\n http-request deny if {{ path_beg -f {list} }}\n \
         use_backend %[req.hdr(host),map({map},other)]\n\
         backend one\n server s {}\nbackend other\n server s {}\n",
        one.address(),
        other.address()
    );
    (folder, Operated::start("level admin", &text))
}

#[test]
fn the_next_request_goes_where_an_edited_map_says() {
    let (one, other) = (Nginx::start("one"), Nginx::start("other"));
    let (folder, operated) = routed(&one, &other);
    let map = folder.path().join("hosts.map").display().to_string();
    let url = operated.lockgate.url("http", "/");
    let goes_to = |host: &str| curl(&format!("{url} -H Host:{host}")).field("x-server").map(str::to_owned);
    assert_eq!(goes_to("new.example").as_deref(), Some("other"));
    assert_eq!(operated.ask(&format!("add map {map} new.example one")), "\n");
    assert_eq!(goes_to("new.example").as_deref(), Some("one"));
    assert_eq!(operated.ask(&format!("set map {map} new.example other")), "\n");
    assert_eq!(goes_to("new.example").as_deref(), Some("other"));
    assert_eq!(
        operated.ask(&format!("get map {map} a.example")),
        "type=str, case=sensitive, found=yes, idx=tree, key=\"a.example\", value=\"one\", type=\"str\"\n\n"
    );
    assert_eq!(operated.ask(&format!("del map {map} a.example")), "\n");
    assert_eq!(goes_to("a.example").as_deref(), Some("other"));
    let payload = format!("add map {map} <<\nx.example one\ny.example one\n\n");
    assert_eq!(converse(&operated.socket(), &payload), "\n");
    assert_eq!(goes_to("y.example").as_deref(), Some("one"));
    let filled = format!("prepare map {map};add map @1 {map} z.example one");
    assert_eq!(operated.ask(&filled), "New version created: 1\n\n\n");
    assert_eq!(
        (goes_to("z.example").as_deref(), goes_to("y.example").as_deref()),
        (Some("other"), Some("one"))
    );
    assert_eq!(operated.ask(&format!("commit map @1 {map}")), "\n");
    assert_eq!(
        (goes_to("z.example").as_deref(), goes_to("y.example").as_deref()),
        (Some("one"), Some("other"))
    );
    assert!(operated.ask(&format!("show map {map}")).ends_with(" z.example one\n\n"));
    assert!(operated.ask("show map").contains("haproxy.cfg' line 12. curr_ver=1 next_ver=1 entry_cnt=1\n"));
}

#[test]
fn the_next_request_is_refused_by_an_edited_list() {
    let (one, other) = (Nginx::start("one"), Nginx::start("other"));
    let (folder, operated) = routed(&one, &other);
    let list = folder.path().join("paths.lst").display().to_string();
    let status = |path: &str| curl(&operated.lockgate.url("http", path)).status;
    assert_eq!((status("/secret/x"), status("/new/x")), (403, 200));
    assert_eq!(operated.ask(&format!("add acl {list} /new;del acl {list} /secret")), "\n\n");
    assert_eq!((status("/secret/x"), status("/new/x")), (200, 403));
    let shown = operated.ask(&format!("show acl {list}"));
    let (id, pattern) = shown.trim_end().split_once(' ').unwrap();
    assert_eq!(pattern, "/new");
    assert_eq!(operated.ask(&format!("del acl {list} #{id}")), "\n");
    assert_eq!(status("/new/x"), 200);
}

/// What an operator may get wrong with lists, as Debian's haproxy answers it. `M` is the map.
const REFUSED_LISTS: &[(&str, &str)] = &[
    ("show map nope", "Unknown map identifier. Please use #<id> or <file>.\n\n"),
    ("show acl M", "Unknown ACL identifier. Please use #<id> or <file>.\n\n"),
    ("get map M", "Missing map identifier and/or key.\n\n"),
    ("get map M zz", "type=str, case=sensitive, found=no\n\n"),
    (
        "add map M k",
        "'add map' expects three parameters (map identifier, key and value) or one parameter (map identifier) and a \
         payload\n\n",
    ),
    ("add map @7 M k v", "Version number in the future, please use 'prepare map' before.\n\n"),
    ("add acl M", "'add acl' expects two parameters: ACL identifier and pattern.\n\n"),
    ("set map M nokey z", "entry not found.\n\n"),
    ("set map M k", "'set map' expects three parameters: map identifier, key and value.\n\n"),
    ("del map M nokey", "Key not found.\n\n"),
    ("del map M #0x1234", "Key not found.\n\n"),
    ("del acl M", "This command expects two parameters: ACL identifier and key.\n\n"),
    ("commit map M", "Missing version number.\n\n"),
    ("commit map @7 M", "Version number out of range.\n\n"),
    ("commit acl @1", "Missing ACL identifier.\n\n"),
    ("clear map", "Missing map identifier.\n\n"),
    ("prepare map", "Unknown map identifier. Please use #<id> or <file>.\n\n"),
];

#[test]
fn wrong_edits_are_answered_in_haproxys_words() {
    let (one, other) = (Nginx::start("one"), Nginx::start("other"));
    let (folder, operated) = routed(&one, &other);
    let map = folder.path().join("hosts.map").display().to_string();
    let before = operated.ask(&format!("show map {map}"));
    for (line, answer) in REFUSED_LISTS {
        assert_eq!(operated.ask(&line.replace('M', &map)), *answer, "{line}");
    }
    let half = format!("add map {map} <<\nk1 v1\nk3\n\n");
    assert_eq!(converse(&operated.socket(), &half), "Missing value for key 'k3'.\n\n");
    let kept = operated.ask(&format!("show map {map}"));
    assert!(kept.starts_with(before.trim_end()) && kept.trim_end().ends_with(" k1 v1"), "{kept}");
}

#[test]
fn rules_edit_lists_and_the_requests_that_follow_see_it() {
    let one = Nginx::start("one");
    let folder = Folder::new();
    let map = folder.file("names.map", "old first\n");
    let list = folder.file("banned.lst", "192.0.2.1\n");
    let (map, list) = (map.display(), list.display());
    let operated = Operated::start(
        "level admin",
        &format!(
            "listen l\n bind <http>\n acl set path_beg /set\n acl ban path_beg /ban\n acl free path_beg /free\n \
             http-request set-map({map}) %[url_param(key)] %[url_param(value)] if set\n \
             http-request del-map({map}) %[url_param(key)] if {{ path_beg /del }}\n \
             http-request add-acl({list}) %[url_param(ip)] if ban\n \
             http-request del-acl({list}) %[url_param(ip)] if free\n \
             http-request deny if !free !ban {{ req.hdr_ip(x-ip) -f {list} }}\n \
             http-request set-header x-host %[url_param(key),map({map},none)]\n \
             http-response set-map({map}) answered %[status] if {{ status 200 }}\n server s {}\n",
            one.address()
        ),
    );
    let url = |path: &str| operated.lockgate.url("http", path);
    let entries = || operated.ask(&format!("show map {map}"));
    let eventually = |line: &str, there: bool| {
        let is = || (entries().contains(line) == there).then_some(());
        wait_for(is).unwrap_or_else(|| panic!("{line}: {}", entries()));
    };
    assert_eq!(curl(&url("/set?key=new&value=second")).status, 200);
    eventually(" new second\n", true);
    eventually(" answered 200\n", true);
    curl(&url("/set?key=old&value=third"));
    eventually(" old third\n", true);
    curl(&url("/del?key=new"));
    eventually(" new ", false);
    assert_eq!(entries().lines().filter(|line| line.contains(" old ")).count(), 1);
    let status = || curl(&format!("{} -H X-Ip:192.0.2.7", url("/"))).status;
    assert_eq!(status(), 200);
    curl(&url("/ban?ip=192.0.2.7"));
    wait_for(|| (status() == 403).then_some(())).unwrap();
    // what is no address of a list of addresses is left out, and nothing else with it
    curl(&url("/ban?ip=nonsense"));
    curl(&url("/free?ip=192.0.2.7"));
    wait_for(|| (status() == 200).then_some(())).unwrap();
    assert!(!operated.ask(&format!("show acl {list}")).contains("nonsense"));
}

#[test]
fn tls_to_a_server_is_switched_on_and_off() {
    let sealed = Nginx::start_tls("sealed");
    let text = format!(
        "listen l\n bind <http>\n default-server ssl verify none\n server s {0} no-ssl\nbackend b\n \
         server p {0} no-ssl\n server t {0} ssl verify none\n",
        sealed.address()
    );
    let operated = Operated::start("level admin", &text);
    let status = || curl(&operated.lockgate.url("http", "/")).status;
    let set = |words: &str| operated.ask(&format!("set server {words}"));
    // nginx tells who speaks in clear so
    assert_eq!(status(), 400);
    assert_eq!((set("l/s ssl on"), status()), ("server ssl setting updated.\n\n".into(), 200));
    assert_eq!((set("l/s ssl off"), status()), ("server ssl setting updated.\n\n".into(), 400));
    let cannot = "'set server <srv> ssl' cannot be set.  default-server should define ssl settings\n\n";
    assert_eq!(set("b/p ssl on"), cannot);
    assert_eq!(set("b/t ssl maybe"), "'set server <srv> ssl' expects 'on' or 'off'.\n\n");
    set("b/t ssl off");
    let shown = operated.ask("show servers state b");
    let uses = |name: &str| {
        let line = shown.lines().find(|line| line.split(' ').nth(3) == Some(name)).unwrap();
        line.split(' ').nth(20).unwrap().to_owned()
    };
    // -1 is what `no-ssl` says, as with HAProxy
    assert_eq!((uses("p"), uses("t")), ("-1".into(), "0".into()));
}
