//! One certificate from `Options` to the tree, by way of `certs::issue`: which key, which account, which names, and what
//! is said of it. Used by `certonly` and by `renew` alike.

use super::Failure;
use super::hooks::Hooks;
use super::options::{Authenticator, Options};
use super::proving::Prover;
use super::proxies::Proxies;
use super::records;
use super::saved;
use super::talk::Talk;
use base::reason;
use certs::acme::{Directory, IssueError, Unproven};
use certs::issue::{Issued, Profile, Request, Wanted};
use certs::renew::OrderKind;
use certs::schedule::issue_on_record;
use certs::tree::{Lineage, Renewal};
use certs::{Bundle, KeyKind, Outline, Storage};
use tls::Trust;

/// An order that is about to be placed.
pub(super) struct Ordering<'a> {
    pub(super) options: &'a Options,
    pub(super) talk: &'a Talk,
    pub(super) proxies: &'a Proxies,
    /// On disk.
    pub(super) name: &'a str,
    pub(super) names: Vec<String>,
    /// The certificate that is replaced.
    pub(super) before: Option<&'a Lineage>,
    /// One that was made elsewhere, in place of a key of ours.
    pub(super) request: Option<Request>,
}

/// What came of it.
pub(super) struct Ordered {
    pub(super) names: Vec<String>,
}

