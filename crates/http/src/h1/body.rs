//! Bodies as they come in: how many of the next bytes are framing and how many are content. Nothing is copied but
//! trailers. The content may pass by in any pieces, and even unseen (`splice`), see [`BodyDecoder::skip`].

use super::chunk::ChunkLine;
use super::trailer::Trailer;
use super::{Framing, Reject};
use crate::fields::Fields;

/// Follows one body from its first byte to its last.
#[derive(Clone, Debug)]
pub struct BodyDecoder {
    state: State,
    /// In a box: most bodies have none.
    trailers: Option<Box<Fields>>,
}

/// ```text
/// Length, UntilClose ------------------------------------> Done
/// Line -> Data -> DataCr -> DataLf -> Line ... -> Trailer -> Done
/// ```
#[derive(Clone, Debug)]
enum State {
    Length(u64),
    UntilClose,
    Line(ChunkLine),
    /// Content bytes left in the chunk; never 0.
    Data(u64),
    DataCr,
    DataLf,
    Trailer(Trailer),
    Done,
}

/// What the front of the input is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Framing bytes to skip; content is not counted here.
    pub consumed: usize,
    /// Content bytes behind them, to be passed on. The decoder counts them as gone.
    pub data: usize,
    /// The message is complete behind those bytes.
    pub done: bool,
}

/// Finds a fault in what has arrived of a chunked body: `input` from `head` on.
pub fn check_chunks(input: &[u8], head: usize) -> Result<(), Reject> {
    let mut decoder = BodyDecoder::new(Framing::Chunked);
    let mut at = head;
    loop {
        let step = decoder.step(input.get(at..).unwrap_or_default()).map_err(|reject| reject.moved(at))?;
        if step.done || step.consumed + step.data == 0 {
            return Ok(());
        }
        at += step.consumed + step.data;
    }
}

impl BodyDecoder {
    /// A decoder in front of the body's first byte.
    pub fn new(framing: Framing) -> BodyDecoder {
        let state = match framing {
            Framing::None | Framing::Length(0) => State::Done,
            Framing::Length(n) => State::Length(n),
            Framing::Chunked => State::Line(ChunkLine::new()),
            Framing::UntilClose => State::UntilClose,
        };
        BodyDecoder { state, trailers: None }
    }

    /// Looks at the front of `input`. The caller drops `consumed` bytes, passes `data` bytes on and comes back with
    /// what follows; a step of zeros that is not done needs more input. Its faults carry status 400, whichever side
    /// sent them.
    pub fn step(&mut self, input: &[u8]) -> Result<Step, Reject> {
        let mut consumed = 0;
        loop {
            let rest = input.get(consumed..).unwrap_or_default();
            if let Some(data) = self.content(rest.len()) {
                return Ok(Step { consumed, data, done: self.is_done() });
            }
            if rest.is_empty() {
                return Ok(Step { consumed, data: 0, done: false });
            }
            consumed += self.framing(rest).map_err(|r| r.moved(consumed))?;
        }
    }

    /// The number of the next `len` bytes that are content, when the state is one of content or of no more.
    fn content(&mut self, len: usize) -> Option<usize> {
        let (left, next) = match &mut self.state {
            State::Length(left) => (left, State::Done),
            State::Data(left) => (left, State::DataCr),
            State::UntilClose => return Some(len),
            State::Done => return Some(0),
            State::Line(_) | State::DataCr | State::DataLf | State::Trailer(_) => return None,
        };
        let data = usize::try_from(*left).unwrap_or(usize::MAX).min(len);
        *left -= data as u64;
        if *left == 0 {
            self.state = next;
        }
        Some(data)
    }

    /// Reads framing from the front of `rest`, which is not empty; gives how much.
    fn framing(&mut self, rest: &[u8]) -> Result<usize, Reject> {
        let first = rest.first().copied().unwrap_or_default();
        match &mut self.state {
            State::Line(line) => {
                if let Some(size) = line.push(first).map_err(|reason| Reject::bad(reason, 0))? {
                    self.state =
                        if size == 0 { State::Trailer(Trailer::default()) } else { State::Data(size) };
                }
            }
            State::DataCr if first == b'\r' => self.state = State::DataLf,
            State::DataLf if first == b'\n' => self.state = State::Line(ChunkLine::new()),
            State::DataCr | State::DataLf => return Err(Reject::bad("chunk longer than its size", 0)),
            State::Trailer(trailer) => {
                let (used, whole) = trailer.push(rest, self.trailers.get_or_insert_default())?;
                if whole {
                    self.state = State::Done;
                }
                return Ok(used);
            }
            State::Length(_) | State::Data(_) | State::UntilClose | State::Done => {}
        }
        Ok(1)
    }

    /// Counts `n` content bytes that went past without [`BodyDecoder::step`]; no more than [`BodyDecoder::run`].
    pub fn skip(&mut self, n: u64) {
        self.content(usize::try_from(n).unwrap_or(usize::MAX));
    }

    /// Content bytes known to come next without any framing between them: what may be spliced. 0 inside framing,
    /// `u64::MAX` for a body that ends with the connection.
    pub fn run(&self) -> u64 {
        match self.state {
            State::Length(n) | State::Data(n) => n,
            State::UntilClose => u64::MAX,
            State::Line(_) | State::DataCr | State::DataLf | State::Trailer(_) | State::Done => 0,
        }
    }

