//! Names that are proven by records: who makes them, who says that they are there, and what stands for good.

use crate::cloudflare::{Cloudflare, TOKEN};
use crate::front::{Offered, Script};
use crate::named::{Named, SECRET};
use crate::pebble::{makes_record, steer};
use crate::place::{Folder, wait_for};
use crate::program::Lockgate;
use crate::site::{Around, SECTION, Site};
use crate::upstream::Upstream;
use serde_json::Value;
use std::net::SocketAddr;

/// A section with these words, for these names.
fn for_names(more: &str, names: &str) -> String {
    format!(
        "{SECTION}{more}frontend web\n bind HTTPS ssl acme le domains {names}\n http-request return status 200\n"
    )
}

/// Owner and value of the record that the log asks for.
fn asked_for(site: &Site, name: &str) -> (String, String) {
    let line = site.program.line(|line| line.contains(&format!("_acme-challenge.{name}. IN TXT")));
    let (owner, value) = line.split_once("needs this record: ").unwrap().1.split_once(". IN TXT \"").unwrap();
    (owner.to_owned(), value.split('"').next().unwrap().to_owned())
}

#[test]
fn an_operator_makes_the_records_that_the_log_asks_for_and_says_so() {
    let site = Site::start(&for_names(" challenge dns-01\n", "one.example,*.two.example"), &[]);
    for name in ["one.example", "two.example"] {
        let (owner, value) = asked_for(&site, name);
        makes_record(site.pebble.steering(), &owner, &value);
    }
    let say = |name: &str| site.tell(&format!("acme challenge_ready one.example domain {name}"));
    assert!(say("three.example").contains("nobody waits for a record of 'three.example'"));
    assert_eq!(say("two.example"), "1 remaining challenge(s) to deploy\n\n");
    assert_eq!(say("one.example"), "All challenges ready, starting challenges validation!\n\n");
    site.is_served("any.two.example");
    assert!(say("one.example").contains("nobody waits"));
    for line in ["acme challenge_ready", "acme challenge_ready one.example one.example"] {
        assert!(site.tell(line).contains("expects a certificate, 'domain' and a domain"));
    }
}

#[test]
fn under_a_master_the_keeper_hears_it() {
    let text = format!(
        "global\n user nobody\n{}",
        for_names(" challenge DNS-01\n challenge-ready cli\n", "one.example")
    );
    let site = Site::amid(&text, Around { flags: &["-W", "-db"], ..Around::default() });
    let (owner, value) = asked_for(&site, "one.example");
    makes_record(site.pebble.steering(), &owner, &value);
    let said = site.tell("acme challenge_ready one.example domain one.example");
    assert_eq!(said, "All challenges ready, starting challenges validation!\n\n");
    site.is_served("one.example");
}

/// HAProxy hands name and variables to its Data Plane API.
#[test]
fn a_provider_is_spoken_to_by_the_data_plane_apis_words() {
    let named = Named::start();
    let words = format!(
        " challenge dns-01\n challenge-ready none\n provider-name rfc2136\n dns-resolver {0}\n \
         acme-vars \"key_name=lockgate.,key_alg=hmac-sha256,key={SECRET},server={0}\"\n",
        named.at
    );
    let site = Site::asking(&for_names(&words, "a.example,*.a.example"), named.at);
    site.is_served("any.a.example");
    assert!(!site.said().contains(SECRET));
}

#[test]
fn programs_are_told_the_providers_name_and_variables() {
    let hook = "echo \"$LOCKGATE_PROVIDER_NAME $LOCKGATE_ACME_VARS $LOCKGATE_RECORD\" > HERE/told; curl -s -d \
                \"{\\\"host\\\":\\\"$LOCKGATE_RECORD.\\\",\\\"value\\\":\\\"$CERTBOT_VALIDATION\\\"}\" http://STEERING/set-txt";
    let words = format!(
        " challenge dns-01\n challenge-ready delay\n dns-delay 10ms\n provider-name godaddy\n acme-vars a=1,b=2\n \
         dns-hook '{hook}'\n"
    );
    let site = Site::start(&for_names(&words, "one.example"), &[]);
    site.is_served("one.example");
    let told = std::fs::read_to_string(site.folder.path().join("told")).unwrap();
    assert_eq!(told, "godaddy a=1,b=2 _acme-challenge.one.example\n");
}

