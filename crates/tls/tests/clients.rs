//! Client certificates. The numbers are those of HAProxy 2.6 over OpenSSL 3.0 for the same certificates.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // a failing test says so by panicking

#[path = "support/pair.rs"]
mod pair;

use base64::Engine;
use pair::{End, Folder, load, pem, server_with, shake};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, SigningKey,
    date_time_ymd,
};
use std::sync::Arc;
use tls::{BindSpec, BindTls, TlsError, Verify, VerifyReport};

/// An authority, or an issuer under one.
struct Ca {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn ca(name: &str, above: Option<&Ca>, over: bool) -> Ca {
    let key = KeyPair::generate().unwrap();
    let mut params = named(name, over);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let pem = match above {
        Some(above) => params.signed_by(&key, &above.issuer).unwrap().pem(),
        None => params.self_signed(&key).unwrap().pem(),
    };
    Ca { pem, issuer: Issuer::new(params, key) }
}

fn named(name: &str, over: bool) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    if over {
        (params.not_before, params.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(2001, 1, 1));
    }
    params
}

/// A client's certificate, those sent with it, and its key.
fn client(name: &str, by: &Ca, sent: &[&Ca], change: impl FnOnce(&mut CertificateParams)) -> String {
    let key = KeyPair::generate().unwrap();
    let mut params = named(name, false);
    change(&mut params);
    let leaf = params.signed_by(&key, &by.issuer).unwrap().pem();
    sent.iter().fold(leaf, |chain, ca| chain + &ca.pem) + &key.serialize_pem()
}

fn report(verify: u16, err: u16, ca_err: u16, ca_err_depth: u16) -> VerifyReport {
    VerifyReport { verify, err, ca_err, ca_err_depth }
}

struct World {
    folder: Folder,
    server: String,
    good: Ca,
    evil: Ca,
}

impl World {
    fn new(name: &str) -> World {
        let folder = Folder::new(name);
        let server = folder.put("server.pem", &pem(&["server.example"]));
        let (good, evil) = (ca("good", None, false), ca("evil", None, false));
        folder.put("good.crt", &good.pem);
        World { folder, server, good, evil }
    }

    fn bind(&self, verify: Verify, change: impl FnOnce(&mut BindSpec)) -> Arc<BindTls> {
        let ca_file = Some(self.folder.0.join("good.crt").display().to_string());
        let mut spec = BindSpec { crts: vec![self.server.clone()], verify, ca_file, ..BindSpec::default() };
        change(&mut spec);
        load(&spec)
    }

    /// A handshake with this client certificate, or none.
    fn enter(&self, bind: &Arc<BindTls>, pem: Option<&str>) -> Result<(End, End), TlsError> {
        let crt = pem.map(|pem| self.folder.put("client.pem", pem));
        shake(bind, &server_with(|spec| spec.crt = crt), None).map_err(|(error, ..)| error)
    }

    /// Certificates, and what is said of each: `None` of one that is in order.
    fn cases(&self) -> Vec<(&'static str, String, VerifyReport)> {
        let (good, evil) = (&self.good, &self.evil);
        let (mid, evil_mid) = (ca("mid", Some(good), false), ca("evil-mid", Some(evil), false));
        let old_mid = ca("old-mid", Some(good), true);
        let own = {
            let key = KeyPair::generate().unwrap();
            named("own", false).self_signed(&key).unwrap().pem() + &key.serialize_pem()
        };
        let over = |params: &mut CertificateParams| {
            (params.not_before, params.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(2001, 1, 1));
        };
        let future = |params: &mut CertificateParams| params.not_before = date_time_ymd(2090, 1, 1);
        let server = |params: &mut CertificateParams| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        };
        vec![
            ("in order", client("ok", good, &[], |_| ()), report(0, 0, 0, 0)),
            ("unknown issuer", client("unk", evil, &[], |_| ()), report(21, 20, 0, 0)),
            ("self-signed", own, report(18, 18, 0, 0)),
            ("expired", client("exp", good, &[], over), report(10, 10, 0, 0)),
            ("expired, unknown", client("expunk", evil, &[], over), report(10, 20, 0, 0)),
            ("of the future", client("fut", good, &[], future), report(9, 9, 0, 0)),
            ("for servers", client("srv", good, &[], server), report(26, 26, 0, 0)),
            ("with its issuer", client("okint", &mid, &[&mid], |_| ()), report(0, 0, 0, 0)),
            ("without its issuer", client("okint", &mid, &[], |_| ()), report(21, 20, 0, 0)),
            ("unknown above its issuer", client("x", &evil_mid, &[&evil_mid], |_| ()), report(20, 0, 20, 1)),
            (
                "with an unknown root",
                client("x", &evil_mid, &[&evil_mid, evil], |_| ()),
                report(19, 0, 19, 2),
            ),
            ("by an expired issuer", client("x", &old_mid, &[&old_mid], |_| ()), report(10, 0, 10, 1)),
        ]
    }
}

