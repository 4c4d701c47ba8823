//! The README files in `live/`: what the files there are, for whoever finds them.

use super::{Tree, TreeError, disk};
use std::path::Path;

const FILES: &str = "\
privkey.pem    the private key
fullchain.pem  the certificate followed by its issuers: what most servers want
chain.pem      the issuers alone
cert.pem       the certificate alone: most clients will not trust it without its issuers
";

const CARE: &str = "
These are links to the newest version in ../archive. They are replaced when the certificate is
renewed, so name them in your server's configuration instead of copying them. Do not move or
rename anything here: renewal looks for it in this place. 'certbot delete' removes a certificate.
";

/// Writes those that are not there.
pub(super) fn write(tree: &Tree, live: &Path) -> Result<(), TreeError> {
    let all = tree.config_dir.join("live").join("README");
    if !all.exists() {
        let text = format!("A folder for each certificate; in it:\n\n{FILES}{CARE}");
        disk::write(&all, &text, disk::PUBLIC)?;
    }
    let one = live.join("README");
    if one.exists() {
        return Ok(());
    }
    disk::write(&one, &format!("{FILES}{CARE}").replace("../archive", "../../archive"), disk::PUBLIC)
}
