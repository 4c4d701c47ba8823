//! Where accounts and certificates are kept: what `issue` needs of the disk and nothing more. They are in Certbot's tree;
//! what is remembered of renewals is beside it, in a folder of our own.

use crate::acme::IssueError;
use crate::issue::Wanted;
use crate::private_file::write_private;
use crate::tree::{Account, Lock, Renewal, Tree, TreeError};
use base::reason;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a version of a certificate takes on disk: four files and the blocks of their folders.
const ROOM: usize = 64 * 1024;

/// A certificate with its key and the certificates of its issuers, in PEM. `Debug` leaves the key out.
#[derive(Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The private key, PKCS#8.
    pub key_pem: String,
    /// The certificate itself.
    pub cert_pem: String,
    /// Its issuers, nearest first; may be empty.
    pub chain_pem: String,
}

impl Bundle {
    /// All of it in one text, as `crt FILE` reads it.
    pub fn whole(&self) -> String {
        format!("{}{}{}", self.cert_pem, self.chain_pem, self.key_pem)
    }

    /// Certificate and issuers.
    pub fn fullchain(&self) -> String {
        format!("{}{}", self.cert_pem, self.chain_pem)
    }
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bundle").field("cert_pem", &self.cert_pem).finish_non_exhaustive()
    }
}

/// Where all is kept, and how what is new is to be described there.
#[derive(Clone, Debug)]
pub struct Storage {
    tree: Tree,
    renewal: Option<Renewal>,
    account: Option<String>,
    rehearsal: bool,
}

impl Storage {
    /// A storage in `folder`, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Storage {
        Storage::of(Tree::at(folder))
    }

    /// A storage in a tree.
    pub fn of(tree: Tree) -> Storage {
        Storage { tree, renewal: None, account: None, rehearsal: false }
    }

    /// New certificates are described by `renewal` instead of by what was asked for alone.
    pub fn described_by(self, renewal: Renewal) -> Storage {
        Storage { renewal: Some(renewal), ..self }
    }

    /// Of several accounts, the one of this name.
    pub fn with_account(self, id: Option<String>) -> Storage {
        Storage { account: id, ..self }
    }

    /// Certificates are not kept, as if none had come.
    pub fn rehearsing(self) -> Storage {
        Storage { rehearsal: true, ..self }
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.tree.config_dir
    }

    /// The tree in it.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The file with a lineage's certificate and issuers; its key is `privkey.pem` beside it.
    pub fn fullchain(&self, name: &str) -> PathBuf {
        self.tree.live(name).join("fullchain.pem")
    }

    /// Our account at a directory: the one chosen, or the first of those kept, with its name.
    pub fn account(&self, url: &str) -> Result<Option<(String, Account)>, IssueError> {
        let id = match &self.account {
            Some(id) => Some(id.clone()),
            None => self.tree.accounts(url)?.into_iter().next(),
        };
        let Some(id) = id else { return Ok(None) };
        let account = self.tree.account(url, &id)?;
        Ok(Some((id, account)))
    }

    /// Keeps our account at a directory.
    pub fn save_account(&self, url: &str, account: &Account) -> Result<(), IssueError> {
        self.tree.save_account(url, account)?;
        Ok(())
    }

    /// A text that is remembered over restarts, by its name.
    pub fn memory(&self, name: &str) -> Result<Option<String>, IssueError> {
        read(&self.memory_file(name))
    }

    /// Remembers a text.
    pub fn remember(&self, name: &str, text: &str) -> Result<(), IssueError> {
        write_private(&self.memory_file(name), text)
    }

    pub(crate) fn memory_file(&self, name: &str) -> PathBuf {
        self.folder().join("lockgate").join(format!("{name}.json"))
    }

    /// The certificate that a lineage holds.
    pub fn bundle(&self, name: &str) -> Result<Option<Bundle>, IssueError> {
        if !self.tree.has(name) {
            return Ok(None);
        }
        Ok(Some(self.tree.lineage(name)?.bundle()?))
    }

    /// Keeps a lineage's new certificate.
    pub fn save(&self, wanted: &Wanted, bundle: &Bundle) -> Result<(), IssueError> {
        if self.rehearsal {
            return Ok(());
        }
        let name = &wanted.name;
        if !self.tree.has(name) {
            self.tree.create(name, bundle, &self.description(wanted, Renewal::default())?)?;
            return Ok(());
        }
        let mut lineage = match self.tree.lineage(name) {
            Err(TreeError::Broken { .. }) => self.tree.remains(name)?,
            lineage => lineage?,
        };
        let renewal = self.description(wanted, lineage.renewal().clone())?;
        lineage.save(bundle, &renewal)?;
        Ok(())
    }

    /// How the certificate will be renewed: what is known of it already, and what was asked for now.
    fn description(&self, wanted: &Wanted, known: Renewal) -> Result<Renewal, IssueError> {
        let url = &wanted.directory.url;
        let mut renewal = self.renewal.clone().unwrap_or(known);
        if wanted.directory.account_key.is_none()
            && let Some((id, _)) = self.account(url)?
        {
            renewal.set("account", &id);
        }
        renewal.set("server", url);
        if renewal.param("authenticator").is_none() {
            renewal.set("authenticator", "standalone");
        }
        wanted.key.describe(&mut renewal);
        Ok(renewal)
    }

    /// Fails where a new certificate could not be kept: one that is ordered all the same would be lost, and limits count
    /// it. What is tried is written and removed.
    pub fn make_sure_of_room(&self, name: &str) -> Result<(), IssueError> {
        let file = self.folder().join("lockgate").join(format!("{name}.room"));
        let tried = write_private(&file, &" ".repeat(ROOM));
        match fs::remove_file(&file) {
            Err(why) if tried.is_ok() => Err(IssueError::Storage { file, why: reason(&why) }),
            Ok(()) | Err(_) => tried,
        }
    }

    /// Locks a lineage against other processes; fails where one holds it.
    pub fn lock(&self, name: &str) -> Result<Lock, IssueError> {
        Ok(self.tree.lock_lineage(name)?)
    }
}

/// The first certificate of a chain, and the others.
pub(crate) fn split(full: &str) -> (String, String) {
    const END: &str = "-----END CERTIFICATE-----";
    let at = full.find(END).map_or(full.len(), |at| at + END.len());
    let (cert, chain) = full.split_at(at);
    let chain = chain.trim_start();
    (
        format!("{}\n", cert.trim()),
        if chain.is_empty() { String::new() } else { format!("{}\n", chain.trim_end()) },
    )
}

fn read(path: &Path) -> Result<Option<String>, IssueError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(IssueError::Storage { file: path.to_owned(), why: reason(&why) }),
    }
}
