//! Against OpenSSL's own client and server, over sockets of this machine.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // a failing test says so by panicking

#[path = "support/pair.rs"]
mod pair;

use pair::{Folder, load};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tls::{BindSpec, BindTls, ServerSpec, ServerTls, Session, TlsError, Verify};

/// A child that dies with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `openssl`, which must succeed.
fn openssl(folder: &Folder, line: &str) {
    let out = Command::new("openssl").current_dir(&folder.0).args(line.split(' ')).output().unwrap();
    assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
}

/// An authority and certificates by it, made as the tutorials make them: `v3` with extensions, `v1` without.
fn world(name: &str) -> Folder {
    let folder = Folder::new(name);
    let ec = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(&folder, &format!("req -x509 {ec} -subj /CN=authority -keyout ca.key -out ca.crt"));
    folder.put("v3.cnf", "subjectAltName=DNS:site.example,DNS:*.wild.example,IP:127.0.0.1\n");
    for (name, key, extra) in [
        ("v3", ec, "-extfile v3.cnf"),
        ("v1", "-newkey rsa:2048 -nodes", ""),
        ("rsa", "-newkey rsa:2048 -nodes", "-extfile v3.cnf"),
    ] {
        openssl(&folder, &format!("req {key} -subj /CN={name}.example -keyout {name}.key -out {name}.csr"));
        let sign = format!(
            "x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out {name}.crt {extra}"
        );
        openssl(&folder, sign.trim_end());
        let text = |end: &str| std::fs::read_to_string(folder.0.join(format!("{name}.{end}"))).unwrap();
        folder.put(&format!("{name}.pem"), &(text("crt") + &text("key")));
    }
    folder
}

fn path(folder: &Folder, name: &str) -> String {
    folder.0.join(name).display().to_string()
}

/// A session over a socket, blocking.
struct Wire {
    session: Session,
    socket: TcpStream,
    held: Vec<u8>,
    plain: Vec<u8>,
}

impl Wire {
    fn new(session: Session, socket: TcpStream) -> Wire {
        Wire { session, socket, held: Vec::new(), plain: Vec::new() }
    }

    /// Reads once and answers; `false` at the end. A session at rest settles.
    fn step(&mut self) -> Result<bool, TlsError> {
        self.session.settle();
        let mut out = Vec::new();
        let mut buffer = [0; 4096];
        let read = if self.session.is_handshaking() && self.held.is_empty() && self.plain.is_empty() {
            // A client speaks first.
            let used = self.session.feed(&mut [], &mut self.plain, &mut out)?;
            assert_eq!(used, 0);
            self.socket.write_all(&out).unwrap();
            out.clear();
            self.socket.read(&mut buffer).unwrap_or(0)
        } else {
            self.socket.read(&mut buffer).unwrap_or(0)
        };
        self.held.extend(&buffer[..read]);
        let fed = self.session.feed(&mut self.held, &mut self.plain, &mut out);
        let _ = self.socket.write_all(&out);
        self.held.drain(..fed?);
        Ok(read > 0 && !self.session.peer_closed())
    }

    fn until(&mut self, done: impl Fn(&Wire) -> bool) -> Result<(), TlsError> {
        while !done(self) {
            if !self.step()? {
                break;
            }
        }
        Ok(())
    }

    fn send(&mut self, plain: &[u8]) {
        let mut out = Vec::new();
        self.session.encrypt(plain, &mut out).unwrap();
        self.socket.write_all(&out).unwrap();
    }

    fn close(&mut self) {
        let mut out = Vec::new();
        self.session.close_notify(&mut out);
        let _ = self.socket.write_all(&out);
        let _ = self.socket.shutdown(std::net::Shutdown::Write);
    }
}

/// What the client said, and what our side knew and read.
struct Visit {
    client: String,
    entered: bool,
    about: String,
    read: Vec<u8>,
}

/// `openssl s_client` visits a bind: says `words`, is answered with "answer" after a line, leaves.
fn visit(folder: &Folder, bind: &Arc<BindTls>, args: &str, words: &str) -> Visit {
    visited(folder, bind, args, words, false)
}