/// acme-dns as its documentation has it: `/update` with the account's headers, told to the authority's name server.
fn acme_dns(steering: SocketAddr) -> Upstream {
    Upstream::start(move |mut peer| {
        let head = peer.read_message();
        let body: Value = serde_json::from_slice(&peer.read()).unwrap_or_default();
        let field = |name: &str| head.lines().any(|line| line.eq_ignore_ascii_case(name));
        let is_known =
            head.starts_with("POST /update ") && field("x-api-user: u") && field("x-api-key: secret");
        let (sub, txt) =
            (body["subdomain"].as_str().unwrap_or_default(), body["txt"].as_str().unwrap_or_default());
        let answer = if is_known && sub == "0123" {
            makes_record(steering, "0123.auth.example", txt);
            format!("{{\"txt\":\"{txt}\"}}")
        } else {
            "{\"error\":\"forbidden\"}".to_owned()
        };
        let status = if answer.contains("error") { "401 Unauthorized" } else { "200 OK" };
        peer.send(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{answer}", answer.len()));
    })
}

#[test]
fn records_are_made_at_an_acme_dns_server() {
    let account = "{\"one.example\":{\"username\":\"u\",\"password\":\"secret\",\"fulldomain\":\"0123.auth.example\",\
                   \"subdomain\":\"0123\",\"allowfrom\":[]}}";
    for word in [
        "dns-acme-dns http://SERVER HERE/accounts",
        "provider-name acmedns\n acme-vars username=u,password=secret,subdomain=0123,server_url=http://SERVER",
    ] {
        let mut server = None;
        let words = format!(" challenge dns-01\n challenge-ready none\n dns-resolver NAMES\n {word}\n");
        let around = Around { files: &[("accounts", account)], ..Around::default() };
        let site = Site::steered(&for_names(&words, "one.example"), around, |text, pebble| {
            let cname = "{\"host\":\"_acme-challenge.one.example.\",\"target\":\"0123.auth.example.\"}";
            steer(pebble.steering(), "set-cname", cname);
            let running = acme_dns(pebble.steering());
            let text = text.replace("SERVER", &running.address().to_string());
            server = Some(running);
            text
        });
        site.is_served("one.example");
        assert!(!site.said().contains("secret"));
    }
}

#[test]
fn records_are_made_at_cloudflare_with_the_file_of_certbots_plugin() {
    let (folder, mut server) = (Folder::new(), None);
    let words = " challenge dns-01\n challenge-ready none\n dns-resolver NAMES\n dns-cloudflare FILE\n";
    let text = for_names(words, "shop.a.example,*.shop.a.example");
    let site = Site::steered(&text, Around::default(), |text, pebble| {
        let running = Cloudflare::start("a.example", pebble.steering());
        let file = folder.file("cloudflare.ini", running.credentials());
        server = Some(running);
        text.replace("FILE", &file.display().to_string())
    });
    site.is_served("any.shop.a.example");
    assert!(!site.said().contains(TOKEN));
    let server = server.unwrap();
    assert!(server.made() >= 2 && wait_for(|| server.left().is_empty().then_some(())).is_some());
}

#[test]
fn what_stands_for_good_proves_a_name_and_an_account_has_its_own_place() {
    let always = &[("PEBBLE_VA_ALWAYS_VALID", "1"), ("PEBBLE_WFE_NONCEREJECT", "0")];
    let persist = Some(Script { offered: Offered::PersistToo, ..Script::default() });
    let words = " challenge dns-persist-01\n challenge-ready none\n";
    let around = Around { environment: always, script: persist.clone(), ..Around::default() };
    let site = Site::amid(&for_names(words, "one.example,*.one.example"), around);
    site.is_served("any.one.example");
    // Without the record it is said what to make. Nobody knows the zone here.
    let words = " challenge dns-persist-01\n dns-timeout 10ms\n dns-resolver NAMES\n";
    let around = Around { environment: always, script: persist, ..Around::default() };
    let site = Site::amid(&for_names(words, "one.example"), around);
    site.program
        .line(|line| line.contains("is not obtained") && line.contains("_validation-persist.one.example"));

    let own = Some(Script { offered: Offered::DnsAccount, ..Script::default() });
    let around = Around { environment: always, script: own, ..Around::default() };
    let site =
        Site::amid(&for_names(" challenge dns-account-01\n challenge-ready none\n", "one.example"), around);
    site.program.line(|line| {
        line.contains("needs this record: _") && line.contains("._acme-challenge.one.example. IN TXT")
    });
    site.is_served("one.example");
}

#[test]
fn mistakes_in_words_about_records_are_told() {
    let refused = |words: &str| {
        let text = format!(
            "acme le\n directory https://localhost:1/dir\n storage /nonexistent\n{words}\nfrontend f\n mode http\n \
             timeout client 1s\n bind <https> ssl acme le domains a.example\n"
        );
        Lockgate::refused(&text)
    };
    for (words, why) in [
        (" challenge-ready dns,none", "'none' stands alone"),
        (" challenge-ready soon", "'soon'"),
        (" dns-hook true\n dns-cloudflare /x", "more than one who makes records"),
        (" provider-name cloudflare\n acme-vars token=SECRET", "'token' is none of cloudflare's: api_token"),
        (" provider-name rfc2136", "'acme-vars' lacks server=VALUE"),
        (" dns-acme-dns http://127.0.0.1:1 /nonexistent", "/nonexistent: No such file"),
    ] {
        let said = refused(words);
        assert!(said.contains(why) && !said.contains("SECRET"), "{words}: {said}");
    }
    let text = for_names(" challenge dns-01\n provider-name godaddy\n acme-vars a=b\n", "one.example");
    let site = Site::start(&text, &[]);
    site.program.line(|line| line.contains("the provider 'godaddy' is not spoken to here, only acmedns"));
    assert_eq!(asked_for(&site, "one.example").0, "_acme-challenge.one.example");
}
