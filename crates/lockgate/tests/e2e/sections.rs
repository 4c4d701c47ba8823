//! Requests that pass two sections: what the frontend does to them, and what the backend does.

use crate::client::{Answer, curl};
use crate::program::Lockgate;

const HEAD: &str = "defaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n";

/// A frontend that answers with what came.
fn echo(what: &str) -> String {
    format!(
        "frontend echo\n bind <echo>\n http-request return status 200 content-type text/plain lf-string {what}\n"
    )
}

fn get(lockgate: &Lockgate, at: &str, path: &str, field: &str) -> Answer {
    curl(&format!("{} -H {field}", lockgate.url(at, path)))
}

#[test]
fn a_listen_runs_its_rules_once_whichever_way_requests_come() {
    let text = format!(
        "{HEAD}frontend f\n bind <http>\n default_backend l\n\
         listen l\n bind <own>\n http-request deny if {{ path /no }}\n http-request add-header x-l %[fe_name]\n \
         http-request capture path len 20\n http-request return status 200 hdr x-l %[capture.req.hdr(0)] if {{ path /kept }}\n \
         http-response set-status 299\n http-response add-header y-l %[server_status]\n http-after-response add-header z-l 1\n \
         server s <echo>\n{}",
        echo("'%[req.fhdr(x-l)] %[req.fhdr_cnt(x-l)]'")
    );
    let lockgate = Lockgate::start(&text);
    for (at, front, kept) in [("http", "f", None), ("own", "l", Some("/kept"))] {
        let denied = get(&lockgate, at, "/no", "a:b");
        assert_eq!((denied.status, denied.field("z-l")), (403, Some("1")), "{at}");
        let passed = get(&lockgate, at, "/", "a:b");
        assert_eq!((passed.status, passed.text()), (299, &*format!("{front} 1")), "{at}");
        assert_eq!((passed.field("y-l"), passed.field("z-l")), (Some("200"), Some("1")), "{at}");
        // the slot is the listen's, and a client of another frontend has none
        assert_eq!(get(&lockgate, at, "/kept", "a:b").field("x-l"), kept, "{at}");
    }
}

/// As HAProxy 2.6 answers.
#[test]
fn both_sections_say_where_a_client_s_address_is_added() {
    let text = format!(
        "{HEAD}frontend f\n bind <http>\n http-request set-src hdr(x-src)\n option forwardfor except 10.0.0.0/8 header x-a if-none\n \
         use_backend %[path,field(2,/)]\n\
         backend none\n server s <echo>\n\
         backend plain\n option forwardfor\n server s <echo>\n\
         backend other\n option forwardfor except 11.0.0.0/8 header x-b\n server s <echo>\n\
         backend careful\n option forwardfor if-none header x-b\n server s <echo>\n{}",
        echo("'%[req.fhdr(x-a)];%[req.fhdr(x-b)];%[req.fhdr(x-forwarded-for)]'")
    );
    let lockgate = Lockgate::start(&text);
    for (path, src, wanted) in [
        ("/none", "10.0.0.1", ";;"),
        ("/none", "12.0.0.1", "12.0.0.1;;"),
        ("/plain", "10.0.0.1", ";;"),
        ("/plain", "12.0.0.1", ";;12.0.0.1"),
        ("/other", "10.0.0.1", ";;"),
        ("/other", "11.0.0.1", ";;"),
        ("/other -H x-b:1", "12.0.0.1", ";12.0.0.1;"),
        ("/careful -H x-b:1", "12.0.0.1", ";1;"),
        ("/careful", "12.0.0.1", ";12.0.0.1;"),
    ] {
        assert_eq!(get(&lockgate, "http", path, &format!("x-src:{src}")).text(), wanted, "{path} {src}");
    }
}

/// Each section's option takes effect behind its rules, which see all names, as with HAProxy.
#[test]
fn header_names_are_restricted_by_the_section_that_says_so() {
    let text = format!(
        "{HEAD}frontend f\n bind <http>\n http-request set-header seen %[req.hdr_cnt(x_y)]\n \
         use_backend %[path,field(2,/)]\n\
         frontend strict\n bind <strict>\n option http-restrict-req-hdr-names reject\n \
         http-request return status 201 if {{ path /returned }}\n default_backend any\n\
         backend any\n server s <echo>\n\
         backend delete\n option http-restrict-req-hdr-names delete\n http-request set-header a_b 1\n server s <echo>\n\
         backend reject\n option http-restrict-req-hdr-names reject\n server s <echo>\n{}",
        echo("'%[req.fhdr(seen)] %[req.hdr_cnt(x_y)] %[req.hdr_cnt(a_b)]'")
    );
    let lockgate = Lockgate::start(&text);
    assert_eq!(get(&lockgate, "http", "/any", "x_y:1").text(), "1 1 0");
    assert_eq!(get(&lockgate, "http", "/delete", "x_y:1").text(), "1 0 0");
    assert_eq!(get(&lockgate, "http", "/reject", "x_y:1").status, 403);
    assert_eq!(get(&lockgate, "http", "/reject", "x-y:1").status, 200);
    assert_eq!(get(&lockgate, "strict", "/", "x_y:1").status, 403);
    assert_eq!(get(&lockgate, "strict", "/returned", "x_y:1").status, 201);
}
