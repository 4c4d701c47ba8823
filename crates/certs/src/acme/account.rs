//! Our account at an authority: taken up if one is kept, else made. Those that we make sign with ECDSA on P-256; those
//! that Certbot made sign with RSA and are used as they are, because limits, external bindings and CAA records
//! (`accounturi`, RFC 8657) may hang on them.

use super::binding::Binder;
use super::failure::{ACCOUNT, IssueError, kind_of};
use super::signer::Signer;
use super::transport::Transport;
use super::{Directory, Eab};
use crate::private_file::write_private;
use crate::storage::Storage;
use crate::tree;
use aws_lc_rs::digest;
use base::reason;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use instant_acme::{
    Account, AccountBuilder, AccountCredentials, Error, Key, NewAccount, RevocationReason, RevocationRequest,
};
use rcgen::KeyPair;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::path::Path;
use std::time::SystemTime;

/// How often a step is asked again because the authority did not like a nonce; the library asks three times a step by
/// itself. Pebble refuses a fifth of all nonces when told to, so that even then a failure is one in ten million.
const NONCE_TRIES: usize = 4;

/// An account and the way to its authority.
pub struct Opened {
    pub(crate) account: Account,
    pub(crate) transport: Transport,
    host: String,
    /// What proofs are made with (RFC 8555 section 8.1).
    thumbprint: String,
}

impl Opened {
    /// The account's address at the authority.
    pub fn id(&self) -> &str {
        self.account.id()
    }

    /// The digest of the account's public key (RFC 7638).
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Has a certificate, the first of a PEM text, revoked by this account.
    pub async fn revoke(&self, pem: &str, reason: RevocationReason) -> Result<(), IssueError> {
        let bad = |why| IssueError::Given { why: format!("the certificate cannot be read: {why}") };
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(bad)?;
        let request = RevocationRequest { certificate: &certificate, reason: Some(reason) };
        patient(async || self.account.revoke(&request).await).await.map_err(self.failed("the revocation"))
    }

    /// Replaces the account's mail addresses.
    pub async fn set_contact(&self, mails: &[String]) -> Result<(), IssueError> {
        let contact: Vec<String> = mails.iter().map(|mail| address(mail)).collect();
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let set = patient(async || self.account.update_contacts(&contact).await).await;
        set.map_err(self.failed("the account's new address"))
    }

    /// The account's addresses, `mailto:` included, as the authority knows them.
    pub async fn contact(&self) -> Result<Vec<String>, IssueError> {
        // RULE ZERO: the library fetches orders only. An account is no order, so this mostly ends in an error; what came
        // was signed for and fetched in the right way, and the transport has kept it.
        let fetched =
            patient(async || self.account.order(self.account.id().to_owned()).await.map(drop)).await;
        match (self.transport.take_contact(), fetched) {
            (Some(contact), _) => Ok(contact),
            (None, Err(error @ Error::Api(_))) => Err(self.failed("the account")(error)),
            (None, Ok(()) | Err(_)) => Ok(Vec::new()),
        }
    }

    /// Ends the account, for good.
    pub async fn deactivate(self) -> Result<(), IssueError> {
        let (host, transport) = (self.host, self.transport);
        let ended = self.account.deactivate().await;
        ended.map_err(|error| {
            IssueError::of(error, "the end of the account", &host, transport.take_retry_after())
        })
    }

    /// What an error at `step` means.
    pub(crate) fn failed(&self, step: &'static str) -> impl Fn(Error) -> IssueError {
        move |error| IssueError::of(error, step, &self.host, self.transport.take_retry_after())
    }
}

/// Carries out a step, again where only the nonce was refused (RFC 8555 section 6.5).
pub(crate) async fn patient<T>(mut step: impl AsyncFnMut() -> Result<T, Error>) -> Result<T, Error> {
    for _ in 1..NONCE_TRIES {
        match step().await {
            Err(Error::Api(problem)) if kind_of(&problem) == "badNonce" => {}
            outcome => return outcome,
        }
    }
    step().await
}

