//! Certificates that near their end or cannot be obtained: told in the log, to programs, and in numbers.

use crate::place::{Folder, free_address, wait_for};
use crate::program::Program;
use crate::runtime_api::converse;
use crate::upstream::Upstream;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex};

/// An authority of openssl's that keeps a list of what it revoked.
struct Ca {
    folder: Folder,
}

impl Ca {
    /// Its certificates are for `shop.example` and name a list at this address.
    fn new(lists: SocketAddr) -> Ca {
        Ca::with(lists, "")
    }

    /// The same with more extensions.
    fn with(lists: SocketAddr, more: &str) -> Ca {
        let folder = Folder::new();
        folder.file("index.txt", "");
        folder.file("serial", "1000\n");
        folder.file("crlnumber", "10\n");
        let here = folder.path().display();
        let text = format!(
            "[ca]\ndefault_ca=d\n[d]\ndatabase={here}/index.txt\nserial={here}/serial\nnew_certs_dir={here}\n\
             certificate={here}/ca.pem\nprivate_key={here}/ca.key\ndefault_md=sha256\npolicy=p\nx509_extensions=x\n\
             crlnumber={here}/crlnumber\ndefault_crl_days=7\nunique_subject=no\n[p]\ncommonName=supplied\n[x]\n\
             basicConstraints=CA:FALSE\nsubjectAltName=DNS:shop.example\ncrlDistributionPoints=URI:http://{lists}/list.crl\n{more}"
        );
        folder.file("ca.cnf", text);
        let ca = Ca { folder };
        let ec = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        ca.openssl(&format!("req -x509 {ec} -days 300 -subj /CN=list-keeper -keyout ca.key -out ca.pem"));
        ca.openssl(&format!("req {ec} -subj /CN=shop.example -keyout key -out csr"));
        ca
    }

    fn openssl(&self, words: &str) {
        let words = words.split_whitespace();
        let out = Command::new("openssl").args(words).current_dir(self.folder.path()).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }

    /// Certificate, issuer and key, valid between two days from now.
    fn issue(&self, from: i64, to: i64) -> String {
        let date = |days: i64| {
            let mut date = Command::new("date");
            let out = date.args(["-u", "+%Y%m%d%H%M%SZ", "-d", &format!("{days} days")]).output().unwrap();
            String::from_utf8(out.stdout).unwrap().trim().to_owned()
        };
        let (from, to) = (date(from), date(to));
        let sign =
            format!("ca -batch -notext -config ca.cnf -in csr -out crt -startdate {from} -enddate {to}");
        self.openssl(&sign);
        let read = |name| std::fs::read_to_string(self.folder.path().join(name)).unwrap();
        [read("crt"), read("ca.pem"), read("key")].concat()
    }

    /// Takes the last certificate back.
    fn revoke(&self) {
        self.openssl("ca -config ca.cnf -revoke crt -crl_reason keyCompromise");
    }

    /// The list as it stands, in DER.
    fn list(&self) -> Vec<u8> {
        self.openssl("ca -config ca.cnf -gencrl -out list.pem");
        self.openssl("crl -in list.pem -outform DER -out list.crl");
        std::fs::read(self.folder.path().join("list.crl")).unwrap()
    }
}

/// A server of a list that is put into it.
fn list_server() -> (Upstream, Arc<Mutex<Vec<u8>>>) {
    let list: Arc<Mutex<Vec<u8>>> = Arc::default();
    let shown = list.clone();
    let server = Upstream::start(move |mut peer| {
        while peer.read_head() {
            let body = shown.lock().unwrap().clone();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            peer.send([head.into_bytes(), body].concat());
        }
    });
    (server, list)
}

/// A proxy that would renew `shop.pem` of the folder.
struct Site {
    folder: Folder,
    program: Program,
}

impl Site {
    fn start(pem: &str, acme: &str) -> Site {
        let (folder, https) = (Folder::new(), free_address());
        folder.file("shop.pem", pem);
        let here = folder.path().display();
        let hook = "echo \"$LOCKGATE_EVENT $LOCKGATE_SEVERITY $LOCKGATE_CERTIFICATE $LOCKGATE_DOMAINS $LOCKGATE_ENDS_IN \
                    $LOCKGATE_MESSAGE\"";
        let text = format!(
            "global\n stats socket {here}/api.sock level admin\n log stdout format raw local0 debug\n\
             defaults\n mode http\n log global\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
             acme le\n {acme}\n storage {here}/storage\n alert-hook '{hook} >> {here}/alerts'\n\
             frontend web\n bind {https} ssl\n ssl-f-use crt {here}/shop.pem acme le domains shop.example\n \
             http-request return status 200\n"
        );
        folder.file("haproxy.cfg", text);
        Site::again(folder)
    }

