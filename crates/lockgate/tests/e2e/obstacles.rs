//! What goes wrong while certificates are obtained: the message names the cause and what to do, what is served goes on
//! being served, and the next attempt comes at the right time.

use crate::front::{FINALIZE, NEW_ORDER, Refusal, Script};
use crate::place::{free_address, wait_for};
use crate::site::{Around, Site, serial, shortest};
use serde_json::Value;
use std::path::Path;

fn fronted(refusals: Vec<Refusal>) -> Site {
    // A refused nonce would make an order come twice.
    let environment = &[("PEBBLE_WFE_NONCEREJECT", "0")];
    let script = Some(Script { refusals, ..Script::default() });
    Site::amid(&shortest(""), Around { environment, script, ..Around::default() })
}

/// Waits for the line that tells of a failure.
fn failed(site: &Site, parts: &[&str]) {
    let line = site.program.line(|line| line.contains("certificate 'shop.example' is not obtained: "));
    parts.iter().for_each(|part| assert!(line.contains(part), "{part} in {line}"));
    site.stands("\tFailing\t");
}

/// Seconds until the next attempt, of what is remembered in a file.
fn wait_in(site: &Site, file: &str) -> i64 {
    let text = std::fs::read_to_string(site.stored("lockgate").join(file)).unwrap();
    let state: Value = serde_json::from_str(&text).unwrap();
    let number = |word: &str| state["backoff"][word].as_i64().unwrap();
    number("until") - number("since")
}

#[test]
fn an_authority_that_cannot_be_reached_is_tried_again_within_minutes() {
    let nobody = format!("https://localhost:{}/dir", free_address().port());
    let site = Site::start(&shortest("").replace("DIRECTORY", &nobody), &[]);
    failed(&site, &["cannot be reached: Connection refused", "check the way out"]);
    site.stands("the authority failed 1 times in a row");
    let name = nobody.trim_start_matches("https://").replace([':', '/'], "_");
    let wait = wait_in(&site, &format!("authority-{name}.json"));
    assert!((60..=180).contains(&wait), "{wait}");
}

#[test]
fn limits_are_waited_out_as_the_authority_says_and_over_restarts() {
    let limited = Refusal::new(NEW_ORDER, 429, "rateLimited", "too many certificates (5) already issued");
    let site = fronted(vec![Refusal { retry_after: Some(7200), ..limited }]);
    failed(&site, &["limits are reached: too many certificates (5) already issued (not before 20", "UTC)"]);
    let wait = wait_in(&site, "renew-shop.example.json");
    assert!((7100..=7200).contains(&wait), "{wait}");
    let config = site.config();
    let site = site.restarted(&config);
    site.stands("too many certificates");
    assert_eq!(site.orders().len(), 1, "it is not asked again before");
    // An operator who knows better is obeyed.
    site.front.as_ref().unwrap().change(|script| script.refusals.clear());
    site.is_renewed();
    site.is_served("shop.example");
}

#[test]
fn an_overloaded_authority_is_left_alone_as_long_as_it_wants() {
    let busy = Refusal { retry_after: Some(1800), ..Refusal::new("/dir", 503, "", "<h1>busy</h1>") };
    let site = fronted(vec![busy]);
    failed(&site, &["localhost answered 503 Service Unavailable, and not in ACME's words"]);
    let directory = site.front.as_ref().unwrap().directory();
    let name = directory.trim_start_matches("https://").replace([':', '/'], "_");
    let wait = wait_in(&site, &format!("authority-{name}.json"));
    assert!((1700..=1800).contains(&wait), "{wait}");
}

#[test]
fn what_a_caa_record_forbids_is_told_with_the_remedy() {
    let forbidden = "While processing CAA for shop.example: CAA record prevents issuance";
    let site = fronted(vec![Refusal::new(FINALIZE, 403, "caa", forbidden)]);
    failed(
        &site,
        &[forbidden, "(caa)", "the name's CAA record does not allow this authority: change the record"],
    );
    site.front.as_ref().unwrap().change(|script| script.refusals.clear());
    site.is_renewed();
}

