//! Which certificate a client gets. The expectations are what HAProxy 2.6 answered for the same files and names.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // a failing test says so by panicking

#[path = "support/pair.rs"]
mod pair;

use pair::{Folder, load, pem, pem_with, served, server, server_with, shake};
use tls::{BindSpec, ServerTls, TlsError, TlsVersion, Versions};

/// Files for these tests, and a bind over some of them.
struct Site(Folder);

impl Site {
    fn new(name: &str) -> Site {
        let folder = Folder::new(name);
        folder.put("def.pem", &pem(&["def.example"]));
        folder.put("ab.pem", &pem(&["ab-cn.example", "a.example", "b.example"]));
        folder.put("w.pem", &pem(&["w-cn.x", "*.dom.tld"]));
        folder.put("multi.pem", &pem(&["multi", "deep.sub.dom.tld"]));
        Site(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.0.join(name).display().to_string()
    }

    /// A crt-list; `{}` stands for the folder.
    fn list(&self, text: &str) -> String {
        self.0.put("list", &text.replace("{}", &self.0.0.display().to_string()))
    }

    fn check(&self, spec: &BindSpec, cases: &[(&str, &str)]) {
        let bind = load(spec);
        for (name, expected) in cases {
            let sni = (*name != "-").then_some(*name);
            assert_eq!(served(&bind, &server(), sni), *expected, "{name}");
        }
    }
}

#[test]
fn filters_take_the_place_of_a_certificates_own_names() {
    let site = Site::new("filters");
    let list = site.list("{}/def.pem !*\n{}/ab.pem !b.example\n{}/w.pem *.dom.tld !secure.dom.tld\n");
    site.check(
        &BindSpec { crt_lists: vec![list], ..BindSpec::default() },
        &[
            ("def.example", "def.example"),
            ("a.example", "def.example"),
            ("ab-cn.example", "def.example"),
            ("x.dom.tld", "w-cn.x"),
            ("secure.dom.tld", "def.example"),
            ("deep.sub.dom.tld", "def.example"),
            ("dom.tld", "def.example"),
            ("-", "def.example"),
            ("unknown.x", "def.example"),
        ],
    );
}

#[test]
fn without_filters_common_and_alternative_names_count() {
    let site = Site::new("names");
    let list = site.list("{}/w.pem\n{}/ab.pem\n{}/multi.pem\n");
    site.check(
        &BindSpec { crts: vec![site.path("def.pem")], crt_lists: vec![list], ..BindSpec::default() },
        &[
            ("a.example", "ab-cn.example"),
            ("B.EXAMPLE", "ab-cn.example"),
            ("ab-cn.example", "ab-cn.example"),
            ("b.dom.tld", "w-cn.x"),
            ("deep.sub.dom.tld", "multi"),
            ("other.sub.dom.tld", "def.example"),
            ("-", "def.example"),
        ],
    );
}

#[test]
fn a_star_names_the_default_and_a_whole_name_goes_before_a_wildcard() {
    let site = Site::new("star");
    let list = site.list("{}/ab.pem\n{}/w.pem *.dom.tld\n{}/multi.pem www.dom.tld\n{}/def.pem *\n");
    site.check(
        &BindSpec { crt_lists: vec![list], ..BindSpec::default() },
        &[("www.dom.tld", "multi"), ("api.dom.tld", "w-cn.x"), ("-", "def.example"), ("x.y", "def.example")],
    );
}

#[test]
fn strict_sni_turns_strangers_away_with_unrecognized_name() {
    let site = Site::new("strict");
    let bind = load(&BindSpec { crts: vec![site.path("ab.pem")], strict_sni: true, ..BindSpec::default() });
    assert_eq!(served(&bind, &server(), Some("a.example")), "ab-cn.example");
    for name in [None, Some("other.example")] {
        let (error, mut client, front) = shake(&bind, &server(), name).unwrap_err();
        assert_eq!(error, TlsError::UnknownName(name.map(Box::from)));
        client.held = front.out;
        let told = client.feed().unwrap_err();
        assert!(told.to_string().contains("UnrecognisedName"), "{told}");
    }
}

/// Clients that can check only RSA, only ECDSA, or both.
fn rsa_only() -> ServerTls {
    server_with(|spec| {
        spec.ciphers = Some("aRSA".into());
        spec.versions = Versions { max: Some(TlsVersion::Tls12), ..Versions::default() };
    })
}

#[test]
fn twins_are_told_apart_by_what_the_client_can_check() {
    let site = Site::new("twins");
    site.0.put("twin.pem.rsa", &pem_with(&["rsa.example", "twin.example"], &rcgen::PKCS_RSA_SHA256));
    site.0.put("twin.pem.ecdsa", &pem(&["ec.example", "twin.example"]));
    // The base name alone, where no such file is, stands for the bundle.
    let spec = BindSpec { crts: vec![site.path("def.pem"), site.path("twin.pem")], ..BindSpec::default() };
    let bind = load(&spec);
    for (name, client, expected) in [
        ("twin.example", server(), "ec.example"),
        ("twin.example", rsa_only(), "rsa.example"),
        ("rsa.example", server(), "rsa.example"),
        ("ec.example", server(), "ec.example"),
    ] {
        assert_eq!(served(&bind, &client, Some(name)), expected, "{name}");
    }
    assert!(shake(&bind, &rsa_only(), Some("ec.example")).is_err());
}

#[test]
fn options_of_a_list_hold_for_their_certificate_alone() {
    let site = Site::new("options");
    let list = site.list(
        "{}/def.pem\n{}/ab.pem [alpn http/1.1] a.example\n\
         {}/w.pem [ssl-max-ver TLSv1.2 ciphers ECDHE-ECDSA-CHACHA20-POLY1305] b.example\n",
    );
    let bind = load(&BindSpec { crt_lists: vec![list], ..BindSpec::default() });
    let info = |name| {
        let (_, front) = shake(&bind, &server(), Some(name)).map_err(|(error, ..)| error).unwrap();
        let info = front.session.info();
        (info.alpn().map(<[u8]>::to_vec), info.version().unwrap(), info.cipher().unwrap())
    };
    assert_eq!(info("def.example"), (None, "TLSv1.3", "TLS_AES_128_GCM_SHA256"));
    assert_eq!(info("a.example"), (Some(b"http/1.1".to_vec()), "TLSv1.3", "TLS_AES_128_GCM_SHA256"));
    assert_eq!(info("b.example"), (None, "TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305"));
}

#[test]
fn a_client_with_other_protocols_goes_on_without() {
    let site = Site::new("alpn");
    let spec = BindSpec {
        crts: vec![site.path("def.pem")],
        alpn: vec![b"http/1.1".to_vec()],
        ..BindSpec::default()
    };
    let client = server_with(|spec| spec.alpn = vec![b"spdy/3".to_vec()]);
    let (client, front) =
        shake(&load(&spec), &client, Some("def.example")).map_err(|(error, ..)| error).unwrap();
    assert_eq!((client.session.info().alpn(), front.session.info().alpn()), (None, None));
}

#[test]
fn folders_are_read_in_order_without_the_files_that_belong_to_others() {
    let site = Site::new("folder");
    let folder = site.0.0.join("certs");
    std::fs::create_dir(&folder).unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    let both = pem(&["second.example"]);
    let key = both.find("-----BEGIN PRIVATE").unwrap();
    put("b.pem", &both[..key]);
    put("b.pem.key", &both[key..]);
    put("a.pem", &pem(&["first.example"]));
    for ignored in [".hidden", "a.pem.ocsp", "a.pem.issuer"] {
        put(ignored, "");
    }
    let certbot = folder.join("site.example");
    std::fs::create_dir(&certbot).unwrap();
    let third = pem(&["third.example"]);
    let key = third.find("-----BEGIN PRIVATE").unwrap();
    std::fs::write(certbot.join("fullchain.pem"), &third[..key]).unwrap();
    std::fs::write(certbot.join("privkey.pem"), &third[key..]).unwrap();
    std::fs::write(certbot.join("README"), "not for programs").unwrap();
    let spec =
        |path: &std::path::Path| BindSpec { crts: vec![path.display().to_string()], ..BindSpec::default() };
    site.check(
        &spec(&folder),
        &[("-", "first.example"), ("second.example", "second.example"), ("third.example", "third.example")],
    );
    site.check(&spec(&certbot), &[("-", "third.example")]);
    site.check(&spec(&certbot.join("fullchain.pem")), &[("-", "third.example")]);
}
