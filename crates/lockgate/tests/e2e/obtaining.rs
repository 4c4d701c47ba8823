//! Certificates that the proxy obtains by itself, from Pebble.

use crate::authority::authority;
use crate::client::{exchange, text, try_curl};
use crate::nginx::Nginx;
use crate::pebble::Pebble;
use crate::place::{Folder, free_address, wait_for};
use crate::program::Program;
use crate::runtime_api::{Operated, converse};
use crate::site::{Around, SECTION, Site, serial, shortest};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn a_redirecting_frontend_answers_the_authority_by_file() {
    let site = Site::start(&shortest(" challenge http-01\n"), &[]);
    site.is_served("shop.example");
    site.is_served("www.shop.example");
    let key = site.folder.path().join("storage/live/shop.example/privkey.pem");
    assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
    let scheduled = || site.tell("acme status").contains("shop.example\tle\tScheduled\t").then_some(());
    wait_for(scheduled).unwrap_or_else(|| panic!("{}", site.tell("acme status")));
}

/// The Data Plane API listens so (HAProxy 3.2).
#[test]
fn whoever_follows_dpapi_hears_of_each_new_certificate() {
    for (flags, global) in [(["-db"].as_slice(), ""), (&["-W", "-db"], "global\n user nobody\n")] {
        let text = format!("{global}{}", shortest(""));
        let site = Site::amid(&text, Around { flags, ..Around::default() });
        assert!(
            site.tell("show events").contains("\n    dpapi      : type=buffer, 0 dropped, Data Plane API\n")
        );
        let mut follower = UnixStream::connect(site.folder.path().join("api.sock")).unwrap();
        follower.set_read_timeout(Some(crate::place::PATIENCE)).unwrap();
        follower.write_all(b"show events dpapi -w -0\n").unwrap();
        let mut events = BufReader::new(follower);
        let file = site.stored("live/shop.example/fullchain.pem");
        let mut hears = || {
            let mut event = Vec::new();
            events.read_until(0, &mut event).unwrap();
            let event = String::from_utf8(event).unwrap();
            assert!(event.starts_with("<0>20"), "{event}");
            assert!(event.ends_with(&format!("+00:00 acme newcert {}\n\0", file.display())), "{event}");
        };
        hears();
        assert!(site.tell(&format!("show ssl cert {}", file.display())).contains("Status: Used"));
        // While it is at work, another order is not begun.
        site.stands("shop.example\tle\tScheduled\t");
        site.tell("acme renew shop.example");
        hears();
    }
}

#[test]
fn a_handshake_answers_the_authority_where_there_is_no_plain_frontend() {
    let text = format!(
        "{SECTION}frontend web\n bind HTTPS ssl acme le domains shop.example\n http-request return status 200\n"
    );
    let site = Site::start(&text, &[]);
    site.is_served("shop.example");
}

#[test]
fn refused_nonces_and_remembered_proofs_are_no_obstacle() {
    let site = Site::start(&shortest(""), &[("PEBBLE_WFE_NONCEREJECT", "20"), ("PEBBLE_AUTHZREUSE", "100")]);
    site.is_served("shop.example");
    let serial = || serial(&site.folder.path().join("storage/live/shop.example/cert.pem"));
    for _ in 0..3 {
        let before = serial();
        // While one is at work, another is not begun.
        let renewed = wait_for(|| {
            site.tell("acme renew shop.example");
            (serial() != before).then_some(())
        });
        assert!(renewed.is_some(), "{}\n{}", site.program.lines().join("\n"), site.pebble.said());
        site.is_served("www.shop.example");
    }
}

#[test]
fn names_come_from_the_host_rules() {
    let text = format!(
        "{SECTION} challenge http-01\nfrontend web\n bind HTTP\n bind HTTPS ssl acme le\n acl shop hdr(host) -i shop.lockgate-e2e.com\n \
         http-request return status 200 if shop or {{ req.hdr(host) -i api.lockgate-e2e.com }}\n \
         http-request return status 200 content-type text/plain string other\n"
    );
    let site = Site::start(&text, &[]);
    let found = "host rules of 'web' name shop.lockgate-e2e.com, api.lockgate-e2e.com";
    site.program.line(|line| line.contains(found));
    site.is_served("api.lockgate-e2e.com");
}