#[test]
fn a_name_that_leads_elsewhere_is_told_with_what_the_authority_saw() {
    let elsewhere = free_address();
    let text = shortest(" challenge http-01\n").replace("bind HTTP\n", &format!("bind {elsewhere}\n"));
    let site = Site::start(&text, &[]);
    failed(
        &site,
        &[
            "control of 'shop.example' was not proven by http-01",
            "refused (connection)",
            "A and AAAA records",
        ],
    );
}

/// What was obtained once and is damaged on disk is no reason not to start, and is obtained again.
#[test]
fn damaged_files_are_obtained_again() {
    let mut site = Site::start(&shortest(" reuse-key on\n"), &[]);
    site.is_served("shop.example");
    let cut = |file: &Path| {
        let text = std::fs::read_to_string(file).unwrap();
        std::fs::write(std::fs::canonicalize(file).unwrap(), &text[..text.len() / 3]).unwrap();
    };
    let [live, archive, conf] =
        ["live/shop.example", "archive/shop.example", "renewal/shop.example.conf"].map(|p| site.stored(p));
    let harms: [(&str, &dyn Fn()); 5] = [
        ("damaged: no certificate in", &|| cut(&live.join("fullchain.pem"))),
        ("damaged: no private key for", &|| cut(&live.join("privkey.pem"))),
        ("made anew", &|| std::fs::remove_dir_all(&archive).unwrap()),
        ("made anew", &|| std::fs::remove_dir_all(&live).unwrap()),
        ("is obtained and served", &|| {
            std::fs::remove_file(&conf).unwrap();
            std::fs::remove_file(live.join("fullchain.pem")).unwrap();
        }),
    ];
    let here = site.config();
    for (told, harm) in harms {
        site.stands("Scheduled");
        harm();
        // Accidents in a row would be slowed down like failures.
        std::fs::remove_file(site.stored("lockgate/renew-shop.example.json")).unwrap();
        site = site.restarted(&here);
        site.program.line(|line| line.contains(told));
        site.is_served("shop.example");
        site.stands("Scheduled");
        assert!(!serial(&live.join("cert.pem")).is_empty());
    }
}

#[test]
fn mistakes_in_a_renewal_conf_are_told_by_line_and_stop_nothing_else() {
    let site = Site::start(&shortest(""), &[]);
    site.is_served("shop.example");
    let conf = site.stored("renewal/shop.example.conf");
    let right = std::fs::read_to_string(&conf).unwrap();
    let before = site.serial();
    for (from, to, told) in [
        (
            "[renewalparams]",
            "[renewalparams",
            "shop.example.conf:10: this section wants ']' at its end; correct the file",
        ),
        (
            "privkey = ",
            "privkeys = ",
            "the line 'privkey = …/live/shop.example/privkey.pem' before [renewalparams] is missing",
        ),
        (
            "live/shop.example/cert.pem",
            "live/cert.pem",
            "live/cert.pem: it is not there, and the conf should say",
        ),
    ] {
        std::fs::write(&conf, right.replacen(from, to, 1)).unwrap();
        site.stands("Scheduled");
        site.tell("acme renew shop.example");
        site.program.line(|line| line.contains("'shop.example' is not obtained: ") && line.contains(told));
        assert_eq!(site.serial(), before);
    }
    std::fs::write(&conf, right).unwrap();
    site.is_renewed();
}

/// An order whose certificate could not be kept would be lost, and the authority counts it.
#[test]
fn nothing_is_ordered_while_the_disk_is_full() {
    let script = Some(Script::default());
    let environment = &[("PEBBLE_WFE_NONCEREJECT", "0")];
    let within =
        Some("mkdir HERE/storage && mount -t tmpfs -o size=512k none HERE/storage && exec \"$0\" \"$@\"");
    let site = Site::amid(&shortest(""), Around { environment, script, within, ..Around::default() });
    site.is_served("shop.example");
    site.stands("\tScheduled\t");
    let before = site.serial();
    // The mount is seen by the program alone.
    let there = format!("/proc/{}/root{}", site.program.pid(), site.folder.path().join("storage").display());
    let filler = Path::new(&there).join("filler");
    assert!(std::fs::write(&filler, vec![0; 1 << 20]).is_err(), "it is full");
    for _ in 0..2 {
        site.tell("acme renew shop.example");
    }
    site.program
        .line(|line| line.contains("No space left on device") && line.contains("must be able to write"));
    assert_eq!((site.orders().len(), site.serial()), (1, before));
    let left = wait_for(|| {
        let names = std::fs::read_dir(Path::new(&there).join("lockgate")).unwrap();
        let odd = names.filter_map(Result::ok).filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.ends_with(".new") || name.ends_with(".room")
        });
        (odd.count() == 0).then_some(())
    });
    assert!(left.is_some(), "nothing unfinished is left");
    std::fs::remove_file(filler).unwrap();
    site.is_renewed();
    assert_eq!(site.orders().len(), 2);
}