/// Takes up the kept account of a directory, or makes one and keeps it.
pub async fn open(directory: &Directory, storage: &Storage) -> Result<Opened, IssueError> {
    let transport = Transport::new(directory)?;
    let host = directory.host().to_owned();
    let fail = |error| IssueError::of(error, ACCOUNT, &host, transport.take_retry_after());
    let account = match (&directory.account_key, storage.account(&directory.url)?) {
        (Some(file), _) if file.exists() => by_key(directory, file, &transport).await?.map_err(fail)?,
        (Some(file), _) => {
            let (account, credentials) = create(directory, &transport).await.map_err(fail)?;
            keep_key(file, &credentials)?;
            account
        }
        (None, Some((_, kept))) => return take_up(directory, &kept, transport, host).await,
        (None, None) => {
            let (account, credentials) = create(directory, &transport).await.map_err(fail)?;
            keep(directory, storage, &account, &credentials)?;
            account
        }
    };
    let thumbprint = account.key_thumbprint().to_owned();
    Ok(Opened { account, transport, host, thumbprint })
}

/// Takes up an account of Certbot's tree, ours or Certbot's. The library signs with ECDSA on P-256 alone: of an RSA
/// account it is given a key to work with that nobody knows, and its signatures are replaced on their way.
async fn take_up(
    directory: &Directory,
    kept: &tree::Account,
    transport: Transport,
    host: String,
) -> Result<Opened, IssueError> {
    let unusable = |why: String| IssueError::Key { why: format!("the account {}: {why}", kept.uri) };
    let (transport, key) = match kept.key.kind() {
        "RSA" => {
            let signer = Signer::of_account(&kept.key).map_err(unusable)?;
            (transport.signing_by(signer), KeyPair::generate().map(|key| key.serialize_der()))
        }
        _ => (transport, Ok(kept.key.private_der().map_err(unusable)?)),
    };
    let key = PrivatePkcs8KeyDer::from(key.map_err(|why| unusable(why.to_string()))?);
    let fail = |error| IssueError::of(error, ACCOUNT, &host, transport.take_retry_after());
    let opened = builder(&transport).from_parts(kept.uri.clone(), key, directory.url.clone()).await;
    let account = opened.map_err(fail)?;
    let thumbprint = thumbprint(&kept.key).map_err(unusable)?;
    Ok(Opened { account, transport, host, thumbprint })
}

/// RFC 7638
fn thumbprint(key: &tree::AccountKey) -> Result<String, String> {
    let digest = digest::digest(&digest::SHA256, key.thumbprint_input()?.as_bytes());
    Ok(BASE64_URL_SAFE_NO_PAD.encode(digest.as_ref()))
}

/// Keeps a new account.
fn keep(
    directory: &Directory,
    storage: &Storage,
    account: &Account,
    credentials: &AccountCredentials,
) -> Result<(), IssueError> {
    let odd = |why: String| IssueError::Key { why };
    let pkcs8 = credentials.private_key().secret_pkcs8_der();
    let key = KeyPair::try_from(pkcs8).map_err(|why| odd(why.to_string()))?;
    let private = tree::AccountKey::of_pkcs8(pkcs8, key.public_key_raw()).map_err(odd)?;
    let account = tree::Account::new(private, account.id().to_owned(), SystemTime::now());
    storage.save_account(&directory.url, &account)
}

/// In place of an account's name while there is none.
pub(crate) const NO_ACCOUNT: &str = "new";

/// What tells the account that [`open`] takes up from others, without asking the authority: its address there, or the
/// file with the operator's own key. [`NO_ACCOUNT`] where one will be made, or none can be read.
pub(crate) fn name(directory: &Directory, storage: &Storage) -> String {
    let made = match &directory.account_key {
        Some(file) => file.exists().then(|| file.display().to_string()),
        // What cannot be read is told by `open`, before anything is ordered.
        None => storage.account(&directory.url).ok().flatten().map(|(_, kept)| kept.uri),
    };
    made.unwrap_or_else(|| NO_ACCOUNT.to_owned())
}

pub(super) fn builder(transport: &Transport) -> AccountBuilder {
    Account::builder_with_http(Box::new(transport.clone()))
}

/// Makes an account. Whoever configures an authority has agreed to its terms, as with every unattended client.
async fn create(
    directory: &Directory,
    transport: &Transport,
) -> Result<(Account, AccountCredentials), Error> {
    if let Some(eab) = &directory.eab {
        let key = KeyPair::generate().map_err(|why| Error::Other(why.into()))?.serialize_der();
        return bound(directory, eab, transport, &key.into()).await;
    }
    let contact = contacts(directory);
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    patient(async || {
        let new =
            NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        builder(transport).create(&new, directory.url.clone(), None).await
    })
    .await
}

