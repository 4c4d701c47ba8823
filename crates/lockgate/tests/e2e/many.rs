//! Many certificates at once, and certificates that change all the time.

use crate::client::try_curl;
use crate::place::{Folder, wait_for};
use crate::program::Lockgate;
use crate::site::{SECTION, Site};
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

/// How many issuances the scheduler has under way at a time.
const AT_A_TIME: usize = 8;

/// The most orders that were open at one moment, by the authority's log.
pub fn most_open(said: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for line in said.lines() {
        open += usize::from(line.contains("POST /order-plz "));
        open = open.saturating_sub(usize::from(line.contains("POST /finalize-order/")));
        most = most.max(open);
    }
    most
}

#[test]
fn fifty_names_are_obtained_side_by_side() {
    let names: Vec<String> = (0..50).map(|n| format!("n{n}.example")).collect();
    let loads: String =
        names.iter().map(|name| format!(" load crt {name}.pem acme le domains {name}\n")).collect();
    let crts: String = names.iter().map(|name| format!(" crt @web/{name}.pem")).collect();
    let text = format!(
        "{SECTION}crt-store web\n crt-base HERE\n{loads}frontend web\n bind HTTP\n bind HTTPS ssl{crts}\n \
         http-request return status 200\n"
    );
    let site = Site::start(&text, &[("PEBBLE_WFE_NONCEREJECT", "0"), ("PEBBLE_AUTHZREUSE", "0")]);
    let obtained = || site.tell("acme status").matches("\tle\tScheduled\t").count();
    let mut seen = 0;
    while seen < names.len() {
        seen = wait_for(|| Some(obtained()).filter(|now| *now > seen))
            .unwrap_or_else(|| panic!("{seen} are there\n{}\n{}", site.tell("acme status"), site.said()));
    }
    let issuer = site.pebble.issuer();
    for name in &names {
        assert!(site.asks(name, &issuer), "{name}");
    }
    let said = site.pebble.said();
    assert_eq!(said.matches("POST /order-plz ").count(), names.len());
    let most = most_open(&said);
    assert!((AT_A_TIME / 2..=AT_A_TIME).contains(&most), "{most} at a time");
}

/// A certificate and key for a name, told apart by its serial number.
fn pem(folder: &Folder, name: &str, serial: u32) -> String {
    let words = format!(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 9 -subj /CN={name} \
         -addext subjectAltName=DNS:{name} -set_serial {serial} -keyout key -out crt"
    );
    let out =
        Command::new("openssl").args(words.split_whitespace()).current_dir(folder.path()).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    ["crt", "key"].map(|part| std::fs::read_to_string(folder.path().join(part)).unwrap()).concat()
}

#[test]
fn handshakes_go_on_while_certificates_change() {
    let (folder, work) = (Folder::new(), Folder::new());
    for n in 0..20 {
        folder.file(&format!("{n}.pem"), pem(&work, &format!("n{n}.example"), 100));
    }
    let lockgate = Lockgate::start(&format!(
        "defaults\n mode http\n timeout client 20s\n timeout connect 5s\n timeout server 20s\nfrontend web\n \
         bind <https> ssl crt {}\n http-request return status 200\n",
        folder.path().display()
    ));
    let address = lockgate.at("https");
    let (done, failed, over) = (AtomicU32::new(0), AtomicU32::new(0), AtomicBool::new(false));
    let visit = |n: u32| {
        let port = address.port();
        let words = format!("-k --resolve n{n}.example:{port}:127.0.0.1 https://n{n}.example:{port}/");
        failed.fetch_add(u32::from(try_curl(&words).0 != 0), SeqCst);
        done.fetch_add(1, SeqCst);
    };
    let shown = |n: u32| {
        let line = format!(
            "openssl s_client -connect {address} -servername n{n}.example </dev/null 2>/dev/null | openssl x509 -noout -serial"
        );
        String::from_utf8(Command::new("sh").args(["-c", &line]).output().unwrap().stdout).unwrap()
    };
    let mut serials = BTreeSet::new();
    std::thread::scope(|scope| {
        for from in 0..3 {
            let (visit, over) = (&visit, &over);
            scope.spawn(move || (from..).take_while(|_| !over.load(SeqCst)).for_each(|n| visit(n % 20)));
        }
        for serial in 200..205 {
            let (before, new) = (done.load(SeqCst), folder.path().join("new"));
            std::fs::write(&new, pem(&work, "n7.example", serial)).unwrap();
            std::fs::rename(&new, folder.path().join("7.pem")).unwrap();
            let wanted = format!("serial={serial:02X}\n");
            let served = wait_for(|| (shown(7) == wanted && done.load(SeqCst) > before + 10).then_some(()));
            serials.extend(served.map(|()| serial));
        }
        over.store(true, SeqCst);
    });
    assert_eq!(failed.load(SeqCst), 0, "of {done:?}");
    assert_eq!(serials, (200..205).collect());
    assert_eq!(shown(8), "serial=64\n");
}
