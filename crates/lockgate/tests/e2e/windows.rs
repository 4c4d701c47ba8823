//! Renewal windows (RFC 9773) and profiles, against an authority that has them.

use crate::front::{NEW_ORDER, Offered, Refusal, Script, Window};
use crate::place::wait_for;
use crate::site::{Around, Site, shortest};
use serde_json::Value;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// For certificates of years, as Pebble's are: not worth a thought.
const LATER: Window = Window { start: 30 * DAY, end: 31 * DAY, retry_after: 21_600, explanation: None };
const RECALLED: Window = Window {
    start: -2 * HOUR,
    end: -HOUR,
    retry_after: 21_600,
    explanation: Some("https://ca.example/incident-7"),
};

fn site(more: &str, script: Script) -> Site {
    // A refused nonce would make an order come twice.
    let environment = &[("PEBBLE_WFE_NONCEREJECT", "0")];
    Site::amid(&shortest(more), Around { environment, script: Some(script), ..Around::default() })
}

fn asked(site: &Site) -> Vec<String> {
    site.front.as_ref().unwrap().noted().asked
}

#[test]
fn what_the_authority_recalls_is_replaced_at_once_and_says_what_it_replaces() {
    let site = site("", Script { windows: vec![RECALLED, LATER], ..Script::default() });
    wait_for(|| (site.orders().len() == 2).then_some(())).unwrap_or_else(|| panic!("{}", site.said()));
    site.program.line(|line| {
        line.contains("shop.example")
            && line.contains("asks for replacement at once (see https://ca.example/incident-7)")
    });
    site.stands("ARI window");
    let all = site.orders();
    assert_eq!(all[0].get("replaces"), None);
    assert_eq!(all[1]["replaces"].as_str(), asked(&site).first().map(String::as_str));
    assert_eq!(all.len(), 2, "and no more: {all:?} {:?}", asked(&site));
    site.is_served("shop.example");
}

#[test]
fn a_window_to_come_is_waited_for_and_asked_about_when_the_authority_says() {
    let site = site("", Script { windows: vec![LATER], ..Script::default() });
    site.is_served("shop.example");
    site.stands("ARI window");
    let state: Value = serde_json::from_str(
        &std::fs::read_to_string(site.stored("lockgate/renew-shop.example.json")).unwrap(),
    )
    .unwrap();
    let number = |word: &str| state[word].as_i64().unwrap();
    let wait = number("ask_at") - number("asked_at");
    assert!((21_500..=21_600).contains(&wait), "{wait}");
    assert_eq!((site.orders().len(), asked(&site).len()), (1, 1));
    // Neither is forgotten over a restart: the moment in the window stays, and the authority is not asked again.
    let due = |site: &Site| site.tell("acme status").split('\t').next_back().map(str::to_owned);
    let before = due(&site);
    let config = site.config();
    let site = site.restarted(&config);
    site.stands("ARI window");
    assert_eq!((due(&site), asked(&site).len(), site.orders().len()), (before, 1, 1));
}

/// A mistaken authority, or a clock far ahead: the windows of all certificates are over.
#[test]
fn windows_that_are_always_over_do_not_make_us_order_without_end() {
    let site = site("", Script { windows: vec![RECALLED], ..Script::default() });
    site.stands("Failing");
    site.stands("renewed again too soon: is this machine's clock right?");
    assert_eq!(site.orders().len(), 2);
}

#[test]
fn an_order_that_was_replaced_before_goes_out_without_saying_so() {
    let once =
        Refusal { times: 1, ..Refusal::new(NEW_ORDER, 409, "alreadyReplaced", "it has been replaced") };
    let site = site("", Script { windows: vec![LATER], ..Script::default() });
    site.stands("ARI window");
    let front = site.front.as_ref().unwrap();
    front.change(|script| (script.windows, script.refusals) = (vec![LATER], vec![once]));
    site.is_renewed();
    let all = site.orders();
    assert_eq!((all.len(), all[1].get("replaces").is_some(), all[2].get("replaces")), (3, true, None));
}

#[test]
fn a_profile_is_asked_for_where_there_is_one_of_the_name() {
    let script = Script { profiles: vec!["classic", "shortlived"], ..Script::default() };
    let chosen = site(" profile shortlived\n must-have-profile\n", script.clone());
    chosen.is_served("shop.example");
    assert_eq!(chosen.orders()[0]["profile"], "shortlived");

    let other = site(" profile tlsserver\n", script.clone());
    other.is_served("shop.example");
    other
        .program
        .line(|line| line.contains("no profile 'tlsserver', only classic, shortlived: its default is used"));
    assert_eq!(other.orders()[0].get("profile"), None);

    let refused = site(" profile tlsserver\n must-have-profile\n", script);
    refused
        .program
        .line(|l| l.contains("'shop.example' is not obtained: the authority has no profile 'tlsserver'"));
    assert_eq!(refused.orders(), Vec::<Value>::new());
}

#[test]
fn challenges_without_a_token_are_no_obstacle() {
    let site = site("", Script { offered: Offered::PersistToo, ..Script::default() });
    site.is_served("shop.example");
}

#[test]
fn challenges_that_nobody_knows_are_named() {
    let site = site("", Script { offered: Offered::OnlyUnknown, ..Script::default() });
    let line = site.program.line(|line| line.contains("no way to prove control"));
    assert!(line.contains("the authority offers carrier-pigeon-00"), "{line}");
    assert!(line.contains("we may answer http-01, tls-alpn-01"), "{line}");
}
