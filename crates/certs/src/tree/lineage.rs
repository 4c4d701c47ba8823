//! One certificate through all its versions: numbered files in `archive/NAME/`, links to the newest in `live/NAME/`, and
//! `renewal/NAME.conf`, whose existence makes it one.
//!
//! ```text
//! create: archive files -> links -> conf          a conf without what it names is never there
//! save:   archive files -> links -> conf          links that disagree after a crash: the newest whole version counts
//! delete: conf -> live -> archive                 what is left over is no certificate, and can be deleted again
//! ```

use super::renewal::Renewal;
use super::{Tree, TreeError, check_name, disk, readme};
use crate::Bundle;
use base::reason;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Longest file with certificates or a key that is read.
const MAX_PEM: u64 = 1024 * 1024;
/// What a key's group and the others may have had before and may keep.
const KEPT_RIGHTS: u32 = 0o074;

/// A file of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The certificate alone.
    Cert,
    /// Its key.
    Privkey,
    /// Its issuers.
    Chain,
    /// The certificate and its issuers.
    Fullchain,
}

impl Kind {
    /// All of them. The key comes first: whoever sees a new certificate finds its key.
    pub const ALL: [Kind; 4] = [Kind::Privkey, Kind::Cert, Kind::Chain, Kind::Fullchain];

    /// Its word in names of files and in confs.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Cert => "cert",
            Kind::Privkey => "privkey",
            Kind::Chain => "chain",
            Kind::Fullchain => "fullchain",
        }
    }

    /// What it is called in `live/NAME/`.
    fn file(self) -> String {
        format!("{}.pem", self.name())
    }

    fn text(self, bundle: &Bundle) -> String {
        match self {
            Kind::Cert => bundle.cert_pem.clone(),
            Kind::Privkey => bundle.key_pem.clone(),
            Kind::Chain => bundle.chain_pem.clone(),
            Kind::Fullchain => bundle.fullchain(),
        }
    }
}

/// See the module's head.
#[derive(Clone, Debug)]
pub struct Lineage {
    name: String,
    conf: PathBuf,
    renewal: Renewal,
    archive: PathBuf,
    version: u32,
}

impl Lineage {
    pub(super) fn load(tree: &Tree, name: &str) -> Result<Lineage, TreeError> {
        let mut lineage = Lineage::described(tree, name)?;
        lineage.version = lineage.find_version()?;
        Ok(lineage)
    }

    /// Has all links lead into the archive folder again: to the version whose number they carry where that is whole, else
    /// to the newest that is. Whether there was something to do.
    pub(super) fn relink(tree: &Tree, name: &str) -> Result<bool, TreeError> {
        let mut lineage = Lineage::described(tree, name)?;
        if Kind::ALL.iter().all(|kind| lineage.linked(*kind).is_ok()) {
            lineage.version = lineage.find_version()?;
            let strays = |kind: &Kind| {
                let led = fs::canonicalize(lineage.path(*kind)).ok();
                led != fs::canonicalize(lineage.file(*kind, lineage.version)).ok()
            };
            if !Kind::ALL.iter().any(strays) {
                return Ok(false);
            }
        }
        let written = lineage.written().filter(|version| lineage.is_whole(*version));
        let version = match written {
            Some(version) => version,
            None => lineage.newest()?,
        };
        lineage.point_to(version)?;
        Ok(true)
    }

    /// Whether the link that changes first and the one that changes last lead to files of one number, or to none.
    pub(super) fn is_in_step(tree: &Tree, name: &str) -> bool {
        let led = |kind: Kind| {
            let target = fs::read_link(tree.live(name).join(kind.file())).ok()?;
            number(kind, &target.file_name()?.to_string_lossy())
        };
        led(Kind::Privkey) == led(Kind::Fullchain)
    }

    /// What its conf says, whatever is there.
    fn described(tree: &Tree, name: &str) -> Result<Lineage, TreeError> {
        check_name(name)?;
        let conf = tree.conf(name);
        let missing = || TreeError::Missing { name: name.to_owned(), conf: conf.clone() };
        let text = disk::read(&conf, super::document::MAX_FILE)?.ok_or_else(missing)?;
        let wrong = |line, why| TreeError::Conf { conf: conf.clone(), line, why };
        let renewal = Renewal::parse(&text).map_err(|mistake| wrong(mistake.line, mistake.why))?;
        for kind in Kind::ALL {
            if renewal.head(kind.name()).is_none() {
                let kind = kind.name();
                let why =
                    format!("the line '{kind} = …/live/{name}/{kind}.pem' before [renewalparams] is missing");
                return Err(wrong(0, why));
            }
        }
        let mut lineage =
            Lineage { name: name.to_owned(), archive: tree.archive(name), version: 0, conf, renewal };
        if let Some(archive) = lineage.renewal.head("archive_dir") {
            lineage.archive = archive.into();
        }
        Ok(lineage)
    }

