//! Bodies: no panic, the same content however the bytes arrive, and content that is chunked anew comes out the same.
#![no_main]

use http::Fields;
use http::h1::{BodyDecoder, Framing, write_chunk_end, write_chunk_start, write_last_chunk};
use libfuzzer_sys::fuzz_target;

/// Content, bytes used and whether the body is whole; `None` when it is refused.
fn decode(input: &[u8], framing: Framing, size: usize) -> Option<(Vec<u8>, usize, bool, BodyDecoder)> {
    let mut decoder = BodyDecoder::new(framing);
    let (mut content, mut at, mut end) = (Vec::new(), 0, 0);
    while !decoder.is_done() {
        let step = decoder.step(&input[at..end]).ok()?;
        content.extend_from_slice(&input[at + step.consumed..][..step.data]);
        at += step.consumed + step.data;
        assert!(at <= end);
        if at == end && end == input.len() {
            break;
        }
        end = (end + size).min(input.len());
    }
    let whole = decoder.finish_at_close().is_ok();
    Some((content, at, whole, decoder))
}

fuzz_target!(|data: &[u8]| {
    let Some((&flags, input)) = data.split_first() else { return };
    let framing = match flags & 3 {
        0 => Framing::Length(u64::from(flags >> 2)),
        1 => Framing::UntilClose,
        _ => Framing::Chunked,
    };
    let whole = decode(input, framing, input.len().max(1));
    for size in [1, 2, 7] {
        let pieces = decode(input, framing, size);
        assert_eq!(
            whole.as_ref().map(|(content, used, whole, _)| (content, used, whole)),
            pieces.as_ref().map(|(content, used, whole, _)| (content, used, whole))
        );
    }
    let Some((content, _, true, decoder)) = whole else { return };
    let mut out = Vec::new();
    for chunk in content.chunks(1 + usize::from(flags)) {
        write_chunk_start(chunk.len(), &mut out);
        out.extend_from_slice(chunk);
        write_chunk_end(&mut out);
    }
    write_last_chunk(decoder.trailers(), &mut out);
    let Some((again, used, true, second)) = decode(&out, Framing::Chunked, out.len()) else {
        panic!("{}", out.escape_ascii())
    };
    assert_eq!((again, used), (content, out.len()));
    let fields = |f: &Fields| f.iter().map(|(n, v)| (n.to_vec(), v.to_vec())).collect::<Vec<_>>();
    let all = |d: &BodyDecoder| d.trailers().map(fields).unwrap_or_default();
    assert_eq!(all(&second), all(&decoder));
});