#[test]
fn what_is_overlooked_is_reported_in_openssls_numbers() {
    let world = World::new("overlooked");
    let bind = world.bind(Verify::Optional, |spec| {
        (spec.crt_ignore_err, spec.ca_ignore_err) = (Some("all".into()), Some("all".into()));
    });
    for (what, pem, expected) in world.cases() {
        let (_, front) = world.enter(&bind, Some(&pem)).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(front.session.info().client_verify(), expected, "{what}");
        assert!(front.session.info().peer().is_some(), "{what}");
    }
    let (_, front) = world.enter(&bind, None).unwrap();
    assert_eq!(front.session.info().client_verify(), VerifyReport::default());
    assert!(front.session.info().peer().is_none());
}

#[test]
fn without_ignore_err_only_those_in_order_enter() {
    let world = World::new("strict-clients");
    for verify in [Verify::Optional, Verify::Required] {
        let bind = world.bind(verify, |_| ());
        for (what, pem, expected) in world.cases() {
            let entered = world.enter(&bind, Some(&pem)).is_ok();
            assert_eq!(entered, expected == VerifyReport::default(), "{what}");
        }
        assert_eq!(world.enter(&bind, None).is_ok(), verify == Verify::Optional);
    }
}

#[test]
fn only_the_listed_numbers_are_overlooked() {
    let world = World::new("listed");
    let bind = world.bind(Verify::Required, |spec| {
        spec.crt_ignore_err = Some("10,X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,21".into());
    });
    for (what, pem, expected) in world.cases() {
        let fine = expected.ca_err == 0 && [0, 10, 20].contains(&expected.err);
        assert_eq!(world.enter(&bind, Some(&pem)).is_ok(), fine, "{what}");
    }
}

