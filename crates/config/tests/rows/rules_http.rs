use super::{all_load, all_refused, all_warned, load, model};
use config::model::{
    ErrorReplyKind, HttpAction, NameMatch, Normalizer, ReplyBody, Rule, VarCondition, VarValue,
};

const FRONT: &str = "frontend f";
const BACK: &str = "backend b";

fn rules(line: &str) -> Vec<Rule<HttpAction>> {
    let settings = model(FRONT, line).proxies.remove(0).settings;
    [settings.http_request, settings.http_response, settings.http_after_response].concat()
}

fn action(line: &str) -> HttpAction {
    rules(line).remove(0).action
}

fn body(line: &str) -> ReplyBody {
    match action(line) {
        HttpAction::Deny(reply) | HttpAction::Tarpit(reply) | HttpAction::Return(reply) => reply.body,
        other => panic!("no reply: {other:?}"),
    }
}

#[test]
fn a_rule_joins_its_list_with_its_condition() {
    let model = model(
        FRONT,
        "http-request set-header A b if x !y\nhttp-response allow\nhttp-after-response del-header C unless z",
    );
    let settings = &model.proxies[0].settings;
    let cond = settings.http_request[0].cond.as_ref().unwrap();
    assert_eq!((cond.unless, cond.words.len()), (false, 2));
    assert!(settings.http_response[0].cond.is_none());
    assert!(settings.http_after_response[0].cond.as_ref().unwrap().unless);
    let HttpAction::DelHeader(name, NameMatch::Str) = &settings.http_after_response[0].action else {
        panic!("a del-header")
    };
    assert_eq!(name.as_str(), "C");
}

/// Measured: a `deny` that describes anything of its reply sends that, empty where it has no body; else the page.
#[test]
fn a_denial_sends_the_page_or_what_it_describes() {
    for line in ["http-request deny", "http-request deny deny_status 429", "http-request tarpit"] {
        assert_eq!(body(line), ReplyBody::Default, "{line}");
    }
    for line in [
        "http-request deny status 418",
        "http-request deny hdr a b",
        "http-request deny deny_status 429 hdr a b",
    ] {
        assert!(matches!(body(line), ReplyBody::String(text) if text.text.is_empty()), "{line}");
    }
    assert_eq!(body("http-request deny default-errorfiles status 404"), ReplyBody::DefaultErrorfiles);
    assert_eq!(body("http-request return"), ReplyBody::Default);
    let HttpAction::Return(reply) = action(
        "http-request return status 403 content-type text/plain lf-string %[src] hdr X-A %[dst] hdr B c",
    ) else {
        panic!("a reply")
    };
    assert_eq!((reply.status, reply.headers.len()), (Some(403), 2));
    assert!(matches!(reply.body, ReplyBody::LfString(_)));
}

#[test]
fn variables_carry_their_conditions() {
    let HttpAction::SetVar(name, VarValue::Expr(expr)) =
        action("http-request set-var(txn.a) src,lower upper if x")
    else {
        panic!("a variable")
    };
    assert_eq!((name.as_str(), expr.words.len()), ("txn.a", 2));
    let HttpAction::SetVarIf(name, conditions, VarValue::Format(_)) =
        action("http-response set-var-fmt(txn.a,ifnotexists,ifgt) %[src]")
    else {
        panic!("a conditional variable")
    };
    assert_eq!(name.as_str(), "txn.a");
    assert_eq!(conditions, [VarCondition::IfNotExists, VarCondition::IfGreater]);
}

#[test]
fn text_of_redirect_lines_is_literal() {
    let model = model(FRONT, "redirect location /%20a code 301\nhttp-request redirect scheme %[src]");
    let settings = &model.proxies[0].settings;
    let line = format!("{:?}", settings.redirects[0].action.to);
    assert!(line.contains("/%%20a"), "{line}");
    assert_eq!(settings.redirects[0].action.code, Some(301));
    let rule = format!("{:?}", settings.http_request[0].action);
    assert!(rule.contains("\"%[src]\""), "{rule}");
}