    /// Whether the message is complete.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Content bytes to come, where that is known.
    pub fn remaining(&self) -> Option<u64> {
        match self.state {
            State::Length(n) => Some(n),
            State::Done => Some(0),
            State::UntilClose
            | State::Line(_)
            | State::Data(_)
            | State::DataCr
            | State::DataLf
            | State::Trailer(_) => None,
        }
    }

    /// The trailer fields; none before the end. Those that may not be trailers (RFC 9110 section 6.5.1) are gone.
    pub fn trailers(&self) -> Option<&Fields> {
        self.trailers.as_deref()
    }

    /// The most content bytes that may come yet: `u64::MAX` where nothing tells.
    pub fn rest_at_most(&self) -> u64 {
        match self.state {
            State::Length(n) => n,
            State::Done => 0,
            State::UntilClose
            | State::Line(_)
            | State::Data(_)
            | State::DataCr
            | State::DataLf
            | State::Trailer(_) => u64::MAX,
        }
    }

    /// The peer has closed: whether that is a proper end.
    pub fn finish_at_close(&self) -> Result<(), Reject> {
        match self.state {
            State::UntilClose | State::Done => Ok(()),
            State::Length(_)
            | State::Line(_)
            | State::Data(_)
            | State::DataCr
            | State::DataLf
            | State::Trailer(_) => Err(Reject::bad("body truncated", 0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNKED: &[u8] =
        b"3;a=\"b;\\\"c\" ; d\r\nabc\r\n0000A\r\n0123456789\r\n0\r\nX-Sum: 7\r\nHost: evil\r\n\r\nGET";

    /// Content, and how many bytes the message took, when the input comes in pieces of `size`.
    fn decode(decoder: &mut BodyDecoder, input: &[u8], size: usize) -> Result<(Vec<u8>, usize), Reject> {
        let (mut content, mut at, mut end) = (Vec::new(), 0, 0);
        loop {
            let step = decoder.step(&input[at..end.max(at)])?;
            content.extend_from_slice(&input[at + step.consumed..][..step.data]);
            at += step.consumed + step.data;
            if step.done || (end >= input.len() && step == Step::default()) {
                return Ok((content, at));
            }
            if at >= end || step == Step::default() {
                end = (end + size).min(input.len());
            }
        }
    }

    #[test]
    fn chunks_come_in_any_pieces() {
        for size in 1..=CHUNKED.len() {
            let mut decoder = BodyDecoder::new(Framing::Chunked);
            let (content, used) = decode(&mut decoder, CHUNKED, size).unwrap();
            assert_eq!((&content[..], used), (&b"abc0123456789"[..], CHUNKED.len() - 3), "pieces of {size}");
            let trailers: Vec<_> = decoder.trailers().into_iter().flat_map(Fields::iter).collect();
            assert_eq!(trailers, [(&b"x-sum"[..], &b"7"[..])]);
        }
    }

    #[test]
    fn lengths_stop_where_they_say() {
        let mut decoder = BodyDecoder::new(Framing::Length(5));
        assert_eq!(decode(&mut decoder, b"abcdefg", 2), Ok((b"abcde".to_vec(), 5)));
        assert_eq!(BodyDecoder::new(Framing::Length(0)).step(b"x").map(|s| (s.data, s.done)), Ok((0, true)));
        let mut decoder = BodyDecoder::new(Framing::Length(5));
        decoder.skip(3);
        assert_eq!((decoder.remaining(), decoder.run()), (Some(2), 2));
        assert!(decoder.finish_at_close().is_err());
        assert!(BodyDecoder::new(Framing::UntilClose).finish_at_close().is_ok());
    }

    #[test]
    fn bad_chunks_are_refused() {
        let long = format!("1;a={}\r\nx", "b".repeat(300));
        let bad: &[&[u8]] = &[
            b"\r\n",
            b"+5\r\n",
            b"-1\r\n",
            b"0x5\r\n",
            b"g\r\n",
            b"5\n",
            b"5\r\r\n",
            b" 5\r\n",
            b"5 \r\n",
            b"5;\r\n",
            b"5;a=\r\n",
            b"5;a=\"b\r\n",
            b"5;a=b\n",
            b"5;\x00\r\n",
            b"5;a=\"\x01\"\r\n",
            b"5 5\r\n",
            b"5;a b\r\n",
            b"10000000000000000\r\n",
            b"00000000000000001\r\n",
            b"5,a\r\n",
            b"1\r\nabc",
            b"1\r\na\n",
            b"1\r\na\rb",
            b"0\r\n\n",
            b"0\r\nX: y\n\r\n",
            b"0\r\n X: y\r\n\r\n",
            b"0\r\nX : y\r\n\r\n",
            b"0\r\nX\r\n\r\n",
            b"0\r\nX: a\rb\r\n\r\n",
            long.as_bytes(),
        ];
        for input in bad {
            for size in [1, input.len()] {
                let outcome = decode(&mut BodyDecoder::new(Framing::Chunked), input, size);
                assert!(outcome.is_err(), "{:?} gave {outcome:?}", String::from_utf8_lossy(input));
            }
        }
    }

    #[test]
    fn trailers_are_bounded() {
        let endless = [&b"0\r\n"[..], &b"X: y\r\n".repeat(10_000)].concat();
        for size in [1, endless.len()] {
            let outcome = decode(&mut BodyDecoder::new(Framing::Chunked), &endless, size);
            assert_eq!(outcome.map_err(|r| r.reason), Err("trailers too long"));
        }
    }
}
