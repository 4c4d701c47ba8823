//! PROXY protocol headers: no panic, no verdict before the last byte, and addresses survive being sent on.
#![no_main]

use http::proxy_protocol::{Parsed, V2, parse, write_v1, write_v2};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(Parsed::Done { len, header }) = parse(data) else { return };
    assert!(len <= data.len());
    for n in 0..len {
        assert_eq!(parse(&data[..n]), Ok(Parsed::Partial));
    }
    let with = V2 {
        authority: header.authority(),
        unique_id: header.unique_id(),
        ssl: header.ssl(),
        crc32c: true,
        ..V2::default()
    };
    let mut v2 = Vec::new();
    write_v2(header.addresses, &with, &mut v2);
    let Ok(Parsed::Done { len, header: again }) = parse(&v2) else { panic!("{}", v2.escape_ascii()) };
    assert_eq!((len, again.addresses), (v2.len(), header.addresses));
    let mut v1 = Vec::new();
    write_v1(header.addresses, &mut v1);
    assert!(matches!(parse(&v1), Ok(Parsed::Done { len, .. }) if len == v1.len()), "{}", v1.escape_ascii());
});
