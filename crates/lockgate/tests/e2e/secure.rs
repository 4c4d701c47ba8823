//! Certificates: which one a name gets, and which clients' are believed.

use crate::authority::authority;
use crate::client::{curl, try_curl};
use crate::nginx::Nginx;
use crate::place::Folder;
use crate::program::Lockgate;

fn proxy(bind: &str, more: &str, nginx: &Nginx) -> Lockgate {
    Lockgate::start(&format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n option httplog\n timeout connect 5s\n timeout client 5s\n \
         timeout server 5s\nlisten l\n bind <https> ssl {bind}\n {more}\n server one {}\n",
        nginx.address()
    ))
}

fn to(lockgate: &Lockgate, name: &str, more: &str) -> String {
    let port = lockgate.at("https").port();
    format!("--resolve {name}:{port}:127.0.0.1 https://{name}:{port}/echo {more}")
}

#[test]
fn clients_show_their_certificate_where_one_is_required() {
    let nginx = Nginx::start("one");
    let ca = authority().root();
    let lockgate = proxy(
        &format!(
            "crt {} ca-file {} verify required",
            authority().leaf("app.example").display(),
            ca.display()
        ),
        "http-request set-header X-Secret %[ssl_c_used],%[ssl_c_verify],%[ssl_c_s_dn(cn)]",
        &nginx,
    );
    let client = authority().leaf("client.example");
    let answer = curl(&to(&lockgate, "app.example", &format!("--cert {}", client.display())));
    assert!(answer.text().contains("secret=1,0,client.example"), "{}", answer.text());
    let (code, _) = try_curl(&to(&lockgate, "app.example", ""));
    assert_ne!(code, 0);
    lockgate.logged("SSL handshake failure");
    assert_eq!(nginx.requests().len(), 1);
}

#[test]
fn a_list_of_certificates_is_chosen_from_by_name() {
    let nginx = Nginx::start("one");
    let folder = Folder::new();
    let leaf = |name: &str| authority().leaf(name).display().to_string();
    let list = format!(
        "{}\n{} [alpn http/1.1] two.example\n# a comment\n",
        leaf("one.example"),
        leaf("two.example")
    );
    let path = folder.file("list.txt", list);
    let lockgate = proxy(&format!("crt-list {} strict-sni", path.display()), "", &nginx);
    for name in ["one.example", "two.example"] {
        // curl believes only the certificate of the name it asked for.
        assert_eq!(curl(&to(&lockgate, name, "")).status, 200, "{name}");
    }
    assert_ne!(try_curl(&to(&lockgate, "three.example", "-k")).0, 0);
}
