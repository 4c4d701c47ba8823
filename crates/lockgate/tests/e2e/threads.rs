//! A reload that changes the number of threads, and with it that of the sockets which share a port.

use crate::household::Household;
use crate::place::wait_for;
use std::process::{Command, Stdio};

/// Closing one of several sockets of a port costs connections that wait in it, or are about to: a small part of them even
/// where the system moves those to the others (`net.ipv4.tcp_migrate_req`). With fewer threads each serves several.
#[test]
fn a_reload_with_another_number_of_threads_loses_nobody() {
    let home = Household::start(
        "global\n nbthread 4\ndefaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
         frontend f\n bind <http>\n http-request return status 200 content-type text/plain string here\n",
    );
    let at = home.lockgate.at("http");
    // One connection a request; ab gives up at the first that is reset.
    let mut load = Command::new("ab");
    load.args(["-q", "-c", "30", "-t", "5", "-n", "1000000"]).arg(format!("http://{at}/"));
    let load = load.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(|| (!home.ask("@1 show info").contains("\nCumReq: 0\n")).then_some(())).unwrap();
    let mut before = 4;
    for threads in [1, 4, 2, 1, 3, 1] {
        home.lockgate
            .edit(|text| text.replace(&format!("nbthread {before}\n"), &format!("nbthread {threads}\n")));
        assert!(home.reload().starts_with("Success=1"));
        assert!(home.ask("@1 show info").contains(&format!("\nNbthread: {threads}\n")));
        before = threads;
    }
    let load = load.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&load.stdout);
    assert!(load.status.success(), "{said}{}", String::from_utf8_lossy(&load.stderr));
    assert!(said.lines().any(|l| l.starts_with("Failed requests:") && l.ends_with(" 0")), "{said}");
    wait_for(|| (!home.ask("show proc").contains("# old workers")).then_some(()))
        .expect("former workers leave");
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    assert_eq!(table.matches(&format!(":{:04X} 00000000:0000 0A", at.port())).count(), 4);
}
