//! Where an order's proofs are put: to a proxy that runs on this machine, and to whatever way was asked for. With the
//! proxy there, a way that cannot be gone (its port in use by that very proxy) is no obstacle.

use super::hooks;
use super::options::{Authenticator, Options};
use super::proxies::Proxies;
use super::standalone::Standalone;
use super::talk::Talk;
use base::reason;
use certs::Bundle;
use certs::hatch::{Answer, Challenge, Handed, Hatch, HatchError};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::ready;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

const WELL_KNOWN: &str = ".well-known/acme-challenge";

/// See the module's head.
pub(super) struct Prover<'a> {
    options: &'a Options,
    talk: &'a Talk,
    way: Authenticator,
    proxies: Proxies,
    kinds: Vec<Challenge>,
    standalone: RefCell<Option<Standalone>>,
    /// Folders that were made for challenge files, the outermost first.
    made: RefCell<Vec<PathBuf>>,
    /// What a manual hook said, and how many proofs were to come then, by the proof it was called for.
    said: RefCell<BTreeMap<String, (String, usize)>>,
    all: RefCell<Vec<String>>,
    remaining: Cell<usize>,
    /// Answers that are still to be posted.
    pending: Cell<usize>,
}

impl<'a> Prover<'a> {
    pub(super) fn new(
        options: &'a Options,
        talk: &'a Talk,
        way: Authenticator,
        proxies: &Proxies,
    ) -> Result<Prover<'a>, String> {
        let mut kinds = own_kinds(options, talk, &way, proxies)?;
        if !proxies.is_empty() {
            let more = [Challenge::Http01, Challenge::TlsAlpn01]
                .map(|kind| (!kinds.contains(&kind)).then_some(kind));
            kinds.extend(more.into_iter().flatten());
        }
        Ok(Prover {
            options,
            talk,
            way,
            proxies: proxies.clone(),
            kinds,
            standalone: RefCell::default(),
            made: RefCell::default(),
            said: RefCell::default(),
            all: RefCell::default(),
            remaining: Cell::new(0),
            pending: Cell::new(0),
        })
    }

    /// The kinds of proof that may be given, the preferred first.
    pub(super) fn challenges(&self) -> Vec<Challenge> {
        let wanted = &self.options.challenges;
        match wanted.is_empty() {
            true => self.kinds.clone(),
            false => wanted.iter().copied().filter(|kind| self.kinds.contains(kind)).collect(),
        }
    }

    fn put(&self, answer: &Answer) -> Result<(), HatchError> {
        let unable = || HatchError(format!("--{} cannot give this kind of proof", self.way.name()));
        match (&self.way, answer) {
            (Authenticator::Standalone, Answer::Http { token, content, .. }) => self.serve(token, content),
            (Authenticator::Webroot, Answer::Http { name, token, content }) => {
                self.write(name, token, content)
            }
            (Authenticator::Manual, Answer::Http { name, token, content }) => {
                self.call(name, Some(token), content)
            }
            (Authenticator::Manual, Answer::Dns { name, value, .. }) => self.call(name, None, value),
            (Authenticator::Standalone | Authenticator::Webroot, Answer::Dns { .. } | Answer::Tls { .. })
            | (Authenticator::Standalone | Authenticator::Webroot | Authenticator::Manual, Answer::Persist { .. })
            | (Authenticator::Manual, Answer::Tls { .. })
            // Records are made by `certs::dns`, before they could come here.
            | (Authenticator::Rfc2136 | Authenticator::Cloudflare | Authenticator::Other(_), _) => Err(unable()),
        }
    }

    /// `--debug-challenges`: whoever asked for it looks at the answers before the authority does.
    fn wait_if_last(&self) -> Result<(), HatchError> {
        self.pending.set(self.pending.get().saturating_sub(1));
        if self.pending.get() > 0 || !self.options.debug_challenges || !self.talk.is_interactive() {
            return Ok(());
        }
        let question = "Challenges loaded. Press continue to submit to CA.";
        self.talk.ask(question, "Press Enter to Continue", "--non-interactive").map(drop).map_err(HatchError)
    }

    fn serve(&self, token: &str, content: &str) -> Result<(), HatchError> {
        let mut standalone = self.standalone.borrow_mut();
        if standalone.is_none() {
            let (address, port) = (&self.options.http_address, self.options.http_port);
            let started = Standalone::start(address, port).map_err(|why| {
                let why = reason(&why);
                HatchError(format!(
                    "port {port} cannot be listened on ({why}); stop what uses it, choose another with --http-01-port, \
                     or let lockgate be the server there{}",
                    self.proxies.excuse()
                ))
            })?;
            *standalone = Some(started);
        }
        if let Some(standalone) = standalone.as_ref() {
            standalone.post(token, content);
        }
        Ok(())
    }

    fn write(&self, name: &str, token: &str, content: &str) -> Result<(), HatchError> {
        let Some(root) = self.options.webroot_of(name) else {
            return Err(HatchError(format!(
                "no folder is known for '{name}': name it with -w before -d {name}"
            )));
        };
        let wrong =
            |path: &Path, why: std::io::Error| HatchError(format!("{}: {}", path.display(), reason(&why)));
        let mut folder = PathBuf::from(root);
        for part in WELL_KNOWN.split('/') {
            folder.push(part);
            if !folder.is_dir() {
                let made = std::fs::DirBuilder::new().mode(0o755).create(&folder);
                made.map_err(|why| wrong(&folder, why))?;
                self.made.borrow_mut().push(folder.clone());
            }
        }
        let file = folder.join(token);
        std::fs::write(&file, content).map_err(|why| wrong(&file, why))?;
        // The web server is somebody else.
        let mode = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(&file, mode).map_err(|why| wrong(&file, why))
    }

    fn call(&self, name: &str, token: Option<&str>, value: &str) -> Result<(), HatchError> {
        self.remaining.set(self.remaining.get().saturating_sub(1));
        match &self.options.manual_auth_hook {
            Some(hook) => {
                let kind = format!("'--manual-auth-hook' for {name}");
                let left = self.remaining.get();
                let said = hooks::run(self.talk, &kind, hook, &self.environment(name, token, value, left));
                self.said.borrow_mut().insert(value.to_owned(), (said.unwrap_or_default(), left));
                Ok(())
            }
            None if !self.proxies.is_empty() && token.is_some() => Ok(()),
            None => self.by_hand(name, token, value),
        }
    }

    fn by_hand(&self, name: &str, token: Option<&str>, value: &str) -> Result<(), HatchError> {
        let text = match token {
            Some(token) => format!(
                "Create a file containing just this data:\n\n{value}\n\nand make it available at this URL:\n\n\
                 http://{name}/{WELL_KNOWN}/{token}"
            ),
            None => format!(
                "Deploy a DNS TXT record under the name:\n\n_acme-challenge.{name}.\n\nwith the following value:\n\n{value}"
            ),
        };
        self.talk.ask(&text, "Press Enter to Continue", "--manual-auth-hook").map(drop).map_err(HatchError)
    }

    fn environment(
        &self,
        name: &str,
        token: Option<&str>,
        value: &str,
        left: usize,
    ) -> Vec<(&'static str, String)> {
        let all = self.all.borrow().join(",");
        let mut environment = vec![
            ("CERTBOT_DOMAIN", name.to_owned()),
            ("CERTBOT_IDENTIFIER", name.to_owned()),
            ("CERTBOT_VALIDATION", value.to_owned()),
            ("CERTBOT_ALL_DOMAINS", all.clone()),
            ("CERTBOT_ALL_IDENTIFIERS", all),
            ("CERTBOT_REMAINING_CHALLENGES", left.to_string()),
        ];
        environment.extend(token.map(|token| ("CERTBOT_TOKEN", token.to_owned())));
        environment
    }

    fn take_back(&self, answer: &Answer) {
        match (&self.way, answer) {
            (Authenticator::Standalone, Answer::Http { token, .. }) => {
                if let Some(standalone) = self.standalone.borrow().as_ref() {
                    standalone.withdraw(token);
                }
            }
            (Authenticator::Webroot, Answer::Http { name, token, .. }) => {
                if let Some(root) = self.options.webroot_of(name) {
                    // One that is gone already is what was wanted.
                    let _ = std::fs::remove_file(Path::new(root).join(WELL_KNOWN).join(token));
                }
            }
            (Authenticator::Manual, Answer::Http { name, token, content }) => {
                self.clean_up(name, Some(token), content);
            }
            (Authenticator::Manual, Answer::Dns { name, value, .. }) => self.clean_up(name, None, value),
            (Authenticator::Standalone | Authenticator::Webroot, Answer::Dns { .. } | Answer::Tls { .. })
            | (
                Authenticator::Standalone | Authenticator::Webroot | Authenticator::Manual,
                Answer::Persist { .. },
            )
            | (Authenticator::Manual, Answer::Tls { .. })
            | (Authenticator::Rfc2136 | Authenticator::Cloudflare | Authenticator::Other(_), _) => {}
        }
    }

    fn clean_up(&self, name: &str, token: Option<&str>, value: &str) {
        let said = self.said.borrow_mut().remove(value);
        if let (Some(hook), Some((said, left))) = (&self.options.manual_cleanup_hook, said) {
            let mut environment = self.environment(name, token, value, left);
            environment.push(("CERTBOT_AUTH_OUTPUT", said));
            hooks::run(self.talk, &format!("'--manual-cleanup-hook' for {name}"), hook, &environment);
        }
    }
}

