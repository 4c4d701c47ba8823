//! Certbot's command line and tree, side by side with Debian's Certbot: what one makes, the other lists, renews and
//! deletes.

mod asking;
mod killed;
mod neighbours;
mod records;
mod requests;
mod running;
mod told;

use crate::pebble::Pebble;
use crate::place::{Folder, free_address};
use crate::runtime_api::Operated;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Who plays Certbot.
#[derive(Clone, Copy, Debug)]
enum By {
    Us,
    Debian,
}

/// A machine with a tree, and an authority that looks at one of its ports.
struct Machine {
    folder: Folder,
    pebble: Pebble,
    http: SocketAddr,
    socket: PathBuf,
}

/// What a run said and how it ended.
#[derive(Debug)]
struct Said {
    out: String,
    err: String,
    code: i32,
}

impl Machine {
    fn new() -> Machine {
        Machine::with(free_address(), "/nonexistent".into(), &[])
    }

    fn with(http: SocketAddr, socket: PathBuf, environment: &[(&str, &str)]) -> Machine {
        // Debian's Certbot fails at the second nonce in a row that is refused.
        let environment = [environment, &[("PEBBLE_WFE_NONCEREJECT", "0")]].concat();
        Machine::of(Pebble::start(http, free_address(), &environment), http, socket)
    }

    fn of(pebble: Pebble, http: SocketAddr, socket: PathBuf) -> Machine {
        let folder = Folder::new();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_lockgate"), folder.path().join("certbot")).unwrap();
        Machine { folder, pebble, http, socket }
    }

    fn run(&self, by: By, words: &str) -> Said {
        self.with_words(by, &words.split_whitespace().collect::<Vec<_>>())
    }

    fn with_words(&self, by: By, words: &[&str]) -> Said {
        let output = self.command(by, words).stdin(Stdio::null()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { out: text(&output.stdout), err: text(&output.stderr), code: output.status.code().unwrap() }
    }

    fn command(&self, by: By, words: &[&str]) -> Command {
        let program = match by {
            By::Us => self.folder.path().join("certbot"),
            By::Debian => "/usr/bin/certbot".into(),
        };
        let here = self.folder.path();
        let mut command = Command::new(program);
        for (flag, folder) in [("--config-dir", "etc"), ("--work-dir", "lib"), ("--logs-dir", "log")] {
            command.arg(flag).arg(here.join(folder));
        }
        command.args(["--server", &self.pebble.directory()]).args(words).current_dir(here);
        command.env("SSL_CERT_FILE", self.pebble.roots()).env("REQUESTS_CA_BUNDLE", self.pebble.roots());
        command.env("HOME", here).env("LOCKGATE_SOCKET", &self.socket);
        command
    }

    /// Runs what must succeed; what it said.
    fn done(&self, by: By, words: &str) -> String {
        let said = self.run(by, words);
        assert_eq!(said.code, 0, "{by:?}: {words}: {said:?}");
        said.out
    }

    fn obtain(&self, by: By, names: &str, more: &str) -> String {
        let port = self.http.port();
        let agreed = "-n --agree-tos -m me@example.com";
        self.done(by, &format!("certonly --standalone --http-01-port {port} {agreed} {names} {more}"))
    }

    fn etc(&self, path: &str) -> PathBuf {
        self.folder.path().join("etc").join(path)
    }

    fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.etc(path)).unwrap()
    }

    fn linked(&self, path: &str) -> String {
        std::fs::read_link(self.etc(path)).unwrap().display().to_string()
    }
}