#[test]
fn a_store_and_a_frontend_can_have_certificates_obtained_into_files() {
    let text = format!(
        "{SECTION}crt-store web\n crt-base HERE\n load crt one.pem acme le domains one.example\n\
         frontend web\n bind HTTP\n bind HTTPS ssl crt @web/one.pem\n ssl-f-use crt HERE/two.pem acme le domains two.example\n \
         http-request return status 200\n"
    );
    let site = Site::start(&text, &[]);
    site.is_served("one.example");
    site.is_served("two.example");
    let pem = std::fs::read_to_string(site.folder.path().join("two.pem")).unwrap();
    assert!(pem.contains("PRIVATE KEY"));
}

#[test]
fn a_token_that_is_not_ours_goes_on_to_the_rules() {
    let nginx = Nginx::start("one");
    let rules =
        format!("frontend web\n bind <http>\n default_backend b\nbackend b\n server s {}\n", nginx.address());
    let site = Operated::start("level admin", &rules);
    let http = site.lockgate.at("http");
    let path = "/.well-known/acme-challenge/abc_DEF-123";
    let get = || text(&exchange(http, format!("GET {path} HTTP/1.0\r\nHost: a.example\r\n\r\n")));
    assert!(!get().ends_with("proof"), "{}", get());
    wait_for(|| (nginx.requests().len() == 1).then_some(())).expect("the server got it");
    assert_eq!(site.ask("acme answer http abc_DEF-123 proof"), "\n");
    assert!(get().ends_with("\r\n\r\nproof"), "{}", get());
    let post = format!("POST {path} HTTP/1.0\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n");
    assert!(!text(&exchange(http, post)).ends_with("proof"));
    assert_eq!(site.ask("acme withdraw http abc_DEF-123"), "\n");
    assert!(!get().ends_with("proof"));
    for (line, why) in [
        ("acme answer http a/b c", "a token has letters, digits, '-' and '_' only"),
        ("acme answer http a", "expects a token"),
        ("acme answer tls a.example", "as payload"),
        ("acme renew nothing", "no acme section obtains 'nothing'"),
    ] {
        assert!(site.ask(line).contains(why), "{line}: {}", site.ask(line));
    }
}

