//! Two sessions in memory, and files of a test of its own. Each test binary uses a part of it.
#![allow(dead_code, clippy::result_large_err)]

use std::path::PathBuf;
use std::sync::Arc;
use tls::{BindSpec, BindTls, CertStore, ServerSpec, ServerTls, Session, StoreSpec, TlsError};

/// A folder of this test's own, gone with it.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("lockgate-tls-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn put(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A self-signed certificate for these names, the first also the common name; certificate and key in one text.
pub(crate) fn pem(names: &[&str]) -> String {
    pem_with(names, &rcgen::PKCS_ECDSA_P256_SHA256)
}

/// The same with a key of another kind.
pub(crate) fn pem_with(names: &[&str], kind: &'static rcgen::SignatureAlgorithm) -> String {
    let key = rcgen::KeyPair::generate_for(kind).unwrap();
    let mut params =
        rcgen::CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, names[0]);
    params.self_signed(&key).unwrap().pem() + &key.serialize_pem()
}

pub(crate) fn store() -> CertStore {
    CertStore::new(StoreSpec::default())
}

/// A bind that must load without a complaint.
pub(crate) fn load(spec: &BindSpec) -> Arc<BindTls> {
    let built = BindTls::new(&store(), spec);
    assert!(built.problems.is_empty(), "{:?}", built.problems);
    Arc::new(built.value.unwrap())
}

pub(crate) fn bind(name: &str) -> Arc<BindTls> {
    let folder = Folder::new(name);
    let pem = folder.put("site.pem", &pem(&["localhost"]));
    load(&BindSpec { crts: vec![pem], alpn: vec![b"http/1.1".to_vec()], ..BindSpec::default() })
}

/// To any server, with settings of one's own.
pub(crate) fn server_with(change: impl FnOnce(&mut ServerSpec)) -> ServerTls {
    let mut spec = ServerSpec { verify_none: true, ..ServerSpec::default() };
    change(&mut spec);
    let built = ServerTls::new(&store(), &spec);
    built.value.unwrap_or_else(|| panic!("{:?}", built.problems))
}

pub(crate) fn server() -> ServerTls {
    server_with(|spec| spec.alpn = vec![b"http/1.1".to_vec()])
}

/// A handshake between the two; each end's error is the first met.
pub(crate) fn shake(
    bind: &Arc<BindTls>,
    server: &ServerTls,
    sni: Option<&str>,
) -> Result<(End, End), (TlsError, End, End)> {
    let mut client = End::new(Session::connect(server, sni).unwrap());
    let mut front = End::new(Session::accept(Arc::clone(bind)));
    client.feed().unwrap();
    match talk(&mut client, &mut front, usize::MAX) {
        Ok(()) => Ok((client, front)),
        Err(error) => Err((error, client, front)),
    }
}

/// The common name of the certificate a client gets for this name, or why it gets none.
pub(crate) fn served(bind: &Arc<BindTls>, server: &ServerTls, sni: Option<&str>) -> String {
    match shake(bind, server, sni) {
        Ok((_, front)) => {
            let name = front.session.info().served().unwrap().subject_entry("CN", 1).unwrap();
            String::from_utf8(name).unwrap()
        }
        Err((error, ..)) => error.to_string(),
    }
}

/// One end: its session and what it holds.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) session: Session,
    pub(crate) held: Vec<u8>,
    pub(crate) plain: Vec<u8>,
    pub(crate) out: Vec<u8>,
}

impl End {
    pub(crate) fn new(session: Session) -> End {
        End { session, held: Vec::new(), plain: Vec::new(), out: Vec::new() }
    }

    pub(crate) fn feed(&mut self) -> Result<(), TlsError> {
        let used = self.session.feed(&mut self.held, &mut self.plain, &mut self.out)?;
        self.held.drain(..used);
        Ok(())
    }
}

/// Carries bytes, at most `step` at a time, until both are silent.
pub(crate) fn talk(a: &mut End, b: &mut End, step: usize) -> Result<(), TlsError> {
    while !a.out.is_empty() || !b.out.is_empty() {
        carry(a, b, step)?;
        carry(b, a, step)?;
    }
    Ok(())
}

pub(crate) fn carry(from: &mut End, to: &mut End, step: usize) -> Result<(), TlsError> {
    while !from.out.is_empty() {
        let some: Vec<u8> = from.out.drain(..step.min(from.out.len())).collect();
        to.held.extend(some);
        to.feed()?;
    }
    Ok(())
}

pub(crate) fn pair(name: &str, step: usize) -> (End, End) {
    let mut client = End::new(Session::connect(&server(), Some("localhost")).unwrap());
    let mut front = End::new(Session::accept(bind(name)));
    client.feed().unwrap();
    talk(&mut client, &mut front, step).unwrap();
    (client, front)
}