    pub(super) fn remains(tree: &Tree, name: &str) -> Result<Lineage, TreeError> {
        let lineage = Lineage::described(tree, name)?;
        let (live, archive) = (tree.live(name), tree.archive(name));
        let elsewhere = Kind::ALL.iter().map(|kind| (lineage.path(*kind), live.join(kind.file())));
        let elsewhere = elsewhere.chain([(lineage.archive.clone(), archive.clone())]);
        if let Some((named, own)) = elsewhere.into_iter().find(|(named, own)| named != own) {
            let why = format!("it is not there, and the conf should say {}", own.display());
            return Err(lineage.broken(named, why));
        }
        make_folders(tree, &live, &archive)?;
        Ok(lineage)
    }

    /// The number in the names that the links carry, where all carry the same.
    fn written(&self) -> Option<u32> {
        let number = |kind: Kind| {
            let target = fs::read_link(self.path(kind)).ok()?;
            number(kind, &target.file_name()?.to_string_lossy())
        };
        let first = number(Kind::Cert)?;
        Kind::ALL.iter().all(|kind| number(*kind) == Some(first)).then_some(first)
    }

    fn is_whole(&self, version: u32) -> bool {
        Kind::ALL.iter().all(|kind| self.file(*kind, version).exists())
    }

    fn newest(&self) -> Result<u32, TreeError> {
        let newest = self.versions()?.into_iter().rev().find(|version| self.is_whole(*version));
        newest.ok_or_else(|| self.broken(self.archive.clone(), "no version in it is whole".to_owned()))
    }

    /// The version that counts.
    fn find_version(&self) -> Result<u32, TreeError> {
        let mut linked = Vec::new();
        for kind in Kind::ALL {
            linked.push(self.linked(kind)?);
        }
        let agreed = linked.iter().all(|version| Some(version) == linked.first());
        match linked.first() {
            Some(version) if agreed => Ok(*version),
            // Somebody was stopped while the links were changed.
            Some(_) | None => self.newest(),
        }
    }

    /// Which version a link leads to.
    fn linked(&self, kind: Kind) -> Result<u32, TreeError> {
        let link = self.path(kind);
        let meta = fs::symlink_metadata(&link);
        let meta =
            meta.map_err(|why| self.broken(link.clone(), format!("it cannot be found ({})", reason(&why))))?;
        if !meta.is_symlink() {
            let why = "it should be a link into the archive folder and is none".to_owned();
            return Err(self.broken(link, why));
        }
        let target = fs::canonicalize(&link);
        let target = target.map_err(|why| {
            self.broken(link.clone(), format!("what it leads to is gone ({})", reason(&why)))
        })?;
        let named = target.file_name().and_then(|name| number(kind, &name.to_string_lossy()));
        named.ok_or_else(|| {
            let why = format!("it leads to {}, which is no {}NUMBER.pem", target.display(), kind.name());
            self.broken(link, why)
        })
    }

