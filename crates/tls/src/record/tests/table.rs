//! What records may say and what they must not, in every way of protecting them.

use super::*;
use AlertDescription::{
    BadRecordMac, CloseNotify, DecodeError, IllegalParameter, NoRenegotiation, RecordOverflow,
    UnexpectedMessage,
};
use rustls::{Error, PeerMisbehaved};

const MOST: usize = header::PLAIN_MAX;
const TLS13: [usize; 3] = [0, 1, 2];
const TLS12: [usize; 3] = [3, 4, 5];

#[test]
fn data_crosses_both_ways_whatever_its_size() {
    for way in 0..WAYS.len() {
        let mut end = End::new(way, true);
        for size in [0, 1, 15, 16, 17, 1000, MOST - 1, MOST] {
            let data: Vec<u8> = (0..size).map(|n| n as u8).collect();
            assert_eq!(end.hear(Kind::Data, &data, 0), Ok(false), "{way} {size}");
            assert_eq!(std::mem::take(&mut end.plain), data, "{way} {size}");
            end.records.write(&data, &mut end.out).unwrap();
            let said = end.said();
            assert_eq!(said, (size > 0).then_some((Kind::Data, data)), "{way} {size}");
        }
    }
}

#[test]
fn what_is_too_long_for_a_record_goes_in_several() {
    for way in 0..WAYS.len() {
        let mut end = End::new(way, true);
        let data: Vec<u8> = (0..2 * MOST + 1).map(|n| (n / 100) as u8).collect();
        end.records.write(&data, &mut end.out).unwrap();
        let pieces: Vec<Vec<u8>> = std::iter::from_fn(|| end.said()).map(|(_, piece)| piece).collect();
        assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [MOST, MOST, 1]);
        assert_eq!(pieces.concat(), data);
    }
}

#[test]
fn records_may_come_in_pieces_of_any_size() {
    for way in 0..WAYS.len() {
        for step in [1, 2, 3, 5, 7, 64] {
            let mut end = End::new(way, true);
            let mut stream = end.record(Kind::Data, b"first", 0);
            stream.extend(end.record(Kind::Data, &[], 0));
            stream.extend(end.record(Kind::Data, b" second", 0));
            stream.extend(end.record(Kind::Alert, &[1, 0], 0));
            let (mut held, mut closed) = (Vec::new(), false);
            for piece in stream.chunks(step) {
                held.extend_from_slice(piece);
                let progress = end.records.read(&mut held, &mut end.plain, &mut end.out).unwrap();
                held.drain(..progress.used);
                closed |= progress.closed;
            }
            assert_eq!((end.plain.as_slice(), closed, held.len()), (b"first second".as_slice(), true, 0));
        }
    }
}

#[test]
fn padding_is_taken_off() {
    for way in TLS13 {
        let mut end = End::new(way, true);
        for padding in [0, 1, 255, MOST - 4] {
            assert_eq!(end.hear(Kind::Data, b"data", padding), Ok(false));
        }
        assert_eq!(end.plain, b"data".repeat(4));
        assert_eq!(end.hear(Kind::Alert, &[1, 0], 9), Ok(true));
    }
}

#[test]
fn nothing_is_read_behind_a_goodbye() {
    for way in 0..WAYS.len() {
        let mut end = End::new(way, true);
        let mut stream = end.record(Kind::Alert, &[1, 0], 0);
        let first = stream.len();
        stream.extend(end.record(Kind::Data, b"more", 0));
        let progress = end.records.read(&mut stream, &mut end.plain, &mut end.out).unwrap();
        assert_eq!((progress.used, progress.closed, end.plain.len()), (first, true, 0));
    }
}

