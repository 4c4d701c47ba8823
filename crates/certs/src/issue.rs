//! One issuance, from top to bottom:
//! policy -> lock -> account -> order -> answers -> finalize -> save -> publish -> hooks.
//! The scheduler of the proxy and the command line both come through here. This file knows the order of the steps; the
//! steps decide nothing about each other.

mod answers;
mod finalize;
mod hooks;
mod internal;
mod names;
mod order;
mod request;

use crate::acme::{self, Directory, IssueError};
use crate::hatch::{Challenge, Hatch, Records, WithRecords};
use crate::key::KeyKind;
use crate::private_file::write_private;
use crate::storage::{Bundle, Storage};
use crate::tree::TreeError;
use std::path::PathBuf;

pub use internal::authority_folder;
pub use names::names_of;
pub(crate) use names::unfit;
pub use request::Request;

/// A certificate that is to be, and how.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What it is called on disk.
    pub name: String,
    /// Host names, wildcards and addresses on it; not empty.
    pub names: Vec<String>,
    /// Who signs it.
    pub directory: Directory,
    /// Kinds of proof, the preferred first.
    pub challenges: Vec<Challenge>,
    /// Where one kind of proof does not convince the authority, the next one is tried.
    pub other_kinds: bool,
    /// Who makes records for dns-01.
    pub records: Option<Records>,
    /// The kind of its key.
    pub key: KeyKind,
    /// A request that was made elsewhere is sent instead of one for a key of ours.
    pub request: Option<Request>,
    /// Clients shall take the certificate only with an OCSP answer beside it (RFC 7633).
    pub must_staple: bool,
    /// A renewed certificate keeps the key.
    pub reuse_key: bool,
    /// The authority's profile; its default where there is none.
    pub profile: Option<Profile>,
    /// Common name of the root that the chain should lead to, where the authority offers several.
    pub preferred_chain: Option<String>,
    /// Where certificate and key are written too, in one file.
    pub copy: Option<PathBuf>,
    /// Programs to run once it is served.
    pub hooks: Vec<String>,
    /// The order names the certificate that it replaces (RFC 9773 section 5).
    pub replaces: bool,
}

/// A profile (draft-ietf-acme-profiles).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Without it there is to be no certificate.
    pub required: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate.
    pub bundle: Bundle,
    /// What did not go well but did not keep the certificate from being served.
    pub complaints: Vec<String>,
}

/// Obtains one certificate and has it served. Where it fails, what was there before stays as it was. `finalizes` is called
/// right before an authority is asked to sign: from there on its limits count a certificate, whatever becomes of it here.
pub async fn issue(
    wanted: &Wanted,
    storage: &Storage,
    hatch: &dyn Hatch,
    finalizes: &dyn Fn(),
) -> Result<Issued, IssueError> {
    let mut complaints = Vec::new();
    let with_records;
    let hatch = match &wanted.records {
        Some(records) => {
            with_records = WithRecords::new(hatch, records, &wanted.name, &wanted.names);
            &with_records
        }
        None => hatch,
    };

    if wanted.request.is_some() {
        return request::sign(wanted, storage, hatch, finalizes).await;
    }
    let _lock = storage.lock(&wanted.name)?;
    let before = kept(wanted, storage, &mut complaints)?;
    storage.make_sure_of_room(&wanted.name)?;

    let bundle = if wanted.directory.is_internal() {
        internal::sign(wanted, storage, &finalize::key(wanted, before.as_ref(), &mut complaints)?)?
    } else {
        by_acme(wanted, storage, hatch, finalizes, before.as_ref(), &mut complaints).await?
    };

    storage.save(wanted, &bundle)?;
    if let Some(file) = &wanted.copy {
        write_private(file, &bundle.whole())?;
    }

    let file = wanted.copy.clone().unwrap_or_else(|| storage.fullchain(&wanted.name));
    if let Err(why) = hatch.publish(&file, &bundle).await {
        complaints.push(format!("the new certificate is saved but not served yet: {why}"));
    }
    hooks::run(wanted, storage, &mut complaints).await;
    Ok(Issued { bundle, complaints })
}

/// The certificate before this one. What is left of one that was half deleted is told and replaced.
fn kept(
    wanted: &Wanted,
    storage: &Storage,
    complaints: &mut Vec<String>,
) -> Result<Option<Bundle>, IssueError> {
    match storage.bundle(&wanted.name) {
        Err(IssueError::Tree(TreeError::Broken { path, why, .. })) => {
            complaints.push(format!("what was kept of it before is made anew: {}: {why}", path.display()));
            Ok(None)
        }
        outcome => outcome,
    }
}

/// Account, order, answers, finalize.
async fn by_acme(
    wanted: &Wanted,
    storage: &Storage,
    hatch: &dyn Hatch,
    finalizes: &dyn Fn(),
    before: Option<&Bundle>,
    complaints: &mut Vec<String>,
) -> Result<Bundle, IssueError> {
    let identifiers = names::identifiers(wanted)?;
    let account = acme::open_account(&wanted.directory, storage).await?;
    let profile = order::profile(wanted, &account, complaints)?;

    let replaced = before.filter(|_| wanted.replaces);
    let mut history = answers::History::default();
    let mut order = loop {
        let mut order = order::place(&account, &identifiers, profile, replaced).await?;
        match answers::prove(&mut order, wanted, hatch, &account, &mut history).await {
            Ok(()) => break order,
            // Another kind of proof may convince the authority where one did not.
            Err(IssueError::Unproven(_)) if wanted.other_kinds && history.is_worth_another_order() => {}
            Err(error) => return Err(error),
        }
    };
    complaints.append(&mut history.complaints);

    let applicant = finalize::Applicant::of(wanted, before, complaints)?;
    finalizes();
    let full = finalize::order(&mut order, wanted, &applicant, &account, complaints).await?;
    finalize::bundle(&full, &applicant, wanted, complaints)
}
