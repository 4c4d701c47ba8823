//! The command dies at any moment: the tree is read by both, and the next run finishes.

use super::{By, Machine};
use crate::killed::{Dice, Lives, keys_are_private};
use std::process::Stdio;

#[test]
fn kills_at_any_moment_leave_a_tree_that_both_read_and_the_next_run_finishes() {
    let machine = Machine::with(crate::place::free_address(), "/none".into(), &[("PEBBLE_AUTHZREUSE", "0")]);
    let (port, mut dice, mut lives) = (machine.http.port().to_string(), Dice(0xfeed), Lives::default());
    let obtain =
        ["certonly", "--standalone", "--http-01-port", &port, "-n", "--agree-tos", "-m", "me@example.com"];
    let obtain = [&obtain[..], &["-d", "a.example", "-d", "b.example", "--force-renewal"]].concat();
    let renew = ["renew", "--force-renewal", "--no-random-sleep-on-renew"];
    for round in 0..8 {
        let words = if round < 4 { &obtain[..] } else { &renew[..] };
        if round == 4 {
            machine.done(By::Us, &obtain.join(" "));
            lives.end(&machine.pebble);
        }
        let mut command = machine.command(By::Us, words);
        let mut running =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        dice.moment(&machine.pebble);
        let _ = running.kill();
        running.wait().unwrap();
        lives.end(&machine.pebble);
        keys_are_private(&machine.etc(""));
        for by in [By::Us, By::Debian] {
            let listed = machine.run(by, "certificates");
            assert!(
                listed.code == 0 && !listed.out.contains("INVALID"),
                "{by:?} in round {round}: {listed:?}"
            );
            assert!(!listed.out.contains("were invalid"), "{by:?} in round {round}: {listed:?}");
        }
    }
    machine.done(By::Us, &renew.join(" "));
    machine.done(By::Debian, "renew --force-renewal --no-random-sleep-on-renew");
}
