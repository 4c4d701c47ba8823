//! Response heads: no panic, the same verdict however the bytes arrive, and what is accepted can be written and read
//! again with the same meaning.
#![no_main]

use http::h1::{Framing, Limits, Parsed, parse_response, strip_hop_by_hop_response, write_response};
use http::{Method, Response};
use libfuzzer_sys::fuzz_target;

const ROOMY: Limits =
    Limits { max_head: 1 << 20, max_fields: 4096, unsafe_request: false, proxy_header: false };

fuzz_target!(|data: &[u8]| {
    let Some((flags, input)) = data.split_first() else { return };
    let limits =
        Limits { max_head: 512, max_fields: 16, unsafe_request: flags & 1 == 1, ..Limits::default() };
    let to = match flags >> 1 & 3 {
        0 => Method::Head,
        1 => Method::Connect,
        _ => Method::Get,
    };
    let mut response = Response::default();
    let whole = parse_response(input, &mut 0, &limits, to, &mut response);
    let mut scanned = 0;
    let pieces = (0..=input.len())
        .map(|n| parse_response(&input[..n], &mut scanned, &limits, to, &mut response))
        .find(|outcome| *outcome != Ok(Parsed::Partial))
        .unwrap_or(Ok(Parsed::Partial));
    match (&whole, &pieces) {
        // A fault may be seen earlier, and so as another one, when less has arrived.
        (Err(_), Err(_)) => {}
        (a, b) => assert_eq!(a, b),
    }
    if let (Ok(Parsed::Complete(complete)), false) = (whole, limits.unsafe_request) {
        assert!((100..=999).contains(&response.status));
        strip_hop_by_hop_response(&mut response, complete.upgrade);
        let mut out = Vec::new();
        write_response(&response, complete.body, None, &mut out);
        let mut again = Response::default();
        match parse_response(&out, &mut 0, &ROOMY, to, &mut again) {
            Ok(Parsed::Complete(second)) => {
                assert_eq!((second.head_len, second.body), (out.len(), complete.body));
                assert_eq!(second.close, complete.body == Framing::UntilClose);
                assert_eq!((again.status, again.reason()), (response.status, response.reason()));
            }
            other => panic!("{other:?}: {}", out.escape_ascii()),
        }
    }
});
