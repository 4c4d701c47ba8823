//! Servers that follow their names: `resolvers` sections, `set server … fqdn`, `show resolvers`.

use crate::client::curl;
use crate::nginx::Nginx;
use crate::place::wait_for;
use crate::runtime_api::Operated;
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

/// What a name server says of a name.
#[derive(Clone, Copy)]
enum Says {
    Address(Ipv4Addr),
    Error(u8),
    Nothing,
}

/// A name server that knows IPv4 addresses; of other names it says that there is no such one. It ends with the process.
struct Names {
    known: Arc<Mutex<HashMap<String, Says>>>,
    address: SocketAddr,
}

impl Names {
    fn start() -> Names {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let known: Arc<Mutex<HashMap<String, Says>>> = Arc::default();
        let names = known.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut bytes) {
                if let Some(reply) = reply(&bytes[..length], &names.lock().unwrap()) {
                    let _ = socket.send_to(&reply, from);
                }
            }
        });
        Names { known, address }
    }

    fn say(&self, name: &str, says: Says) {
        self.known.lock().unwrap().insert(name.to_owned(), says);
    }
}

fn reply(question: &[u8], known: &HashMap<String, Says>) -> Option<Vec<u8>> {
    let mut at = 12;
    let mut labels = Vec::new();
    while question[at] != 0 {
        let end = at + 1 + usize::from(question[at]);
        labels.push(String::from_utf8_lossy(&question[at + 1..end]).into_owned());
        at = end;
    }
    let wants_v4 = question[at + 1..at + 3] == [0, 1];
    let asked = &question[12..at + 5];
    let (rcode, address) = match known.get(&labels.join(".")).copied() {
        Some(Says::Nothing) => return None,
        Some(Says::Error(code)) => (code, None),
        Some(Says::Address(ip)) => (0, wants_v4.then_some(ip)),
        None => (3, None),
    };
    let mut out = question[..2].to_vec();
    out.extend_from_slice(&[0x81, 0x80 | rcode, 0, 1, 0, u8::from(address.is_some()), 0, 0, 0, 0]);
    out.extend_from_slice(asked);
    if let Some(ip) = address {
        out.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4]);
        out.extend_from_slice(&ip.octets());
    }
    Some(out)
}

fn operated(names: &Names, servers: &str) -> Operated {
    Operated::start(
        "level admin",
        &format!(
            "resolvers r\n nameserver ns {}\n resolve_retries 2\n timeout resolve 50ms\n timeout retry 100ms\n hold valid \
             50ms\n hold nx 100ms\n hold refused 100ms\n hold timeout 100ms\n hold other 100ms\nlisten l\n bind <http>\n{servers}",
            names.address
        ),
    )
}

/// Address and administrative state of the backend's only server.
fn state(operated: &Operated) -> (String, String, String) {
    let shown = operated.ask("show servers state l");
    let words: Vec<&str> = shown.lines().nth(2).unwrap().split(' ').collect();
    (words[4].to_owned(), words[6].to_owned(), words[17].to_owned())
}

fn becomes(operated: &Operated, address: &str, admin: &str, name: &str) {
    let wanted = (address.to_owned(), admin.to_owned(), name.to_owned());
    let seen = wait_for(|| (state(operated) == wanted).then_some(()));
    assert!(seen.is_some(), "{:?} instead of {wanted:?}", state(operated));
}