    fn broken(&self, path: PathBuf, why: String) -> TreeError {
        TreeError::Broken { name: self.name.clone(), path, why }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it is renewed.
    pub fn renewal(&self) -> &Renewal {
        &self.renewal
    }

    /// The file that tells so.
    pub fn conf(&self) -> &Path {
        &self.conf
    }

    /// The number of the newest version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The link to the newest file of a kind.
    pub fn path(&self, kind: Kind) -> PathBuf {
        self.renewal.head(kind.name()).unwrap_or_default().into()
    }

    /// The folder with the links.
    pub fn folder(&self) -> PathBuf {
        self.path(Kind::Fullchain).parent().unwrap_or(Path::new("/")).to_owned()
    }

    fn file(&self, kind: Kind, version: u32) -> PathBuf {
        self.archive.join(format!("{}{version}.pem", kind.name()))
    }

    /// One file of the newest version.
    pub fn text(&self, kind: Kind) -> Result<String, TreeError> {
        let file = self.file(kind, self.version);
        let text = disk::read(&file, MAX_PEM)?;
        text.ok_or_else(|| self.broken(file, "it cannot be found".to_owned()))
    }

    /// The newest version.
    pub fn bundle(&self) -> Result<Bundle, TreeError> {
        Ok(Bundle {
            key_pem: self.text(Kind::Privkey)?,
            cert_pem: self.text(Kind::Cert)?,
            chain_pem: self.text(Kind::Chain)?,
        })
    }

    /// Numbers of all versions of which something is there, the newest last.
    pub fn versions(&self) -> Result<Vec<u32>, TreeError> {
        versions(&self.archive)
    }

    /// Adds a version, which becomes the newest. The key's group and what it may do are kept.
    pub fn save(&mut self, bundle: &Bundle, renewal: &Renewal) -> Result<(), TreeError> {
        let before = fs::metadata(self.file(Kind::Privkey, self.version)).ok();
        let version = self.versions()?.last().map_or(1, |last| last.saturating_add(1));
        self.write(version, bundle)?;
        if let Some(before) = before.filter(|meta| meta.mode() & KEPT_RIGHTS != 0) {
            let mode = disk::PRIVATE | (before.mode() & KEPT_RIGHTS);
            disk::give_to(&self.file(Kind::Privkey, version), before.gid(), mode)?;
        }
        self.point_to(version)?;
        self.save_renewal(renewal)
    }

    /// Rewrites how it is renewed, and nothing else.
    pub fn save_renewal(&mut self, renewal: &Renewal) -> Result<(), TreeError> {
        let mut new = renewal.clone();
        new.set_head("archive_dir", &self.archive.display().to_string());
        for kind in [Kind::Cert, Kind::Privkey, Kind::Chain, Kind::Fullchain] {
            new.set_head(kind.name(), &self.path(kind).display().to_string());
        }
        let mode = fs::metadata(&self.conf).map_or(disk::PUBLIC, |meta| meta.mode() & 0o777);
        disk::write(&self.conf, &new.text(), mode)?;
        self.renewal = new;
        Ok(())
    }

    fn write(&self, version: u32, bundle: &Bundle) -> Result<(), TreeError> {
        // Numbers are not used again: what a killed writer left there, a key perhaps, would stay.
        disk::forget_unfinished(&self.archive)?;
        for kind in Kind::ALL {
            let mode = if kind == Kind::Privkey { disk::PRIVATE } else { disk::PUBLIC };
            disk::write(&self.file(kind, version), &kind.text(bundle), mode)?;
        }
        Ok(())
    }

    fn point_to(&mut self, version: u32) -> Result<(), TreeError> {
        let link = |kind: Kind| {
            let link = self.path(kind);
            let target = from(link.parent().unwrap_or(Path::new("/")), &self.file(kind, version));
            (link, target)
        };
        disk::links(&self.folder(), &Kind::ALL.map(link))?;
        self.version = version;
        Ok(())
    }

    pub(super) fn create(
        tree: &Tree,
        name: &str,
        bundle: &Bundle,
        renewal: &Renewal,
    ) -> Result<Lineage, TreeError> {
        check_name(name)?;
        if tree.has(name) {
            return Err(TreeError::Exists { name: name.to_owned() });
        }
        let (live, archive) = (tree.live(name), tree.archive(name));
        make_folders(tree, &live, &archive)?;
        let mut renewal = renewal.clone();
        renewal.set_head("archive_dir", &archive.display().to_string());
        for kind in [Kind::Cert, Kind::Privkey, Kind::Chain, Kind::Fullchain] {
            let link = live.join(kind.file());
            renewal.set_head(kind.name(), &link.display().to_string());
        }
        let mut new = Lineage {
            name: name.to_owned(),
            conf: tree.conf(name),
            renewal: renewal.clone(),
            archive,
            version: 0,
        };
        let version = new.versions()?.last().map_or(1, |last| last.saturating_add(1));
        new.write(version, bundle)?;
        new.point_to(version)?;
        new.save_renewal(&renewal)?;
        Ok(new)
    }
}

fn make_folders(tree: &Tree, live: &Path, archive: &Path) -> Result<(), TreeError> {
    for (above, folder) in [("archive", archive), ("live", live)] {
        disk::folder(&tree.config_dir, disk::OPEN)?;
        disk::folder(&tree.config_dir.join(above), disk::CLOSED)?;
        disk::folder(folder, disk::OPEN)?;
    }
    disk::folder(&tree.renewal(), disk::OPEN)?;
    readme::write(tree, live)
}

/// Removes all parts; those that a conf names elsewhere are left where they are unless they are this certificate's own.
pub(super) fn delete(tree: &Tree, name: &str) -> Result<(), TreeError> {
    check_name(name)?;
    let (conf, live, archive) = (tree.conf(name), tree.live(name), tree.archive(name));
    if ![&conf, &live, &archive].iter().any(|part| fs::symlink_metadata(part).is_ok()) {
        return Err(TreeError::Missing { name: name.to_owned(), conf });
    }
    let elsewhere = Lineage::load(tree, name).ok().map(|lineage| (lineage.folder(), lineage.archive));
    disk::forget(&conf)?;
    if tree.renewal().is_dir() {
        disk::sync_folder(&tree.renewal())?;
    }
    disk::forget_folder(&live)?;
    disk::forget_folder(&archive)?;
    // A conf that was edited, or a tree that was moved: the folders have the certificate's name all the same.
    let own = |folder: &Path| folder.file_name().is_some_and(|last| last == name);
    if let Some((live, archive)) = elsewhere {
        for folder in [live, archive].iter().filter(|folder| own(folder)) {
            disk::forget_folder(folder)?;
        }
    }
    Ok(())
}

fn versions(archive: &Path) -> Result<Vec<u32>, TreeError> {
    let names = disk::names(archive)?;
    let mut all: Vec<u32> =
        names.iter().filter_map(|name| Kind::ALL.iter().find_map(|kind| number(*kind, name))).collect();
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// The number in `cert12.pem`.
fn number(kind: Kind, name: &str) -> Option<u32> {
    name.strip_prefix(kind.name())?.strip_suffix(".pem")?.parse().ok()
}

/// The way from a folder to a file, up and down, so that a tree can be moved.
fn from(folder: &Path, file: &Path) -> PathBuf {
    let (mut here, mut there) = (folder.components().peekable(), file.components().peekable());
    while here.peek().is_some() && here.peek() == there.peek() {
        here.next();
        there.next();
    }
    here.map(|_| std::path::Component::ParentDir).chain(there).collect()
}
