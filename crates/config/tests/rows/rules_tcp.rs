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
fn marks_are_decimal_or_hexadecimal_and_in_range() {
    all_load(
        FRONT,
        &[
            "tcp-request connection set-mark 0xffffffff",
            "tcp-request session set-tos 0x10",
            "tcp-request content set-fc-mark 7 if TRUE",
            "tcp-request content set-bc-mark 7 if TRUE",
            "tcp-request content set-bc-tos src_port,mod(8)",
        ],
    );
    all_refused(
        FRONT,
        &[
            ("tcp-request connection set-mark 4294967296", "4294967296", "invalid mark", "4294967295"),
            ("tcp-request content set-tos 256", "256", "invalid TOS", "255"),
            ("tcp-request content set-tos 0xx", "0xx", "invalid TOS", ""),
        ],
    );
}

#[test]
fn rules_on_responses_load_where_there_are_servers() {
    all_load(
        BACK,
        &[
            "tcp-response inspect-delay 1s",
            "tcp-response content accept",
            "tcp-response content close if { res.len gt 3 }",
            "tcp-response content reject",
            "tcp-response content silent-drop rst-ttl 3",
            "tcp-response content set-var(txn.a) res.len",
            "tcp-response content unset-var(txn.a)",
            "tcp-response content set-log-level silent",
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
            ("tcp-request content switch-mode fcgi", "fcgi", "invalid mode", "http"),
            ("tcp-request content switch-mode http proto h2", "h2", "invalid protocol", "h1"),
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
        &[("tcp-request content track-sc0 src", "tcp-request content track-sc0", "without effect", "")],
    );
}