#[test]
fn a_server_goes_where_its_name_leads_and_rests_while_it_leads_nowhere() {
    let (names, nginx) = (Names::start(), Nginx::start("one"));
    let port = nginx.address().port();
    let servers = format!(" server s app.test:{port} resolvers r init-addr none\n");
    let operated = operated(&names, &servers);
    let status = || curl(&operated.lockgate.url("http", "/")).status;
    assert_eq!((state(&operated).1, status()), ("32".into(), 503));
    names.say("app.test", Says::Address(Ipv4Addr::LOCALHOST));
    becomes(&operated, "127.0.0.1", "0", "app.test");
    assert_eq!(status(), 200);
    names.say("app.test", Says::Address(Ipv4Addr::new(127, 0, 0, 77)));
    becomes(&operated, "127.0.0.77", "0", "app.test");
    assert_eq!(status(), 503);
    for nowhere in [Says::Error(3), Says::Error(5), Says::Nothing] {
        names.say("app.test", nowhere);
        becomes(&operated, "-", "32", "app.test");
        assert!(operated.ask("show stat").contains(",MAINT (resolution),"));
        names.say("app.test", Says::Address(Ipv4Addr::LOCALHOST));
        becomes(&operated, "127.0.0.1", "0", "app.test");
        assert_eq!(status(), 200);
    }
    let counted = operated.ask("show resolvers r");
    assert!(counted.starts_with("Resolvers section r\n nameserver ns:\n  sent:        "), "{counted}");
    let count = |what: &str| {
        let line = counted.lines().find_map(|l| l.trim().strip_prefix(what)?.strip_prefix(':')).unwrap();
        line.trim().parse::<u32>().unwrap()
    };
    for what in ["sent", "valid", "update", "nx", "refused", "timeout", "any_err"] {
        assert!(count(what) > 0, "{what}: {counted}");
    }
    assert_eq!(operated.ask("show resolvers x"), "Can't find that resolvers section\n\n");
}

#[test]
fn an_operator_gives_a_server_another_name() {
    let (names, nginx) = (Names::start(), Nginx::start("one"));
    names.say("old.test", Says::Address(Ipv4Addr::new(127, 0, 0, 77)));
    names.say("new.test", Says::Address(Ipv4Addr::LOCALHOST));
    let port = nginx.address().port();
    let servers = format!(
        " server s old.test:{port} resolvers r init-addr none\nbackend b\n server n localhost:{port}\n server t \
         new.test:{port} resolvers r init-addr none\n server u new.test:{port} resolvers r init-addr none\n"
    );
    let operated = operated(&names, &servers);
    becomes(&operated, "127.0.0.77", "0", "old.test");
    let fqdn = |words: &str| operated.ask(&format!("set server {words}"));
    assert_eq!(
        fqdn("l/s fqdn new.test"),
        "l/s changed its FQDN from old.test to new.test by 'stats socket command'\n\n"
    );
    becomes(&operated, "127.0.0.1", "64", "new.test");
    assert_eq!(curl(&operated.lockgate.url("http", "/")).status, 200);
    for (words, answer) in [
        ("l/s fqdn", "set server <b>/<s> fqdn requires a FQDN.\n\n"),
        ("l/s fqdn new.test", "no need to change the FDQN by 'stats socket command'\n\n"),
        ("l/s fqdn a..b", "could not update l/s FQDN by 'stats socket command'\n\n"),
        ("b/n fqdn x.test", "set server <b>/<s> fqdn failed because no resolution is configured.\n\n"),
    ] {
        assert_eq!(fqdn(words), answer, "{words}");
    }
    assert_eq!(state(&operated).2, "new.test");
    // two servers of one name share no address
    let one_each = || {
        let shown = operated.ask("show servers state b");
        let addresses: Vec<&str> = shown.lines().skip(3).filter_map(|l| l.split(' ').nth(4)).collect();
        (addresses == ["127.0.0.1", "-"] || addresses == ["-", "127.0.0.1"]).then_some(())
    };
    assert!(wait_for(one_each).is_some(), "{}", operated.ask("show servers state b"));
    fqdn("l/s fqdn nowhere.test");
    becomes(&operated, "-", "96", "nowhere.test");
}

#[test]
fn an_operator_names_a_server_that_has_an_address() {
    let (names, nginx) = (Names::start(), Nginx::start("one"));
    names.say("new.test", Says::Address(Ipv4Addr::LOCALHOST));
    let port = nginx.address().port();
    let operated = operated(&names, &format!(" server s 127.0.0.77:{port} resolvers r\n"));
    assert_eq!(state(&operated), ("127.0.0.77".into(), "0".into(), "-".into()));
    let said = operated.ask("set server l/s fqdn new.test");
    assert_eq!(said, "l/s changed its FQDN from (null) to new.test by 'stats socket command'\n\n");
    becomes(&operated, "127.0.0.1", "64", "new.test");
    assert_eq!(curl(&operated.lockgate.url("http", "/")).status, 200);
}
