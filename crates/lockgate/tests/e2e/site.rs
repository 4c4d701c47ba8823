//! A proxy that obtains its certificates, and the authority that it obtains them from.

use crate::authority::authority;
use crate::client::try_curl;
use crate::front::{Front, Script};
use crate::pebble::Pebble;
use crate::place::{Folder, free_address, wait_for};
use crate::program::Program;
use crate::runtime_api::converse;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An authority, and a proxy of this configuration before it: `HTTP` and `HTTPS` are its addresses, `DIRECTORY` the
/// authority's, `NAMES` its name server, `HERE` a folder.
pub struct Site {
    pub program: Program,
    pub front: Option<Front>,
    pub pebble: Pebble,
    pub folder: Folder,
    pub http: SocketAddr,
    pub https: SocketAddr,
    flags: Vec<String>,
    within: Option<String>,
    trusted: PathBuf,
}

/// What is around a proxy besides its configuration.
#[derive(Default)]
pub struct Around<'a> {
    /// A line of shell in which the proxy is started as `"$0" "$@"`, with mounts of its own.
    pub within: Option<&'a str>,
    /// Other flags than `-db`.
    pub flags: &'a [&'a str],
    /// Pebble's, as its manual has it.
    pub environment: &'a [(&'a str, &'a str)],
    /// The external account that the authority wants: its identifier and its key.
    pub external: Option<(&'a str, &'a str)>,
    /// Files in `HERE`.
    pub files: &'a [(&'a str, &'a str)],
    /// What the authority does beyond Pebble.
    pub script: Option<Script>,
}

impl Site {
    pub fn start(text: &str, environment: &[(&str, &str)]) -> Site {
        Site::amid(text, Around { environment, ..Around::default() })
    }

    pub fn amid(text: &str, around: Around<'_>) -> Site {
        Site::prepared(text, around, |text, _, _| (text, None))
    }

    /// With an authority that looks at another name server than its own.
    pub fn asking(text: &str, name_server: SocketAddr) -> Site {
        Site::made(text, Around::default(), Some(name_server), |text, _, _, _| (text, None))
    }

    /// `prepare` is given the configuration and the authority, and says what the former is then.
    pub fn steered(text: &str, around: Around<'_>, prepare: impl FnOnce(String, &Pebble) -> String) -> Site {
        Site::made(text, around, None, |text, _, _, pebble| (prepare(text, pebble), None))
    }

    /// The same; `prepare` is given the configuration and the proxy's addresses, and says what it is then and which file
    /// of trusted roots is used in the place of the authority's.
    pub fn prepared(
        text: &str,
        around: Around<'_>,
        prepare: impl FnOnce(String, SocketAddr, SocketAddr) -> (String, Option<PathBuf>),
    ) -> Site {
        Site::made(text, around, None, |text, http, https, _| prepare(text, http, https))
    }

    fn made(
        text: &str,
        around: Around<'_>,
        name_server: Option<SocketAddr>,
        prepare: impl FnOnce(String, SocketAddr, SocketAddr, &Pebble) -> (String, Option<PathBuf>),
    ) -> Site {
        let (http, https) = (free_address(), free_address());
        let pebble = Pebble::asking(name_server, http, https, around.environment, around.external);
        let (text, roots) = prepare(text.to_owned(), http, https, &pebble);
        let front = around.script.map(|script| Front::start(pebble.address(), script));
        let directory = front.as_ref().map_or_else(|| pebble.directory(), Front::directory);
        let folder = Folder::new();
        around.files.iter().for_each(|(name, content)| drop(folder.file(name, content)));
        let filled = text
            .replace("HTTPS", &https.to_string())
            .replace("HTTP", &http.to_string())
            .replace("DIRECTORY", &directory)
            .replace("STEERING", &pebble.steering().to_string())
            .replace("NAMES", &pebble.dns().to_string())
            .replace("HERE", &folder.path().display().to_string());
        let global = format!("global\n stats socket {}/api.sock level admin\n", folder.path().display());
        let defaults =
            "defaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n";
        let config = folder.file("haproxy.cfg", format!("{global}{defaults}{filled}"));
        let flags: Vec<String> = match around.flags {
            [] => vec!["-db".to_owned()],
            flags => flags.iter().map(|flag| (*flag).to_owned()).collect(),
        };
        let within = around.within.map(|line| line.replace("HERE", &folder.path().display().to_string()));
        let trusted = roots.unwrap_or_else(|| trusted(&pebble, front.as_ref()));
        let command = command(within.as_deref(), &flags, &config, &trusted);
        let program = Program::start(command);
        let mut site = Site { program, front, pebble, folder, http, https, flags, within, trusted };
        let mut wanted = vec![site.https];
        if text.contains("bind HTTP\n") {
            wanted.push(site.http);
        }
        assert!(site.program.listens(&wanted), "{}", site.said());
        site
    }

