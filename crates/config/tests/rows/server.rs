use super::{all_load, all_refused, all_warned, load, model};
use base::Address;
use config::model::{InitAddr, OnError, ProxyV2Option, SendProxy, Server, Verify};

const BACK: &str = "backend b";

fn servers(lines: &str) -> Vec<Server> {
    model(BACK, lines).proxies.remove(0).servers
}

fn names(lines: &str) -> Vec<String> {
    servers(lines).iter().map(|s| s.name.text.clone()).collect()
}

#[test]
fn parameters_fill_the_model() {
    let server = &servers(
        "server s1 10.0.0.1:80 weight 10 check inter 5s fastinter 1s rise 3 fall 2 port 81 maxconn 50 backup \
         cookie c1 slowstart 60s ssl verify none sni req.hdr(host) on-error mark-down init-addr last,none,1.2.3.4 \
         send-proxy-v2 proxy-v2-options crc32c,ssl source 0.0.0.0:1024-2048 interface lo pool-max-conn -1",
    )[0];
    let p = &server.params;
    assert_eq!(server.address, Address::parse("10.0.0.1:80").unwrap());
    assert_eq!(
        (p.weight, p.inter, p.fastinter, p.rise, p.fall),
        (Some(10), Some(5000), Some(1000), Some(3), Some(2))
    );
    assert_eq!((p.port, p.maxconn, p.backup, p.check), (Some(81), Some(50), Some(true), Some(true)));
    assert_eq!((p.ssl, p.verify, p.on_error), (Some(true), Some(Verify::None), Some(OnError::MarkDown)));
    assert_eq!(p.sni.as_ref().unwrap().words[0].as_str(), "req.hdr(host)");
    let ip = InitAddr::Ip("1.2.3.4".parse().unwrap());
    assert_eq!(p.init_addr, Some(vec![InitAddr::Last, InitAddr::None, ip]));
    assert_eq!(p.send_proxy, Some(SendProxy::V2));
    assert_eq!(p.proxy_v2_options, [ProxyV2Option::Crc32c, ProxyV2Option::Ssl]);
    assert_eq!(p.source.as_ref().unwrap().interface.as_ref().unwrap().as_str(), "lo");
    assert_eq!(p.pool_max_conn, Some(-1));
}

#[test]
fn a_server_takes_what_default_server_says_above_it() {
    let lines = "server a 1.1.1.1:1\ndefault-server check inter 3s backup\nserver b 1.1.1.1:2 inter 1s no-backup\n\
                 default-server inter 9s\nserver c 1.1.1.1:3 no-check";
    let seen: Vec<_> =
        servers(lines).iter().map(|s| (s.params.check, s.params.inter, s.params.backup)).collect();
    assert_eq!(
        seen,
        [(None, None, None), (Some(true), Some(1000), Some(false)), (Some(false), Some(9000), Some(true)),]
    );
    let inherited = model("defaults\ndefault-server check rise 7\nbackend b", "server s 1.1.1.1:1");
    assert_eq!(inherited.proxies[0].servers[0].params.rise, Some(7));
}

#[test]
fn the_richest_proxy_protocol_asked_for_is_sent() {
    let table = [
        ("send-proxy", SendProxy::V1),
        ("send-proxy send-proxy-v2", SendProxy::V2),
        ("send-proxy-v2 send-proxy", SendProxy::V2),
        ("send-proxy-v2-ssl-cn send-proxy-v2", SendProxy::V2SslCn),
        ("send-proxy-v2 no-send-proxy-v2", SendProxy::Off),
        ("send-proxy-v2 no-send-proxy", SendProxy::V2),
        ("send-proxy no-send-proxy", SendProxy::Off),
    ];
    for (words, expected) in table {
        let found = servers(&format!("server s 1.1.1.1:1 {words}"))[0].params.send_proxy;
        assert_eq!(found, Some(expected), "{words}");
    }
}

#[test]
fn a_template_makes_its_servers() {
    assert_eq!(names("server-template web 3 app:80 check"), ["web1", "web2", "web3"]);
    assert_eq!(names("server-template web- 4-5 app:80"), ["web-4", "web-5"]);
    let ids: Vec<_> = servers("server-template s 2 app:80 id 40").iter().map(|s| s.params.id).collect();
    assert_eq!(ids, [Some(40), Some(41)]);
}

#[test]
fn what_haproxy_takes_loads() {
    all_load(
        BACK,
        &[
            "server s 127.0.0.1",
            "server a:b_c-d.e 127.0.0.1:80",
            "server s ipv4@127.0.0.1:80",
            "server s 127.0.0.1:+80",
            "server s /tmp/sock",
            "server s abns@foo",
            "server s *:80",
            "server s 0.0.0.0:0",
            "server s 127.0.0.1:80 id 4 weight 0 minconn 1 maxqueue 2",
            "server s 127.0.0.1:80 check check inter 100us disabled enabled backup backup",
            "server s 127.0.0.1:80 check addr localhost port 0",
            "server s 127.0.0.1:80 observe layer4 error-limit 2 on-marked-down shutdown-sessions",
            "server s 127.0.0.1:80 on-marked-up shutdown-backup-sessions track b/t",
            "server s 127.0.0.1:80 agent-check agent-port 90 agent-inter 3s agent-addr 127.0.0.1 agent-send x",
            "server s 127.0.0.1:80 check-sni foo check-alpn http/1.1 check-proto h1 check-ssl no-check-ssl",
            "server s 127.0.0.1:80 no-check no-ssl no-send-proxy no-tfo ssl-reuse tls-tickets",
            "server s 127.0.0.1:80 no-sslv3 no-tlsv10 force-tlsv12 ssl-min-ver TLSv1.2",
            "server s 127.0.0.1:80 pool-purge-delay 0 max-reuse -1 ws auto redir http://x",
            "source 10.0.0.1 interface lo",
            "source 0.0.0.0:1024-2048",
            "default-server",
            "default-server cookie x source 0.0.0.0 agent-check",
        ],
    );
}