#[test]
fn a_swap_closes_no_connection() {
    let site = Site::start(&shortest(""), &[]);
    site.is_served("shop.example");
    let mut client = Command::new("openssl")
        .args(["s_client", "-quiet", "-connect", &site.https.to_string(), "-servername", "shop.example"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut to, mut from) = (client.stdin.take().unwrap(), BufReader::new(client.stdout.take().unwrap()));
    let mut ask = || {
        to.write_all(b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n").unwrap();
        let mut line = String::new();
        from.read_line(&mut line).unwrap();
        while !line.ends_with("\r\n\r\n") {
            assert!(from.read_line(&mut line).unwrap() > 0, "closed after {line:?}");
        }
        line
    };
    assert!(ask().starts_with("HTTP/1.1 200"));
    let cert = site.folder.path().join("storage/live/shop.example/cert.pem");
    let before = serial(&cert);
    let renewed = wait_for(|| {
        site.tell("acme renew shop.example");
        (serial(&cert) != before).then_some(())
    });
    assert!(renewed.is_some());
    site.is_served("shop.example");
    assert!(ask().starts_with("HTTP/1.1 200"));
    client.kill().unwrap();
    client.wait().unwrap();
}

#[test]
fn one_command_serves_a_public_name() {
    let nginx = Nginx::start("one");
    let (http, https) = (free_address(), free_address());
    let pebble = Pebble::start(http, https, &[]);
    let home = Folder::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
    command.args(["serve", "shop.lockgate-e2e.com", "--email", "you@lockgate-e2e.com"]);
    command.args(["--to", &nginx.address().to_string(), "--directory", &pebble.directory()]);
    command.args(["--http-port", &http.port().to_string(), "--https-port", &https.port().to_string()]);
    command.env("SSL_CERT_FILE", pebble.roots()).env("XDG_STATE_HOME", home.path());
    let program = Program::start(command);
    let words = format!(
        "--cacert {} --resolve shop.lockgate-e2e.com:{1}:127.0.0.1 https://shop.lockgate-e2e.com:{1}/echo",
        pebble.issuer().display(),
        https.port()
    );
    wait_for(|| (try_curl(&words).0 == 0).then_some(()))
        .unwrap_or_else(|| panic!("{}\n{}", program.lines().join("\n"), pebble.said()));
}

/// A foreign client with a server of its own behind the proxy, as people have it with HAProxy.
#[test]
fn another_client_behind_the_proxy_still_obtains_certificates() {
    let standalone = free_address();
    let text = format!(
        "{SECTION}frontend web\n bind HTTP\n bind HTTPS ssl acme le domains shop.example\n default_backend lego\n\
         backend lego\n server s {standalone}\n"
    );
    let site = Site::start(&text, &[]);
    let kept = site.folder.path().join("lego");
    let out = Command::new("lego")
        .args(["--server", &site.pebble.directory(), "--email", "me@example.com", "--accept-tos"])
        .args(["--domains", "other.example", "--http", "--http.port", &standalone.to_string()])
        .arg("--path")
        .arg(&kept)
        .arg("run")
        .env("LEGO_CA_CERTIFICATES", site.pebble.roots())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "{said}\n{}", site.program.lines().join("\n"));
    assert!(kept.join("certificates/other.example.crt").exists(), "{said}");
    site.is_served("shop.example");
}

/// The same with another client, which leaves its answers in a web server's folder, and a frontend that redirects all
/// else.
#[test]
fn another_clients_files_pass_through_a_redirecting_frontend() {
    let web = Folder::new();
    let root = web.path().display().to_string();
    let token = "/.well-known/acme-challenge/";
    let nginx = Nginx::with("web", "", &format!("location {token} {{ root {root}; }}\n"));
    let text = format!(
        "{SECTION}frontend web\n bind HTTP\n bind HTTPS ssl acme le domains shop.example\n \
         acl token path_beg {token}\n http-request redirect scheme https unless {{ ssl_fc }} or token\n \
         http-request return status 200 unless token\n default_backend web\nbackend web\n server s {}\n",
        nginx.address()
    );
    // This client gives up where a nonce is refused.
    let site = Site::start(&text, &[("PEBBLE_WFE_NONCEREJECT", "0")]);
    let here = site.folder.path().display().to_string();
    std::fs::create_dir_all(format!("{root}{token}")).unwrap();
    let config =
        format!("CA={}\nWELLKNOWN={root}{token}\nBASEDIR={here}/dehydrated\n", site.pebble.directory());
    let config = site.folder.file("dehydrated.conf", config);
    std::fs::create_dir(format!("{here}/dehydrated")).unwrap();
    let run = |words: &[&str]| {
        let mut command = Command::new("dehydrated");
        command.args(words).arg("--config").arg(&config).env("CURL_CA_BUNDLE", site.pebble.roots());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{said}\n{}", site.said());
    };
    run(&["--register", "--accept-terms"]);
    run(&["--cron", "--domain", "other.example", "--challenge", "http-01"]);
    assert!(Path::new(&format!("{here}/dehydrated/certs/other.example/fullchain.pem")).exists());
    site.is_served("shop.example");
}

/// Debian's Certbot as a server's client behind the proxy, with a port of its own.
#[test]
fn certbot_behind_the_proxy_still_obtains_certificates() {
    let standalone = free_address();
    let text = format!(
        "{SECTION}frontend web\n bind HTTP\n bind HTTPS ssl acme le domains shop.example\n default_backend b\n\
         backend b\n server s {standalone}\n"
    );
    let site = Site::start(&text, &[]);
    let here = site.folder.path().display().to_string();
    let mut certbot = Command::new("/usr/bin/certbot");
    certbot.args([
        "certonly",
        "--standalone",
        "-n",
        "--agree-tos",
        "-m",
        "me@example.com",
        "-d",
        "other.example",
    ]);
    certbot.args(["--http-01-port", &standalone.port().to_string(), "--server", &site.pebble.directory()]);
    for (flag, folder) in [("--config-dir", "etc"), ("--work-dir", "lib"), ("--logs-dir", "log")] {
        certbot.arg(flag).arg(format!("{here}/{folder}"));
    }
    let output = certbot.env("REQUESTS_CA_BUNDLE", site.pebble.roots()).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}\n{}", site.said());
    site.is_served("shop.example");
}