#[test]
fn headers_are_judged_before_their_record_is_there() {
    let record = |kind: u8, major: u8, length: usize| {
        let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
        [kind, major, 3, high, low]
    };
    type Row = (&'static [usize], [u8; 5], Option<AlertDescription>);
    let rows: [Row; 13] = [
        (&TLS13, record(23, 3, MOST + 256), None),
        (&TLS13, record(23, 3, MOST + 257), Some(RecordOverflow)),
        (&TLS12, record(23, 3, MOST + 2048), None),
        (&TLS12, record(23, 3, MOST + 2049), Some(RecordOverflow)),
        (&TLS13, record(20, 3, 1), Some(UnexpectedMessage)),
        (&TLS13, record(21, 3, 2), Some(UnexpectedMessage)),
        (&TLS13, record(22, 3, 50), Some(UnexpectedMessage)),
        (&TLS12, record(20, 3, 50), None),
        (&TLS12, record(22, 3, 50), None),
        (&[0, 3, 5], record(24, 3, 50), Some(UnexpectedMessage)),
        (&[0, 3, 5], record(0, 3, 50), Some(UnexpectedMessage)),
        (&[0, 3, 5], record(23, 2, 50), Some(UnexpectedMessage)),
        (&[0, 3, 5], *b"GET /", Some(UnexpectedMessage)),
    ];
    for (ways, mut octets, expected) in rows {
        for &way in ways {
            let mut end = End::new(way, true);
            let read = end.records.read(&mut octets, &mut end.plain, &mut end.out);
            assert_eq!(read.is_err(), expected.is_some(), "{octets:?} {way}");
            assert_eq!(end.alert(), expected, "{octets:?} {way}");
            let mut end = End::new(way, true);
            let part = end.records.read(&mut octets[..4], &mut end.plain, &mut end.out).unwrap();
            assert_eq!((part.used, end.out.len()), (0, 0));
        }
    }
}

#[test]
fn what_was_changed_on_the_way_is_refused() {
    for way in 0..WAYS.len() {
        let whole = End::new(way, true).record(Kind::Data, b"do not change me", 0);
        for at in 0..whole.len() {
            for bit in [1, 0x80] {
                let mut end = End::new(way, true);
                let mut changed = whole.clone();
                changed[at] ^= bit;
                let read = end.records.read(&mut changed, &mut end.plain, &mut end.out);
                // A greater length makes it wait for what never comes; that is the deadline's business.
                if read.is_ok() {
                    assert!((3..5).contains(&at), "{way} {at}");
                }
                assert_eq!(end.plain, b"", "{way} {at}");
                if at >= header::LEN {
                    assert_eq!(
                        (read.err(), end.alert()),
                        (Some(Error::DecryptError.into()), Some(BadRecordMac))
                    );
                }
            }
        }
    }
}

#[test]
fn records_out_of_their_order_are_refused() {
    for way in 0..WAYS.len() {
        let mut end = End::new(way, true);
        let (first, second) = (end.record(Kind::Data, b"1", 0), end.record(Kind::Data, b"2", 0));
        assert_eq!(end.read(&second), Err(Error::DecryptError.into()), "left out: {way}");
        let mut end = End::new(way, true);
        end.read(&first).unwrap();
        assert_eq!(end.read(&first), Err(Error::DecryptError.into()), "twice: {way}");
        assert_eq!((end.alert(), end.plain.as_slice()), (Some(BadRecordMac), b"1".as_slice()));
    }
}

#[test]
fn bodies_too_short_for_a_tag_are_refused() {
    for (way, &(_, _, form)) in WAYS.iter().enumerate() {
        let shortest = if form == Form::ExplicitNonce { 24 } else { 16 };
        for length in 0..shortest {
            let mut end = End::new(way, true);
            let record = [&header::write(Kind::Data, length)[..], &vec![0; length]].concat();
            assert_eq!(end.read(&record), Err(Error::DecryptError.into()));
            assert_eq!(end.alert(), Some(BadRecordMac), "{way} {length}");
        }
    }
}

/// What is said, in which ways, and the alert that answers it; `Ok` says whether the peer has closed.
type Row = (&'static [usize], Kind, Vec<u8>, Result<bool, Option<AlertDescription>>);

fn rows() -> Vec<Row> {
    let hello = |kind: u8| vec![kind, 0, 0, 2, 1, 2];
    let all = &[0, 1, 2, 3, 4, 5];
    vec![
        (all, Kind::Alert, vec![1, 0], Ok(true)),
        (all, Kind::Alert, vec![2, 0], Ok(true)),
        (all, Kind::Alert, vec![2, 40], Err(None)),
        (&TLS13, Kind::Alert, vec![1, 40], Err(None)),
        (&TLS12, Kind::Alert, vec![1, 40], Ok(false)),
        (&TLS13, Kind::Alert, vec![2, 90], Ok(false)),
        (&TLS12, Kind::Alert, vec![2, 90], Err(None)),
        (all, Kind::Alert, vec![1, 90], Ok(false)),
        (all, Kind::Alert, vec![3, 40], Err(Some(IllegalParameter))),
        (all, Kind::Alert, vec![1], Err(Some(DecodeError))),
        (all, Kind::Alert, vec![1, 0, 0], Err(Some(DecodeError))),
        (all, Kind::Alert, vec![], Err(Some(DecodeError))),
        (all, Kind::ChangeCipherSpec, vec![1], Err(Some(UnexpectedMessage))),
        // no message, half a header, half a body
        (all, Kind::Handshake, vec![], Err(Some(CloseNotify))),
        (all, Kind::Handshake, vec![24, 0, 0], Err(Some(CloseNotify))),
        (all, Kind::Handshake, vec![24, 0, 0, 1], Err(Some(CloseNotify))),
        (all, Kind::Handshake, vec![4, 1, 0, 0, 9], Err(Some(CloseNotify))),
        // key updates that are none; another message behind one
        (&TLS13, Kind::Handshake, vec![24, 0, 0, 1, 2], Err(Some(IllegalParameter))),
        (&TLS13, Kind::Handshake, vec![24, 0, 0, 0], Err(Some(DecodeError))),
        (&TLS13, Kind::Handshake, vec![24, 0, 0, 2, 0, 0], Err(Some(DecodeError))),
        (&TLS13, Kind::Handshake, vec![24, 0, 0, 1, 0, 24, 0, 0, 1, 0], Err(Some(UnexpectedMessage))),
        (&TLS12, Kind::Handshake, vec![24, 0, 0, 1, 0], Err(Some(UnexpectedMessage))),
        // tickets from a client, a Finished, a request for a certificate, something unknown
        (all, Kind::Handshake, hello(4), Err(Some(UnexpectedMessage))),
        (all, Kind::Handshake, hello(20), Err(Some(UnexpectedMessage))),
        (all, Kind::Handshake, hello(13), Err(Some(UnexpectedMessage))),
        (all, Kind::Handshake, hello(99), Err(Some(UnexpectedMessage))),
        (&TLS13, Kind::Handshake, hello(1), Err(Some(UnexpectedMessage))),
    ]
}

#[test]
fn each_word_has_its_answer() {
    for (ways, kind, content, expected) in rows() {
        for &way in ways {
            let mut end = End::new(way, true);
            let what = format!("{way}: {kind:?} {content:?}");
            match (end.hear(kind, &content, 0), expected) {
                (Ok(closed), Ok(expected)) => assert_eq!((closed, end.out.len()), (expected, 0), "{what}"),
                (Err(_), Err(expected)) => assert_eq!(end.alert(), expected, "{what}"),
                (got, _) => panic!("{what}: {got:?}"),
            }
            assert_eq!(end.plain, b"", "{what}");
        }
    }
}

#[test]
fn another_handshake_is_refused_in_words_once() {
    for way in TLS12 {
        for (towards_client, again, other) in [(true, 1, 0), (false, 0, 1)] {
            let mut end = End::new(way, towards_client);
            assert_eq!(end.hear(Kind::Handshake, &[again, 0, 0, 0], 0), Ok(false));
            assert_eq!(end.said(), Some((Kind::Alert, vec![1, u8::from(NoRenegotiation)])));
            assert_eq!(end.hear(Kind::Data, b"x", 0), Ok(false));
            let twice = end.hear(Kind::Handshake, &[again, 0, 0, 0], 0);
            assert_eq!(
                twice,
                Err(Error::PeerMisbehaved(PeerMisbehaved::TooManyRenegotiationRequests).into())
            );
            assert_eq!(end.alert(), Some(UnexpectedMessage));
            let mut end = End::new(way, towards_client);
            assert!(end.hear(Kind::Handshake, &[other, 0, 0, 0], 0).is_err());
            assert_eq!(end.alert(), Some(UnexpectedMessage));
        }
    }
}

#[test]
fn patience_ends() {
    type Word<'w> = (&'w [usize], Kind, &'w [u8], usize, PeerMisbehaved);
    let words: [Word<'_>; 3] = [
        (&[0, 1, 2, 3, 4, 5], Kind::Data, &[], 32, PeerMisbehaved::TooManyEmptyFragments),
        (&TLS12, Kind::Alert, &[1, 100], 4, PeerMisbehaved::TooManyWarningAlertsReceived),
        (&TLS13, Kind::Alert, &[1, 90], 4, PeerMisbehaved::TooManyWarningAlertsReceived),
    ];
    for (ways, kind, content, most, error) in words {
        for &way in ways {
            let mut end = End::new(way, true);
            for _ in 0..most {
                assert_eq!(end.hear(kind, content, 0), Ok(false));
            }
            assert_eq!(end.hear(kind, content, 0), Err(Error::PeerMisbehaved(error.clone()).into()));
            assert_eq!(end.alert(), Some(UnexpectedMessage));
        }
    }
    let mut end = End::new(0, true);
    for _ in 0..100 {
        end.hear(Kind::Data, &[], 0).unwrap();
        end.hear(Kind::Data, b"x", 0).unwrap();
    }
}

#[test]
fn content_beyond_a_record_and_padding_alone_are_refused() {
    for way in TLS13 {
        let mut end = End::new(way, true);
        assert!(end.hear(Kind::Data, &vec![1; MOST + 1], 0).is_err());
        assert_eq!(end.alert(), Some(RecordOverflow));
        let mut end = End::new(way, true);
        assert!(end.hear(Kind::Data, b"x", MOST).is_err(), "padding counts");
        assert_eq!(end.alert(), Some(RecordOverflow));
        for inner in [&[][..], &[0][..], &[0; 100][..], &[9, 24][..], &[9, 19, 0][..]] {
            let mut end = End::new(way, true);
            let record = sealed_inner(way, inner);
            assert_eq!(
                end.read(&record),
                Err(Error::PeerMisbehaved(PeerMisbehaved::IllegalTlsInnerPlaintext).into()),
                "{inner:?}"
            );
            assert_eq!(end.alert(), Some(UnexpectedMessage));
        }
    }
    for way in TLS12 {
        let mut end = End::new(way, true);
        assert!(end.hear(Kind::Data, &vec![1; MOST + 1], 0).is_err());
        assert_eq!(end.alert(), Some(RecordOverflow));
    }
}

/// A record that holds exactly these octets, type or no type.
fn sealed_inner(way: usize, inner: &[u8]) -> Vec<u8> {
    use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce, UnboundKey};
    let (algorithm, length, _) = WAYS[way];
    let aead = LessSafeKey::new(UnboundKey::new(algorithm, &vec![7; length]).unwrap());
    let mut nonce = [7 ^ 0x55; 12];
    nonce[11] ^= 5;
    let header = header::write(Kind::Data, inner.len() + 16);
    let mut sealed = inner.to_vec();
    aead.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(header), &mut sealed)
        .unwrap();
    [&header[..], &sealed].concat()
}

#[test]
fn a_key_that_has_sealed_its_share_ends_what_cannot_have_another() {
    for way in TLS12 {
        let mut end = End::new(way, true);
        end.records.seal = key(way, 8, 9).worn(2);
        end.records.write(b"1", &mut end.out).unwrap();
        end.records.write(b"2", &mut end.out).unwrap();
        assert_eq!(end.records.write(b"3", &mut end.out), Err(TlsError::KeyExhausted));
        assert_eq!(end.said(), Some((Kind::Data, b"1".to_vec())));
        assert_eq!(end.said(), Some((Kind::Data, b"2".to_vec())));
        assert_eq!(end.alert(), Some(CloseNotify));
    }
}

#[test]
fn a_count_never_starts_again() {
    for way in 0..WAYS.len() {
        let mut last = key(way, 8, u64::MAX);
        let mut out = Vec::new();
        assert!(last.is_spent() && last.seal(Kind::Alert, &[1, 0], &mut out).is_err());
        assert_eq!(out, b"");
        let mut end = End::new(way, true);
        let record = end.record(Kind::Data, b"x", 0);
        end.records.open = key(way, 7, u64::MAX);
        assert_eq!(end.read(&record), Err(Error::DecryptError.into()));
    }
}
