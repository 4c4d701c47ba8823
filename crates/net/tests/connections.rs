//! Connections between a listener and `connect` on the loopback interface.
#![allow(clippy::unwrap_used)] // a failed set-up is a failed test

use net::{
    Addr, ConnectOptions, Idle, ListenAddr, ListenOptions, Listener, Source, SourcePorts, Stream, Target,
};
use std::io::IoSlice;
use std::net::SocketAddr;

fn tcp_listener(at: &str) -> (Listener, SocketAddr) {
    let addr = ListenAddr::Inet(at.parse().unwrap());
    let bound =
        net::bind(&addr, &ListenOptions::default(), 1, &mut net::Inherited::none()).unwrap().remove(0);
    let local = bound.local_addr().inet().unwrap();
    (bound.into_tokio().unwrap(), local)
}

async fn pair(listener: &Listener, to: Target, options: &ConnectOptions) -> (Stream, Stream, Addr) {
    let (accepted, connected) = tokio::join!(listener.accept(), net::connect(&to, options));
    let (server, peer) = accepted.unwrap();
    (connected.unwrap(), server, peer)
}

async fn tcp_pair() -> (Stream, Stream) {
    let (listener, at) = tcp_listener("127.0.0.1:0");
    let (client, server, _) = pair(&listener, Target::Inet(at), &ConnectOptions::default()).await;
    (client, server)
}

async fn read_some(stream: &mut Stream) -> Vec<u8> {
    let mut buffer = [0; 256];
    let n = stream.read(&mut buffer).await.unwrap();
    buffer[..n].to_vec()
}

#[tokio::test]
async fn bytes_go_both_ways_and_the_end_of_one_direction_leaves_the_other_open() {
    let (mut client, mut server) = tcp_pair().await;
    client.write_all(b"ping").await.unwrap();
    assert_eq!(read_some(&mut server).await, b"ping");
    client.shutdown_write().unwrap();
    assert_eq!(read_some(&mut server).await, b"");
    let pieces = [IoSlice::new(b"po"), IoSlice::new(b"ng")];
    let n = std::future::poll_fn(|cx| server.poll_write_vectored(cx, &pieces)).await.unwrap();
    assert_eq!(n, 4);
    assert_eq!(read_some(&mut client).await, b"pong");
}

#[tokio::test]
async fn both_ends_know_each_other() {
    let (listener, at) = tcp_listener("127.0.0.1:0");
    let (client, server, peer) = pair(&listener, Target::Inet(at), &ConnectOptions::default()).await;
    assert_eq!(client.local_addr().unwrap(), peer);
    assert_eq!(client.peer_addr().unwrap(), Addr::Inet(at));
    assert_eq!(server.original_destination().unwrap(), Addr::Inet(at));
}

#[tokio::test]
async fn an_ipv4_client_of_an_ipv6_listener_is_shown_as_ipv4() {
    let options = ListenOptions { v6only: Some(false), ..Default::default() };
    let Ok(mut bound) =
        net::bind(&ListenAddr::Inet("[::]:0".parse().unwrap()), &options, 1, &mut net::Inherited::none())
    else {
        return; // a machine without IPv6
    };
    let bound = bound.remove(0);
    let port = bound.local_addr().port().unwrap();
    let listener = bound.into_tokio().unwrap();
    let to = Target::Inet(SocketAddr::new("127.0.0.1".parse().unwrap(), port));
    let (_client, server, peer) = pair(&listener, to, &ConnectOptions::default()).await;
    assert_eq!(peer.ip(), Some("127.0.0.1".parse().unwrap()));
    assert_eq!(server.local_addr().unwrap().ip(), Some("127.0.0.1".parse().unwrap()));
}

#[tokio::test]
async fn an_accepted_connection_sends_at_once() {
    let (listener, at) = tcp_listener("127.0.0.1:0");
    let (_client, server, _) = pair(&listener, Target::Inet(at), &ConnectOptions::default()).await;
    assert!(socket2::SockRef::from(&server).tcp_nodelay().unwrap());
}