#[test]
fn revoked_certificates_stay_outside() {
    let world = World::new("revoked");
    let revoked = SerialNumber::from(4711u64);
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(2020, 1, 1),
        next_update: date_time_ymd(2090, 1, 1),
        crl_number: SerialNumber::from(1u64),
        issuing_distribution_point: None,
        revoked_certs: vec![RevokedCertParams {
            serial_number: revoked.clone(),
            revocation_time: date_time_ymd(2021, 1, 1),
            reason_code: None,
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let crl = world.folder.put("good.crl", &list.signed_by(&world.good.issuer).unwrap().pem().unwrap());
    let lenient = world.bind(Verify::Required, |spec| {
        (spec.crl_file, spec.crt_ignore_err) = (Some(crl.clone()), Some("all".into()));
    });
    let strict = world.bind(Verify::Required, |spec| spec.crl_file = Some(crl.clone()));
    let bad = client("rev", &world.good, &[], |params| params.serial_number = Some(revoked.clone()));
    let fine = client("ok", &world.good, &[], |_| ());
    assert!(world.enter(&strict, Some(&fine)).is_ok());
    assert!(world.enter(&strict, Some(&bad)).is_err());
    let (_, front) = world.enter(&lenient, Some(&bad)).unwrap();
    assert_eq!(front.session.info().client_verify(), report(23, 23, 0, 0));
    // An issuer without a list of its own.
    let mid = ca("mid", Some(&world.good), false);
    let unlisted = client("x", &mid, &[&mid], |_| ());
    let (_, front) = world.enter(&lenient, Some(&unlisted)).unwrap();
    assert_eq!(front.session.info().client_verify(), report(3, 3, 0, 0));
}

#[test]
fn lists_of_version_1_are_heeded() {
    let world = World::new("old-lists");
    let revoked = SerialNumber::from(0xf1_02_u64);
    let (mid, silent) = (ca("mid", Some(&world.good), false), ca("silent", Some(&world.good), false));
    let fresh = world.folder.put(
        "fresh.crl",
        &(old_list(&world.good, "good", 2090, &[]) + &old_list(&mid, "mid", 2090, &[&revoked])),
    );
    let over = world.folder.put("over.crl", &old_list(&world.good, "good", 2021, &[]));
    let forged = world.folder.put("forged.crl", &old_list(&world.evil, "good", 2090, &[]));
    let bad = |params: &mut CertificateParams| params.serial_number = Some(revoked.clone());
    for (what, list, pem, expected) in [
        ("in order", &fresh, client("ok", &world.good, &[], |_| ()), report(0, 0, 0, 0)),
        ("of another issuer", &fresh, client("ok", &world.good, &[], bad), report(0, 0, 0, 0)),
        ("revoked", &fresh, client("bad", &mid, &[&mid], bad), report(23, 23, 0, 0)),
        ("unlisted", &fresh, client("x", &silent, &[&silent], |_| ()), report(3, 3, 0, 0)),
        ("by an outdated list", &over, client("ok", &world.good, &[], |_| ()), report(12, 12, 0, 0)),
        ("by a list of somebody else", &forged, client("ok", &world.good, &[], |_| ()), report(8, 8, 0, 0)),
        ("revoked and unknown", &fresh, client("x", &world.evil, &[], |_| ()), report(3, 20, 0, 0)),
    ] {
        let strict = world.bind(Verify::Required, |spec| spec.crl_file = Some(list.clone()));
        let entered = world.enter(&strict, Some(&pem)).is_ok();
        assert_eq!(entered, expected == VerifyReport::default(), "{what}");
        let lenient = world.bind(Verify::Required, |spec| {
            (spec.crl_file, spec.crt_ignore_err) = (Some(list.clone()), Some("all".into()));
        });
        let (_, front) = world.enter(&lenient, Some(&pem)).unwrap();
        assert_eq!(front.session.info().client_verify(), expected, "{what}");
    }
}

#[test]
fn a_list_is_shown_with_its_whole_dates() {
    let world = World::new("dates");
    let text = old_list(&world.good, "good", 2090, &[&SerialNumber::from(7u64)]);
    let base64: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(base64).unwrap();
    let list = tls::CrlView::new(&der).unwrap();
    assert_eq!((list.version(), list.sig_alg().as_str()), (1, "ecdsa-with-SHA256"));
    assert_eq!(
        (list.last_update().as_str(), list.next_update().as_deref()),
        ("20200101000000Z", Some("20900101000000Z"))
    );
}

#[test]
fn nothing_sent_leads_around_a_revoked_issuer() {
    let world = World::new("around");
    // Two certificates of one issuer's key: the first is revoked, the second's time is over.
    let key = KeyPair::generate().unwrap();
    let one = |over, serial: u64| {
        let mut params = named("mid", over);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.serial_number = Some(SerialNumber::from(serial));
        let pem = params.signed_by(&key, &world.good.issuer).unwrap().pem();
        (pem, params)
    };
    let ((revoked, params), (over, _)) = (one(false, 7), one(true, 8));
    let mid = Ca {
        pem: String::new(),
        issuer: Issuer::new(params, KeyPair::from_pem(&key.serialize_pem()).unwrap()),
    };
    let lists =
        old_list(&world.good, "good", 2090, &[&SerialNumber::from(7u64)]) + &old_list(&mid, "mid", 2090, &[]);
    let crl = world.folder.put("lists.crl", &lists);
    let bind = world.bind(Verify::Required, |spec| spec.crl_file = Some(crl));
    let leaf = client("x", &mid, &[], |_| ());
    let (leaf, own_key) = leaf.split_at(leaf.find("-----BEGIN PRIVATE").unwrap());
    for chain in [format!("{leaf}{revoked}{over}"), format!("{leaf}{over}{revoked}")] {
        assert!(world.enter(&bind, Some(&(chain + own_key))).is_err());
    }
}

/// A list of version 1: without extensions, of serial numbers alone.
fn old_list(by: &Ca, issuer: &str, until: i32, revoked: &[&SerialNumber]) -> String {
    let integer = |serial: &SerialNumber| {
        let bytes = serial.to_bytes();
        let positive = if bytes[0] > 0x7f { [&[0][..], &bytes].concat() } else { bytes };
        der(2, &positive)
    };
    let time = |year: i32| der(0x18, format!("{year}0101000000Z").as_bytes());
    let entries: Vec<u8> =
        revoked.iter().flat_map(|serial| der(0x30, &[integer(serial), time(2021)].concat())).collect();
    let common_name = der(0x30, &[der(6, &[0x55, 4, 3]), der(12, issuer.as_bytes())].concat());
    let algorithm = der(0x30, &der(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]));
    let mut told = [algorithm.clone(), der(0x30, &der(0x31, &common_name)), time(2020), time(until)].concat();
    if !entries.is_empty() {
        told.extend(der(0x30, &entries));
    }
    let told = der(0x30, &told);
    let signature = by.issuer.key().sign(&told).unwrap();
    let list = der(0x30, &[told, algorithm, der(3, &[&[0][..], &signature].concat())].concat());
    let text = base64::engine::general_purpose::STANDARD.encode(list);
    format!("-----BEGIN X509 CRL-----\n{text}\n-----END X509 CRL-----\n")
}

fn der(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len();
    let head = match length {
        0..0x80 => vec![tag, length as u8],
        0x80..0x100 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [head, value.to_vec()].concat()
}

#[test]
fn a_chain_ends_in_an_authority_that_signed_itself() {
    let world = World::new("ends");
    let mid = ca("mid", Some(&world.good), false);
    let file = |name: &str, cas: &[&Ca]| {
        world.folder.put(name, &cas.iter().map(|ca| ca.pem.as_str()).collect::<String>())
    };
    let (both, cut) = (file("both.crt", &[&mid, &world.good]), file("cut.crt", &[&mid]));
    for (what, ca_file, sent, expected) in [
        ("both known", &both, vec![], report(0, 0, 0, 0)),
        ("both known and one sent", &both, vec![&mid], report(0, 0, 0, 0)),
        ("the root is missing", &cut, vec![], report(2, 0, 2, 1)),
        ("the root is missing, the issuer sent", &cut, vec![&mid], report(2, 0, 2, 1)),
    ] {
        let pem = client("x", &mid, &sent, |_| ());
        let strict = world.bind(Verify::Required, |spec| spec.ca_file = Some(ca_file.clone()));
        assert_eq!(world.enter(&strict, Some(&pem)).is_ok(), expected == VerifyReport::default(), "{what}");
        let lenient = world.bind(Verify::Required, |spec| {
            (spec.ca_file, spec.ca_ignore_err) = (Some(ca_file.clone()), Some("all".into()));
        });
        let (_, front) = world.enter(&lenient, Some(&pem)).unwrap();
        assert_eq!(front.session.info().client_verify(), expected, "{what}");
    }
}

#[test]
fn a_self_signed_authority_may_be_its_own_client() {
    let world = World::new("own");
    let key = KeyPair::generate().unwrap();
    let mut params = named("own", false);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let cert = params.self_signed(&key).unwrap().pem();
    let ca_file = world.folder.put("own.crt", &cert);
    let bind = world.bind(Verify::Required, |spec| spec.ca_file = Some(ca_file));
    let (_, front) = world.enter(&bind, Some(&(cert + &key.serialize_pem()))).unwrap();
    assert_eq!(front.session.info().client_verify(), VerifyReport::default());
}

#[test]
fn the_certificate_shown_can_be_read_as_haproxy_prints_it() {
    let world = World::new("fields");
    let bind = world.bind(Verify::Optional, |spec| spec.crt_ignore_err = Some("all".into()));
    let pem = client("client", &world.good, &[], |params| {
        let dn = &mut params.distinguished_name;
        *dn = rcgen::DistinguishedName::new();
        dn.push(rcgen::DnType::CountryName, "FR");
        dn.push(rcgen::DnType::OrganizationName, "Ac/me, Inc");
        dn.push(rcgen::DnType::CommonName, "zwei \u{e9}");
        params.serial_number = Some(SerialNumber::from_slice(&[0x00, 0xf1, 2, 3, 4]));
        (params.not_before, params.not_after) = (date_time_ymd(2020, 2, 29), date_time_ymd(2081, 8, 23));
    });
    let (_, front) = world.enter(&bind, Some(&pem)).unwrap();
    let info = front.session.info();
    let cert = info.peer().unwrap();
    assert_eq!(String::from_utf8(cert.subject()).unwrap(), "/C=FR/O=Ac/me, Inc/CN=zwei \u{e9}");
    assert_eq!(cert.issuer(), b"/CN=good");
    for (entry, occurrence, value) in [
        ("CN", 1, Some("zwei \u{e9}")),
        ("cn", -1, Some("zwei \u{e9}")),
        ("O", 0, Some("Ac/me, Inc")),
        ("O", 2, None),
        ("OU", 1, None),
    ] {
        assert_eq!(
            cert.subject_entry(entry, occurrence).as_deref(),
            value.map(str::as_bytes),
            "{entry},{occurrence}"
        );
    }
    assert_eq!(cert.serial(), [0xf1, 2, 3, 4]);
    assert_eq!((cert.not_before().as_str(), cert.not_after().as_str()), ("200229000000Z", "810823000000Z"));
    assert_eq!(cert.validity(), ("20200229000000Z".into(), "20810823000000Z".into()));
    assert_eq!((cert.key_alg().as_str(), cert.sig_alg().as_str()), ("id-ecPublicKey", "ecdsa-with-SHA256"));
    assert_eq!((cert.version(), cert.sha1().len()), (3, 20));
    assert_eq!(info.served().unwrap().subject(), b"/CN=server.example");
    assert_eq!((info.version(), info.key_bits()), (Some("TLSv1.3"), Some(128)));
}
