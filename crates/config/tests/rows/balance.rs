use super::{all_load, all_refused, all_warned, model};
use config::model::{Algorithm, CookieMode, HashFunction};

const BACK: &str = "backend b";

fn algorithm(line: &str) -> Algorithm {
    model(BACK, line).proxies[0].settings.balance.clone().unwrap().algorithm
}

#[test]
fn algorithms_and_their_arguments() {
    assert_eq!(algorithm("balance leastconn"), Algorithm::LeastConn);
    assert_eq!(algorithm("balance random(3)"), Algorithm::Random(Some(3)));
    assert_eq!(
        algorithm("balance uri len 10 depth 3 path-only"),
        Algorithm::Uri { len: Some(10), depth: Some(3), whole: false, path_only: true }
    );
    let Algorithm::Header { name, domain_only } = algorithm("balance hdr(Host) use_domain_only") else {
        panic!("a header")
    };
    assert_eq!((name.as_str(), domain_only), ("Host", true));
    let Algorithm::UrlParam { name, check_post } = algorithm("balance url_param id check_post 64") else {
        panic!("a parameter")
    };
    assert_eq!((name.as_str(), check_post), ("id", true));
    let Algorithm::Hash(expr) = algorithm("balance hash src,ipmask(24)") else { panic!("an expression") };
    assert_eq!(expr.words[0].as_str(), "src,ipmask(24)");
    let hash = model(BACK, "hash-type consistent crc32 avalanche").proxies[0].settings.hash_type.unwrap();
    assert_eq!((hash.consistent, hash.function, hash.avalanche), (true, Some(HashFunction::Crc32), true));
}

#[test]
fn what_haproxy_takes_loads() {
    all_load(
        BACK,
        &[
            "balance",
            "balance static-rr",
            "balance first",
            "balance source",
            "balance rdp-cookie",
            "balance rdp-cookie(foo)",
            "balance random",
            "hash-type map-based",
            "hash-balance-factor 0",
            "hash-balance-factor 150",
            "cookie A",
            "cookie A prefix indirect",
            "cookie A insert indirect nocache postonly preserve httponly secure dynamic maxidle 30m maxlife 8h",
            "cookie A insert domain .x.y attr SameSite=None attr x",
        ],
    );
}

#[test]
fn a_wrong_word_is_pointed_at() {
    all_refused(
        BACK,
        &[
            ("balance roundrobbin", "roundrobbin", "invalid algorithm", "did you mean 'roundrobin'"),
            ("balance uri len x", "x", "invalid positive integer", "whole number"),
            ("balance uri depth", "", "expects a positive integer behind 'depth'", ""),
            ("balance uri dept 3", "dept", "invalid parameter", "did you mean 'depth'"),
            ("balance url_param", "", "expects an URL parameter name", ""),
            ("balance url_param x check_pots", "check_pots", "invalid modifier", "did you mean 'check_post'"),
            ("balance hdr", "hdr", "invalid algorithm", "header field name"),
            ("balance hdr()", "hdr()", "invalid algorithm", "header field name"),
            ("balance random(0)", "0", "number of draws", "from 1"),
            ("balance random(3", "random(3", "invalid algorithm", "parenthesis"),
            ("balance hash src lower", "lower", "unexpected argument", ""),
            ("hash-type avalanche", "avalanche", "invalid method", "consistent"),
            ("hash-type consistent avalanche", "avalanche", "invalid hash function", "sdbm"),
            ("hash-type consistent sdbm foo", "foo", "invalid modifier", "avalanche"),
            ("hash-balance-factor 50", "50", "invalid factor", "greater than 100"),
            ("cookie", "", "expects <cookie_name>", ""),
            ("cookie A insert rewrite", "rewrite", "incompatible", ""),
            ("cookie A preserve", "preserve", "requires at least 'insert' or 'indirect'", ""),
            ("cookie A inser", "inser", "invalid option", "did you mean 'insert'"),
            ("cookie A insert domain a.b$", "a.b$", "character '$'", ""),
            ("cookie A insert maxidle x", "x", "invalid", "a time is expected"),
            ("cookie A insert attr \"a;b\"", "\"a;b\"", "not permitted in attribute", ""),
        ],
    );
}

#[test]
fn what_may_surprise_is_said() {
    all_warned(
        BACK,
        &[
            ("balance roundrobin foo", "foo", "ignored", ""),
            ("cookie A insert domain nodot", "nodot", "no embedded dot", ""),
        ],
    );
}

#[test]
fn cookie_modes() {
    let mode = |line| model(BACK, line).proxies[0].settings.cookie.clone().unwrap().mode;
    assert_eq!(mode("cookie A"), CookieMode::Passive);
    assert_eq!(mode("cookie A nocache insert"), CookieMode::Insert);
    let cookie = model(BACK, "cookie A insert maxidle 30m").proxies[0].settings.cookie.clone().unwrap();
    assert_eq!(cookie.maxidle, Some(1800));
}
