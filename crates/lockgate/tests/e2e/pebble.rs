//! Pebble, Let's Encrypt's test authority, with a name server of its own in which every name is this machine.

use crate::place::{Folder, free_address, is_listening, wait_for};
use crate::program::Program;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

/// See the module's head.
pub struct Pebble {
    folder: Folder,
    address: SocketAddr,
    management: SocketAddr,
    steering: SocketAddr,
    dns: SocketAddr,
    _programs: [Program; 2],
}

impl Pebble {
    /// An authority that looks at names on these ports; `environment` as Pebble's manual has it.
    pub fn start(http: SocketAddr, tls: SocketAddr, environment: &[(&str, &str)]) -> Pebble {
        Pebble::with(http, tls, environment, None)
    }

    /// The same, and it wants an external account: its identifier and its key.
    pub fn with(
        http: SocketAddr,
        tls: SocketAddr,
        environment: &[(&str, &str)],
        external: Option<(&str, &str)>,
    ) -> Pebble {
        Pebble::asking(None, http, tls, environment, external)
    }

    /// The same, and it asks another name server than its own.
    pub fn asking(
        name_server: Option<SocketAddr>,
        http: SocketAddr,
        tls: SocketAddr,
        environment: &[(&str, &str)],
        external: Option<(&str, &str)>,
    ) -> Pebble {
        let folder = Folder::new();
        certificate(&folder);
        let [address, management, dns, steering] = [(); 4].map(|()| free_address());
        let here = folder.path().display();
        let text = format!(
            "{{\"pebble\":{{\"listenAddress\":\"{address}\",\"managementListenAddress\":\"{management}\",\
             \"certificate\":\"{here}/pebble.crt\",\"privateKey\":\"{here}/pebble.key\",\"httpPort\":{},\
             \"tlsPort\":{},\"ocspResponderURL\":\"\",\"externalAccountBindingRequired\":{},\"externalAccountMACKeys\":{{{}}}}}}}",
            http.port(),
            tls.port(),
            external.is_some(),
            external.map(|(id, key)| format!("\"{id}\":\"{key}\"")).unwrap_or_default()
        );
        let file = folder.file("pebble.json", text);
        let mut names = Command::new("pebble-challtestsrv");
        names.args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-http01", "", "-https01", ""]);
        names.args(["-tlsalpn01", "", "-dns01", &dns.to_string(), "-management", &steering.to_string()]);
        let names = Program::start(names);
        let mut pebble = Command::new("pebble");
        pebble.arg("-config").arg(file).args(["-dnsserver", &name_server.unwrap_or(dns).to_string()]);
        pebble.env("PEBBLE_VA_NOSLEEP", "1").envs(environment.iter().copied());
        let pebble = Program::start(pebble);
        let found = Pebble { folder, address, management, steering, dns, _programs: [names, pebble] };
        wait_for(|| (is_listening(address) && is_listening(management)).then_some(()))
            .expect("Pebble starts");
        found
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its directory.
    pub fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.address.port())
    }

    /// What its own TLS is trusted by: for `SSL_CERT_FILE`.
    pub fn roots(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// What the certificates that it issues are trusted by.
    pub fn issuer(&self) -> PathBuf {
        let url = format!("https://localhost:{}/roots/0", self.management.port());
        let out = Command::new("curl").args(["-sk", &url]).output().unwrap();
        self.folder.file("issuer.pem", out.stdout)
    }

    /// The common name of one of its roots.
    pub fn root_name(&self, number: usize) -> String {
        let url = format!("https://localhost:{}/roots/{number}", self.management.port());
        let out = Command::new("curl").args(["-sk", &url]).output().unwrap();
        let file = self.folder.file("root.pem", out.stdout);
        let out =
            Command::new("openssl").args(["x509", "-noout", "-subject", "-in"]).arg(file).output().unwrap();
        String::from_utf8(out.stdout).unwrap().rsplit("CN = ").next().unwrap().trim().to_owned()
    }

    /// Where the name server is told records, by curl.
    pub fn steering(&self) -> SocketAddr {
        self.steering
    }

    /// The name server.
    pub fn dns(&self) -> SocketAddr {
        self.dns
    }

    /// What it has printed once it has told of everything that reached it before this call: a client may have died
    /// with a request on its way.
    pub fn said_of_all(&self) -> String {
        let asked = || self.said().matches("GET /dir ").count();
        let before = asked();
        assert!(Command::new("curl").args(["-sk", &self.directory()]).output().unwrap().status.success());
        wait_for(|| (asked() > before).then(|| self.said())).expect("Pebble tells of each request")
    }

    /// What it has printed.
    pub fn said(&self) -> String {
        self._programs.iter().flat_map(Program::lines).collect::<Vec<_>>().join("\n")
    }
}

/// Tells an authority's name server something; `steering` is where it listens to that.
pub fn steer(steering: SocketAddr, verb: &str, body: &str) {
    let url = format!("http://{steering}/{verb}");
    assert!(Command::new("curl").args(["-sf", "-d", body, &url]).status().unwrap().success());
}

/// Has it show a TXT record, beside those that it shows of this name already.
pub fn makes_record(steering: SocketAddr, owner: &str, value: &str) {
    steer(steering, "set-txt", &format!("{{\"host\":\"{owner}.\",\"value\":\"{value}\"}}"));
}

fn certificate(folder: &Folder) {
    folder.file("ext", "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n");
    let ec = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for words in [
        format!("req -x509 {ec} -days 30 -subj /CN=pebble-tls -keyout ca.key -out ca.pem"),
        format!("req {ec} -subj /CN=localhost -keyout pebble.key -out pebble.csr"),
        "x509 -req -in pebble.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out pebble.crt"
            .to_owned(),
    ] {
        let out =
            Command::new("openssl").args(words.split_whitespace()).current_dir(folder.path()).output().unwrap();
        assert!(out.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&out.stderr));
    }
}