    /// Waits until a client that believes the authority is served for `name`.
    pub fn is_served(&self, name: &str) {
        let issuer = self.pebble.issuer();
        wait_for(|| self.asks(name, &issuer).then_some(()))
            .unwrap_or_else(|| panic!("{name} is not served\n{}\n{}", self.said(), self.pebble.said()));
    }

    pub fn asks(&self, name: &str, issuer: &Path) -> bool {
        let port = self.https.port();
        let words =
            format!("--cacert {} --resolve {name}:{port}:127.0.0.1 https://{name}:{port}/", issuer.display());
        try_curl(&words).0 == 0
    }

    /// Ends the proxy and starts another with this configuration.
    pub fn restarted(mut self, config: &Path) -> Site {
        if self.program.is_running() {
            self.program.signal("KILL");
            self.program.ended();
        }
        self.program = Program::start(command(self.within.as_deref(), &self.flags, config, &self.trusted));
        assert!(self.program.listens(&[self.https]), "{}", self.said());
        self
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("haproxy.cfg")
    }

    /// A file of the storage in `HERE`.
    pub fn stored(&self, path: &str) -> PathBuf {
        self.folder.path().join("storage").join(path)
    }

    /// Orders that reached the authority.
    pub fn orders(&self) -> Vec<Value> {
        self.front.as_ref().unwrap().noted().orders
    }

    /// Says that `shop.example` is to be renewed, and waits until it is served anew.
    pub fn is_renewed(&self) {
        let before = self.serial();
        self.tell("acme renew shop.example");
        wait_for(|| {
            let now = self.serial();
            (!now.is_empty() && now != before).then_some(())
        })
        .unwrap_or_else(|| panic!("not renewed\n{}\n{}", self.tell("acme status"), self.said()));
    }

    /// Of the certificate that is served.
    pub fn serial(&self) -> String {
        let line = format!(
            "openssl s_client -connect {} -servername shop.example </dev/null 2>/dev/null | openssl x509 -noout -serial",
            self.https
        );
        String::from_utf8(Command::new("sh").args(["-c", &line]).output().unwrap().stdout).unwrap()
    }

    /// Says a line over the runtime API.
    pub fn tell(&self, line: &str) -> String {
        converse(&self.folder.path().join("api.sock"), &format!("{line}\n"))
    }

    /// Waits until `acme status` has this.
    pub fn stands(&self, part: &str) {
        wait_for(|| self.tell("acme status").contains(part).then_some(()))
            .unwrap_or_else(|| panic!("{}\n{}", self.tell("acme status"), self.said()));
    }

    /// What the proxy has printed.
    pub fn said(&self) -> String {
        self.program.lines().join("\n")
    }
}

fn command(within: Option<&str>, flags: &[String], config: &Path, trusted: &Path) -> Command {
    const LOCKGATE: &str = env!("CARGO_BIN_EXE_lockgate");
    let mut command = Command::new(if within.is_some() { "unshare" } else { LOCKGATE });
    if let Some(line) = within {
        command.args(["--map-root-user", "--mount", "sh", "-c", line, LOCKGATE]);
    }
    command.args(flags).arg("-f").arg(config).env("SSL_CERT_FILE", trusted);
    command
}

fn trusted(pebble: &Pebble, front: Option<&Front>) -> PathBuf {
    front.map_or_else(|| pebble.roots(), |_| authority().root())
}

pub const SECTION: &str = "acme le\n directory DIRECTORY\n contact you@example.com\n storage HERE/storage\n";

/// The shortest way to two names, behind a frontend that redirects everything.
pub fn shortest(more: &str) -> String {
    format!(
        "{SECTION}{more}frontend web\n bind HTTP\n bind HTTPS ssl acme le domains shop.example,www.shop.example\n \
         http-request redirect scheme https unless {{ ssl_fc }}\n http-request return status 200\n"
    )
}

/// Of the certificate in a file.
pub fn serial(file: &Path) -> String {
    let out = Command::new("openssl").args(["x509", "-noout", "-serial", "-in"]).arg(file).output().unwrap();
    String::from_utf8(out.stdout).unwrap()
}
