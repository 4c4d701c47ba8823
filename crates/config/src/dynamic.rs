//! A `server` line that an operator writes while the process runs (`add server`, management guide 9.3): the parameters
//! of `server` lines, without those of `default-server`, and without what such a server cannot have. What must be
//! known of the other servers is for the caller to check.

use crate::args::{Args, Polarity};
use crate::ctx::Ctx;
use crate::env::Environment;
use crate::failure::Failure;
use crate::model::{InitAddr, Model, Proxy, Server};
use crate::row::Place;
use crate::{check, rows};
use base::{Diagnostics, Span, Word};

/// Parameters that only a server of the configuration has: they concern its name's resolution, which is done at start,
/// or tie it to other sections.
pub(crate) const STATIC_ONLY: &[&str] = &[
    "init-addr",
    "log-bufsize",
    "log-proto",
    "non-stick",
    "redir",
    "resolve-net",
    "resolve-opts",
    "resolve-prefer",
    "resolvers",
    "shard",
    "stick",
];

/// Reads `NAME ADDRESS [parameter*]` for a backend. Warnings, and an alert where it cannot be used, are in what comes
/// with it.
pub fn server(model: &Model, backend: &Proxy, words: &[String]) -> (Option<Server>, Diagnostics) {
    let mut diags = Diagnostics::default();
    let line = std::iter::once("server").chain(words.iter().map(String::as_str));
    let line: Vec<Word> = line.map(|word| Word::new(word, Span::default())).collect();
    let (mut secrets, mut marks) = (Vec::new(), Vec::new());
    let mut ctx = Ctx {
        place: Place::BACKEND,
        section: "backend",
        section_name: &backend.name,
        diags: &mut diags,
        env: &mut Environment::default(),
        secrets: &mut secrets,
        marks: &mut marks,
    };
    let read = rows::server::dynamic(&mut ctx, &mut Args::new(&line, 1, Polarity::Plain));
    let read = read.and_then(|server| sound(model, backend, &server).map(|()| server));
    match read {
        Ok(mut server) => {
            // Its name is not looked up: whoever adds it knows the address, or sets it later.
            server.params.init_addr = Some(vec![InitAddr::None]);
            // Nor do its checks follow its traffic: they speak TLS or the PROXY protocol where the command says so.
            server.params.check_ssl.get_or_insert(false);
            server.params.check_send_proxy.get_or_insert(false);
            (Some(server), diags)
        }
        Err(failure) => {
            failure.report(&mut diags);
            (None, diags)
        }
    }
}

/// What the whole of a configuration is checked for, as far as it concerns one server.
fn sound(model: &Model, backend: &Proxy, server: &Server) -> Result<(), Failure> {
    let params = &server.params;
    let wrong = |text: String| Err(Failure::new(Span::default(), text));
    if params.check == Some(true) && check::lacks_port(backend, server) {
        let name = &server.name;
        return wrong(format!(
            "config: backend '{}': server '{name}' has neither service port nor check port nor tcp_check rule \
             'connect' with port information.",
            backend.name
        ));
    }
    if check::trusts_nothing(model, &backend.settings, server) {
        return wrong(
            "verify is enabled by default but no CA file specified. If you're running on a LAN where you're certain \
             to trust the server's certificate, please set an explicit 'verify none' statement on the 'server' line, \
             or use 'ssl-server-verify none' in the global section to disable server-side verifications by default."
                .to_owned(),
        );
    }
    if params.track.is_some() && (params.check == Some(true) || params.agent_check == Some(true)) {
        return wrong("unable to enable checks and tracking at the same time.".to_owned());
    }
    Ok(())
}