#[test]
fn small_values() {
    assert_eq!(action("http-request set-log-level silent"), HttpAction::SetLogLevel(None));
    assert_eq!(action("http-response set-log-level err"), HttpAction::SetLogLevel(Some(3)));
    assert_eq!(
        action("http-request wait-for-body time 1s at-least 10k"),
        HttpAction::WaitForBody(1000, Some(10_240))
    );
    assert_eq!(
        action("http-request normalize-uri path-strip-dotdot full"),
        HttpAction::NormalizeUri(Normalizer::PathStripDotdot { full: true })
    );
    assert_eq!(action("http-request silent-drop rst-ttl 3"), HttpAction::SilentDrop(Some(3)));
}

#[test]
fn what_haproxy_takes_loads() {
    all_load(
        FRONT,
        &[
            "http-request deny status 418 content-type text/plain string x",
            "http-request return status 200 content-type if string b",
            "http-request return content-type a lf-file x.html",
            "http-request return status 200 hdr a b",
            "http-request auth realm x\\ y unless { src 1.2.3.4 }",
            "http-request reject",
            "http-request redirect scheme https code 301 if !{ ssl_fc }",
            "http-request redirect location / scheme https",
            "http-request redirect prefix https://x drop-query append-slash set-cookie A=1",
            "http-request redirect prefix / clear-cookie A= ignore-empty",
            "http-request redirect location if if TRUE",
            "http-request set-header X if if TRUE",
            "http-request del-header ^a.* -m reg",
            "http-request replace-header a b c",
            "http-response replace-value a b c",
            "http-request replace-uri a b",
            "http-request set-path /a",
            "http-request set-var(proc.a_b.c) hdr(a)",
            "http-request unset-var(txn.a)",
            "http-request capture req.hdr(a) len 10 if TRUE",
            "http-request set-src src",
            "http-request set-dst-port int(80)",
            "http-request early-hint Link a",
            "http-request wait-for-handshake",
            "http-request strict-mode on",
            "http-request disable-l7-retry if x",
            "http-response set-status 503 reason a\\ b",
            "http-response deny deny_status 502",
            "http-after-response set-status 200",
            "http-error status 503 content-type a string b",
            "http-error status 503 default-errorfiles",
            "errorfile 503 /a.http",
            "errorloc 503 http://x",
            "errorloc303 503 http://x",
            "errorfiles site 503 404",
            "use_backend %[req.hdr(host)]",
            "use_backend y unless TRUE",
            "acl 1:x path /",
            "acl x_y.z-1:a hdr(host) -i a b",
            "capture request header Host len 10",
            "declare capture response len 10",
            "redirect scheme https if { ssl_fc }",
        ],
    );
    all_load(
        BACK,
        &[
            "http-request set-timeout server 5s",
            "http-request set-timeout tunnel int(10)",
            "http-request capture src id 0",
            "use-server s if TRUE",
            "use-server %[req.hdr(x)] unless TRUE",
        ],
    );
}