/// Mode and name of everything below a folder, without what one of the two does not keep.
fn shape(folder: &Path) -> Vec<String> {
    let mut command = Command::new("find");
    command.args([
        ".",
        "-not",
        "-path",
        "./accounts/*/*/*",
        "-not",
        "-path",
        "./csr*",
        "-not",
        "-path",
        "./keys*",
    ]);
    command.args(["-not", "-path", "./lockgate*", "-printf", "%m %p %l\n"]);
    let output = command.current_dir(folder).output().unwrap();
    let mut lines: Vec<String> =
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn the_tree_has_certbots_shape() {
    let [ours, theirs] = [By::Us, By::Debian].map(|by| {
        let machine = Machine::new();
        machine.obtain(by, "-d a.example -d www.a.example", "");
        machine.done(by, "renew --force-renewal --no-random-sleep-on-renew");
        let conf = machine.text("renewal/a.example.conf");
        let keys: Vec<String> =
            conf.lines().map(|line| line.split(" = ").next().unwrap_or_default().to_owned()).collect();
        let mut keys = keys.join("\n").lines().map(str::to_owned).collect::<Vec<_>>();
        keys.sort();
        let account = std::fs::read_dir(
            machine.etc(&format!("accounts/{}", machine.pebble.directory().trim_start_matches("https://"))),
        );
        let account = account.unwrap().next().unwrap().unwrap().path();
        let modes = ["private_key.json", "regr.json", "meta.json"]
            .map(|file| std::fs::metadata(account.join(file)).unwrap().permissions().mode() & 0o777);
        let shape = shape(&machine.etc(""));
        let port = machine.pebble.directory();
        let port = port.split(':').next_back().unwrap().split('/').next().unwrap();
        let shape: Vec<String> = shape.iter().map(|line| line.replace(port, "PORT")).collect();
        (shape, keys, modes)
    });
    assert_eq!(ours, theirs);
}

/// The first makes a certificate, the second shows, renews and deletes it, both with the one account.
fn handed_over(first: By, second: By, key: &str) {
    let machine = Machine::new();
    machine.obtain(first, "-d a.example -d www.a.example", key);
    let shown = machine.done(second, "certificates");
    assert!(shown.contains("Certificate Name: a.example\n"), "{shown}");
    assert!(shown.contains("Domains: a.example www.a.example\n"), "{shown}");
    let waits = machine.done(second, "renew");
    assert!(waits.contains("not due for renewal yet"), "{waits}");
    let rehearsed = machine.done(second, "renew --dry-run --no-random-sleep-on-renew");
    assert!(rehearsed.contains("all simulated renewals succeeded"), "{rehearsed}");
    assert_eq!(machine.linked("live/a.example/cert.pem"), "../../archive/a.example/cert1.pem");
    let renewed = machine.done(second, "renew --force-renewal --no-random-sleep-on-renew");
    assert!(renewed.contains("all renewals succeeded"), "{renewed}");
    assert_eq!(machine.linked("live/a.example/privkey.pem"), "../../archive/a.example/privkey2.pem");
    machine.obtain(second, "-d b.example", "");
    let account = |name: &str| {
        let conf = machine.text(&format!("renewal/{name}.conf"));
        conf.lines().find(|line| line.starts_with("account = ")).unwrap().to_owned()
    };
    assert_eq!(account("a.example"), account("b.example"));
    machine.done(first, "renew --force-renewal --no-random-sleep-on-renew");
    machine.done(second, "revoke --cert-name b.example -n");
    machine.done(second, "delete --cert-name a.example -n");
    for folder in ["live/a.example", "archive/a.example", "renewal/a.example.conf", "live/b.example"] {
        assert!(!machine.etc(folder).exists(), "{folder}");
    }
    machine.done(second, "unregister -n");
}

#[test]
fn a_tree_made_by_certbot_is_used_by_us() {
    handed_over(By::Debian, By::Us, "--key-type rsa");
}

#[test]
fn a_tree_made_by_us_is_used_by_certbot() {
    handed_over(By::Us, By::Debian, "--key-type ecdsa --elliptic-curve secp384r1");
}

#[test]
fn hooks_run_with_what_they_need_to_know() {
    let machine = Machine::new();
    let here = machine.folder.path().display().to_string();
    let port = machine.http.port().to_string();
    let put = format!(
        "echo auth $CERTBOT_DOMAIN $CERTBOT_REMAINING_CHALLENGES $CERTBOT_ALL_DOMAINS >> {here}/called; mkdir -p \
         {here}/w/.well-known/acme-challenge; printf %s $CERTBOT_VALIDATION > \
         {here}/w/.well-known/acme-challenge/$CERTBOT_TOKEN; echo said-$CERTBOT_DOMAIN"
    );
    let clean = format!("echo clean $CERTBOT_DOMAIN $CERTBOT_AUTH_OUTPUT >> {here}/called");
    let mut server = Command::new("python3");
    server.args(["-m", "http.server", &port, "--bind", "127.0.0.1", "--directory"]).arg(format!("{here}/w"));
    std::fs::create_dir(format!("{here}/w")).unwrap();
    let mut server = crate::program::Program::start(server);
    assert!(server.listens(&[machine.http]));
    let deploy = format!("echo deploy $RENEWED_LINEAGE $RENEWED_DOMAINS >> {here}/called; exit 3");
    let (pre, post) = (format!("echo pre >> {here}/called"), format!("echo post >> {here}/called"));
    let words = [
        "certonly",
        "--manual",
        "--manual-auth-hook",
        &put,
        "--manual-cleanup-hook",
        &clean,
        "--deploy-hook",
        &deploy,
        "--pre-hook",
        &pre,
        "--post-hook",
        &post,
        "-d",
        "a.example,b.example",
        "-n",
        "--agree-tos",
        "--register-unsafely-without-email",
    ];
    let said = machine.with_words(By::Us, &words);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("Hook 'deploy-hook' reported error code 3"), "{said:?}");
    let log = std::fs::read_to_string(format!("{here}/called")).unwrap();
    let mut lines: Vec<&str> = log.lines().collect();
    assert_eq!((lines.first(), lines.last()), (Some(&"pre"), Some(&"post")));
    let lineage = format!("deploy {here}/etc/live/a.example a.example b.example");
    assert_eq!(lines.get(lines.len() - 2), Some(&lineage.as_str()));
    lines.sort_unstable();
    assert!(lines.iter().any(|line| line.starts_with("auth ") && line.contains(" 0 ")), "{log}");
    assert!(lines.contains(&"clean a.example said-a.example"), "{log}");
    // Everything is remembered: renewal calls the same programs.
    std::fs::write(format!("{here}/called"), "").unwrap();
    machine.done(By::Us, "renew --force-renewal --no-random-sleep-on-renew");
    let again = std::fs::read_to_string(format!("{here}/called")).unwrap();
    assert!(again.contains("pre\n") && again.contains("deploy ") && again.contains("post\n"), "{again}");
}

