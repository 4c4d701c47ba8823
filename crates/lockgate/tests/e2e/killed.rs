//! The process dies in the middle of an issuance: what is on disk can be read by anybody, nothing stays in the way, and
//! the next one obtains the certificate.

use crate::place::wait_for;
use crate::site::{Around, Site, shortest};
use std::process::Command;

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

/// Debian's Certbot finds nothing wrong with the tree.
fn is_consistent(site: &Site) {
    let mut certbot = Command::new("/usr/bin/certbot");
    certbot.arg("certificates").arg("--config-dir").arg(site.stored(""));
    let other = site.folder.path().join("other");
    certbot.arg("--work-dir").arg(&other).arg("--logs-dir").arg(&other);
    let output = certbot.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && !said.contains("invalid") && !said.contains("rror"), "{said}");
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
