//! The record layer: no panic, the same data however the records arrive, and never a byte that the peer did not seal
//! as data, whatever else it says in between and whatever happens to it on the way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rustls::ConnectionTrafficSecrets as Secrets;
use rustls::crypto::cipher::{AeadKey, Iv};
use tls::record::{Key, Kind, Records, Renewal};

fn key(flags: u8, secret: u8) -> Key {
    let (key, iv) = (AeadKey::from([secret; 32]), Iv::new([secret; 12]));
    let secrets = match flags & 2 {
        0 => Secrets::Aes256Gcm { key, iv },
        _ => Secrets::Chacha20Poly1305 { key, iv },
    };
    Key::new(flags & 1 == 0, u64::from(flags >> 4), &secrets).unwrap()
}

/// What the peer sends, and the data in it. Each word is an octet for the kind, one for the padding, one for the
/// length, and the content; other kinds spoil what was sent so far, or add what is no record.
fn stream(flags: u8, mut words: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut sealed, mut data, mut theirs) = (Vec::new(), Vec::new(), key(flags, 7));
    while let [kind, padding, length, rest @ ..] = words {
        let (content, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        match Kind::of(*kind & 31) {
            Some(kind) => {
                if kind == Kind::Data {
                    data.extend_from_slice(content);
                }
                theirs.seal_padded(kind, content, usize::from(*padding), &mut sealed).unwrap();
            }
            None if kind & 1 == 0 => sealed.extend_from_slice(content),
            None => {
                let at = usize::from(*length).saturating_mul(usize::from(*padding) + 1);
                if let Some(octet) = sealed.get_mut(at) {
                    *octet ^= 1 + (kind >> 5);
                }
            }
        }
        words = rest;
    }
    (sealed, data)
}

fn read(flags: u8, stream: &[u8], size: usize) -> (Vec<u8>, bool, bool) {
    let renewal = if flags & 4 == 0 { Renewal::NeverServer } else { Renewal::NeverClient };
    let mut records = Records::new(key(flags, 7), key(flags, 8), renewal);
    let (mut held, mut plain, mut out) = (Vec::new(), Vec::new(), Vec::new());
    for piece in stream.chunks(size) {
        held.extend_from_slice(piece);
        match records.read(&mut held, &mut plain, &mut out) {
            Ok(progress) => {
                assert!(progress.used <= held.len());
                held.drain(..progress.used);
                if progress.closed {
                    return (plain, true, false);
                }
            }
            Err(_) => return (plain, false, true),
        }
        records.write(piece, &mut out).unwrap();
    }
    (plain, false, false)
}

fuzz_target!(|data: &[u8]| {
    let Some((&flags, words)) = data.split_first() else { return };
    let (stream, data) = stream(flags, words);
    let whole = read(flags, &stream, stream.len().max(1));
    assert!(data.starts_with(&whole.0));
    for size in [1, 5, 23] {
        assert_eq!(read(flags, &stream, size), whole);
    }
});
