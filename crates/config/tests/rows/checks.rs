use super::{all_load, all_refused, all_warned, load, model};
use config::model::{CheckKind, CheckMatch, CheckStep, NameMatch, Settings};

const BACK: &str = "backend b";

fn settings(lines: &str) -> Settings {
    model(BACK, lines).proxies.remove(0).settings
}

fn matcher(line: &str) -> (bool, CheckMatch) {
    let settings = settings(line);
    match settings.http_check.into_iter().chain(settings.tcp_check).next() {
        Some(CheckStep::Expect(expect)) => (expect.negate, expect.matcher),
        other => panic!("no expect: {other:?}"),
    }
}

#[test]
fn one_argument_is_the_uri_and_two_are_method_and_uri() {
    let kind = |line| match settings(line).check {
        Some(CheckKind::Http { method, uri, version, .. }) => {
            [method, uri, version].map(|w| w.map_or(String::new(), |w| w.text))
        }
        other => panic!("no http check: {other:?}"),
    };
    assert_eq!(kind("option httpchk"), ["", "", ""]);
    assert_eq!(kind("option httpchk /a"), ["", "/a", ""]);
    assert_eq!(kind("option httpchk GET /a"), ["GET", "/a", ""]);
    assert_eq!(kind("option httpchk GET /a HTTP/1.1"), ["GET", "/a", "HTTP/1.1"]);
}

#[test]
fn headers_behind_the_version_are_split_off_and_the_modern_line_is_shown() {
    let loaded = load(BACK, "option httpchk HEAD / HTTP/1.1\\r\\nHost:\\ a.b\\r\\nUser-Agent:\\ x\\ y");
    let Some(CheckKind::Http { version, headers, .. }) = &loaded.model.proxies[0].settings.check else {
        panic!("an http check")
    };
    assert_eq!(version.as_ref().unwrap().as_str(), "HTTP/1.1");
    let headers: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(headers, [("Host", "a.b"), ("User-Agent", "x y")]);
    let help = loaded.diags.iter().next().unwrap().help.clone().unwrap();
    assert_eq!(help, "write: http-check send hdr Host a.b hdr User-Agent \"x y\"");
}

#[test]
fn patterns() {
    let status = |line| matcher(line).1;
    assert_eq!(
        status("http-check expect status 200,300-310"),
        CheckMatch::Status(vec![(200, 200), (300, 310)])
    );
    assert!(matcher("http-check expect ! string x").0);
    assert!(matcher("http-check expect !rstring x").0);
    assert!(matches!(matcher("tcp-check expect binary 2b50").1, CheckMatch::Binary(_)));
    let CheckMatch::Header { name, value, full } =
        matcher("http-check expect fhdr name -m beg set-cookie value -m reg ^a").1
    else {
        panic!("a header")
    };
    assert!(full);
    assert_eq!((name.method, value.unwrap().method), (NameMatch::Beg, NameMatch::Reg));
}

/// Measured: the first step of a section replaces the steps of its `defaults`, and so does its `option httpchk`.
#[test]
fn steps_of_a_section_replace_those_of_its_defaults() {
    let defaults = "defaults\noption httpchk\nhttp-check expect status 404\ntcp-check connect\nbackend b";
    let steps = |lines| {
        let settings = model(defaults, lines).proxies.remove(0).settings;
        (settings.http_check.len(), settings.tcp_check.len())
    };
    assert_eq!(steps(""), (1, 1));
    assert_eq!(steps("option httpchk GET /"), (0, 1));
    assert_eq!(steps("http-check connect\nhttp-check send meth GET\nhttp-check expect status 200"), (3, 1));
    assert_eq!(steps("option tcp-check"), (1, 0));
}

