//! Records as standards print them, records that say what they must not, and conversations with rustls' own peers.

mod peers;
mod table;
mod vectors;

use super::header::{self, Kind};
use super::keys::{Form, Key};
use super::{Records, Renewal};
use crate::error::TlsError;
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Algorithm, CHACHA20_POLY1305};
use rustls::AlertDescription;

/// Every way in which records are protected.
const WAYS: [(&Algorithm, usize, Form); 6] = [
    (&AES_128_GCM, 16, Form::Inner),
    (&AES_256_GCM, 32, Form::Inner),
    (&CHACHA20_POLY1305, 32, Form::Inner),
    (&AES_128_GCM, 16, Form::ExplicitNonce),
    (&AES_256_GCM, 32, Form::ExplicitNonce),
    (&CHACHA20_POLY1305, 32, Form::Outer),
];

fn key(way: usize, secret: u8, number: u64) -> Key {
    let (algorithm, length, form) = WAYS[way];
    Key::of(algorithm, &vec![secret; length], [secret ^ 0x55; 12], form, number).unwrap()
}

/// One end whose records are ours, and the keys of its peer.
struct End {
    records: Records,
    /// The peer seals with it.
    theirs: Key,
    /// The peer opens with it.
    ours: Key,
    plain: Vec<u8>,
    out: Vec<u8>,
}

impl End {
    fn new(way: usize, towards_client: bool) -> End {
        let renewal = if towards_client { Renewal::NeverServer } else { Renewal::NeverClient };
        End {
            records: Records::new(key(way, 7, 5), key(way, 8, 9), renewal),
            theirs: key(way, 7, 5),
            ours: key(way, 8, 9),
            plain: Vec::new(),
            out: Vec::new(),
        }
    }

    /// A record of the peer's.
    fn record(&mut self, kind: Kind, content: &[u8], padding: usize) -> Vec<u8> {
        let mut record = Vec::new();
        self.theirs.seal_padded(kind, content, padding, &mut record).unwrap();
        record
    }

    /// Reads; whether the peer has closed.
    fn read(&mut self, input: &[u8]) -> Result<bool, TlsError> {
        let mut input = input.to_vec();
        let progress = self.records.read(&mut input, &mut self.plain, &mut self.out)?;
        assert!(progress.closed || progress.used == input.len(), "whole records");
        Ok(progress.closed)
    }

    /// Has the peer say this.
    fn hear(&mut self, kind: Kind, content: &[u8], padding: usize) -> Result<bool, TlsError> {
        let record = self.record(kind, content, padding);
        self.read(&record)
    }

    /// What the peer finds in our next record.
    fn said(&mut self) -> Option<(Kind, Vec<u8>)> {
        let header = header::read(&self.out, self.ours.form()).unwrap()?;
        let mut record: Vec<u8> = self.out.drain(..header::LEN + header.body).collect();
        let (kind, content) = self.ours.open(&header, &mut record[header::LEN..]).unwrap();
        Some((kind, content.to_vec()))
    }

    /// The alert that the peer is sent, and nothing besides.
    fn alert(&mut self) -> Option<AlertDescription> {
        let (kind, content) = self.said()?;
        assert_eq!((kind, content.len(), self.out.len()), (Kind::Alert, 2, 0));
        Some(AlertDescription::from(content[1]))
    }
}
