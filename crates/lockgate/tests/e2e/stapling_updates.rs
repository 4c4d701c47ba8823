//! OCSP responses that are fetched and stapled without being asked, from OpenSSL's own responder.

use crate::authority::authority;
use crate::place::{Folder, wait_for};
use crate::program::{Lockgate, Program};
use crate::runtime_api::converse;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const EC: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

fn openssl(folder: &Path, words: &str) -> String {
    let mut command = Command::new("openssl");
    command.args(words.split_whitespace()).current_dir(folder).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(output.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// An authority and its responder, which has a certificate of its own.
struct Responder {
    folder: Folder,
    address: SocketAddr,
    program: Program,
}

impl Responder {
    /// It answers as the extended key usage of its certificate makes it.
    fn start(usage: &str) -> Responder {
        let folder = Folder::new();
        let here = folder.path();
        openssl(here, &format!("req -x509 {EC} -days 30 -subj /CN=stapler -keyout ca.key -out ca.pem"));
        openssl(here, &format!("req {EC} -subj /CN=responder -keyout responder.key -out responder.csr"));
        folder.file("ext", format!("extendedKeyUsage={usage}\n"));
        sign(here, "responder", "0x10");
        folder.file("index", "");
        let mut command = Command::new("openssl");
        command.args(["ocsp", "-port", "0", "-index", "index", "-CA", "ca.pem", "-rsigner", "responder.pem"]);
        command.args(["-rkey", "responder.key", "-ndays", "7", "-text"]).current_dir(here);
        let program = Program::start(command);
        let line = program.line(|line| line.starts_with("ACCEPT"));
        let port: u16 = line.split(' ').find_map(|word| word.rsplit(':').next()?.parse().ok()).unwrap();
        Responder { address: ([127, 0, 0, 1], port).into(), folder, program }
    }

    /// A certificate that is good (`V`) or revoked (`R`), alone with its key; `at` is its responder.
    fn leaf(&self, name: &str, at: &str) -> PathBuf {
        let here = self.folder.path();
        openssl(here, &format!("req {EC} -subj /CN={name} -keyout {name}.key -out {name}.csr"));
        let access = format!("subjectAltName=DNS:{name}\nauthorityInfoAccess=OCSP;URI:http://{at}/\n");
        self.folder.file("ext", access);
        sign(here, name, "0x1001");
        self.say("V");
        let read = |end: &str| std::fs::read_to_string(here.join(format!("{name}.{end}"))).unwrap();
        self.folder.file("site.pem", read("pem") + &read("key"))
    }

    /// What it is to say of the certificate. It looks whether its index is another only after a question.
    fn say(&self, letter: &str) {
        let since = if letter == "R" { "260102030405Z" } else { "" };
        let line = format!("{letter}\t401231000000Z\t{since}\t1001\tunknown\t/CN=leaf\n");
        let new = self.folder.file("index.new", line);
        std::fs::rename(new, self.folder.path().join("index")).unwrap();
        let ask = format!("ocsp -issuer ca.pem -cert responder.pem -noverify -url http://{}/", self.address);
        openssl(self.folder.path(), &ask);
    }

    /// Questions that came.
    fn asked(&self) -> usize {
        self.program.lines().iter().filter(|line| line.contains("OCSP Request Data")).count()
    }
}

fn sign(here: &Path, name: &str, serial: &str) {
    let words = format!(
        "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -days 9 -extfile ext -set_serial {serial}"
    );
    openssl(here, &format!("{words} -out {name}.pem"));
}

/// A proxy that serves the certificate.
struct Site {
    lockgate: Lockgate,
}

impl Site {
    fn start(flags: &[&str], global: &str, bind: &str) -> Site {
        let text = format!(
            "global\n stats socket <folder>/api.sock level admin\n log stdout format raw local0\n {global}\n\
             defaults\n mode http\n log global\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
             {bind}\n http-request return status 200\n"
        );
        Site { lockgate: Lockgate::called(crate::program::Player::Tested, flags, &text) }
    }

    fn ask(&self, line: &str) -> String {
        converse(&self.lockgate.folder().path().join("api.sock"), &format!("{line}\n"))
    }

    /// What `openssl s_client -status` says of the stapled response.
    fn stapled(&self) -> String {
        let to = self.lockgate.at("https");
        openssl(Path::new("/"), &format!("s_client -connect {to} -servername leaf.example -status"))
    }

    fn is_stapled(&self) {
        let good = || self.stapled().contains("Cert Status: good").then_some(());
        wait_for(good).unwrap_or_else(|| panic!("{}\n{}", self.stapled(), self.ask("show ssl ocsp-updates")));
    }

    /// The columns of `show ssl ocsp-updates`, which has one line.
    fn updates(&self) -> Vec<String> {
        let said = self.ask("show ssl ocsp-updates");
        let mut lines = said.trim_end().lines();
        assert_eq!(
            lines.next().unwrap(),
            "OCSP Certid | Path | Next Update | Last Update | Successes | Failures | Last Update Status | \
             Last Update Status (str)"
        );
        let columns = lines.next().map(|line| line.split(" | ").map(str::to_owned).collect());
        assert_eq!(lines.next(), None, "{said}");
        columns.unwrap_or_default()
    }
}

#[test]
fn a_response_is_fetched_and_stapled_and_told_as_haproxy_tells_it() {
    let responder = Responder::start("OCSPSigning");
    let leaf = responder.leaf("leaf.example", &responder.address.to_string());
    let root = responder.folder.path().join("ca.pem");
    std::fs::copy(&root, leaf.with_extension("pem.issuer")).unwrap();
    let list = responder.folder.file("list", format!("{} [ocsp-update on] leaf.example\n", leaf.display()));
    let mut site =
        Site::start(&["-db"], "", &format!("frontend f\n bind <https> ssl crt-list {}", list.display()));
    site.is_stapled();
    let columns = site.updates();
    assert!(columns[0].starts_with("303b300906052b0e03021a0500"), "{columns:?}");
    assert_eq!(columns[1], leaf.display().to_string());
    assert!(columns[2].contains("/20") && columns[3].contains("/20"), "{columns:?}");
    assert_eq!(columns[4..], ["1", "0", "1", "Update successful"]);
    let logged = format!("<OCSP-UPDATE> {} 1 \"Update successful\" 0 1", leaf.display());
    site.lockgate.program().line(|line| line.contains(&logged));
    let ids = site.ask("show ssl ocsp-response");
    assert!(ids.contains(&format!("\nCertificate path : {}\n", leaf.display())), "{ids}");
    let text = site.ask(&format!("show ssl ocsp-response {}", leaf.display()));
    assert!(text.contains("Responder Id: CN = responder") && text.contains("Cert Status: good"), "{text}");
    let base64 = site.ask(&format!("show ssl ocsp-response base64 {}", columns[0]));
    let der = responder.folder.path().join("der");
    std::fs::write(responder.folder.path().join("b64"), base64.trim()).unwrap();
    openssl(responder.folder.path(), "base64 -d -A -in b64 -out der");
    let seen = openssl(
        responder.folder.path(),
        "ocsp -respin der -CAfile ca.pem -text -issuer ca.pem -cert leaf.example.pem",
    );
    assert!(der.exists() && seen.contains("leaf.example.pem: good"), "{seen}");

    // Revoked: said at once where an operator asks, and what is stapled stays until it ends.
    responder.say("R");
    let said = site.ask(&format!("update ssl ocsp-response {}", leaf.display()));
    assert_eq!(said, format!("no OCSP response for '{}': the certificate is revoked\n\n", leaf.display()));
    assert_eq!(site.updates()[4..], ["1", "1", "4", "OCSP response check failure"]);
    responder.say("V");
    let said = site.ask(&format!("update ssl ocsp-response {}", leaf.display()));
    assert!(said.starts_with("OCSP Response Data:\n") && said.contains("Cert Status: good"), "{said}");
    assert_eq!(site.updates()[4..], ["2", "1", "1", "Update successful"]);
}

/// `set ssl cert` of one part, and what its commit says.
fn brings(site: &Site, name: &str, part: &str, payload: &str) -> String {
    let said = site.ask(&format!("set ssl cert {name}{part} <<\n{}\n", payload.trim_end()));
    assert!(said.contains(&format!("Transaction created for certificate {name}!")), "{said}");
    site.ask(&format!("commit ssl cert {name}"))
}

#[test]
fn an_issuer_that_is_brought_in_is_asked_and_another_ends_what_is_stapled() {
    let responder = Responder::start("OCSPSigning");
    let leaf = responder.leaf("leaf.example", &responder.address.to_string());
    let (folder, name) = (responder.folder.path(), leaf.display().to_string());
    let root = std::fs::read_to_string(folder.join("ca.pem")).unwrap();
    let bind = format!("frontend f\n bind <https> ssl crt {name} ocsp-update on");
    let site = Site::start(&["-db"], "", &bind);
    assert!(site.ask(&format!("update ssl ocsp-response {name}")).contains("issuer is not known"));
    assert_eq!(site.updates(), Vec::<String>::new());
    let success = format!("Committing {name}.\nSuccess!\n\n");
    assert_eq!(brings(&site, &name, ".issuer", &root), success);
    site.is_stapled();
    assert_eq!(site.updates()[4..], ["1", "0", "1", "Update successful"]);

    // A response of the one is none of the other.
    let base64 = site.ask(&format!("show ssl ocsp-response base64 {}", site.updates()[0]));
    let other = std::fs::read_to_string(authority().root()).unwrap();
    assert_eq!(brings(&site, &name, ".issuer", &other), success);
    assert!(site.stapled().contains("OCSP response: no response sent"));
    let said = brings(&site, &name, ".ocsp", &base64);
    assert!(said.contains("it is about a certificate of another issuer\nFailed!\n"), "{said}");
    // A whole certificate comes with nothing beside it.
    let pem = std::fs::read_to_string(&leaf).unwrap();
    assert_eq!(brings(&site, &name, "", &pem), success);
    let said = brings(&site, &name, ".ocsp", &base64);
    let why = "is present and activates OCSP but it is impossible to compute the OCSP certificate ID (maybe the issuer \
               could not be found)'.";
    assert_eq!(said, format!("Committing {name}.\n '{name}.ocsp' {why}\nFailed!\n\n"));
    assert!(site.stapled().contains("OCSP response: no response sent"));
}

#[test]
fn nothing_is_fetched_unless_it_is_wanted() {
    let responder = Responder::start("OCSPSigning");
    let leaf = responder.leaf("leaf.example", &responder.address.to_string());
    let crt = leaf.display();
    let root = std::fs::read_to_string(responder.folder.path().join("ca.pem")).unwrap();
    // The issuer is in the chain.
    std::fs::write(&leaf, std::fs::read_to_string(&leaf).unwrap() + &root).unwrap();
    for (global, bind) in [
        ("", ""),
        ("ocsp-update.mode on", "ocsp-update off"),
        ("ocsp-update.mode on\n ocsp-update.disable on", ""),
    ] {
        let site = Site::start(&["-db"], global, &format!("frontend f\n bind <https> ssl crt {crt} {bind}"));
        assert!(site.stapled().contains("OCSP response: no response sent"));
        assert_eq!(site.updates(), Vec::<String>::new(), "{global}");
        let by_hand = site.ask(&format!("update ssl ocsp-response {crt}"));
        assert!(by_hand.contains("Cert Status: good"), "{by_hand}");
        site.is_stapled();
    }
    // One of them was asked to tell the responder of its certificate.
    wait_for(|| (responder.asked() == 4).then_some(())).expect("only questions by hand");
    let site =
        Site::start(&["-db"], "ocsp-update.mode on", &format!("frontend f\n bind <https> ssl crt {crt}"));
    site.is_stapled();
    let said = site.ask("update ssl ocsp-response");
    assert_eq!(said, "'update ssl ocsp-response' expects a filename\n\n");
    assert!(site.ask("update ssl ocsp-response x").contains("expects a certificate in use"));
}

#[test]
fn a_worker_without_rights_under_another_root_staples_too() {
    let responder = Responder::start("OCSPSigning");
    let leaf = responder.leaf("leaf.example", &responder.address.to_string());
    let root = responder.folder.path().join("ca.pem");
    let jail = Folder::new();
    let global = format!(
        "chroot {}\n user nobody\n group nogroup\ncrt-store\n load crt {} issuer {} ocsp-update on alias leaf",
        jail.path().display(),
        leaf.display(),
        root.display()
    );
    let site = Site::start(&["-W"], &global, "frontend f\n bind <https> ssl crt @/leaf");
    site.is_stapled();
    assert_eq!(site.updates()[4..], ["1", "0", "1", "Update successful"]);
}

#[test]
fn a_responder_is_asked_through_a_proxy_and_bad_answers_are_not_stapled() {
    let responder = Responder::start("serverAuth");
    let leaf = responder.leaf("leaf.example", "ocsp.nowhere.invalid");
    let root = std::fs::read_to_string(responder.folder.path().join("ca.pem")).unwrap();
    std::fs::write(&leaf, std::fs::read_to_string(&leaf).unwrap() + &root).unwrap();
    let proxy = Lockgate::start(&format!(
        "defaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
         frontend f\n bind <http>\n http-request deny unless {{ url_beg http://ocsp.nowhere.invalid/ }}\n \
         http-request set-uri %[pathq]\n default_backend b\nbackend b\n server s {}\n",
        responder.address
    ));
    let global = format!("ocsp-update.httpproxy {}", proxy.at("http"));
    let bind = format!("frontend f\n bind <https> ssl crt {} ocsp-update on", leaf.display());
    let mut site = Site::start(&["-db"], &global, &bind);
    let refused = || (site.updates().get(6)? == "4").then_some(());
    wait_for(refused).unwrap_or_else(|| panic!("{:?}", site.updates()));
    site.lockgate.program().line(|line| line.contains("did not certify the responder for OCSP"));
    assert!(site.stapled().contains("OCSP response: no response sent"));

    // Nobody there.
    drop(responder);
    let said = site.ask(&format!("update ssl ocsp-response {}", leaf.display()));
    assert!(said.contains("answered 503"), "{said}");
    assert_eq!(site.updates()[6..], ["2", "HTTP error"]);
}

#[test]
fn contradictions_and_wrong_words_are_refused() {
    let leaf = crate::authority::authority().leaf("contradiction.example");
    let crt = leaf.display();
    for (global, bind, why) in [
        (
            "",
            format!("bind <a> ssl crt {crt} ocsp-update on\n bind <b> ssl crt {crt} ocsp-update off"),
            "both on and off",
        ),
        ("ocsp-update.mode maybe", format!("bind <a> ssl crt {crt}"), "'maybe'"),
        ("ocsp-update.maxdelay 10", format!("bind <a> ssl crt {crt}"), "must not be longer"),
        ("tune.ssl.ocsp-update.mindelay 4000", format!("bind <a> ssl crt {crt}"), "must not be longer"),
    ] {
        let text = format!(
            "global\n {global}\ndefaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
             frontend f\n {bind}\n"
        );
        let said = Lockgate::refused(&text);
        assert!(said.contains(why), "{said}");
    }
}