/// What cannot be had is told with its cause and the remedy, and what is there goes on being served.
#[test]
fn failures_name_their_cause_and_what_to_do() {
    let refused = |more: &str, environment: &[(&str, &str)], parts: &[&str]| {
        let site = Site::start(&shortest(more), environment);
        let line = site.program.line(|line| line.contains("certificate 'shop.example'"));
        parts.iter().for_each(|part| assert!(line.contains(part), "{part} in {line}"));
        assert_eq!(try_curl(&format!("-k https://{}/", site.https)).0, 0, "the temporary one is served");
        let status = || site.tell("acme status");
        wait_for(|| status().contains("\tFailing\t").then_some(())).unwrap_or_else(|| panic!("{}", status()));
    };
    refused(
        " profile short\n must-have-profile\n",
        &[],
        &["no profile 'short'", "name one of these with 'profile'"],
    );
    refused(" account-key HERE/haproxy.cfg\n", &[], &["account key in", "ECDSA P-256"]);
}

#[test]
fn keys_are_of_the_kind_asked_for_and_kept_where_asked() {
    let more = " challenge tls-alpn-01\n keytype RSA\n bits 3072\n reuse-key on\n account-key HERE/account.key\n \
                renew-hook 'echo $RENEWED_DOMAINS > HERE/hooked'\n";
    let site = Site::start(&shortest(more), &[]);
    site.is_served("shop.example");
    let live = site.folder.path().join("storage/live/shop.example");
    let key = || std::fs::read_to_string(live.join("privkey.pem")).unwrap();
    let (first, before) = (key(), serial(&live.join("cert.pem")));
    let mut openssl = Command::new("openssl");
    openssl.args(["pkey", "-noout", "-text", "-in"]).arg(live.join("privkey.pem"));
    let text = String::from_utf8(openssl.output().unwrap().stdout).unwrap();
    assert!(text.contains("3072 bit"), "{text}");
    let renewed = wait_for(|| {
        site.tell("acme renew shop.example");
        (serial(&live.join("cert.pem")) != before).then_some(())
    });
    assert!(renewed.is_some(), "{}", site.program.lines().join("\n"));
    assert_eq!(key(), first);
    let account = site.folder.path().join("account.key");
    assert_eq!(std::fs::metadata(account).unwrap().permissions().mode() & 0o777, 0o600);
    let hooked = || std::fs::read_to_string(site.folder.path().join("hooked")).ok();
    let hooked = wait_for(|| hooked().filter(|text| text.ends_with('\n'))).unwrap();
    assert_eq!(hooked, "shop.example www.shop.example\n");
}

/// What a client shows that asks for `name`, with these words more.
fn shown(to: SocketAddr, name: &str, more: &[&str]) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &to.to_string(), "-servername", name]).args(more);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.lines().find_map(|line| line.strip_prefix("subject=")).unwrap_or(&said).to_owned()
}

