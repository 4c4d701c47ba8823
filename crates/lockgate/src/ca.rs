//! `lockgate ca`: shows the root of the local authority, and puts it into the system's trust store. Makes the authority
//! where there is none yet, so that the root can be handed out before the first certificate.

use crate::{Exit, console, private_name};
use base::reason;
use certs::issue::authority_folder;
use certs::local::kept;
use clap::{Args, Subcommand};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// Where `acme` sections keep what they obtain if they name no `storage`.
const STORAGE: &str = "/etc/letsencrypt";
/// The root among the system's own; `update-ca-certificates` takes files that end in `.crt`.
const ANCHOR: &str = "lockgate-local-authority.crt";

#[derive(Debug, Args)]
pub(crate) struct CaArgs {
    #[command(subcommand)]
    verb: CaVerb,
    /// The `storage` of the acme section with `directory internal`; else its default if an authority is there, else
    /// the one of `lockgate serve`
    #[arg(long, global = true)]
    storage: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum CaVerb {
    /// Print the root certificate
    Root,
    /// Put the root certificate into this system's trust store
    Trust,
}

/// Does what was asked for.
pub(crate) fn run(arguments: &CaArgs) -> Exit {
    let folder = folder(arguments.storage.as_deref());
    let done = kept::open(&folder, SystemTime::now()).map_err(|why| why.to_string()).and_then(|authority| {
        match arguments.verb {
            CaVerb::Root => Ok(authority.root_pem().to_owned()),
            CaVerb::Trust => Store::system().trust(authority.root_pem(), &kept::root_file(&folder)),
        }
    });
    match done {
        Ok(text) => {
            console::out(&text);
            Exit::Ok
        }
        Err(why) => {
            console::err(&format!("lockgate ca: {why}\n"));
            Exit::Failed
        }
    }
}

fn folder(storage: Option<&Path>) -> PathBuf {
    let of_sections = authority_folder(Path::new(STORAGE));
    match storage {
        Some(storage) => authority_folder(storage),
        None if kept::root_file(&of_sections).exists() => of_sections,
        None => private_name::home(),
    }
}

/// A trust store in Debian's manner.
struct Store {
    anchors: PathBuf,
    update: Command,
}

impl Store {
    fn system() -> Store {
        let anchors = PathBuf::from("/usr/local/share/ca-certificates");
        Store { anchors, update: Command::new("update-ca-certificates") }
    }

    /// Adds a root; says what was done.
    fn trust(mut self, root_pem: &str, root: &Path) -> Result<String, String> {
        if !self.anchors.is_dir() {
            return Err(unknown(root));
        }
        let anchor = self.anchors.join(ANCHOR);
        let before = fs::read_to_string(&anchor).ok();
        fs::write(&anchor, root_pem).map_err(|why| {
            format!("{} cannot be written: {}; try it with sudo", anchor.display(), reason(&why))
        })?;
        let why = match self.update.output() {
            Ok(done) if done.status.success() => {
                return Ok(format!("{} is trusted on this system now\n", anchor.display()));
            }
            Ok(done) => {
                format!("ended with {}: {}", done.status, String::from_utf8_lossy(&done.stderr).trim())
            }
            Err(why) => format!("cannot be run: {}", reason(&why)),
        };
        let undone = match before {
            Some(text) => fs::write(&anchor, text),
            None => fs::remove_file(&anchor),
        };
        let left = undone
            .err()
            .map(|why| format!("; {} is left: {}", anchor.display(), reason(&why)))
            .unwrap_or_default();
        Err(format!("update-ca-certificates {why}{left}. {}", unknown(root)))
    }
}

fn unknown(root: &Path) -> String {
    format!(
        "This system's trust store is not one that Lockgate knows. Add {} to it by hand (Fedora: copy it to \
         /etc/pki/ca-trust/source/anchors and run update-ca-trust), or give it to the client (curl --cacert)",
        root.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debians_tool_takes_the_root_and_what_it_signed_verifies() {
        let folder = std::env::temp_dir().join(format!("lockgate-trust-{}", std::process::id()));
        let (anchors, etc) = (folder.join("anchors"), folder.join("etc"));
        for made in [&anchors, &etc, &folder.join("hooks")] {
            fs::create_dir_all(made).unwrap();
        }
        fs::write(folder.join("conf"), "").unwrap();
        let authority = kept::open(&folder.join("ca"), SystemTime::now()).unwrap();
        let mut update = Command::new("update-ca-certificates");
        update.arg("--certsconf").arg(folder.join("conf")).arg("--etccertsdir").arg(&etc);
        update.arg("--localcertsdir").arg(&anchors).arg("--hooksdir").arg(folder.join("hooks"));
        let store = Store { anchors, update };
        store.trust(authority.root_pem(), Path::new("root.pem")).unwrap();

        let leaf = authority.issue(&["a.internal"], certs::Purpose::Server, SystemTime::now()).unwrap();
        fs::write(folder.join("leaf.pem"), &leaf.cert_pem).unwrap();
        let mut verify = Command::new("openssl");
        verify.args(["verify", "-no-CApath", "-CAfile"]).arg(etc.join("ca-certificates.crt"));
        assert!(verify.arg(folder.join("leaf.pem")).output().unwrap().status.success());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn an_unknown_store_is_refused_with_the_remedy() {
        let store = Store { anchors: "/nonexistent".into(), update: Command::new("/nonexistent") };
        let why = store.trust("", Path::new("/x/root.pem")).unwrap_err();
        assert!(why.contains("/x/root.pem") && why.contains("update-ca-trust"), "{why}");
        let anchors = std::env::temp_dir().join(format!("lockgate-anchors-{}", std::process::id()));
        fs::create_dir_all(&anchors).unwrap();
        let store = Store { anchors: anchors.clone(), update: Command::new("/nonexistent") };
        assert!(store.trust("", Path::new("/x/root.pem")).is_err());
        assert_eq!(fs::read_dir(&anchors).unwrap().count(), 0, "nothing is left behind");
        fs::remove_dir_all(anchors).unwrap();
    }
}