#[test]
fn a_wrong_word_is_pointed_at() {
    all_refused(
        FRONT,
        &[
            ("http-request", "", "'http-request' expects a word", "lockgate keywords http-request"),
            ("http-request den", "den", "does not know 'den'", "did you mean 'deny'"),
            ("http-response tarpit", "tarpit", "does not know 'tarpit'", ""),
            (
                "http-request deny deny_statsu 429",
                "deny_statsu",
                "invalid argument",
                "did you mean 'deny_status'",
            ),
            ("http-request deny deny_status 42", "42", "invalid status code", "200 to 599"),
            ("http-request deny deny_status 418", "deny_status", "no error page for status '418'", ""),
            ("http-request deny string x", "string", "a content type must be defined", "content-type"),
            (
                "http-request return content-type a string x string y",
                "string",
                "'string' already defined",
                "",
            ),
            ("http-request return deny_status 200", "deny_status", "invalid argument", ""),
            ("http-request return status 200 hdr a", "", "expects <name> and <value>", ""),
            ("http-request allow foo", "foo", "unexpected argument 'foo'", ""),
            ("http-request auth realm", "", "expects a realm", ""),
            ("http-request redirect", "", "expects a redirection type", "location"),
            ("http-request redirect code 300 location /", "300", "invalid HTTP code", "301"),
            ("http-request redirect location / fo", "fo", "invalid argument", "one of"),
            ("http-request set-header a", "", "exactly 2 arguments", ""),
            ("http-request set-header a \"\"", "\"\"", "exactly 2 arguments", ""),
            ("http-request set-header a b c", "c", "unexpected argument 'c'", ""),
            ("http-request set-header \"a b\" c", "\"a b\"", "invalid header name", "' '"),
            ("http-request del-header a -m begg", "begg", "invalid matching method", "did you mean 'beg'"),
            ("http-request replace-header a b", "", "exactly 3 arguments", ""),
            ("http-request set-var(tnx.a) src", "tnx.a", "invalid variable name", "did you mean 'txn'"),
            ("http-request set-var(a) src", "a", "invalid variable name", "scope"),
            ("http-request set-var(txn.a-b) src", "txn.a-b", "invalid variable name", "'-' is not allowed"),
            ("http-request set-var(txn.a,ifnotempt) src", "ifnotempt", "invalid condition", "ifnotempty"),
            ("http-request set-var(txn.a src", "set-var(txn.a", "closing bracket", ""),
            ("http-request set-var(txn.a) if x", "", "expects a sample expression", ""),
            ("http-request capture src", "", "expects 'len' or 'id'", ""),
            ("http-request capture src len 0", "0", "invalid length", ""),
            ("http-request set-log-level error", "error", "invalid log level", "'err'"),
            ("http-request set-timeout server 5s", "server", "no backend capability", ""),
            ("http-request wait-for-body at-least 10", "", "expects time <time>", ""),
            ("http-request normalize-uri foo", "foo", "invalid normalizer", ""),
            ("http-request strict-mode yes", "yes", "invalid mode", "'on'"),
            ("http-response set-status 99", "99", "invalid integer status code", ""),
            ("http-response capture res.hdr(a) len 10", "len", "invalid argument", "'id'"),
            ("http-error status 418 content-type a string b", "http-error", "'418' not handled", "503"),
            ("http-error content-type a string b", "", "expects at least a 'status'", ""),
            ("errorfile 418 x", "418", "invalid status code", "error pages exist"),
            ("errorfile 503", "", "expects", ""),
            ("use_backend", "", "expects a backend name", ""),
            ("use_backend y when x", "when", "unexpected argument", ""),
            ("acl x", "", "expects a criterion", ""),
            ("acl a/b path /", "a/b", "character '/' is not permitted in acl name", ""),
            ("acl or path /", "or", "will never match", "another name"),
            ("capture request header Host", "", "'len'", ""),
            ("capture request headr Host len 3", "headr", "invalid argument", "did you mean 'header'"),
            ("capture requset header A len 3", "requset", "invalid argument", "did you mean 'request'"),
            ("declare capture both len 3", "both", "invalid argument", "'request'"),
        ],
    );
    all_refused(
        BACK,
        &[
            ("http-request capture src len 10", "len", "no frontend capability", "declare capture"),
            ("http-request set-timeout server 0", "0", "invalid delay", "above 0"),
            ("http-request set-timeout servr 1s", "servr", "invalid timeout", "did you mean 'server'"),
            ("use-server s", "", "'if' or 'unless'", ""),
        ],
    );
}