/// What another process of the machine does that obtains certificates for this one.
#[test]
fn answers_and_certificates_come_over_the_runtime_api() {
    let folder = Folder::new();
    let storage = folder.path().join("storage");
    let text = format!(
        "global\n acme.scheduler off\nacme le\n storage {}\nfrontend f\n bind <https> ssl acme le domains shop.example\n \
         http-request return status 200\n",
        storage.display()
    );
    let operated = Operated::start("level admin", &text);
    let to = operated.lockgate.at("https");
    let pem = |name: &str| std::fs::read_to_string(authority().leaf(name)).unwrap();
    let say = |line: &str, name: &str| {
        converse(&operated.socket(), &format!("{line} <<\n{}\n\n", pem(name).trim_end()))
    };
    assert!(shown(to, "shop.example", &[]).contains("lockgate.invalid"));
    assert_eq!(say("acme answer tls shop.example", "first.example"), "\n");
    assert_eq!(shown(to, "shop.example", &["-alpn", "acme-tls/1"]), "CN = first.example");
    assert!(shown(to, "shop.example", &[]).contains("lockgate.invalid"));
    assert_eq!(operated.ask("acme withdraw tls shop.example"), "\n");
    assert_ne!(shown(to, "shop.example", &["-alpn", "acme-tls/1"]), "CN = first.example");
    let file = storage.join("live/shop.example/fullchain.pem");
    for name in ["second.example", "third.example"] {
        assert_eq!(say(&format!("acme publish {}", file.display()), name), "\n");
        assert_eq!(shown(to, "shop.example", &[]), format!("CN = {name}"));
    }
    let answer = converse(&operated.socket(), &format!("acme publish {} <<\nnothing\n\n", file.display()));
    assert!(answer.contains("unable to load certificate"), "{answer}");
    assert_eq!(shown(to, "shop.example", &[]), "CN = third.example");
}

/// Another kind of proof is tried where the first does not convince.
#[test]
fn a_handshake_answers_where_a_file_cannot_be_reached() {
    let elsewhere = free_address();
    let text = format!(
        "{SECTION} challenge http-01,tls-alpn-01\nfrontend web\n bind {elsewhere}\n \
         bind HTTPS ssl acme le domains shop.example\n http-request return status 200\n"
    );
    let site = Site::start(&text, &[]);
    site.is_served("shop.example");
}

#[test]
fn the_chain_asked_for_is_served() {
    let site = Site::start(
        &shortest(" preferred-chain \"No Such Root\"\n"),
        &[("PEBBLE_ALTERNATE_ROOTS", "2"), ("PEBBLE_CHAIN_LENGTH", "2")],
    );
    site.is_served("shop.example");
    site.program
        .line(|line| line.contains("no chain leads to 'No Such Root': the authority's default is used"));
    let roots: Vec<String> = (0..3).map(|n| site.pebble.root_name(n)).collect();
    let full = site.folder.path().join("storage/live/shop.example/fullchain.pem");
    assert_eq!(top_issuer(&full), roots[0]);
    let config = site.folder.path().join("haproxy.cfg");
    let text = std::fs::read_to_string(&config).unwrap().replace("No Such Root", &roots[2]);
    std::fs::write(&config, text).unwrap();
    let site = site.restarted(&config);
    let renewed = wait_for(|| {
        site.tell("acme renew shop.example");
        (top_issuer(&full) == roots[2]).then_some(())
    });
    assert!(renewed.is_some(), "{roots:?} {}\n{}", top_issuer(&full), site.program.lines().join("\n"));
}

/// The common name of who issued the last certificate of a file.
fn top_issuer(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    let last = text.rfind("-----BEGIN").unwrap();
    let one = file.with_extension("top");
    std::fs::write(&one, &text[last..]).unwrap();
    let out = Command::new("openssl").args(["x509", "-noout", "-issuer", "-in"]).arg(&one).output().unwrap();
    String::from_utf8(out.stdout).unwrap().rsplit("CN = ").next().unwrap().trim().to_owned()
}

