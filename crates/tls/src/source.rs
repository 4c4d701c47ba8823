//! Which files make one certificate. `crt` words become sources here (a file, a folder, Certbot's folders, a bundle of
//! twins, an entry of a `crt-store`); reading them is `certificate`'s.

use crate::problem::Problem;
use crate::store::CertStore;
use crate::watch::Look;
use base::reason;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The files of one certificate; `None` = look beside the certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Source {
    pub(crate) crt: PathBuf,
    pub(crate) key: Option<PathBuf>,
    pub(crate) ocsp: Option<PathBuf>,
    pub(crate) sctl: Option<PathBuf>,
    pub(crate) issuer: Option<PathBuf>,
    /// `ocsp-update` of a `crt-store`.
    pub(crate) ocsp_update: Option<bool>,
}

impl Source {
    fn file(crt: PathBuf) -> Source {
        Source { crt, ..Source::default() }
    }

    /// Its own file, and those that do not lie beside it.
    pub(crate) fn elsewhere(&self) -> impl Iterator<Item = &Path> {
        let others = [&self.key, &self.ocsp, &self.sctl, &self.issuer].into_iter().flatten();
        std::iter::once(&self.crt).chain(others).map(PathBuf::as_path)
    }

    /// One of its files may have changed.
    pub(crate) fn is_at(&self, look: Look<'_>) -> bool {
        self.elsewhere().any(|file| look.is_at(file))
    }

    /// Where the key may be if it is not in the certificate's own file, in this order.
    pub(crate) fn key_files(&self) -> Vec<PathBuf> {
        match &self.key {
            Some(key) => vec![key.clone()],
            None => [Some(with_suffix(&self.crt, ".key")), certbot_key(&self.crt), self.without_ext(".key")]
                .into_iter()
                .flatten()
                .collect(),
        }
    }

    /// `name.key` beside `name.crt` (`ssl-load-extra-del-ext`, which need not be said).
    fn without_ext(&self, suffix: &str) -> Option<PathBuf> {
        let bare =
            self.crt.extension().filter(|ending| *ending == "crt").map(|_| self.crt.with_extension(""));
        bare.map(|bare| with_suffix(&bare, suffix))
    }

    /// A file that belongs to the certificate, whether it is there or not.
    fn beside(&self, suffix: &str) -> PathBuf {
        let file = with_suffix(&self.crt, suffix);
        match self.without_ext(suffix) {
            Some(bare) if !file.exists() && bare.exists() => bare,
            Some(_) | None => file,
        }
    }

    /// The file with the response to staple.
    pub(crate) fn ocsp_file(&self) -> PathBuf {
        self.ocsp.clone().unwrap_or_else(|| self.beside(".ocsp"))
    }

    /// The file with the issuer's certificate, where the chain lacks it.
    pub(crate) fn issuer_file(&self) -> PathBuf {
        self.issuer.clone().unwrap_or_else(|| self.beside(".issuer"))
    }

    /// The file with timestamps of certificate transparency.
    pub(crate) fn sctl_file(&self) -> PathBuf {
        self.sctl.clone().unwrap_or_else(|| self.beside(".sctl"))
    }
}

/// Suffixes of files that belong to the certificate of the name before them (`crt`, configuration manual).
const SIBLINGS: [&str; 4] = [".key", ".issuer", ".ocsp", ".sctl"];
/// Twins of one name by kind of key (`ssl-load-extra-files`).
const TWINS: [&str; 3] = [".rsa", ".ecdsa", ".dsa"];

pub(crate) fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Certbot's `privkey.pem` for its `fullchain.pem` or `cert.pem`; in its archive both carry a number.
fn certbot_key(crt: &Path) -> Option<PathBuf> {
    let name = crt.file_name()?.to_str()?;
    let number =
        name.strip_prefix("fullchain").or_else(|| name.strip_prefix("cert"))?.strip_suffix(".pem")?;
    number.bytes().all(|b| b.is_ascii_digit()).then(|| crt.with_file_name(format!("privkey{number}.pem")))
}

/// Resolves one `crt` word; a folder may stand for nothing yet.
pub(crate) fn resolve(store: &CertStore, word: &str, problems: &mut Vec<Problem>) -> Vec<Source> {
    if word.starts_with('@') {
        let found = store.stored(word);
        if found.is_none() {
            problems.push(Problem::NotInStore { word: word.to_owned() });
        }
        return found.into_iter().filter(|source| !store.is_awaited(&source.crt)).collect();
    }
    let path = store.crt_path(word);
    if store.is_awaited(&path) {
        return Vec::new();
    }
    match std::fs::metadata(&path) {
        Ok(meta) if meta.is_dir() => folder(&path, problems),
        Ok(_) => vec![Source::file(path)],
        Err(_) if store.is_kept(&path) => vec![Source::file(path)],
        Err(error) => twins(&path, &error, problems),
    }
}

/// The name before `.rsa` and `.ecdsa`, where no file of the name itself exists.
fn twins(base: &Path, error: &std::io::Error, problems: &mut Vec<Problem>) -> Vec<Source> {
    let missing = error.kind() == ErrorKind::NotFound;
    let files = TWINS.iter().map(|suffix| with_suffix(base, suffix));
    let list: Vec<_> = files.filter(|file| missing && file.exists()).map(Source::file).collect();
    if list.is_empty() {
        problems.push(Problem::Unreadable { file: base.to_owned(), why: reason(&error) });
    }
    list
}

/// A folder's certificates in alphabetical order. A folder of Certbot's stands for its `fullchain.pem`.
fn folder(path: &Path, problems: &mut Vec<Problem>) -> Vec<Source> {
    if let Some(lineage) = lineage(path) {
        return vec![Source::file(lineage)];
    }
    let entries = match std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(entries) => entries,
        Err(error) => {
            problems.push(Problem::Unreadable { file: path.to_owned(), why: reason(&error) });
            return Vec::new();
        }
    };
    let candidates = entries.iter().filter(|entry| is_candidate(&entry.path()));
    let mut files: Vec<PathBuf> = candidates.filter_map(entry).collect();
    files.sort();
    files.into_iter().map(Source::file).collect()
}

/// A file stands for itself, a folder in a folder only if it is Certbot's.
fn entry(entry: &std::fs::DirEntry) -> Option<PathBuf> {
    let (path, kind) = (entry.path(), entry.file_type().ok()?);
    let is_folder = kind.is_dir() || kind.is_symlink() && path.is_dir();
    if is_folder { lineage(&path) } else { Some(path) }
}

fn lineage(folder: &Path) -> Option<PathBuf> {
    let chain = folder.join("fullchain.pem");
    (chain.exists() && folder.join("privkey.pem").exists()).then_some(chain)
}

fn is_candidate(file: &Path) -> bool {
    let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    !name.starts_with('.') && !SIBLINGS.iter().any(|suffix| name.ends_with(suffix))
}