impl Ordering<'_> {
    /// Orders, keeps and deploys. Says what it does, not how it ended.
    pub(super) fn run(mut self, hooks: &Hooks<'_>) -> Result<Ordered, Failure> {
        self.issue()?;
        let tree = &self.options.tree;
        let folder = self.before.map_or_else(|| tree.live(self.name), Lineage::folder);
        hooks.deploy(self.options, &folder, &self.names).map_err(Failure::Failed)?;
        Ok(Ordered { names: self.names })
    }

    /// Has a request signed that was made elsewhere; nothing is kept.
    pub(super) fn sign(mut self) -> Result<Bundle, Failure> {
        self.issue()
    }

    fn announce(&self) {
        let shown = Options::shown(&self.names);
        self.talk.say(&match (self.options.dry_run, self.before) {
            (true, Some(_)) => format!("Simulating renewal of an existing certificate for {shown}"),
            (true, None) => format!("Simulating a certificate request for {shown}"),
            (false, Some(_)) => format!("Renewing an existing certificate for {shown}"),
            (false, None) => format!("Requesting a certificate for {shown}"),
        });
    }

    /// Issues; with `--allow-subset-of-names` again without the names that could not be proven.
    fn issue(&mut self) -> Result<Bundle, Failure> {
        self.announce();
        loop {
            match self.once() {
                Ok(issued) => {
                    issued.complaints.iter().for_each(|text| self.talk.remark(text));
                    return Ok(issued.bundle);
                }
                Err(Failure::Issue(IssueError::Unproven(failed), way)) if self.options.subset => {
                    let left: Vec<String> = self
                        .names
                        .iter()
                        .filter(|name| !failed.iter().any(|one| one.name == **name))
                        .cloned()
                        .collect();
                    if left.is_empty() || left.len() == self.names.len() {
                        return Err(Failure::Issue(IssueError::Unproven(failed), way));
                    }
                    self.talk.remark(&unproven(&failed, &way));
                    self.names = left;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    fn once(&self) -> Result<Issued, Failure> {
        let way = self.options.authenticator.clone().ok_or_else(|| Failure::Failed(no_way()))?;
        let prover = Prover::new(self.options, self.talk, way.clone(), self.proxies);
        let prover = prover.map_err(Failure::Failed)?;
        let wanted = self.wanted(&prover, &way)?;
        let storage = self.storage(&wanted.directory.url)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|why| Failure::Failed(format!("no runtime: {}", reason(&why))))?;
        let kind = match self.before.and_then(|before| Outline::of_lineage(before).ok()) {
            Some(before) if same(&before.names, &self.names) => OrderKind::SameNames,
            Some(_) | None => OrderKind::New,
        };
        let forced = self.options.force_renewal;
        let issued = runtime.block_on(issue_on_record(&wanted, &storage, &prover, kind, forced));
        issued.map_err(|error| Failure::Issue(error, way.name().to_owned()))
    }

    fn wanted(&self, prover: &Prover<'_>, way: &Authenticator) -> Result<Wanted, Failure> {
        let options = self.options;
        let profile = match (&options.required_profile, &options.preferred_profile) {
            (Some(name), _) => Some(Profile { name: name.clone(), required: true }),
            (None, Some(name)) => Some(Profile { name: name.clone(), required: false }),
            (None, None) => None,
        };
        Ok(Wanted {
            name: self.name.to_owned(),
            names: self.names.clone(),
            directory: directory(options)?,
            challenges: prover.challenges(),
            // A program of the operator's is called for one kind of proof, as Certbot calls it.
            other_kinds: *way != Authenticator::Manual,
            records: records::of(way, options, self.talk).map_err(Failure::Failed)?,
            key: self.key()?,
            request: self.request.clone(),
            must_staple: options.must_staple,
            reuse_key: options.reuse_key && !options.new_key,
            profile,
            preferred_chain: options.preferred_chain.clone(),
            copy: None,
            hooks: Vec::new(),
            replaces: self.before.is_some() && !options.dry_run,
        })
    }

    fn storage(&self, server: &str) -> Result<Storage, Failure> {
        let options = self.options;
        let before = self.before.map_or_else(Renewal::default, |before| before.renewal().clone());
        let storage = Storage::of(options.tree.clone()).described_by(saved::remember(options, before));
        let account = options.account.clone().filter(|id| options.tree.account(server, id).is_ok());
        if let (Some(id), None, true) = (&options.account, &account, options.given.contains("account")) {
            return Err(Failure::Failed(format!(
                "there is no account '{id}' for {server}; 'show_account' shows those there are"
            )));
        }
        let storage = storage.with_account(account);
        Ok(if options.dry_run { storage.rehearsing() } else { storage })
    }

    /// The key asked for, else one like that of the certificate before, else ECDSA.
    fn key(&self) -> Result<KeyKind, Failure> {
        let options = self.options;
        let rsa = |bits: u32| {
            KeyKind::rsa(bits).ok_or_else(|| format!("--rsa-key-size {bits}: 2048, 3072 or 4096"))
        };
        let curve = |name: &str| {
            KeyKind::curve(name)
                .ok_or_else(|| format!("--elliptic-curve {name}: secp256r1, secp384r1 or secp521r1"))
        };
        let before =
            self.before.and_then(|before| Outline::of_lineage(before).ok()).and_then(|known| known.key);
        // As with Certbot since 2.0, a size does not make it RSA.
        let kind = match (options.key_type.as_deref(), before) {
            (Some("rsa"), _) => rsa(options.rsa_key_size.unwrap_or(2048)),
            (None, Some(kind)) if kind.family() == "RSA" => options.rsa_key_size.map_or(Ok(kind), rsa),
            (Some(_), _) => curve(options.curve.as_deref().unwrap_or("secp256r1")),
            (None, before) => options.curve.as_deref().map_or(Ok(before.unwrap_or_default()), curve),
        };
        kind.map_err(Failure::Failed)
    }
}

/// The same names, in whatever order.
pub(super) fn same(some: &[String], others: &[String]) -> bool {
    some.len() == others.len() && some.iter().all(|name| others.contains(name))
}

/// The authority and how to be known there.
pub(super) fn directory(options: &Options) -> Result<Directory, Failure> {
    let url = options.directory();
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(Failure::Failed(format!(
            "--server {url}: the address of a directory is expected, https://..."
        )));
    }
    Ok(Directory {
        url,
        contact: options
            .email
            .iter()
            .flat_map(|all| all.split(','))
            .map(|one| one.trim().to_owned())
            .collect(),
        account_key: None,
        eab: options.eab().map_err(Failure::Failed)?,
        trust: if options.no_verify_ssl { Trust::Anybody } else { Trust::System },
    })
}

pub(super) fn no_way() -> String {
    "Missing command line flags. For non-interactive execution, you will need to specify a plugin on the command line: \
     --standalone, --webroot -w FOLDER, or --manual with its hooks. Where the proxy runs on this machine and has a \
     'stats socket' of level admin, none is needed."
        .to_owned()
}

/// What an authority said of names.
pub(super) fn unproven(failed: &[Unproven], way: &str) -> String {
    let mut text = format!(
        "\nCertbot failed to authenticate some domains (authenticator: {way}). The Certificate Authority reported these \
         problems:\n"
    );
    for one in failed {
        text.push_str(&format!("  Domain: {}\n  Type:   {}\n  Detail: {}\n\n", one.name, one.kind, one.why));
    }
    let hint = match way {
        "standalone" => {
            "Hint: the names must point to this machine, and port 80 must reach the port that --http-01-port names, or the \
             running proxy."
        }
        "webroot" => {
            "Hint: the web server must serve the files of the folder that -w names, for these very names."
        }
        _ => "Hint: look at what the hooks put in place, and whether the authority can see it yet.",
    };
    text.push_str(hint);
    text
}
