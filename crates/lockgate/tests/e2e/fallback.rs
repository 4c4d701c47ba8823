//! Another authority where the first one fails repeatedly, and back again.

use crate::authority::authority;
use crate::front::{NEW_ORDER, Refusal, Script};
use crate::pebble::Pebble;
use crate::place::{Folder, wait_for};
use crate::site::{Around, Site, shortest};
use serde_json::Value;

const KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

/// A site whose first authority refuses, and another one that wants an external account.
struct Two {
    site: Site,
    second: Pebble,
    _trusted: Folder,
}

impl Two {
    fn start(refusal: Refusal) -> Two {
        let script = Some(Script { refusals: vec![refusal], ..Script::default() });
        // A refused nonce would make an order come twice.
        let environment = &[("PEBBLE_WFE_NONCEREJECT", "0")];
        let mut second = None;
        let trusted = Folder::new();
        let files: &[(&str, &str)] = &[("kid", "kid-1"), ("mac", KEY)];
        let site = Site::prepared(
            &format!(
                "{}acme other\n directory SECOND\n storage HERE/storage\n eab-key-id HERE/kid\n eab-mac-key HERE/mac\n \
                 contact you@example.com\n",
                shortest(" fallback other\n")
            ),
            Around { environment, script, files, ..Around::default() },
            |text, http, https| {
                let pebble = Pebble::with(http, https, environment, Some(("kid-1", KEY)));
                let roots =
                    [authority().root(), pebble.roots()].map(|file| std::fs::read_to_string(file).unwrap());
                let text = text.replace("SECOND", &pebble.directory());
                second = Some(pebble);
                (text, Some(trusted.file("roots.pem", roots.concat())))
            },
        );
        Two { site, second: second.unwrap(), _trusted: trusted }
    }

    /// An operator asks again and again, where the scheduler would wait for minutes.
    fn fails_three_times(&self, why: &str) {
        let failures =
            || self.site.program.lines().iter().filter(|line| line.contains("is not obtained: ")).count();
        for number in 1..=3 {
            wait_for(|| (failures() >= number).then_some(()))
                .unwrap_or_else(|| panic!("{}", self.site.said()));
            if number < 3 {
                self.site.tell("acme renew shop.example");
            }
        }
        self.site.program.line(|line| line.contains("is not obtained: ") && line.contains(why));
    }

    /// Starts anew with a memory of more failures than there were.
    fn after_three_failures(self) -> Two {
        let Two { site, second, _trusted } = self;
        let name = site.front.as_ref().unwrap().directory().replace("https://", "").replace([':', '/'], "_");
        let file = site.stored(&format!("lockgate/authority-{name}.json"));
        let mut state: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        state["backoff"]["failures"] = 3.into();
        std::fs::write(file, state.to_string()).unwrap();
        let config = site.config();
        Two { site: site.restarted(&config), second, _trusted }
    }

    fn is_served_by_the_second(&self) {
        let issuer = self.second.issuer();
        let served = || self.site.asks("shop.example", &issuer).then_some(());
        wait_for(served).unwrap_or_else(|| panic!("{}\n{}", self.site.said(), self.second.said()));
    }

    fn goes_back_with_the_next_renewal(&self) {
        let orders = self.site.orders().len();
        self.site.front.as_ref().unwrap().change(|script| script.refusals.clear());
        self.site.stands("Scheduled");
        self.site.is_renewed();
        self.site.is_served("shop.example");
        assert_eq!(self.site.orders().len(), orders + 1);
    }
}

#[test]
fn an_authority_that_is_down_is_replaced_until_it_is_back() {
    let two = Two::start(Refusal::new("/dir", 503, "", "<h1>down</h1>"));
    two.site.program.line(|line| line.contains("is not obtained: ") && line.contains("answered 503"));
    two.site.stands("\tFailing\t");
    // Failures in a row take minutes.
    let two = two.after_three_failures();
    two.is_served_by_the_second();
    let host = two.second.directory().replace("https://", "").replace("/dir", "");
    two.site
        .program
        .line(|line| line.contains(&format!("is ordered from {host} instead: the authority failed 3 times")));
    two.goes_back_with_the_next_renewal();
}

#[test]
fn an_authority_that_refuses_a_name_is_replaced_until_it_takes_it() {
    let two = Two::start(Refusal::new(NEW_ORDER, 400, "rejectedIdentifier", "policy forbids the name"));
    two.fails_three_times("policy forbids the name");
    two.is_served_by_the_second();
    two.goes_back_with_the_next_renewal();
}
