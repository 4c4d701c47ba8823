//! Two sessions in memory, and files of a test of its own. Each test binary uses a part of it.
#![allow(dead_code)]

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

pub(crate) fn bind(name: &str) -> Arc<BindTls> {
    let folder = Folder::new(name);
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let pem = folder.put("site.pem", &(made.cert.pem() + &made.signing_key.serialize_pem()));
    let spec = BindSpec { crts: vec![pem], alpn: vec![b"http/1.1".to_vec()], ..BindSpec::default() };
    let built = BindTls::new(&CertStore::new(StoreSpec::default()), &spec);
    assert!(built.problems.is_empty(), "{:?}", built.problems);
    Arc::new(built.value.unwrap())
}

pub(crate) fn server() -> ServerTls {
    let spec = ServerSpec { verify_none: true, alpn: vec![b"http/1.1".to_vec()], ..ServerSpec::default() };
    ServerTls::new(&CertStore::new(StoreSpec::default()), &spec).value.unwrap()
}

/// One end: its session and what it holds.
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
        for (from, to) in [(&mut *a, &mut *b)] {
            carry(from, to, step)?;
        }
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