/// The kinds of proof that a way gives without any proxy of ours; why it cannot be gone.
fn own_kinds(
    options: &Options,
    talk: &Talk,
    way: &Authenticator,
    proxies: &Proxies,
) -> Result<Vec<Challenge>, String> {
    Ok(match way {
        Authenticator::Standalone | Authenticator::Webroot => vec![Challenge::Http01],
        Authenticator::Manual => {
            if options.manual_auth_hook.is_none() && !talk.is_interactive() && proxies.is_empty() {
                return Err(
                    "An authentication script must be provided with --manual-auth-hook when using the \
                            manual plugin non-interactively."
                        .to_owned(),
                );
            }
            vec![Challenge::Http01, Challenge::Dns01]
        }
        Authenticator::Rfc2136 | Authenticator::Cloudflare if options.debug_challenges => {
            return Err("--debug-challenges does not wait for records: \
                        --dns-…-propagation-seconds does"
                .to_owned());
        }
        Authenticator::Rfc2136 | Authenticator::Cloudflare => vec![Challenge::Dns01],
        Authenticator::Other(name) if proxies.is_empty() => {
            return Err(format!(
                "the certificate is renewed by '{name}', which is not part of lockgate, and no proxy of ours runs \
                 here to answer in its place; 'reconfigure --cert-name NAME' with --standalone, --webroot or --manual \
                 names another way{}",
                proxies.excuse()
            ));
        }
        Authenticator::Other(_) => Vec::new(),
    })
}