#[test]
fn files_in_a_web_servers_folder_prove_names_and_are_taken_away() {
    let machine = Machine::new();
    let web = machine.folder.path().join("web");
    std::fs::create_dir(&web).unwrap();
    let mut server = Command::new("python3");
    server
        .args(["-m", "http.server", &machine.http.port().to_string(), "--bind", "127.0.0.1", "--directory"])
        .arg(&web);
    let mut server = crate::program::Program::start(server);
    assert!(server.listens(&[machine.http]));
    let words =
        format!("certonly --webroot -w {} -d a.example -n --agree-tos -m x@example.com", web.display());
    machine.done(By::Us, &words);
    assert_eq!(std::fs::read_dir(&web).unwrap().count(), 0);
    let conf = machine.text("renewal/a.example.conf");
    let expected = format!("[[webroot_map]]\na.example = {}\n", web.display());
    assert!(conf.contains("authenticator = webroot\n") && conf.ends_with(&expected), "{conf}");
    machine.done(By::Debian, "renew --force-renewal --no-random-sleep-on-renew");
    machine.done(By::Us, "renew --force-renewal --no-random-sleep-on-renew");
}

#[test]
fn the_running_proxy_answers_whatever_way_is_asked_for() {
    let text = "frontend f\n bind <http>\n http-request redirect scheme https\n";
    let operated = Operated::start("level admin", text);
    let http = operated.lockgate.at("http");
    let machine = Machine::with(http, operated.socket(), &[]);
    machine.obtain(By::Us, "-d a.example", "");
    let said = machine.run(By::Us, "certonly -d b.example -n");
    assert_eq!(said.code, 0, "no way has to be named: {said:?}");
    // A way that we do not have is stood in for as well.
    let conf = machine.text("renewal/a.example.conf").replace("= standalone", "= nginx");
    std::fs::write(machine.etc("renewal/a.example.conf"), conf).unwrap();
    machine.done(By::Us, "renew --cert-name a.example --force-renewal --no-random-sleep-on-renew");
}

#[test]
fn what_fails_is_told_and_the_others_go_on() {
    let machine = Machine::new();
    machine.obtain(By::Us, "-d good.example", "");
    for name in ["conf", "gone", "way"] {
        machine.obtain(By::Us, &format!("-d {name}.example"), "");
    }
    let conf = |name: &str| machine.etc(&format!("renewal/{name}.example.conf"));
    let edit = |name: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(conf(name)).unwrap();
        std::fs::write(conf(name), text.replace(from, to)).unwrap();
    };
    edit("conf", "http01_port = ", "http01_port = x");
    edit("way", "= standalone", "= dns-somewhere");
    std::fs::remove_dir_all(machine.etc("archive/gone.example")).unwrap();
    let said = machine.run(By::Us, "renew --force-renewal --no-random-sleep-on-renew");
    assert_eq!(said.code, 1);
    let port = machine.http.port();
    for part in [
        format!("'http01_port = x{port}': 'x{port}' is no number"),
        "what it leads to is gone".to_owned(),
        "renewed by 'dns-somewhere', which is not part of lockgate".to_owned(),
        "1 renew failure(s), 2 parse failure(s)".to_owned(),
    ] {
        assert!(said.err.contains(&part), "{part}: {}", said.err);
    }
    assert!(said.out.contains("good.example/fullchain.pem (success)"), "{}", said.out);
    let shown = machine.done(By::Us, "certificates");
    assert!(
        shown.contains("Certificate Name: conf.example") && shown.contains("renewal/gone.example.conf"),
        "{shown}"
    );
    machine.done(By::Us, "delete --cert-name gone.example -n");
}

