//! The process dies in the middle of an issuance: what is on disk can be read by anybody, nothing stays in the way, and
//! the next one obtains the certificate.

use crate::many::most_open;
use crate::pebble::Pebble;
use crate::place::{wait_for, wait_within};
use crate::site::{Around, Site, shortest};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// How far an issuance is when the process is killed.
enum Until {
    /// Pebble got a request for this path.
    Asked(&'static str),
    /// There is this file in the storage.
    Written(&'static str),
}

impl Until {
    fn is_so(&self, site: &Site) -> bool {
        match self {
            Until::Asked(path) => site.pebble.said().contains(&format!("POST {path} ")),
            // A link counts although what it leads to may be missing.
            Until::Written(file) => std::fs::symlink_metadata(site.stored(file)).is_ok(),
        }
    }
}

fn killed(flags: &[&str], until: &[Until]) {
    for point in until {
        let environment = &[("PEBBLE_WFE_NONCEREJECT", "0")];
        let mut site = Site::amid(&shortest(""), Around { flags, environment, ..Around::default() });
        wait_for(|| point.is_so(&site).then_some(())).unwrap_or_else(|| panic!("{}", site.said()));
        site.program.signal("KILL");
        site.program.ended();
        is_consistent(&site);
        let config = site.config();
        let site = site.restarted(&config);
        site.is_served("shop.example");
        site.stands("\tScheduled\t");
        is_consistent(&site);
        assert_eq!(left_over(&site), "");
        let orders = site.pebble.said().matches("POST /order-plz ").count();
        assert!((1..=2).contains(&orders), "{orders} orders");
    }
}

/// Debian's Certbot finds nothing wrong with the tree. It waits for nobody's lock, so we wait until ours is given back,
/// or until a keeper has followed its master.
fn is_consistent(site: &Site) {
    let free = || Some(listed(site)).filter(|(_, said)| !said.contains("Another instance"));
    let (is_well, said) = wait_for(free).expect("the lock is free");
    assert!(is_well && !said.contains("invalid") && !said.contains("rror"), "{said}");
}

/// What Debian's Certbot says of the tree.
fn listed(site: &Site) -> (bool, String) {
    let mut certbot = Command::new("/usr/bin/certbot");
    certbot.arg("certificates").arg("--config-dir").arg(site.stored(""));
    let other = site.folder.path().join("other");
    certbot.arg("--work-dir").arg(&other).arg("--logs-dir").arg(&other);
    let output = certbot.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// Unfinished files and locks where others look. Of our own notes the next writer removes what is unfinished.
fn left_over(site: &Site) -> String {
    let mut find = Command::new("find");
    find.arg(site.stored("")).args(["-path", "*/lockgate", "-prune", "-o", "("]);
    find.args(["-name", "*.new", "-o", "-name", "*.room", "-o", "-name", ".certbot.lock"]);
    String::from_utf8(find.output().unwrap().stdout).unwrap()
}

#[test]
fn a_kill_while_the_authority_works_costs_one_order_at_most() {
    killed(
        &["-db"],
        &[
            Until::Asked("/sign-me-up"),
            Until::Asked("/order-plz"),
            Until::Asked("/chalZ/"),
            Until::Asked("/finalize-order/"),
        ],
    );
}

#[test]
fn a_kill_while_the_certificate_is_saved_leaves_a_tree_that_certbot_reads() {
    killed(
        &["-db"],
        &[
            Until::Asked("/certZ/"),
            Until::Written("archive/shop.example/privkey1.pem"),
            Until::Written("live/shop.example/cert.pem"),
            Until::Written("renewal/shop.example.conf"),
        ],
    );
}

#[test]
fn a_kill_of_the_master_takes_the_keeper_with_it() {
    killed(&["-W", "-db"], &[Until::Asked("/chalZ/"), Until::Written("archive/shop.example/privkey1.pem")]);
}

/// Marsaglia's xorshift: the same moments each time.
pub struct Dice(pub u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 8) % n
    }

    /// Waits until the authority has got some requests more, and a moment longer.
    pub fn moment(&mut self, pebble: &Pebble) {
        let asked = || pebble.said().matches(" /").count() as u64;
        let until = asked() + 1 + self.below(16);
        // At the end of an issuance no more requests come: then this is a moment at rest.
        let _ = wait_within(Duration::from_secs(3), || (asked() >= until).then_some(()));
        std::thread::sleep(Duration::from_millis(self.below(30)));
    }
}

/// What the authority was asked, by the process that asked.
#[derive(Default)]
pub struct Lives(usize);

impl Lives {
    /// One life is over: it never had two orders open for its one name.
    pub fn end(&mut self, pebble: &Pebble) {
        let said = pebble.said_of_all();
        let asked: Vec<&str> = said.lines().filter(|line| line.contains(" POST /")).collect();
        let life = asked[self.0..].join("\n");
        assert!(most_open(&life) <= 1, "{life}");
        self.0 = asked.len();
    }
}

/// Private keys in a tree, and that nobody else reads them.
pub fn keys_are_private(tree: &Path) {
    let mut find = Command::new("find");
    find.arg(tree).args(["-name", "privkey*.pem", "-type", "f", "-not", "-perm", "600"]);
    assert_eq!(String::from_utf8(find.output().unwrap().stdout).unwrap(), "");
}

#[test]
fn kills_at_any_moment_under_a_master_leave_what_the_next_start_goes_on_with() {
    let environment = &[("PEBBLE_WFE_NONCEREJECT", "0")];
    let around = Around { flags: &["-W", "-db"], environment, ..Around::default() };
    let mut site = Site::amid(&shortest(""), around);
    let (mut dice, mut lives) = (Dice(0x5eed), Lives::default());
    for _ in 0..6 {
        dice.moment(&site.pebble);
        site.program.signal("KILL");
        site.program.ended();
        is_consistent(&site);
        lives.end(&site.pebble);
        keys_are_private(&site.stored(""));
        let config = site.config();
        site = site.restarted(&config);
        site.tell("acme renew shop.example");
    }
    site.is_served("shop.example");
    wait_for(|| (left_over(&site).is_empty()).then_some(()))
        .unwrap_or_else(|| panic!("{}", left_over(&site)));
    is_consistent(&site);
    lives.end(&site.pebble);
}