impl Drop for Prover<'_> {
    fn drop(&mut self) {
        // Folders that hold something by now stay.
        for folder in self.made.borrow().iter().rev() {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

impl Hatch for Prover<'_> {
    fn answers(&self) -> &[Challenge] {
        &self.kinds
    }

    fn expect(&self, names: &[&str]) {
        *self.all.borrow_mut() = names.iter().map(|name| (*name).to_owned()).collect();
        self.remaining.set(names.len());
        self.pending.set(names.len());
    }

    fn post<'a>(&'a self, answer: &'a Answer) -> Handed<'a> {
        Box::pin(async move {
            let by_proxy = match answer {
                Answer::Http { .. } | Answer::Tls { .. } if !self.proxies.is_empty() => {
                    Some(self.proxies.post(answer).await)
                }
                Answer::Http { .. } | Answer::Tls { .. } | Answer::Dns { .. } | Answer::Persist { .. } => {
                    None
                }
            };
            match (self.put(answer), by_proxy) {
                (Ok(()), _) => {}
                (Err(why), Some(Ok(()))) => self.talk.detail(&format!("the running proxy answers: {why}")),
                (Err(_), Some(Err(why))) if matches!(answer, Answer::Tls { .. }) => return Err(why),
                (Err(why), Some(Err(_)) | None) => return Err(why),
            }
            self.wait_if_last()
        })
    }

    fn withdraw<'a>(&'a self, answer: &'a Answer) -> Handed<'a> {
        self.take_back(answer);
        match answer {
            Answer::Http { .. } | Answer::Tls { .. } => Box::pin(self.proxies.withdraw(answer)),
            Answer::Dns { .. } | Answer::Persist { .. } => Box::pin(ready(Ok(()))),
        }
    }

    fn publish<'a>(&'a self, file: &'a Path, bundle: &'a Bundle) -> Handed<'a> {
        Box::pin(async move {
            // A proxy that does not serve this file has no use for it. One that does is told; if that fails it will
            // find the new file by itself.
            if !self.options.dry_run
                && let Err(why) = self.proxies.publish(file, bundle).await
            {
                self.talk.detail(&why.to_string());
            }
            Ok(())
        })
    }
}
