//! Certificates that are obtained from Pebble when a handshake first asks for their names.

use crate::place::wait_for;
use crate::site::{Around, SECTION, Site};
use crate::upstream::Upstream;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

/// A web server that approves names that begin with `good`, after a while.
fn approver(after: Duration) -> Upstream {
    Upstream::start(move |mut peer| {
        loop {
            let head = peer.read_message();
            if head.is_empty() {
                return;
            }
            std::thread::sleep(after);
            let status =
                if head.starts_with("GET /ok?key=1&domain=good") { "200 OK" } else { "404 Not Found" };
            peer.send(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"));
        }
    })
}

fn asked(approver: &Upstream) -> Vec<String> {
    approver.received().iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
}

/// A frontend that names no host.
fn text(approver: &Upstream, more: &str) -> String {
    format!(
        "{SECTION} on-demand\n ask http://{}/ok?key=1\n{more}frontend web\n bind HTTP\n bind HTTPS ssl acme le\n \
         http-request return status 200\n",
        approver.address()
    )
}

/// The common or alternative name of what is shown in one handshake.
fn shown(to: SocketAddr, name: &str) -> String {
    let line = format!(
        "openssl s_client -connect {to} -servername {name} </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName"
    );
    String::from_utf8(Command::new("sh").args(["-c", &line]).output().unwrap().stdout).unwrap()
}

#[test]
fn the_first_handshake_for_an_approved_name_waits_for_its_certificate() {
    let approver = approver(Duration::ZERO);
    let site = Site::start(&text(&approver, ""), &[]);
    let issuer = site.pebble.issuer();
    let problem = || format!("{}\n{}", site.program.lines().join("\n"), site.pebble.said());
    assert!(site.asks("good.lockgate-e2e.com", &issuer), "{}", problem());
    assert!(shown(site.https, "bad.lockgate-e2e.com").contains("lockgate.invalid"));
    assert!(shown(site.https, "192.0.2.1").contains("lockgate.invalid"));
    let questions = || asked(&approver).iter().filter(|head| head.contains("domain=")).count();
    assert_eq!(questions(), 2, "{:?}", asked(&approver));
    // Neither what is known nor what was refused is asked about again.
    assert!(site.asks("good.lockgate-e2e.com", &issuer));
    assert!(shown(site.https, "bad.lockgate-e2e.com").contains("lockgate.invalid"));
    assert_eq!(questions(), 2, "{:?}", asked(&approver));
    let scheduled =
        || site.tell("acme status").contains("good.lockgate-e2e.com\tle\tScheduled\t").then_some(());
    wait_for(scheduled).unwrap_or_else(|| panic!("{}", site.tell("acme status")));
    // A renewal goes as with any other, and asks again.
    let renewed = wait_for(|| {
        site.tell("acme renew good.lockgate-e2e.com");
        (site.program.lines().iter().filter(|l| l.contains("is obtained and served")).count() > 1)
            .then_some(())
    });
    assert!(renewed.is_some(), "{}", problem());
    assert!(questions() > 2);
    // Over a restart it stays.
    let config = site.config();
    let site = site.restarted(&config);
    let before = questions();
    assert!(shown(site.https, "good.lockgate-e2e.com").contains("DNS:good.lockgate-e2e.com"));
    assert_eq!(questions(), before);
}

#[test]
fn a_handshake_does_not_wait_for_ever() {
    let approver = approver(Duration::from_secs(8));
    let site = Site::start(&text(&approver, " on-demand-wait 500ms\n"), &[]);
    let start = Instant::now();
    assert!(shown(site.https, "good.lockgate-e2e.com").contains("lockgate.invalid"));
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    // It is obtained all the same.
    site.is_served("good.lockgate-e2e.com");
}

#[test]
fn under_a_master_the_keeper_obtains_on_demand() {
    let approver = approver(Duration::ZERO);
    let text = format!("global\n user nobody\n chroot /var/empty\n{}", text(&approver, ""));
    let site = Site::amid(&text, Around { flags: &["-W", "-db"], ..Around::default() });
    let issuer = site.pebble.issuer();
    let problem = || format!("{}\n{}", site.program.lines().join("\n"), site.pebble.said());
    // The keeper may not have started yet.
    site.is_served("good1.lockgate-e2e.com");
    assert!(site.asks("good2.lockgate-e2e.com", &issuer), "{}", problem());
    assert!(shown(site.https, "bad.lockgate-e2e.com").contains("lockgate.invalid"));
    site.program.signal("USR2");
    site.program.line(|l| l.contains("worker") && l.contains("exited"));
    assert!(
        shown(site.https, "good2.lockgate-e2e.com").contains("DNS:good2.lockgate-e2e.com"),
        "{}",
        problem()
    );
    let questions = asked(&approver).iter().filter(|head| head.contains("domain=good2")).count();
    assert_eq!(questions, 1);
}

/// The first message of a client that asks for this name, as openssl sends it.
fn hello(to: SocketAddr, name: &str) -> TcpStream {
    let mut extension = vec![0, 0];
    let length = |n: usize| u16::try_from(n).unwrap().to_be_bytes();
    extension.extend(length(name.len() + 5));
    extension.extend(length(name.len() + 3));
    extension.push(0);
    extension.extend(length(name.len()));
    extension.extend(name.as_bytes());
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    body.extend(length(extension.len()));
    body.extend(extension);
    let mut record = vec![22, 3, 1];
    record.extend(length(body.len() + 4));
    record.extend([1, 0]);
    record.extend(length(body.len()));
    record.extend(body);
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(&record).unwrap();
    stream
}

#[test]
fn a_flood_of_names_bothers_no_authority_and_starves_nobody() {
    let approver = approver(Duration::from_millis(20));
    let site = Site::start(&text(&approver, " on-demand-wait 2s\n"), &[]);
    let mut streams: Vec<TcpStream> = Vec::new();
    for n in 0..3_000 {
        streams.push(hello(site.https, &format!("n{n}.lockgate-e2e.com")));
        if streams.len() > 400 {
            // Each is answered, be it by an alert: the hello offers no key.
            streams.drain(..200).for_each(|mut stream| assert!(stream.read(&mut [0; 512]).is_ok()));
        }
    }
    streams.into_iter().for_each(|mut stream| assert!(stream.read(&mut [0; 512]).is_ok()));
    let questions = asked(&approver).iter().filter(|head| head.contains("domain=n")).count();
    // How many of them depends on how busy the machine is.
    assert!(questions > 0);
    assert!(!site.pebble.said().contains("POST /"), "{}", site.pebble.said());
    assert!(site.tell("acme status").lines().filter(|l| l.contains("lockgate-e2e")).count() == 0);
    site.is_served("good.lockgate-e2e.com");
}

#[test]
fn no_more_than_the_rate_is_ordered() {
    let approver = approver(Duration::ZERO);
    let site = Site::start(&text(&approver, " on-demand-rate 2 1h\n"), &[]);
    let issuer = site.pebble.issuer();
    assert!(site.asks("good1.lockgate-e2e.com", &issuer));
    assert!(site.asks("good2.lockgate-e2e.com", &issuer));
    assert!(shown(site.https, "good3.lockgate-e2e.com").contains("lockgate.invalid"));
    site.program.line(|l| l.contains("than 'on-demand-rate' allows"));
}
