//! Debian's BIND with a zone whose records a key may change.

use crate::place::{Folder, free_address, wait_for};
use crate::program::Program;
use std::net::SocketAddr;
use std::process::Command;

/// The key's secret, base64.
pub const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// BIND with the zone `a.example`.
pub struct Named {
    pub at: SocketAddr,
    _folder: Folder,
    _program: Program,
}

impl Named {
    pub fn start() -> Named {
        // A port may be taken by the other protocol: then the next one is tried.
        (0..5).find_map(|_| Named::once()).expect("named starts")
    }

    fn once() -> Option<Named> {
        let (at, folder) = (free_address(), Folder::new());
        let here = folder.path().display();
        folder.file(
            "zone",
            "$TTL 60\n@ SOA ns h 1 60 60 60 60\n@ NS ns\nns A 127.0.0.1\n@ A 127.0.0.1\n* A 127.0.0.1\n",
        );
        let port = at.port();
        let conf = format!(
            "options {{ directory \"{here}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no;
               pid-file none; session-keyfile none; lock-file none; notify no; empty-zones-enable no; }};
             controls {{ }};
             key lockgate. {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};
             zone a.example {{ type primary; file \"zone\"; update-policy {{ grant lockgate. zonesub TXT; }}; }};"
        );
        let conf = folder.file("named.conf", conf);
        let mut command = Command::new("/usr/sbin/named");
        command.args(["-g", "-4", "-n", "1", "-c"]).arg(conf);
        let program = Program::start(command);
        let ready = wait_for(|| {
            let said = program.lines().join("\n");
            match (said.contains("address in use"), said.contains("running")) {
                (true, _) => Some(false),
                (false, true) => Some(true),
                (false, false) => None,
            }
        });
        (ready == Some(true)).then_some(Named { at, _folder: folder, _program: program })
    }
}
