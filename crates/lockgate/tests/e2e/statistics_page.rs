//! The statistics page as browsers and collectors ask for it.

use crate::client::{curl, text};
use crate::program::Lockgate;
use crate::upstream::Upstream;

fn started(server: &Upstream) -> Lockgate {
    Lockgate::start(&format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n option httplog\n\
         timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
         frontend web\n bind <http>\n default_backend app\n\
         listen st\n bind <st>\n stats enable\n stats uri /st\n stats auth a:b\n stats realm My\\ Realm\n \
         stats refresh 7s\n stats admin if TRUE\n http-request deny if {{ path /denied }}\n\
         listen ro\n bind <ro>\n stats uri /\n stats scope app\n stats hide-version\n stats show-desc 3 & 4\n \
         stats http-request deny if {{ url_sub json }}\n\
         backend app\n server a {}\n server b 127.0.0.1:9 disabled\n",
        server.address()
    ))
}

fn ok() -> Upstream {
    Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
}

#[test]
fn a_collector_reads_csv_and_a_stranger_is_asked_for_a_password() {
    let server = ok();
    let lockgate = started(&server);
    assert_eq!(curl(&lockgate.url("http", "/")).text(), "ok");
    let stranger = curl(&lockgate.url("st", "/st;csv"));
    assert_eq!(stranger.status, 401);
    assert_eq!(stranger.field("www-authenticate"), Some("Basic realm=\"My Realm\""));
    assert_eq!(curl(&format!("-u a:c {}", lockgate.url("st", "/st"))).status, 401);
    let csv = curl(&format!("-u a:b {}", lockgate.url("st", "/st;csv")));
    assert_eq!((csv.status, csv.field("content-type")), (200, Some("text/plain")));
    assert_eq!((csv.field("refresh"), csv.field("cache-control")), (Some("7"), Some("no-cache")));
    assert!(csv.text().starts_with("# pxname,svname,qcur,qmax,scur,"), "{}", csv.text());
    let first: Vec<&str> = csv.text().lines().skip(1).map(|l| l.split(',').next().unwrap()).collect();
    assert_eq!(first, ["web", "st", "st", "ro", "ro", "app", "app", "app"]);
    let line = lockgate.logged(" st st/<STATS> ");
    assert!(line.contains(" 200 ") && line.contains(" LR-- ") && line.contains("GET /st;csv "), "{line}");
    let still = curl(&format!("-u a:b {}", lockgate.url("st", "/st;norefresh")));
    assert_eq!(
        (still.field("refresh"), still.field("content-type")),
        (None, Some("text/html; charset=utf-8"))
    );
    let json = curl(&format!("-u a:b {}", lockgate.url("st", "/st;json"))).text().to_owned();
    assert!(
        json.starts_with("[[{\"objType\":\"Frontend\",\"proxyId\":1,") && json.ends_with("}]]\n"),
        "{json}"
    );
    // other requests go on as ever: this proxy has no server
    assert_eq!(curl(&lockgate.url("st", "/other")).status, 503);
}

#[test]
fn a_page_shows_its_scope_and_nothing_of_the_version() {
    let server = ok();
    let lockgate = started(&server);
    let page = curl(&lockgate.url("ro", "/"));
    assert_eq!(page.status, 200);
    assert!(page.text().contains("<h2 id=\"app\">") && !page.text().contains("<h2 id=\"web\">"));
    assert!(page.text().contains("<p>3 &amp; 4</p>"), "texts are escaped");
    assert!(!page.text().contains(env!("CARGO_PKG_VERSION")));
    assert!(!page.text().contains("<form"), "nobody may change anything here");
    assert_eq!(curl(&lockgate.url("ro", "/;json")).status, 403);
    let head = curl(&format!("-I {}", lockgate.url("ro", "/;csv")));
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[test]
fn an_operator_drains_a_server_by_the_form() {
    let server = ok();
    let lockgate = started(&server);
    let url = lockgate.url("st", "/st");
    let send = |more: &str, form: &str| {
        let answer = curl(&format!("-u a:b {more} -d {form} {url}"));
        assert_eq!(answer.status, 303);
        answer.field("location").unwrap().to_owned()
    };
    let status = || {
        let csv = text(&curl(&format!("-u a:b {url};csv")).body);
        let line = csv.lines().find(|line| line.starts_with("app,a,")).unwrap().to_owned();
        line.split(',').nth(17).unwrap().to_owned()
    };
    assert_eq!(send("", "s=a&action=drain&b=app"), "/st;st=DONE");
    assert_eq!(status(), "DRAIN");
    assert_eq!(send("", "s=a&action=ready&b=%234"), "/st;st=DONE");
    assert_eq!(status(), "no check");
    for (form, outcome) in [
        ("s=zz&action=ready&b=app", "ERRP"),
        ("s=a&action=foo&b=app", "ERRP"),
        ("s=a&b=nope&action=ready", "ERRP"),
        ("s=a&s=zz&b=app&action=ready", "PART"),
        ("action=ready&b=app", "NONE"),
    ] {
        assert_eq!(send("", form), format!("/st;st={outcome}"), "{form}");
    }
    assert_eq!(send("-H Sec-Fetch-Site:cross-site", "s=a&action=maint&b=app"), "/st;st=DENY");
    assert_eq!(status(), "no check");
    let page = curl(&format!("-u a:b {url};st=DONE"));
    assert!(page.text().contains("Action processed successfully.") && page.text().contains("<form"));
    let denied = curl(&format!("-d s=a&action=maint&b=app {}", lockgate.url("ro", "/")));
    assert_eq!(denied.field("location"), Some("/;st=DENY"));
}