#[test]
fn what_haproxy_takes_loads() {
    all_load(
        BACK,
        &[
            "option tcp-check",
            "option ssl-hello-chk",
            "option mysql-check",
            "option mysql-check user a pre-41",
            "option pgsql-check user a",
            "option redis-check",
            "option smtpchk",
            "option smtpchk EHLO a.b",
            "option ldap-check",
            "http-check connect port 80 addr 1.2.3.4 ssl sni x alpn http/1.1 linger proto h1 send-proxy default",
            "http-check connect port int(80) comment foo",
            "http-check send meth GET uri / ver HTTP/1.1 hdr Host x hdr A %[src] body foo comment x",
            "http-check send uri-lf / body-lf b",
            "http-check expect min-recv -1 ok-status L7OK error-status L7STS tout-status L7TOUT on-success a on-error b string c",
            "http-check expect string foo comment bar",
            "http-check expect string-lf foo",
            "http-check expect rstatus ^2",
            "http-check disable-on-404",
            "http-check send-state",
            "http-check comment a b",
            "http-check set-var(check.a) int(1)",
            "http-check unset-var(check.a)",
            "http-check comment a\nhttp-check set-var(check.a) int(1)\nhttp-check connect",
            "tcp-check send foo comment bar",
            "tcp-check send-lf %[src]",
            "tcp-check send-binary 50F0",
            "tcp-check send-binary-lf 50%[int(1),hex]",
            "tcp-check expect rbinary ^50",
            "tcp-check expect binary-lf 50",
            "tcp-check expect string a\ntcp-check send b",
        ],
    );
}

#[test]
fn a_wrong_word_is_pointed_at() {
    all_refused(
        BACK,
        &[
            ("option httpchk GET / HTTP/1.1 foo", "foo", "unexpected argument", ""),
            ("option tcp-check foo", "foo", "unexpected argument", ""),
            ("option mysql-check root", "root", "invalid argument", "'user'"),
            ("option mysql-check user a post-4", "post-4", "invalid version", "did you mean 'post-41'"),
            ("option pgsql-check", "", "expects 'user <username>'", ""),
            ("http-check foo", "foo", "does not know 'foo'", ""),
            ("http-check connect prot 80", "prot", "invalid argument", "did you mean 'port'"),
            ("http-check connect port 0", "0", "invalid port", "65535"),
            ("http-check connect proto h2", "h2", "not spoken", ""),
            ("http-check send meht GET", "meht", "invalid argument", "did you mean 'meth'"),
            ("http-check send hdr a", "", "expects <name> and <value>", ""),
            ("http-check expect", "", "at least a matching pattern", ""),
            ("http-check expect statsu 200", "statsu", "invalid match", "did you mean 'status'"),
            ("http-check expect binary 00", "binary", "invalid match", ""),
            ("tcp-check expect status 200", "status", "invalid match", ""),
            ("http-check expect status 200,x", "x", "invalid list of status codes", ""),
            ("http-check expect status 310-300", "310-300", "invalid range", ""),
            ("http-check expect string a string b", "string", "invalid argument", "one pattern"),
            ("http-check expect ok-status L7STS string a", "L7STS", "invalid status", "L7OK"),
            ("http-check expect hdr value a", "http-check expect", "'hdr' expects a name", ""),
            ("http-check expect hdr name-lf -m reg a", "-m", "not supported with a regex", ""),
            ("tcp-check send", "", "expects the data to send", ""),
            ("tcp-check send foo bar", "bar", "unexpected argument", ""),
            ("tcp-check send-binary 505", "505", "invalid binary string", "even number"),
            ("tcp-check expect binary xx", "xx", "invalid binary string", "hex"),
            ("tcp-check send a\ntcp-check connect", "tcp-check connect", "first step", "above"),
            (
                "http-check send meth GET\nhttp-check send meth GET",
                "http-check send",
                "second request",
                "connect",
            ),
            ("external-check command", "", "expects <command>", ""),
            ("external-check command a b", "b", "unexpected argument", ""),
            ("no option external-check", "no", "not supported in front of", ""),
            ("option spop-check", "option spop-check", "not supported", ""),
        ],
    );
    all_warned(BACK, &[("option httpchk HEAD /ping pong", "pong", "no HTTP version", "")]);
}

#[test]
fn each_connection_of_an_http_check_ends_with_an_answer() {
    let loaded = load(BACK, "option httpchk\nhttp-check connect port 81\nhttp-check connect port 82");
    assert!(loaded.diags.iter().any(|d| d.message.contains("an 'expect' is missing")));
    let three = "option httpchk\nhttp-check connect\nhttp-check send meth GET\nhttp-check expect status 200\nhttp-check connect";
    assert!(!load(BACK, three).diags.has_alerts());
}