/// Nor does a hook that hangs keep others from being told, or the certificate from being served.
#[test]
fn hooks_that_fail_or_hang_are_told_and_cost_no_certificate() {
    let more = " renew-hook 'exit 7'\n renew-hook 'echo $RENEWED_LINEAGE > HERE/hooked'\n";
    let site = Site::start(&shortest(more), &[]);
    site.is_served("shop.example");
    site.program
        .line(|l| l.contains("certificate 'shop.example': the hook 'exit 7' ended with exit status: 7"));
    let hooked = || std::fs::read_to_string(site.folder.path().join("hooked")).ok();
    let hooked = wait_for(|| hooked().filter(|text| text.ends_with('\n'))).unwrap();
    assert_eq!(hooked.trim(), site.stored("live/shop.example").display().to_string());
    let more =
        " alert-hook 'sleep 600'\n alert-hook 'exit 5'\n alert-hook 'echo $LOCKGATE_EVENT > HERE/alerted'\n";
    let text = shortest(more).replace("DIRECTORY", &format!("http://{}/dir", crate::place::free_address()));
    let site = Site::start(&text, &[]);
    site.program.line(|l| l.contains("the alert-hook 'exit 5' ended with exit status: 5"));
    let alerted = || std::fs::read_to_string(site.folder.path().join("alerted")).ok();
    let alerted = wait_for(|| alerted().filter(|text| text.ends_with('\n'))).unwrap();
    assert_eq!(alerted, "failure\n");
    site.stands("\tFailing\t");
}

/// What becomes of a chain.
type Spoil = fn(String) -> String;

/// What comes is looked at before it is served.
#[test]
fn chains_that_are_cut_short_are_not_served() {
    let spoilt = |spoil: Spoil| {
        let environment = &[("PEBBLE_WFE_NONCEREJECT", "0")];
        let script = Some(Script { spoilt: Some(spoil), ..Script::default() });
        Site::amid(&shortest(""), Around { environment, script, ..Around::default() })
    };
    let cases: [(Spoil, &str); 3] = [
        (|chain| chain[..chain.len() / 3].to_owned(), "what the authority sent is not usable"),
        (|_| String::new(), "there is no certificate in it"),
        (
            |chain| chain.split_inclusive("-----END CERTIFICATE-----\n").skip(1).collect(),
            "what the authority sent is not usable: it is for another key",
        ),
    ];
    for (spoil, told) in cases {
        let site = spoilt(spoil);
        failed(&site, &[told, "it is tried again; tell the authority if it stays so"]);
        assert!(!site.stored("live/shop.example").exists());
        site.front.as_ref().unwrap().change(|script| script.spoilt = None);
        site.is_renewed();
    }
    // A certificate without its issuer is one, and some clients know the issuer.
    let site = spoilt(|chain| chain.split_inclusive("-----END CERTIFICATE-----\n").take(1).collect());
    site.program.line(|line| line.contains("its chain came without an issuer"));
}

#[test]
fn an_order_that_turns_invalid_is_told_and_tried_again() {
    let environment = &[("PEBBLE_WFE_NONCEREJECT", "0")];
    let script = Some(Script { invalid_orders: true, ..Script::default() });
    let site = Site::amid(&shortest(""), Around { environment, script, ..Around::default() });
    failed(&site, &["it calls the order invalid and gives no reason"]);
    site.front.as_ref().unwrap().change(|script| script.invalid_orders = false);
    site.is_renewed();
    site.is_served("shop.example");
}
