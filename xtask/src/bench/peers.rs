//! The field: an origin with a constant answer, and in front of it Lockgate, haproxy and nginx with the same
//! configuration, one worker thread each. A field lives for one case, so that no case inherits another's memory.

use super::Bench;
use super::relay::RELAY;
use super::running::{MEASURED, OTHERS, Running, Scratch, ports};
use certs::{Authority, Purpose};
use std::fs::File;
use std::path::Path;
use std::time::SystemTime;

/// What the origin answers to all but `/big`: 64 bytes.
pub(super) const ANSWER: &str = "0123456789012345678901234567890123456789012345678901234567890123";

/// The peers' names, as the table heads its columns.
pub(super) const LOCKGATE: &str = "lockgate";
pub(super) const HAPROXY: &str = "haproxy";
pub(super) const NGINX: &str = "nginx";
pub(super) const FLOOR: &str = "raw relay";

/// Everything that runs during a case. Fields are dropped in order: the proxies before what they talk to.
pub(super) struct Field {
    /// Measured in turn, on one core.
    pub(super) proxies: Vec<Proxy>,
    origin: u16,
    _origin: Running,
    pub(super) scratch: Scratch,
}

/// A proxy under measurement.
pub(super) struct Proxy {
    pub(super) name: &'static str,
    pub(super) process: Running,
    pub(super) http: u16,
    /// The relay has none.
    pub(super) https: u16,
}

impl Field {
    /// An origin whose `/big` holds the large body, and the three proxies, listening.
    pub(super) fn new(bench: &Bench) -> Result<Field, String> {
        let scratch = Scratch::new()?;
        let bundle = Authority::create("bench", SystemTime::now())
            .and_then(|root| root.issue(&["localhost", "127.0.0.1"], Purpose::Server, SystemTime::now()))
            .map_err(|e| e.to_string())?
            .bundle();
        let certificate = scratch.put("site.pem", &bundle)?;
        let big = File::create(scratch.0.join("big")).and_then(|f| f.set_len(bench.body));
        big.map_err(|e| format!("the large body cannot be made: {e}"))?;
        let [origin] = ports::<1>()?;
        let served = nginx(&scratch, "origin", OTHERS, &origin_server(origin, &scratch.0))?;
        let mut field = Field { proxies: Vec::new(), origin, _origin: served, scratch };
        field.wait_origin()?;
        field.haproxy_like(LOCKGATE, &bench.lockgate, &certificate)?;
        field.haproxy_like(HAPROXY, Path::new("haproxy"), &certificate)?;
        field.nginx(&certificate)?;
        Ok(field)
    }

    fn wait_origin(&mut self) -> Result<(), String> {
        self._origin.listens(self.origin).map_err(|why| format!("origin: {why}"))
    }

    /// A proxy that reads haproxy.cfg.
    fn haproxy_like(&mut self, name: &'static str, program: &Path, certificate: &Path) -> Result<(), String> {
        let [http, https] = ports()?;
        let text = haproxy_cfg(http, https, self.origin, certificate);
        let cfg = self.scratch.put(&format!("{name}.cfg"), &text)?;
        let log = self.scratch.0.join(format!("{name}.log"));
        let process = Running::start(MEASURED, program, &["-db", "-f", &cfg.to_string_lossy()], &log)?;
        self.join(Proxy { name, process, http, https })
    }

    fn nginx(&mut self, certificate: &Path) -> Result<(), String> {
        let [http, https] = ports()?;
        let servers = proxy_servers(http, https, self.origin, certificate);
        let process = nginx(&self.scratch, NGINX, MEASURED, &servers)?;
        self.join(Proxy { name: NGINX, process, http, https })
    }

    /// Adds the floor: a relay that reads and writes and understands nothing.
    pub(super) fn with_relay(mut self) -> Result<Field, String> {
        let [http] = ports()?;
        let this = std::env::current_exe().map_err(|e| e.to_string())?;
        let log = self.scratch.0.join("relay.log");
        let words = [RELAY, &http.to_string(), &self.origin.to_string()];
        let process = Running::start(MEASURED, &this, &words, &log)?;
        self.join(Proxy { name: FLOOR, process, http, https: 0 })?;
        Ok(self)
    }

    fn join(&mut self, mut proxy: Proxy) -> Result<(), String> {
        proxy.process.listens(proxy.http).map_err(|why| format!("{}: {why}", proxy.name))?;
        self.proxies.push(proxy);
        Ok(())
    }
}

/// What both Lockgate and haproxy read. `http-reuse` and the rest stay at their defaults, as an operator's would.
fn haproxy_cfg(http: u16, https: u16, origin: u16, certificate: &Path) -> String {
    format!(
        "global
    nbthread 1
    maxconn 4000
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend plain
    bind 127.0.0.1:{http}
    default_backend app
frontend secure
    bind 127.0.0.1:{https} ssl crt {}
    default_backend app
backend app
    server origin 127.0.0.1:{origin}
",
        certificate.display()
    )
}

fn proxy_servers(http: u16, https: u16, origin: u16, certificate: &Path) -> String {
    let pem = certificate.display();
    format!(
        "upstream app {{ server 127.0.0.1:{origin}; keepalive 256; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{http} backlog=4096;
        listen 127.0.0.1:{https} ssl backlog=4096;
        ssl_certificate {pem}; ssl_certificate_key {pem};
        ssl_protocols TLSv1.2 TLSv1.3;
        location / {{
            proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection \"\";
            proxy_max_temp_file_size 0;
        }}
    }}"
    )
}

fn origin_server(port: u16, root: &Path) -> String {
    format!(
        "server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ return 200 \"{ANSWER}\"; }}
        location = /big {{ root {}; sendfile on; }}
    }}",
        root.display()
    )
}

/// One nginx process that serves `servers`; its files stay in the scratch folder.
fn nginx(scratch: &Scratch, name: &str, core: &str, servers: &str) -> Result<Running, String> {
    let dir = scratch.0.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("    {kind}_temp_path {dir}/{name}-{kind};\n"))
        .collect();
    let text = format!(
        "daemon off;\nmaster_process off;\nworker_processes 1;\npid {dir}/{name}.pid;\n\
         events {{ worker_connections 8192; }}\nhttp {{\n    access_log off;\n    keepalive_requests 1000000000;\n    \
         keepalive_timeout 600s;\n{temporary}    {servers}\n}}\n"
    );
    let conf = scratch.put(&format!("{name}.conf"), &text)?;
    let log = scratch.0.join(format!("{name}.log"));
    let words = ["-e", "stderr", "-c", &conf.to_string_lossy()];
    Running::start(core, Path::new("nginx"), &words, &log)
}