/// The same; where the bind `greets`, its session has settled before the first word comes.
fn visited(folder: &Folder, bind: &Arc<BindTls>, args: &str, words: &str, greets: bool) -> Visit {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut command = Command::new("openssl");
    command.current_dir(&folder.0).args(["s_client", "-connect", &address, "-CAfile", "ca.crt"]);
    command.args(args.split_whitespace()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut client = Running(command.spawn().unwrap());
    let mut input = client.0.stdin.take().unwrap();
    let (socket, _) = listener.accept().unwrap();
    let mut wire = Wire::new(Session::accept(Arc::clone(bind)), socket);
    let mut entered = wire.until(|wire| !wire.session.is_handshaking()).is_ok();
    if entered {
        if greets {
            wire.send(b"welcome\n");
        }
        for line in words.split_inclusive('\n') {
            input.write_all(line.as_bytes()).unwrap();
            // s_client takes a command only at the beginning of what it reads: wait until this one has had its effect.
            if matches!(line, "K\n" | "k\n") {
                wire.step().unwrap();
            }
        }
        entered = wire.until(|wire| wire.plain.ends_with(b"bye\n")).is_ok();
        if entered {
            wire.send(b"answer\n");
        }
        wire.close();
    }
    drop(input);
    let _ = wire.until(|_| false);
    let mut said = String::new();
    client.0.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    client.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    let info = wire.session.info();
    let about = format!(
        "{} {} sni={} alpn={} resumed={}",
        info.version().unwrap_or("-"),
        info.cipher().unwrap_or("-"),
        info.sni().unwrap_or("-"),
        String::from_utf8_lossy(info.alpn().unwrap_or(b"-")),
        info.resumed()
    );
    Visit { client: said, entered, about, read: wire.plain }
}

#[test]
fn openssl_as_client_sees_what_it_should() {
    let folder = world("s-client");
    let crts = vec![path(&folder, "v3.pem"), path(&folder, "rsa.pem")];
    let bind = load(&BindSpec { crts, alpn: vec![b"http/1.1".to_vec()], ..BindSpec::default() });
    for (args, about) in [
        (
            "-tls1_3 -servername site.example -verify_hostname site.example -alpn http/1.1",
            "TLSv1.3 TLS_AES_128_GCM_SHA256 sni=site.example alpn=http/1.1 resumed=false",
        ),
        (
            "-tls1_2 -servername Site.Example -cipher ECDHE-RSA-AES128-GCM-SHA256 -alpn h2,http/1.1",
            "TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 sni=Site.Example alpn=http/1.1 resumed=false",
        ),
        (
            "-tls1_3 -noservername -ciphersuites TLS_CHACHA20_POLY1305_SHA256 -curves P-384",
            "TLSv1.3 TLS_CHACHA20_POLY1305_SHA256 sni=- alpn=- resumed=false",
        ),
    ] {
        let visit = visit(&folder, &bind, args, "hello\nbye\n");
        assert!(visit.entered, "{args}: {}", visit.client);
        assert_eq!(visit.about, about, "{args}");
        assert_eq!(visit.read, b"hello\nbye\n", "{args}");
        assert!(visit.client.contains("answer"), "{args}: {}", visit.client);
        assert!(visit.client.contains("Verification: OK"), "{args}: {}", visit.client);
    }
}

#[test]
fn openssl_gets_the_twin_it_can_check_resumes_and_updates_keys() {
    let folder = world("s-client-2");
    let bind = load(&BindSpec {
        crts: vec![path(&folder, "v3.pem"), path(&folder, "rsa.pem")],
        ..BindSpec::default()
    });
    for (args, name) in [("", "CN = v3.example"), ("-sigalgs RSA-PSS+SHA256:RSA+SHA256", "CN = rsa.example")]
    {
        let visit = visit(&folder, &bind, &format!("-servername site.example {args}"), "bye\n");
        assert!(visit.client.contains(name), "{name}: {}", visit.client);
    }
    for version in ["-tls1_2", "-tls1_3"] {
        let sni = format!("{version} -servername site.example");
        visit(&folder, &bind, &format!("{sni} -ign_eof -sess_out session.pem"), "bye\n");
        let again = visit(&folder, &bind, &format!("{sni} -sess_in session.pem"), "bye\n");
        assert!(again.client.contains("Reused") && again.about.ends_with("resumed=true"), "{}", again.client);
        let elsewhere = visit(
            &folder,
            &bind,
            &format!("{version} -servername x.wild.example -sess_in session.pem"),
            "bye\n",
        );
        assert!(elsewhere.about.ends_with("resumed=false"), "a session of another name");
    }
    // A line of `K` alone makes s_client change its keys and ask for ours to be changed.
    let update = visit(&folder, &bind, "-tls1_3 -servername site.example", "K\nhello\nbye\n");
    assert!(update.entered && update.client.contains("KEYUPDATE"), "{}", update.client);
    assert!(update.client.contains("answer"), "{}", update.client);
    assert_eq!(update.read, b"hello\nbye\n");
}

#[test]
fn openssl_talks_to_settled_sessions_and_changes_keys_as_it_likes() {
    let folder = world("s-client-5");
    let bind = load(&BindSpec { crts: vec![path(&folder, "v3.pem")], ..BindSpec::default() });
    let suites = |version: &str, option: &str, names: &[&str]| {
        names.iter().map(|name| format!("-{version} {option} {name}")).collect::<Vec<_>>()
    };
    let tls12 =
        ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"];
    let tls13 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
    for args in suites("tls1_2", "-cipher", &tls12) {
        let visit = visited(&folder, &bind, &args, "hello\nbye\n", true);
        assert_eq!(visit.read, b"hello\nbye\n", "{args}");
        assert!(visit.client.contains("welcome") && visit.client.contains("answer"), "{}", visit.client);
    }
    for args in suites("tls1_3", "-ciphersuites", &tls13) {
        // `K` asks for our keys to be changed too, `k` does not.
        let visit = visited(&folder, &bind, &args, "K\nk\nK\nhello\nbye\n", true);
        assert_eq!(visit.read, b"hello\nbye\n", "{args}");
        assert!(visit.client.contains("welcome") && visit.client.contains("answer"), "{}", visit.client);
        assert_eq!(visit.client.matches("KEYUPDATE").count(), 3, "{}", visit.client);
    }
}

#[test]
fn client_certificates_of_the_tutorials_enter() {
    let folder = world("s-client-3");
    let ca_file = Some(path(&folder, "ca.crt"));
    let spec = BindSpec {
        crts: vec![path(&folder, "v3.pem")],
        verify: Verify::Required,
        ca_file,
        ..BindSpec::default()
    };
    let bind = load(&spec);
    for version in ["-tls1_2", "-tls1_3"] {
        for name in ["v1", "v3", "rsa"] {
            let args = format!("{version} -servername site.example -cert {name}.crt -key {name}.key");
            let visit = visit(&folder, &bind, &args, "bye\n");
            assert!(visit.entered && visit.client.contains("answer"), "{args}: {}", visit.client);
        }
        let nobody = visit(&folder, &bind, version, "bye\n");
        assert!(!nobody.entered && nobody.client.contains("alert"), "{}", nobody.client);
        openssl(&folder, "req -x509 -newkey rsa:2048 -nodes -subj /CN=stranger -keyout s.key -out s.crt");
        let stranger = visit(&folder, &bind, &format!("{version} -cert s.crt -key s.key"), "bye\n");
        assert!(!stranger.entered && stranger.client.contains("unknown ca"), "{}", stranger.client);
    }
}

#[test]
fn p521_is_agreed_on_where_curves_names_it() {
    let folder = world("p521");
    let crts = vec![path(&folder, "rsa.pem")];
    let bind = load(&BindSpec { crts, curves: Some("secp521r1".into()), ..BindSpec::default() });
    for version in ["-tls1_2", "-tls1_3"] {
        let visit =
            visit(&folder, &bind, &format!("{version} -servername site.example -groups P-521"), "bye\n");
        assert!(visit.entered && visit.client.contains("Server Temp Key: ECDH"), "{}", visit.client);
        assert!(visit.client.contains("secp521r1, 521 bits"), "{}", visit.client);
    }
    let (_running, address) = s_server(&folder, "-cert v3.crt -key v3.key -groups P-521");
    let server = to_server(&folder, |spec| spec.curves = Some("P-384:P-521".into()));
    let (page, _) = fetch(&server, Some("site.example"), address).unwrap();
    assert!(page.contains("HTTP/1.0 200"), "{page}");
}

#[test]
fn strict_sni_is_said_in_openssls_words() {
    let folder = world("s-client-4");
    let bind =
        load(&BindSpec { crts: vec![path(&folder, "v3.pem")], strict_sni: true, ..BindSpec::default() });
    let stranger = visit(&folder, &bind, "-servername other.example", "bye\n");
    assert!(!stranger.entered && stranger.client.contains("unrecognized name"), "{}", stranger.client);
}

/// An `openssl s_server` that answers any request with a page.
fn s_server(folder: &Folder, args: &str) -> (Running, std::net::SocketAddr) {
    let mut command = Command::new("openssl");
    command.current_dir(&folder.0).args(["s_server", "-accept", "127.0.0.1:0", "-www", "-naccept", "20"]);
    command.args(args.split_whitespace()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = Running(command.spawn().unwrap());
    let lines = BufReader::new(server.0.stdout.take().unwrap()).lines();
    let accept = lines.map_while(Result::ok).find(|line| line.starts_with("ACCEPT")).unwrap();
    let address = accept.trim_start_matches("ACCEPT ").parse().unwrap();
    (server, address)
}

/// Fetches the page; the text, and whether the session was resumed.
fn fetch(
    server: &ServerTls,
    sni: Option<&str>,
    address: std::net::SocketAddr,
) -> Result<(String, bool), TlsError> {
    let socket = TcpStream::connect(address).unwrap();
    let mut wire = Wire::new(Session::connect(server, sni)?, socket);
    wire.until(|wire| !wire.session.is_handshaking())?;
    wire.send(b"GET / HTTP/1.0\r\n\r\n");
    wire.until(|_| false)?;
    Ok((String::from_utf8_lossy(&wire.plain).into_owned(), wire.session.info().resumed()))
}

fn to_server(folder: &Folder, change: impl FnOnce(&mut ServerSpec)) -> ServerTls {
    let mut spec = ServerSpec { ca_file: Some(path(folder, "ca.crt")), ..ServerSpec::default() };
    change(&mut spec);
    let built = ServerTls::new(&pair::store(), &spec);
    built.value.unwrap_or_else(|| panic!("{:?}", built.problems))
}

#[test]
fn servers_are_verified_by_authority_and_name() {
    let folder = world("s-server");
    openssl(&folder, "req -x509 -newkey rsa:2048 -nodes -subj /CN=own.example -keyout own.key -out own.crt");
    for (crt, sni, verifyhost, ca, fine) in [
        ("v3", Some("site.example"), None, "ca.crt", true),
        ("v3", Some("a.wild.example"), None, "ca.crt", true),
        ("v3", Some("v3.example"), None, "ca.crt", false),
        ("v3", None, Some("v3.example"), "ca.crt", false),
        ("v3", Some("other.example"), None, "ca.crt", false),
        ("v3", None, None, "ca.crt", true),
        ("v3", None, Some("site.example"), "ca.crt", true),
        ("v3", None, Some("127.0.0.1"), "ca.crt", true),
        ("v3", None, Some("other.example"), "ca.crt", false),
        ("v3", Some("site.example"), Some("other.example"), "ca.crt", true),
        ("v3", None, None, "own.crt", false),
        ("v1", None, Some("v1.example"), "ca.crt", true),
        ("v1", None, Some("site.example"), "ca.crt", false),
        ("v1", None, None, "own.crt", false),
        ("own", None, Some("own.example"), "own.crt", true),
        ("own", None, None, "ca.crt", false),
    ] {
        for version in ["-tls1_2", "-tls1_3"] {
            let (_running, address) = s_server(&folder, &format!("-cert {crt}.crt -key {crt}.key {version}"));
            let server = to_server(&folder, |spec| {
                spec.ca_file = Some(path(&folder, ca));
                spec.verifyhost = verifyhost.map(str::to_owned);
            });
            let got = fetch(&server, sni, address);
            assert_eq!(got.is_ok(), fine, "{crt} {sni:?} {verifyhost:?} {ca} {version}: {got:?}");
            let anybody = to_server(&folder, |spec| spec.verify_none = true);
            let (page, _) = fetch(&anybody, sni, address).unwrap();
            assert!(page.contains("HTTP/1.0 200"), "{page}");
        }
    }
}

#[test]
fn sessions_with_servers_are_taken_up_again_and_certificates_are_shown() {
    let folder = world("s-server-2");
    for version in ["-tls1_2", "-tls1_3"] {
        let (_running, address) = s_server(&folder, &format!("-cert v3.crt -key v3.key {version}"));
        let server = to_server(&folder, |_| ());
        assert!(!fetch(&server, Some("site.example"), address).unwrap().1);
        assert!(fetch(&server, Some("site.example"), address).unwrap().1, "{version}");
        assert!(!fetch(&server, Some("a.wild.example"), address).unwrap().1, "another name, {version}");
        let (_running, address) = s_server(
            &folder,
            &format!("-cert v3.crt -key v3.key {version} -Verify 1 -CAfile ca.crt -verify_return_error"),
        );
        assert!(fetch(&server, Some("site.example"), address).is_err(), "{version}");
        let with = to_server(&folder, |spec| spec.crt = Some(path(&folder, "rsa.pem")));
        assert!(fetch(&with, Some("site.example"), address).unwrap().0.contains("rsa.example"), "{version}");
    }
}
