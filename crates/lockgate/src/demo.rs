//! `lockgate demo`: a front door with servers of its own, to look at. Everything is real: sockets, TLS, the
//! configuration that it prints.

mod sample;
mod visitor;

use crate::Exit;
use crate::check::Judgement;
use crate::console::{self, Console};
use crate::flags::Flags;
use crate::private_name::Household;
use crate::start::{self, Failed};
use clap::Args;
use config::Source;
use proxy::Running;
use proxy::lower::Overrides;
use sample::Sample;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Two sample servers behind a front door with a certificate made on the spot
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Make ten requests through itself, print who answered, and exit
    #[arg(long)]
    once: bool,
    /// Where plain HTTP is redirected from
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    http_port: u16,
    /// Where HTTPS is served
    #[arg(long, value_name = "PORT", default_value_t = 8443)]
    https_port: u16,
}

/// Requests of `--once`.
const VISITS: usize = 10;

/// Shows itself until told to stop.
pub(crate) fn run(arguments: &DemoArgs) -> Exit {
    match show(arguments) {
        Ok(exit) => exit,
        Err(why) => {
            console::err(&format!("lockgate demo: {why}\n"));
            Exit::Failed
        }
    }
}

/// A folder that goes with the demo.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is in the folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn show(arguments: &DemoArgs) -> Result<Exit, String> {
    let folder = Folder(std::env::temp_dir().join(format!("lockgate-demo-{}", std::process::id())));
    let authority = Household::open(&folder.0)?;
    let certificate = authority.issue(&["localhost", "127.0.0.1"])?;
    let servers = [Sample::start("A")?, Sample::start("B")?];
    let text = config(arguments, &certificate, servers.each_ref().map(Sample::addr));
    let judgement = Judgement {
        lowering: Overrides { temporary: start::temporary_certificate(), ..Overrides::default() },
        ..Judgement::default()
    };
    let name = "lockgate demo".to_owned();
    let mut prepared =
        judgement.prepare(vec![Source { name: name.clone(), text: text.clone().into_bytes() }]);
    let console = Console { quiet: false, hints: false };
    judgement.report(&prepared.loaded, &[name], console);
    if !judgement.accepts(&prepared.loaded) {
        return Err("its own configuration was refused".to_owned());
    }
    if arguments.once {
        let plan = prepared.plan.take().ok_or("there is nothing to run")?;
        start::refuse_to_share(&plan).map_err(|Failed(why)| why)?;
        let running = Running::start(Arc::new(plan)).map_err(|e| e.to_string())?;
        let visited = visitor::visit(arguments.https_port, &authority.root(), VISITS);
        drop(running);
        return visited.map(|()| Exit::Ok);
    }
    let announce = announcement(arguments, &authority.root(), &text);
    Ok(start::serve_then(prepared, &Flags::default(), start::Origin::Person, &announce, console, || {
        drop(folder)
    }))
}

fn config(arguments: &DemoArgs, certificate: &Path, servers: [SocketAddr; 2]) -> String {
    let DemoArgs { http_port, https_port, .. } = arguments;
    let [a, b] = servers;
    format!(
        "defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend http
    bind 127.0.0.1:{http_port}
    http-request redirect location https://localhost:{https_port}%[pathq] code 302

frontend https
    bind 127.0.0.1:{https_port} ssl crt {}
    option forwardfor
    http-request set-header X-Forwarded-Proto https
    default_backend samples

backend samples
    balance roundrobin
    server A {a} check
    server B {b} check
",
        certificate.display()
    )
}

fn announcement(arguments: &DemoArgs, root: &Path, config: &str) -> String {
    let DemoArgs { http_port, https_port, .. } = arguments;
    format!(
        "Open https://localhost:{https_port}/ (the browser will ask: it does not know this authority)\n\
         or   http://localhost:{http_port}/ and be redirected. Or paste this, twice:\n\n  \
         curl --cacert {} https://localhost:{https_port}/\n\n\
         Two sample servers, A and B, take turns. This is the configuration it stands for:\n\n{}\n\
         Ctrl-C ends it.\n",
        root.display(),
        config.lines().map(|line| format!("  {line}\n")).collect::<String>()
    )
}
