use super::{all_load, all_refused, all_warned, model};
use config::model::TcpAction;

const FRONT: &str = "frontend f";
const BACK: &str = "backend b";

#[test]
fn a_rule_joins_its_list() {
    let settings = model(
        "listen l",
        "tcp-request inspect-delay 5s\ntcp-request connection expect-proxy layer4 if x\n\
         tcp-request session set-var(sess.a) src\ntcp-request content capture req.ssl_sni len 25",
    )
    .proxies
    .remove(0)
    .settings;
    assert_eq!(settings.tcp_request_inspect_delay, Some(5000));
    assert_eq!(settings.tcp_request_connection[0].action, TcpAction::ExpectProxy);
    assert!(matches!(settings.tcp_request_session[0].action, TcpAction::SetVar(..)));
    assert!(matches!(settings.tcp_request_content[0].action, TcpAction::Capture(_, 25)));
}

#[test]
fn what_haproxy_takes_loads() {
    all_load(
        FRONT,
        &[
            "tcp-request connection accept",
            "tcp-request connection reject if { src 1.2.3.4 }",
            "tcp-request connection set-src src",
            "tcp-request connection set-var-fmt(sess.x) a%[src]",
            "tcp-request session silent-drop",
            "tcp-request session set-dst src",
            "tcp-request content accept if { req.ssl_hello_type 1 }",
            "tcp-request content reject",
            "tcp-request content set-log-level err",
            "tcp-request content unset-var(txn.a)",
        ],
    );
    all_load(BACK, &["tcp-request content accept"]);
}

#[test]
fn rules_on_responses_do_not_seem_to_hold() {
    all_refused(
        BACK,
        &[
            (
                "tcp-response content close if x",
                "tcp-response content close",
                "not supported",
                "http-response",
            ),
            ("tcp-response content reject", "tcp-response content reject", "not supported", "http-response"),
        ],
    );
    all_warned(
        BACK,
        &[
            ("tcp-response inspect-delay 1s", "tcp-response inspect-delay", "without effect", ""),
            ("tcp-response content accept", "tcp-response content accept", "without effect", ""),
        ],
    );
}

#[test]
fn a_wrong_word_is_pointed_at() {
    all_refused(
        FRONT,
        &[
            ("tcp-request inspect-delay x", "x", "invalid delay", ""),
            ("tcp-request contnt accept", "contnt", "does not know", "did you mean 'content"),
            ("tcp-request connection", "", "expects an action", "accept"),
            ("tcp-request connection rejct", "rejct", "invalid action", "did you mean 'reject'"),
            ("tcp-request connection set-log-level err", "set-log-level", "invalid action", ""),
            ("tcp-request connection reject foo", "foo", "unexpected argument", ""),
            ("tcp-request connection expect-proxy", "", "expects a layer", ""),
            ("tcp-request session expect-proxy layer4", "expect-proxy", "invalid action", ""),
            ("tcp-request content capture req.ssl_sni", "", "'len' and a length", ""),
            ("tcp-response content accept", "tcp-response content accept", "is not a backend", ""),
            ("tcp-request content lua.x", "tcp-request content lua.x", "not supported", "Lua"),
            (
                "tcp-request content switch-mode http",
                "tcp-request content switch-mode",
                "not supported",
                "mode http",
            ),
            (
                "tcp-request connection expect-netscaler-cip layer4",
                "tcp-request connection expect-netscaler-cip",
                "not supported",
                "PROXY protocol",
            ),
        ],
    );
    all_refused(
        BACK,
        &[("tcp-request connection accept", "tcp-request connection accept", "is not a frontend", "")],
    );
    all_warned(
        FRONT,
        &[
            ("tcp-request content track-sc0 src", "tcp-request content track-sc0", "without effect", ""),
            ("tcp-request connection set-mark 1", "tcp-request connection set-mark", "without effect", ""),
        ],
    );
}