#[test]
fn a_wrong_word_is_pointed_at() {
    all_refused(
        BACK,
        &[
            ("server", "", "'server' expects <name>", ""),
            ("server s", "", "expects <addr>", ""),
            ("server a/b 1.1.1.1:80", "a/b", "character '/' is not permitted in server name", ""),
            ("server s 1.1.1.1:x", "1.1.1.1:x", "invalid port 'x'", ""),
            ("server s 1.1.1.1:80-90", "1.1.1.1:80-90", "port range not permitted", ""),
            ("server s fd@3", "fd@3", "file descriptor", ""),
            ("server s udp@1.1.1.1:53", "udp@1.1.1.1:53", "dgram-type", ""),
            ("server s 1.1.1.1:1 chek", "chek", "'server b/s': unknown keyword", "did you mean 'check'"),
            ("server s 1.1.1.1:1 check if x", "if", "unknown keyword", ""),
            ("server s 1.1.1.1:1 weight 257", "257", "invalid weight", "from 0 to 256"),
            ("server s 1.1.1.1:1 weight", "", "'weight' expects a weight", ""),
            ("server s 1.1.1.1:1 inter 0", "0", "invalid delay", "above 0"),
            ("server s 1.1.1.1:1 inter 2147483648", "2147483648", "timer overflow", ""),
            ("server s 1.1.1.1:1 rise 0", "0", "invalid count", "from 1"),
            ("server s 1.1.1.1:1 observe layer5", "layer5", "invalid mode", "layer4"),
            ("server s 1.1.1.1:1 verify optional", "optional", "invalid verify method", "required"),
            (
                "server s 1.1.1.1:1 init-addr libc,lats",
                "lats",
                "invalid init-addr method",
                "did you mean 'last'",
            ),
            ("server s 1.1.1.1:1 proxy-v2-options ssl,crc32", "crc32", "PROXY protocol option", "crc32c"),
            ("server s 1.1.1.1:1 source eth0", "eth0", "invalid source address", "IP address"),
            ("server s 1.1.1.1:1 sni hdr(host) lower", "lower", "unknown keyword", ""),
            ("server s 1.1.1.1:1 agent-check", "agent-check", "does not have agent port", "agent-port"),
            ("server s 1.1.1.1:1 resolvers d resolve-prefer ipv5", "ipv5", "invalid family", ""),
            ("default-server id 3", "id", "unknown keyword 'id'", ""),
            ("default-server 1.1.1.1:80", "1.1.1.1:80", "unknown keyword", "address is not expected"),
            ("source 0.0.0.0 interfac lo", "interfac", "unexpected argument", ""),
            ("server-template s 3-1 app:80", "3-1", "Wrong server-template number", ""),
            ("server-template s 0 app:80", "0", "Wrong server-template number", ""),
            ("server-template s 10001 app:80", "10001", "Wrong server-template number", "10000"),
        ],
    );
}

#[test]
fn what_is_not_served_says_so() {
    all_refused(
        BACK,
        &[
            ("server s 1.1.1.1:1 proto h2", "h2", "not spoken", "HTTP/1.1"),
            ("server s 1.1.1.1:1 ws h2", "h2", "HTTP/2", "ws h1"),
            ("server s 1.1.1.1:1 socks4 2.2.2.2", "2.2.2.2", "invalid address", "port"),
            ("server s 1.1.1.1:1 hash-key name", "name", "invalid key", "addr-port"),
            ("server s 1.1.1.1:1 init-state maybe", "maybe", "invalid state", "fully-down"),
            ("server s 1.1.1.1:1 set-proxy-v2-tlv-fmt(300) x", "300", "invalid type", "0 to 255"),
            ("server s 1.1.1.1:1 source 0.0.0.0 usesrc clientip", "usesrc", "not supported", "send-proxy"),
        ],
    );
    all_warned(
        BACK,
        &[
            ("server s 1.1.1.1:1 pool-low-conn 2", "pool-low-conn", "without effect", ""),
            ("server s app:1 resolve-net 10.0.0.0/8", "resolve-net", "preferred family", ""),
            ("server s 1.1.1.1:1 non-stick", "non-stick", "no stick tables", ""),
            ("server s 1.1.1.1:1 ssl verify none alpn h2", "h2", "HTTP/2 to servers", ""),
        ],
    );
    let lines = "server a app:1 non-stick\nserver b app:1 non-stick";
    assert_eq!(load(BACK, lines).diags.iter().count(), 1, "a reason is given once a section");
}