#[test]
fn an_external_account_is_bound() {
    let key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    let more = " eab-key-id HERE/kid\n eab-mac-key HERE/mac\n";
    let files: &[(&str, &str)] = &[("kid", "kid-1\n"), ("mac", key)];
    let external = Some(("kid-1", key));
    for algorithm in ["", " eab-mac-alg HS384\n", " eab-mac-alg HS512\n", " account-key HERE/own.key\n"] {
        let words = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
        let own = Command::new("openssl").args(words).output().unwrap().stdout;
        let files: &[(&str, &str)] = &[files[0], files[1], ("own.key", std::str::from_utf8(&own).unwrap())];
        let text = shortest(&format!("{more}{algorithm}"));
        let site = Site::amid(&text, Around { external, files, ..Around::default() });
        site.is_served("shop.example");
    }
    let site = Site::amid(&shortest(""), Around { external, files, ..Around::default() });
    let line = site.program.line(|line| line.contains("certificate 'shop.example'"));
    assert!(line.contains("externalAccountRequired") && line.contains("'eab-key-id'"), "{line}");
    let wrong: &[(&str, &str)] = &[("kid", "kid-2\n"), ("mac", key)];
    let site = Site::amid(&shortest(more), Around { external, files: wrong, ..Around::default() });
    let line = site.program.line(|line| line.contains("certificate 'shop.example'"));
    assert!(line.contains("refused an account") && line.contains("check 'eab-key-id'"), "{line}");
}

/// The worker has no rights and sees an empty folder as its root: the keeper, which has the master's, obtains and renews.
#[test]
fn under_a_master_the_keeper_obtains_for_a_worker_without_rights() {
    let text = format!("global\n user nobody\n chroot /var/empty\n{}", shortest(""));
    std::fs::create_dir_all("/var/empty").unwrap();
    let mut site = Site::amid(&text, Around { flags: &["-W", "-db"], ..Around::default() });
    site.is_served("shop.example");
    let live = site.folder.path().join("storage/live/shop.example/cert.pem");
    let scheduled = || site.tell("acme status").contains("shop.example\tle\tScheduled\t").then_some(());
    wait_for(scheduled).unwrap_or_else(|| panic!("{}", site.tell("acme status")));
    assert!(site.tell("acme renew no.example").contains("no acme section obtains 'no.example'"));
    let before = serial(&live);
    site.tell("acme renew shop.example");
    wait_for(|| (serial(&live) != before).then_some(())).expect("an operator's wish reaches the keeper");
    let served = || site.tell("show ssl cert").contains("shop.example") && site.serial() == serial(&live);
    wait_for(|| served().then_some(())).expect("the worker is sent the new one");
    site.program.signal("USR2");
    site.program.line(|l| l.contains("Former worker"));
    site.is_served("www.shop.example");
    wait_for(scheduled).unwrap_or_else(|| panic!("{}", site.tell("acme status")));
    assert_eq!(site.serial(), serial(&live));
    site.program.signal("TERM");
    assert_eq!(site.program.ended().code(), Some(0));
}

#[test]
fn a_record_answers_the_authority_also_for_a_wildcard() {
    let tell = |verb: &str, more: &str| {
        format!(
            "curl -s -d \"{{\\\"host\\\":\\\"_acme-challenge.$CERTBOT_DOMAIN.\\\"{more}}}\" http://STEERING/{verb}"
        )
    };
    let set = tell("set-txt", ",\\\"value\\\":\\\"$CERTBOT_VALIDATION\\\"");
    let clear = tell("clear-txt", "");
    let text = format!(
        "{SECTION} challenge dns-01\n dns-hook '{set}'\n dns-cleanup-hook '{clear}'\n dns-delay 10ms\n\
         frontend web\n bind HTTPS ssl acme le domains *.wild.example\n http-request return status 200\n"
    );
    let site = Site::start(&text, &[]);
    site.is_served("any.wild.example");
}