#[test]
fn exit_codes_and_words_that_scripts_look_for() {
    let machine = Machine::new();
    let port = machine.http.port();
    let cases = [
        ("certonly --standalone -n", 1, "(You can set this with the --domains flag)"),
        ("certonly -d a.example -n", 1, "you will need to specify a plugin"),
        ("certonly --standalone -d a.example -n", 1, "--agree-tos and --email"),
        ("certonly --standalone --blah", 2, "unrecognized arguments: --blah"),
        ("certonly --nginx -d a.example", 2, "no web server's configuration"),
        ("delete --cert-name nope -n", 1, "No certificate found with name nope (expected "),
        ("revoke", 1, "Exactly one of --cert-path or --cert-name"),
        ("show_account", 1, "Could not find an existing account"),
        ("renew -d a.example", 1, "--cert-name"),
        ("help renew", 0, ""),
        ("register --server x -n --agree-tos -m me@example.com", 1, "--server x: the address of a directory"),
        (
            "certonly --standalone -d a.example --pre-hook /no/such/program -n",
            1,
            "Unable to find pre-hook command",
        ),
        ("enhance", 1, "no web server"),
    ];
    for (words, code, part) in cases {
        let said = machine.run(By::Us, words);
        assert_eq!(said.code, code, "{words}: {said:?}");
        assert!(said.err.contains(part), "{words}: {said:?}");
    }
    machine.obtain(By::Us, "-d a.example", "");
    let standalone = format!("certonly --standalone --http-01-port {port}");
    let kept = machine.done(By::Us, &format!("{standalone} -d a.example -n"));
    assert!(kept.contains("not yet due for renewal; no action taken"), "{kept}");
    let more = machine.run(By::Us, &format!("{standalone} -d a.example,b.example -n"));
    assert!(more.code == 1 && more.err.contains("--expand flag"), "{more:?}");
    machine.done(By::Us, &format!("{standalone} -d a.example,b.example -n --expand"));
    assert!(machine.done(By::Us, "certificates").contains("Domains: a.example b.example"));
    let failed = machine.run(
        By::Us,
        &format!("certonly --standalone --http-01-port {} -d c.example -n", free_address().port()),
    );
    assert_eq!(failed.code, 1);
    assert!(failed.out.contains("  Domain: c.example\n  Type:   connection\n  Detail: "), "{failed:?}");
    assert!(failed.err.contains("Some challenges have failed."), "{failed:?}");
    assert_eq!(machine.run(By::Us, "renew -q").out, "");
    assert_eq!(machine.run(By::Us, "renew -q").err, "");
    assert!(machine.done(By::Us, "--version").starts_with("certbot 2.1.0 "));
}

#[test]
fn a_list_tells_when_and_why_each_is_renewed_and_who_serves_it() {
    let mut machine = Machine::new();
    machine.obtain(By::Us, "-d a.example -d www.a.example", "");
    machine.obtain(By::Us, "-d b.example", "--no-autorenew");
    std::fs::write(machine.etc("renewal/c.example.conf"), "oops\n").unwrap();
    let live = machine.etc("live/a.example/fullchain.pem").display().to_string();
    let text = format!("frontend f\n bind <https> ssl crt {live}\n http-request return status 200\n");
    let operated = Operated::start("level admin", &text);
    machine.socket = operated.socket();
    let list = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
        command.args(["cert", "list", "--config-dir"]).arg(machine.etc("")).args(more);
        let output = command.env("LOCKGATE_SOCKET", &machine.socket).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, table) = list(&[]);
    assert_eq!(code, Some(1), "one is broken");
    let line = |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(line("a.example").contains(&format!("two thirds of life  {live}")), "{table}");
    assert!(line("b.example").contains("never") && line("b.example").trim_end().ends_with('-'), "{table}");
    assert!(line("c.example").contains("c.example.conf:1: there is no '='"), "{table}");
    let (_, json) = list(&["--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["names"], serde_json::json!(["a.example", "www.a.example"]));
    assert_eq!(json[0]["served_by"], serde_json::json!([live]));
    assert!(json[0]["days_left"].as_i64().unwrap() > 1000);
    assert!(json[2]["error"].as_str().unwrap().contains("c.example.conf:1"));
}
