//! `directory internal`: names that no public authority would sign, signed by the storage's own.

use crate::client::try_curl;
use crate::place::{Folder, free_address, wait_for};
use crate::program::Program;
use std::process::Command;

#[test]
fn private_names_are_served_for_who_trusts_the_root() {
    let (folder, https) = (Folder::new(), free_address());
    let storage = folder.path().join("storage");
    let text = format!(
        "global\n log stderr local0\nacme home\n directory internal\n storage {}\ndefaults\n mode http\n timeout connect 5s\n timeout client 20s\n \
         timeout server 20s\nfrontend web\n bind {https} ssl acme home domains printer.internal,*.lab.internal\n \
         http-request return status 200\n",
        storage.display()
    );
    let config = folder.file("haproxy.cfg", text);
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
    command.args(["-db", "-f"]).arg(config);
    let mut program = Program::start(command);
    assert!(program.listens(&[https]), "{}", program.lines().join("\n"));

    let mut root = Command::new(env!("CARGO_BIN_EXE_lockgate"));
    let root = root.args(["ca", "root", "--storage"]).arg(&storage).output().unwrap();
    let root = folder.file("shown.pem", root.stdout);
    let port = https.port();
    for name in ["printer.internal", "a.lab.internal"] {
        let words =
            format!("--cacert {} --resolve {name}:{port}:127.0.0.1 https://{name}:{port}/", root.display());
        let served = wait_for(|| (try_curl(&words).0 == 0).then_some(()));
        assert!(served.is_some(), "{name}\n{}", program.lines().join("\n"));
    }
}
