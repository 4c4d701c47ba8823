//! ClientHellos: no panic in parser or accessors, and more bytes never take back what was seen.
#![no_main]

use http::client_hello::{Parsed, hello_type, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = hello_type(data);
    let whole = parse(data);
    if let Parsed::Hello(hello) = &whole {
        let _ = (hello.sni(), hello.legacy_version(), hello.cipher_suites(), hello.session_ticket());
        let _ = (hello.alpn().count(), hello.supported_versions().count(), hello.has_ec_extension());
    }
    for n in 0..data.len().min(200) {
        match parse(&data[..n]) {
            Parsed::Partial => {}
            early => return assert_eq!(early, whole),
        }
    }
});