    /// With what is in the folder.
    fn again(folder: Folder) -> Site {
        let config = folder.path().join("haproxy.cfg");
        let text = std::fs::read_to_string(&config).unwrap();
        let bind =
            text.lines().find_map(|line| line.trim().strip_prefix("bind ")?.strip_suffix(" ssl")).unwrap();
        let address = bind.parse().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
        command.args(["-db", "-f"]).arg(config);
        let mut program = Program::start(command);
        assert!(program.listens(&[address]), "{}", program.lines().join("\n"));
        Site { folder, program }
    }

    fn ask(&self, line: &str) -> String {
        converse(&self.folder.path().join("api.sock"), &format!("{line}\n"))
    }

    /// Waits for what the program was told of an event.
    fn alerted(&self, beginning: &str) -> String {
        let file = self.folder.path().join("alerts");
        let alerts = || std::fs::read_to_string(&file).unwrap_or_default();
        let found = wait_for(|| alerts().lines().find(|line| line.starts_with(beginning)).map(str::to_owned));
        found.unwrap_or_else(|| panic!("{}\n{}", alerts(), self.program.lines().join("\n")))
    }
}

/// The number of a line of `show info`.
fn number(info: &str, name: &str) -> i64 {
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("{name} in {info}")).parse().unwrap()
}

#[test]
fn a_certificate_that_ends_soon_and_is_not_renewed_is_told_everywhere() {
    let ca = Ca::new(free_address());
    let site = Site::start(&ca.issue(-88, 2), &format!("directory http://{}/dir", free_address()));
    let failure = site.alerted("failure ");
    assert!(failure.starts_with("failure crit shop shop.example 17"), "{failure}");
    assert!(failure.contains("certificate shop is not obtained"), "{failure}");
    let expiry = site.alerted("expiry ");
    assert!(expiry.starts_with("expiry crit shop shop.example 17"), "{expiry}");
    site.program
        .line(|l| l.contains("certificate 'shop' ends ") && l.contains(" hours, and is not renewed yet"));
    let counted = || (number(&site.ask("show info"), "Lockgate_certificates_failing") == 1).then_some(());
    wait_for(counted).unwrap_or_else(|| panic!("{}", site.ask("acme status")));
    let info = site.ask("show info");
    assert_eq!(number(&info, "Lockgate_certificates"), 1);
    let left = number(&info, "Lockgate_certificates_end_sec");
    assert!((172_000..=172_800).contains(&left), "{left}");
    let stat = site.ask("show stat typed");
    assert!(stat.contains(".1000.lockgate_certs.1:MGP:u32:1\n"), "{stat}");
    assert!(stat.contains(".1001.lockgate_cert_end.1:MGP:s32:17"), "{stat}");
}

#[test]
fn one_that_has_ended_is_an_emergency_and_one_with_time_is_none() {
    let ca = Ca::new(free_address());
    let unreachable = format!("directory http://{}/dir", free_address());
    let site = Site::start(&ca.issue(-90, -1), &unreachable);
    let expiry = site.alerted("expiry ");
    assert!(expiry.starts_with("expiry emerg shop shop.example -86"), "{expiry}");
    assert!(number(&site.ask("show info"), "Lockgate_certificates_end_sec") < 0);
    let site = Site::start(&ca.issue(-10, 80), &unreachable);
    let scheduled = || site.ask("acme status").contains("\tScheduled\t").then_some(());
    wait_for(scheduled).unwrap_or_else(|| panic!("{}", site.ask("acme status")));
    assert_eq!(number(&site.ask("show info"), "Lockgate_certificates_failing"), 0);
    assert!(!site.folder.path().join("alerts").exists());
}

#[test]
fn a_revoked_certificate_is_replaced_without_being_asked() {
    let (server, list) = list_server();
    let ca = Ca::new(server.address());
    let pem = ca.issue(-10, 80);
    ca.revoke();
    *list.lock().unwrap() = ca.list();
    let site = Site::start(&pem, "directory internal");
    let alert = site.alerted("revoked ");
    assert!(alert.starts_with("revoked crit shop shop.example 69"), "{alert}");
    assert!(alert.contains("keycompromise") && alert.contains("is replaced now"), "{alert}");
    let file = site.folder.path().join("shop.pem");
    let replaced = || (std::fs::read_to_string(&file).unwrap() != pem).then_some(());
    wait_for(replaced).unwrap_or_else(|| panic!("{}", site.program.lines().join("\n")));
    site.program.line(|l| l.contains("certificate 'shop' for shop.example is obtained and served"));
    let asked = server.received();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].starts_with(b"GET /list.crl HTTP/1.1\r\n"), "{asked:?}");
}

/// OpenSSL's responder for an authority, whose certificates name it.
fn responder(ca: &Ca, port: u16) -> Program {
    let mut command = Command::new("openssl");
    command.args(["ocsp", "-port", &port.to_string(), "-index", "index.txt", "-CA", "ca.pem"]);
    command.args(["-rsigner", "ca.pem", "-rkey", "ca.key", "-ndays", "7"]).current_dir(ca.folder.path());
    let responder = Program::start(command);
    responder.line(|line| line.starts_with("ACCEPT"));
    responder
}