#[test]
fn what_is_not_done_says_so() {
    all_refused(
        FRONT,
        &[
            ("http-request lua.auth", "http-request lua.auth", "not supported", "Lua"),
            ("http-request use-service lua.x", "lua.x", "not supported", "Lua"),
            ("http-request use-service foo", "foo", "invalid service", ""),
            (
                "http-request send-spoe-group a b",
                "http-request send-spoe-group",
                "not supported",
                "unexamined",
            ),
            ("http-request do-resolve(txn.a,d) src", "http-request do-resolve(txn.a,d)", "not supported", ""),
        ],
    );
    all_warned(
        FRONT,
        &[
            ("http-request track-sc0 src", "http-request track-sc0", "without effect", ""),
            ("http-request sc-inc-gpc0(0)", "http-request sc-inc-gpc0(0)", "without effect", ""),
            ("http-request cache-use c", "http-request cache-use", "without effect", ""),
            ("http-request set-header X-A: b", "X-A:", "':' is no part", ""),
            ("http-response del-header ^Server:.*$", "^Server:.*$", "nothing will be removed", "-m reg"),
            ("http-request return status 200 content-type a", "content-type", "ignored", ""),
            ("http-request return errorfile x hdr a b", "hdr", "ignored", ""),
        ],
    );
}

/// Its path must not fall through to a server that may have a page of that name.
#[test]
fn the_metrics_path_answers_503() {
    let loaded = load(FRONT, "http-request use-service prometheus-exporter if { path /metrics }");
    assert!(!loaded.diags.has_alerts());
    let rule = &loaded.model.proxies[0].settings.http_request[0];
    assert!(matches!(&rule.action, HttpAction::Return(reply) if reply.status == Some(503)));
    assert!(rule.cond.is_some());
}

#[test]
fn error_replies_keep_their_order() {
    let model = model(FRONT, "errorfile 503 a\nerrorloc303 503 /b\nhttp-error status 503");
    let errors = &model.proxies[0].settings.errors;
    assert!(matches!(errors[0].kind, ErrorReplyKind::File(_)));
    assert!(matches!(errors[1].kind, ErrorReplyKind::Location303(_)));
    assert!(
        matches!(&errors[2].kind, ErrorReplyKind::Reply(reply) if matches!(reply.body, ReplyBody::String(_)))
    );
}

#[test]
fn of_two_cookies_of_a_redirect_the_later_counts() {
    let cookies = |line: &str| {
        let HttpAction::Redirect(redirect) = action(line) else { panic!("a redirect") };
        (redirect.set_cookie.map(|w| w.text), redirect.clear_cookie.map(|w| w.text))
    };
    let line = "http-request redirect location / set-cookie A=b clear-cookie C";
    assert_eq!(cookies(line), (None, Some("C".to_owned())));
    let line = "http-request redirect location / clear-cookie C set-cookie A=b";
    assert_eq!(cookies(line), (Some("A=b".to_owned()), None));
}

#[test]
fn a_response_can_only_be_redirected_by_location() {
    all_load(FRONT, &["http-response redirect location /x%[status] code 303"]);
    all_refused(
        FRONT,
        &[
            ("http-response redirect prefix /x", "http-response redirect", "only supports", "location"),
            (
                "http-response redirect scheme https if { status 200 }",
                "http-response redirect",
                "only supports redirect type 'location'",
                "location",
            ),
        ],
    );
}

#[test]
fn a_realm_of_several_words_is_its_first_with_a_warning() {
    all_warned(
        FRONT,
        &[
            (
                "stats realm Haproxy statistics",
                "statistics",
                "'stats realm' takes no other argument",
                "in quotes",
            ),
            ("stats hide-version yes", "yes", "is ignored", ""),
        ],
    );
    let loaded = load(FRONT, "stats realm Haproxy statistics");
    let page = loaded.model.proxies[0].settings.statistics.clone().unwrap();
    assert_eq!(page.realm.unwrap().text, "Haproxy");
}