/// Makes an account with a key, bound to an external one.
async fn bound(
    directory: &Directory,
    eab: &Eab,
    transport: &Transport,
    pkcs8: &PrivatePkcs8KeyDer<'static>,
) -> Result<(Account, AccountCredentials), Error> {
    let binder = Binder::new(eab, &contacts(directory), pkcs8.secret_pkcs8_der());
    let binder = binder.map_err(|why| Error::Other(why.into()))?;
    let transport = transport.clone().binding_by(binder);
    patient(async || {
        let key = Key::from_pkcs8_der(pkcs8.clone_key())?;
        let key = (key, PrivateKeyDer::from(pkcs8.clone_key()));
        builder(&transport).create_from_key(key, directory.url.clone()).await
    })
    .await
}

fn contacts(directory: &Directory) -> Vec<String> {
    directory.contact.iter().map(|mail| address(mail)).collect()
}

fn address(mail: &str) -> String {
    if mail.starts_with("mailto:") { mail.to_owned() } else { format!("mailto:{mail}") }
}

/// The account of a key of the operator's own; made where the authority does not know it.
async fn by_key(
    directory: &Directory,
    file: &Path,
    transport: &Transport,
) -> Result<Result<Account, Error>, IssueError> {
    let bad = |why: String| IssueError::AccountKey { file: file.to_owned(), why };
    let pkcs8 = PrivatePkcs8KeyDer::from_pem_file(file).map_err(|why| bad(reason(&why)))?;
    let key =
        || Key::from_pkcs8_der(pkcs8.clone_key()).map(|key| (key, PrivateKeyDer::from(pkcs8.clone_key())));
    key().map_err(|why| bad(why.to_string()))?;
    let url = &directory.url;
    let known = patient(async || builder(transport).from_key(key()?, url.clone()).await).await;
    match known {
        Ok((account, _)) => Ok(Ok(account)),
        Err(Error::Api(problem)) if kind_of(&problem) == "accountDoesNotExist" => {
            if let Some(eab) = &directory.eab {
                return Ok(bound(directory, eab, transport, &pkcs8).await.map(|(account, _)| account));
            }
            Ok(register(directory, transport, key).await)
        }
        Err(error) => Ok(Err(error)),
    }
}

async fn register(
    directory: &Directory,
    transport: &Transport,
    key: impl Fn() -> Result<(Key, PrivateKeyDer<'static>), Error>,
) -> Result<Account, Error> {
    let url = &directory.url;
    let (account, _) =
        patient(async || builder(transport).create_from_key(key()?, url.clone()).await).await?;
    let contact = contacts(directory);
    if !contact.is_empty() {
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        patient(async || account.update_contacts(&contact).await).await?;
    }
    Ok(account)
}

/// Writes a new account's key where the operator wants it.
fn keep_key(file: &Path, credentials: &AccountCredentials) -> Result<(), IssueError> {
    let bad = |why: String| IssueError::AccountKey { file: file.to_owned(), why };
    let key =
        KeyPair::try_from(credentials.private_key().secret_pkcs8_der()).map_err(|e| bad(e.to_string()))?;
    write_private(file, &key.serialize_pem())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_told_apart_without_asking() {
        let folder = std::env::temp_dir().join(format!("lockgate-account-name-{}", std::process::id()));
        let (storage, mut directory) = (Storage::new(&folder), Directory::default());
        assert_eq!(name(&directory, &storage), NO_ACCOUNT);
        let uri = "https://ca.example/acct/7".to_owned();
        let kept = tree::Account::new(tree::AccountKey::p256(&[1], &[2], &[3]), uri, SystemTime::now());
        storage.save_account(&directory.url, &kept).unwrap();
        assert_eq!(name(&directory, &storage), "https://ca.example/acct/7");
        let file = folder.join("own.key");
        directory.account_key = Some(file.clone());
        assert_eq!(name(&directory, &storage), NO_ACCOUNT);
        std::fs::write(&file, "").unwrap();
        assert_eq!(name(&directory, &storage), file.display().to_string());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