#[test]
fn one_that_its_responder_calls_revoked_is_replaced_too() {
    let port = free_address().port();
    let ca = Ca::with(free_address(), &format!("authorityInfoAccess=OCSP;URI:http://127.0.0.1:{port}/\n"));
    let pem = ca.issue(-10, 80);
    ca.revoke();
    let _responder = responder(&ca, port);
    let site = Site::start(&pem, "directory internal");
    let alert = site.alerted("revoked ");
    assert!(
        alert.starts_with("revoked crit shop shop.example 69") && alert.contains("keycompromise"),
        "{alert}"
    );
    let file = site.folder.path().join("shop.pem");
    let replaced = || (std::fs::read_to_string(&file).unwrap() != pem).then_some(());
    wait_for(replaced).unwrap_or_else(|| panic!("{}", site.program.lines().join("\n")));
}

#[test]
fn what_is_looked_after_is_stapled_without_a_word_of_it() {
    let port = free_address().port();
    let ca = Ca::with(free_address(), &format!("authorityInfoAccess=OCSP;URI:http://127.0.0.1:{port}/\n"));
    let pem = ca.issue(-10, 80);
    let _responder = responder(&ca, port);
    let site = Site::start(&pem, "directory internal");
    let stapled = || site.ask("show ssl ocsp-updates").contains("shop.pem").then_some(());
    wait_for(stapled).unwrap_or_else(|| panic!("{}", site.program.lines().join("\n")));
    site.program.line(|l| l.contains("shop.pem 1 \"Update successful\" 0 1"));
    assert!(!site.folder.path().join("alerts").exists());
}

#[test]
fn one_that_nears_its_end_is_replaced_by_the_local_authority_for_a_week() {
    let pem = Ca::new(free_address()).issue(-88, 2);
    let site = Site::start(&pem, "directory internal");
    let file = site.folder.path().join("shop.pem");
    let replaced = || (std::fs::read_to_string(&file).unwrap() != pem).then_some(());
    wait_for(replaced).unwrap_or_else(|| panic!("{}", site.program.lines().join("\n")));
    let mut root = Command::new(env!("CARGO_BIN_EXE_lockgate"));
    let root =
        root.args(["ca", "root", "--storage"]).arg(site.folder.path().join("storage")).output().unwrap();
    let root = site.folder.file("root.pem", root.stdout);
    let is_well = |words: &str| {
        let mut openssl = Command::new("openssl");
        openssl.args(words.split_whitespace()).arg(&file).output().unwrap().status.success()
    };
    assert!(is_well(&format!("verify -CAfile {}", root.display())));
    let days = |days: u32| is_well(&format!("x509 -noout -checkend {} -in", days * 86_400));
    assert_eq!((days(6), days(8)), (true, false), "it is valid for a week");
}

#[test]
fn one_that_no_list_names_or_only_a_forged_one_stays() {
    for is_forged in [false, true] {
        let (server, list) = list_server();
        let (ca, other) = (Ca::new(server.address()), Ca::new(server.address()));
        other.issue(-10, 80);
        other.revoke();
        let pem = ca.issue(-10, 80);
        *list.lock().unwrap() = if is_forged { other.list() } else { ca.list() };
        let site = Site::start(&pem, "directory internal");
        wait_for(|| (!server.received().is_empty()).then_some(())).expect("the list is asked for");
        if is_forged {
            site.program.line(|l| l.contains("not signed by the certificate's issuer"));
        }
        // Nor is it asked for again when the process starts anew.
        let Site { folder, program } = site;
        let remembered = folder.path().join("storage/lockgate/renew-shop.json");
        let kept = || std::fs::read_to_string(&remembered).unwrap_or_default();
        wait_for(|| kept().contains("\"list_ask_at\": 1").then_some(())).expect("the look is remembered");
        drop(program);
        let site = Site::again(folder);
        let scheduled = || site.ask("acme status").contains("\tScheduled\t").then_some(());
        wait_for(scheduled).unwrap_or_else(|| panic!("{}", site.ask("acme status")));
        assert_eq!(server.received().len(), 1);
        assert_eq!(std::fs::read_to_string(site.folder.path().join("shop.pem")).unwrap(), pem);
    }
}

/// The certificate ends in eighty days by the machine's clock, in one by the authority's.
#[test]
fn an_authority_tells_a_machine_whose_clock_is_behind() {
    let out = Command::new("date").args(["-Ru", "-d", "79 days"]).output().unwrap();
    let date = String::from_utf8(out.stdout).unwrap().trim().replace("+0000", "GMT");
    let answer = format!("HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 2\r\n\r\n{{}}");
    let authority = Upstream::answering(answer.leak().as_bytes());
    let ca = Ca::new(free_address());
    let site = Site::start(&ca.issue(-10, 80), &format!("directory http://{}/dir", authority.address()));
    site.program
        .line(|l| l.contains("this machine's clock is 7") && l.contains(" min behind, by what 127.0.0.1"));
    let failure = site.alerted("failure ");
    assert!(failure.starts_with("failure crit shop shop.example 8"), "it is due: {failure}");
}
