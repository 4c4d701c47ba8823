//! Request heads: no panic, the same verdict however the bytes arrive, and what is accepted can be written and read
//! again with the same meaning.
#![no_main]

use http::Request;
use http::h1::{Limits, Parsed, parse_request, strip_hop_by_hop_request, write_request};
use libfuzzer_sys::fuzz_target;

const ROOMY: Limits =
    Limits { max_head: 1 << 20, max_fields: 4096, unsafe_request: false, proxy_header: false };

fuzz_target!(|data: &[u8]| {
    let Some((flags, input)) = data.split_first() else { return };
    let limits = Limits {
        max_head: 512,
        max_fields: 16,
        unsafe_request: flags & 1 == 1,
        proxy_header: flags & 2 == 2,
    };
    let mut request = Request::default();
    let whole = parse_request(input, &mut 0, &limits, &mut request);
    let mut scanned = 0;
    let pieces = (0..=input.len())
        .map(|n| parse_request(&input[..n], &mut scanned, &limits, &mut request))
        .find(|outcome| *outcome != Ok(Parsed::Partial))
        .unwrap_or(Ok(Parsed::Partial));
    match (&whole, &pieces) {
        // A fault may be seen earlier, and so as another one, when less has arrived.
        (Err(_), Err(_)) => {}
        (a, b) => assert_eq!(a, b),
    }
    if let (Ok(Parsed::Complete(complete)), false) = (whole, limits.unsafe_request) {
        assert!(complete.head_len <= input.len());
        strip_hop_by_hop_request(&mut request, complete.upgrade);
        let mut out = Vec::new();
        write_request(&request, complete.body, None, &mut out);
        let mut again = Request::default();
        match parse_request(&out, &mut 0, &ROOMY, &mut again) {
            Ok(Parsed::Complete(second)) => {
                assert_eq!((second.head_len, second.body), (out.len(), complete.body));
                assert_eq!(second.upgrade, complete.upgrade);
                assert_eq!((again.method_text(), again.host()), (request.method_text(), request.host()));
            }
            other => panic!("{other:?}: {}", out.escape_ascii()),
        }
    }
});
