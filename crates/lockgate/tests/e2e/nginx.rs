//! nginx as a server: it names itself, echoes what it was told, keeps files and takes uploads.

use crate::authority::authority;
use crate::place::{Folder, free_address};
use crate::program::Program;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A running nginx.
pub struct Nginx {
    address: SocketAddr,
    _program: Program,
    folder: Folder,
}

impl Nginx {
    /// Plain HTTP. Every response carries `X-Server: NAME`; `/echo` shows what came, `/files/` takes and gives files.
    pub fn start(name: &str) -> Nginx {
        Nginx::with(name, "", "")
    }

    /// The same over TLS with a certificate for NAME.
    pub fn start_tls(name: &str) -> Nginx {
        let pem = authority().leaf(name);
        let more = format!("ssl_certificate {0};\nssl_certificate_key {0};\n", pem.display());
        Nginx::with(name, "ssl", &more)
    }

    /// Words behind `listen` and lines for `server`.
    pub fn with(name: &str, listen: &str, more: &str) -> Nginx {
        let folder = Folder::new();
        std::fs::create_dir(folder.path().join("files")).unwrap();
        for _ in 0..5 {
            let address = free_address();
            let path = folder.file("nginx.conf", config(folder.path(), name, address, listen, more));
            let mut command = Command::new("nginx");
            command.arg("-e").arg(folder.path().join("error.log")).arg("-c").arg(path);
            let mut program = Program::start(command);
            if program.listens(&[address]) {
                return Nginx { address, _program: program, folder };
            }
            let said = program.lines().join("\n");
            assert!(said.contains("in use"), "nginx did not start:\n{said}");
        }
        panic!("no free ports");
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A file below `/files/`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("files").join(name)
    }

    /// What it noted of each request: connection number, request line, `X-Forwarded-For`.
    pub fn requests(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

fn config(folder: &Path, name: &str, address: SocketAddr, listen: &str, more: &str) -> String {
    let here = folder.display();
    format!(
        r#"daemon off; master_process off; pid {here}/pid; worker_processes 1;
events {{ worker_connections 1024; }}
http {{
  log_format short '$connection "$request" $http_x_forwarded_for';
  access_log {here}/access.log short;
  client_body_temp_path {here}/body; proxy_temp_path {here}/p; fastcgi_temp_path {here}/f;
  uwsgi_temp_path {here}/u; scgi_temp_path {here}/s;
  client_max_body_size 0; keepalive_requests 100000;
  server {{
    listen {address} {listen};
    {more}
    add_header X-Server {name} always;
    location / {{ return 200 "{name}\n"; }}
    location /echo {{
      return 200 "host=$host xff=$http_x_forwarded_for proto=$http_x_forwarded_proto args=$args uri=$request_uri
from=$proxy_protocol_addr method=$request_method secret=$http_x_secret\n";
    }}
    location /files/ {{ root {here}; dav_methods PUT; }}
    location /empty {{ return 204; }}
    location /unchanged {{ return 304; }}
  }}
}}
"#
    )
}