#[tokio::test]
async fn an_abort_is_seen_as_a_reset() {
    let (mut client, server) = tcp_pair().await;
    server.abort();
    let mut buffer = [0; 8];
    let error = client.read(&mut buffer).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn an_idle_connection_tells_whether_it_can_still_be_used() {
    let (mut client, mut server) = tcp_pair().await;
    client.write_all(b"x").await.unwrap();
    assert_eq!(read_some(&mut server).await, b"x");
    assert_eq!(server.idle(), Idle::Quiet);
    client.write_all(b"unasked").await.unwrap();
    server.readable().await.unwrap();
    assert_eq!(server.idle(), Idle::Data);
    assert_eq!(read_some(&mut server).await, b"unasked");
    assert_eq!(server.idle(), Idle::Quiet);
    drop(client);
    server.readable().await.unwrap();
    assert_eq!(server.idle(), Idle::Closed);
}

#[tokio::test]
async fn a_read_that_fills_its_buffer_does_not_make_a_good_connection_look_bad() {
    let (mut client, mut server) = tcp_pair().await;
    client.write_all(b"1234").await.unwrap();
    let mut exact = [0; 4];
    assert_eq!(server.read(&mut exact).await.unwrap(), 4);
    assert_eq!(server.idle(), Idle::Quiet);
}

#[tokio::test]
async fn the_source_ports_of_a_range_are_taken_in_turn_and_busy_ones_skipped() {
    let (listener, at) = tcp_listener("127.0.0.1:0");
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let low = busy.local_addr().unwrap().port().min(65_000);
    let ports = SourcePorts::new(low, low + 9);
    let source = Some(Source { ip: "127.0.0.1".parse().unwrap(), ports: Some(ports) });
    let options = ConnectOptions { source, ..Default::default() };
    let (_one, _server, peer) = pair(&listener, Target::Inet(at), &options).await;
    let (_two, _server, next) = pair(&listener, Target::Inet(at), &options).await;
    assert!((low + 1..=low + 9).contains(&peer.port().unwrap()), "{peer}");
    assert!(next.port().unwrap() > peer.port().unwrap(), "{next} after {peer}");
}

#[tokio::test]
async fn a_source_address_is_used() {
    let (listener, at) = tcp_listener("127.0.0.1:0");
    let source = Some(Source { ip: "127.0.0.9".parse().unwrap(), ports: None });
    let options = ConnectOptions { source, ..Default::default() };
    let (_client, _server, peer) = pair(&listener, Target::Inet(at), &options).await;
    assert_eq!(peer.ip(), Some("127.0.0.9".parse().unwrap()));
}

#[tokio::test]
async fn a_port_where_nobody_listens_refuses() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = net::connect(&Target::Inet(free), &ConnectOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn abstract_and_path_sockets_carry_bytes() {
    let dir = std::env::temp_dir().join(format!("lockgate-net-{}-carry", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("s.sock");
    let name = format!("lockgate-test-{}", std::process::id());
    let name = base::addr::AbstractName::padded(&name);
    let cases = [
        (ListenAddr::Unix(path.clone()), Target::Unix(path.clone())),
        (ListenAddr::Abstract(name.clone()), Target::Abstract(name)),
    ];
    for (listen, target) in cases {
        let bound =
            net::bind(&listen, &ListenOptions::default(), 1, &mut net::Inherited::none()).unwrap().remove(0);
        let listener = bound.into_tokio().unwrap();
        let (mut client, mut server, peer) = pair(&listener, target, &ConnectOptions::default()).await;
        client.write_all(b"hello").await.unwrap();
        assert_eq!(read_some(&mut server).await, b"hello");
        assert_eq!(peer, Addr::Unix);
    }
    std::fs::remove_dir_all(dir).unwrap();
}
