//! What hooks are told: the same words in the environment, byte for byte, as Debian's Certbot has. Of newer ones we have
//! what they add: `..._IDENTIFIER(S)`, `FAILED_DOMAINS`, and in post-hooks all domains, where Debian's tells the last.

use super::{By, Machine};
use crate::place::free_address;
use std::os::unix::fs::PermissionsExt;

/// What a hook finds in its environment that Certbot has put there, with its places and secrets taken out.
fn told(by: By) -> Vec<String> {
    let machine = Machine::with(free_address(), "/none".into(), &[("PEBBLE_AUTHZREUSE", "0")]);
    let here = machine.folder.path().display().to_string();
    let note = |what: &str| {
        format!(
            "echo {what} >> {here}/told; env | grep -E '^(RENEWED|FAILED|CERTBOT)_' | grep -v -E '_(TOKEN|VALIDATION)=' | \
             LC_ALL=C sort >> {here}/told"
        )
    };
    machine.obtain(by, "-d a.example -d b.example -d c.example", "");
    machine.obtain(by, "-d good.example", "");
    for kind in ["pre", "deploy", "post"] {
        let file = machine.etc(&format!("renewal-hooks/{kind}/it"));
        std::fs::write(&file, format!("#!/bin/sh\n{}\n", note(&format!("folder-{kind}")))).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let hooks =
        [("--pre-hook", note("pre")), ("--post-hook", note("post")), ("--deploy-hook", note("deploy"))];
    let hooks: Vec<&str> = hooks.iter().flat_map(|(flag, line)| [*flag, line]).collect();
    let renew = ["renew", "--force-renewal", "--no-random-sleep-on-renew"];
    assert_eq!(machine.with_words(by, &[&renew, &hooks[..]].concat()).code, 0);
    // One that fails beside one that does not.
    let conf = machine.etc("renewal/a.example.conf");
    let text = std::fs::read_to_string(&conf).unwrap().replace("http01_port = ", "http01_port = 1 # ");
    std::fs::write(&conf, text).unwrap();
    assert_eq!(machine.with_words(by, &[&renew, &hooks[..]].concat()).code, 1);
    // Proofs by hand: the second name's fails, as nobody answers.
    let (auth, cleanup) = (note("auth") + "; echo said", note("cleanup"));
    let manual = ["certonly", "--manual", "--manual-auth-hook", &auth, "--manual-cleanup-hook", &cleanup];
    let names = ["--cert-name", "m", "-d", "x.example", "-d", "y.example", "-n", "--no-directory-hooks"];
    assert_eq!(machine.with_words(by, &[&manual[..], &names].concat()).code, 1);
    let text = std::fs::read_to_string(format!("{here}/told")).unwrap().replace(&here, "HERE");
    // In which order names are proven is the authority's choice.
    let order =
        text.lines().find_map(|line| line.strip_prefix("CERTBOT_ALL_DOMAINS=")?.split_once(',')).unwrap();
    let text = text.replace(order.0, "FIRST").replace(order.1, "SECOND");
    let (mut lines, mut is_after) = (Vec::new(), false);
    for line in text.lines() {
        is_after = line.ends_with("post") || is_after && line.contains('=');
        if line.ends_with("post") || !is_after && !line.contains("_IDENTIFIER") {
            lines.push(line.to_owned());
        }
    }
    lines
}

#[test]
fn hooks_are_told_what_certbot_tells_them() {
    let [ours, theirs] = [By::Us, By::Debian].map(told);
    assert_eq!(ours, theirs);
}
