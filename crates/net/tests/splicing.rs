//! Splice between two connections: all bytes, in order, and pipes that are used again.
#![allow(clippy::unwrap_used)] // a failed set-up is a failed test

use net::{ConnectOptions, Inherited, ListenAddr, ListenOptions, Pipe, Pipes, Stream, Target};
use std::future::poll_fn;

async fn pair() -> (Stream, Stream) {
    let at = ListenAddr::Inet("127.0.0.1:0".parse().unwrap());
    let bound = net::bind(&at, &ListenOptions::default(), 1, &mut Inherited::none()).unwrap().remove(0);
    let to = Target::Inet(bound.local_addr().inet().unwrap());
    let listener = bound.into_tokio().unwrap();
    let options = ConnectOptions::default();
    let (accepted, connected) = tokio::join!(listener.accept(), net::connect(&to, &options));
    (connected.unwrap(), accepted.unwrap().0)
}

async fn relay(pipe: &mut Pipe, from: &Stream, to: &Stream) -> usize {
    let mut total = 0;
    loop {
        if poll_fn(|cx| pipe.poll_fill(cx, from, usize::MAX)).await.unwrap() == 0 {
            to.shutdown_write().unwrap();
            return total;
        }
        while pipe.held() > 0 {
            total += poll_fn(|cx| pipe.poll_drain(cx, to)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_long_body_arrives_whole() {
    let body: Vec<u8> = (0..4_000_000_u32).map(|n| (n % 251) as u8).collect();
    let (mut client, front) = pair().await;
    let (back, mut server) = pair().await;
    let mut pipes = Pipes::default();
    let mut pipe = pipes.take().unwrap();
    let send = async {
        client.write_all(&body).await.unwrap();
        client.shutdown_write().unwrap();
    };
    let receive = async {
        let (mut got, mut buffer) = (Vec::new(), vec![0; 65_536]);
        loop {
            match server.read(&mut buffer).await.unwrap() {
                0 => return got,
                n => got.extend_from_slice(&buffer[..n]),
            }
        }
    };
    let ((), moved, got) = tokio::join!(send, relay(&mut pipe, &front, &back), receive);
    assert_eq!(moved, body.len());
    assert!(got == body, "the bytes differ");
    pipes.give_back(pipe);
}

#[tokio::test]
async fn a_limit_leaves_the_rest_for_later() {
    let (mut client, mut front) = pair().await;
    client.write_all(b"headbody").await.unwrap();
    let mut pipes = Pipes::default();
    let mut pipe = pipes.take().unwrap();
    assert_eq!(poll_fn(|cx| pipe.poll_fill(cx, &front, 4)).await.unwrap(), 4);
    assert_eq!(
        poll_fn(|cx| pipe.poll_fill(cx, &front, 4)).await.unwrap(),
        4,
        "a full pipe is not filled again"
    );
    let mut rest = [0; 16];
    assert_eq!(front.read(&mut rest).await.unwrap(), 4);
    assert_eq!(&rest[..4], b"body");
    pipes.give_back(pipe);
}

#[test]
fn pipes_are_bounded_and_a_used_one_is_not_passed_on() {
    let mut pipes = Pipes::default();
    let taken: Vec<Pipe> = std::iter::from_fn(|| pipes.take()).collect();
    assert!(taken.len() <= net::splice::MAX_PIPES);
    for pipe in taken {
        pipes.give_back(pipe);
    }
    assert!(pipes.take().is_some());
}
