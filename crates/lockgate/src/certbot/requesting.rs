//! `certonly --csr`: a certificate for a key that lies elsewhere. It is written to three files beside the caller, or where
//! he says; the tree does not learn of it, and nobody renews it.

use super::Failure;
use super::obtaining::{main_name, ready};
use super::options::Options;
use super::ordering::Ordering;
use super::proxies::Proxies;
use super::talk::Talk;
use base::reason;
use certs::issue::Request;
use certs::{Bundle, Outline};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Most certificates that one folder holds under numbers.
const MAX_NUMBER: u32 = 9999;

pub(super) fn run(mut options: Options, file: &Path, talk: &Talk) -> Result<(), Failure> {
    let request = read(file)?;
    same_names(&options, &request)?;
    options.names.clone_from(&request.names);
    free(&options)?;
    if options.deploy_hook.is_some() {
        talk.remark("--deploy-hook is not run with --csr: what it deploys is not in the tree");
    }
    let proxies = Proxies::find();
    let mut hooks = ready(&mut options, !proxies.is_empty(), talk)?;
    let ordering = Ordering {
        options: &options,
        talk,
        proxies: &proxies,
        name: &main_name(&options),
        names: options.names.clone(),
        before: None,
        request: Some(request),
    };
    let outcome = ordering.sign();
    match &outcome {
        Ok(_) => hooks.after(&[], &[]),
        Err(_) => hooks.after(&[], &options.names),
    }
    told(&options, &outcome?, talk)
}

fn read(file: &Path) -> Result<Request, Failure> {
    let bytes = std::fs::read(file)
        .map_err(|why| Failure::Usage(format!("argument --csr: {}: {}", file.display(), reason(&why))))?;
    Request::read(&bytes)
        .map_err(|why| Failure::Failed(format!("Failed to parse CSR file: {}: {why}", file.display())))
}

fn same_names(options: &Options, request: &Request) -> Result<(), Failure> {
    match options.names.iter().find(|name| !request.names.contains(name)) {
        None => Ok(()),
        Some(_) => Err(Failure::Failed(format!(
            "Inconsistent domain requests:\nFrom the CSR: {}\nFrom command line/config: {}",
            request.names.join(", "),
            options.names.join(", ")
        ))),
    }
}

/// Looked at before anything is ordered: an order is not to be in vain.
fn free(options: &Options) -> Result<(), Failure> {
    let named = [&options.cert_path, &options.chain_path, &options.fullchain_path];
    match named.into_iter().flatten().find(|path| path.symlink_metadata().is_ok()) {
        Some(path) => Err(Failure::Failed(format!("File exists: '{}'", path.display()))),
        None => Ok(()),
    }
}

fn told(options: &Options, bundle: &Bundle, talk: &Talk) -> Result<(), Failure> {
    if options.dry_run {
        talk.say("The dry run was successful.");
        return Ok(());
    }
    let until = Outline::of_pem(&bundle.cert_pem).map_err(|why| Failure::Failed(why.to_string()))?.not_after;
    let until = super::renewing::day(until);
    let cert = write(options.cert_path.as_deref(), "cert", &bundle.cert_pem)?;
    let chain = write(options.chain_path.as_deref(), "chain", &bundle.chain_pem)?;
    // Certbot numbers it as another chain.
    let full = write(options.fullchain_path.as_deref(), "chain", &bundle.fullchain())?;
    talk.say(&format!(
        "\nSuccessfully received certificate.\nCertificate is saved at:            {}\nIntermediate CA chain is saved at:  \
         {}\nFull certificate chain is saved at: {}\nThis certificate expires on {until}.\nNEXT STEPS:\n- Certificates created \
         using --csr will not be renewed automatically by Certbot. You will need to renew the certificate before it expires, \
         by running the same Certbot command again.",
        cert.display(),
        chain.display(),
        full.display()
    ));
    Ok(())
}

/// To the path named, or to `0000_cert.pem`, `0001_cert.pem`, ... in the folder that the caller is in.
fn write(path: Option<&Path>, kind: &str, text: &str) -> Result<PathBuf, Failure> {
    let make = |path: &Path| -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    let failed = |path: &Path, why| Failure::Failed(format!("{}: {}", path.display(), reason(&why)));
    if let Some(path) = path {
        return make(path).map(|()| path.to_owned()).map_err(|why| failed(path, why));
    }
    let here = std::env::current_dir().map_err(|why| failed(Path::new("."), why))?;
    for number in 0..=MAX_NUMBER {
        let path = here.join(format!("{number:04}_{kind}.pem"));
        match make(&path) {
            Ok(()) => return Ok(path),
            Err(why) if why.kind() == ErrorKind::AlreadyExists => {}
            Err(why) => return Err(failed(&path, why)),
        }
    }
    Err(failed(&here, ErrorKind::AlreadyExists.into()))
}
