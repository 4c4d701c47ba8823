//! What is counted for a frontend, listener, backend or server. Every thread writes cells of its own with a plain load
//! and store, so that counting never makes two cores meet; readers add the threads up. Read at the end of a stream
//! (manual, `option contstats`), so that a request costs one walk over a few cells.

mod carrying;

pub use carrying::Carrying;

use crate::ending::{Cause, Ending, Phase};
use crate::rate::Rate;
use crate::stream::{Stream, Times};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use tokio::time::Instant;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // named as in the management guide, 9.1
pub enum Count {
    BytesIn,
    BytesOut,
    Connections,
    Sessions,
    Requests,
    DeniedConnections,
    DeniedSessions,
    DeniedRequests,
    DeniedResponses,
    RequestErrors,
    ConnectErrors,
    ResponseErrors,
    Retries,
    Redispatches,
    ClientAborts,
    ServerAborts,
    InternalErrors,
    Intercepted,
    Responses1xx,
    Responses2xx,
    Responses3xx,
    Responses4xx,
    Responses5xx,
    ResponsesOther,
    /// Times a server was chosen.
    Chosen,
    Connects,
    Reuses,
    /// Body bytes of HTTP from the client that passed inside the kernel.
    SplicedIn,
    /// The same to the client.
    SplicedOut,
    TlsSessions,
    TlsResumed,
    TlsFailed,
    /// Lines of the frontend's log (`%lc`).
    LogLines,
    /// When the last session came, milliseconds since the epoch; the latest of all threads counts.
    LastSession,
    /// Streams whose times are in the averages.
    Timed,
}

/// How many kinds there are; the last one tells.
const COUNTS: usize = Count::Timed as usize + 1;

/// Events whose rate is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // named as they are
pub enum Pace {
    Connections,
    Sessions,
    Requests,
    /// TLS handshakes with clients.
    Tls,
    /// TLS sessions, with clients or servers, for which keys were agreed on anew.
    TlsKeys,
}

impl Pace {
    /// All of them.
    pub const ALL: [Pace; 5] = [Pace::Connections, Pace::Sessions, Pace::Requests, Pace::Tls, Pace::TlsKeys];
}

const PACES: usize = Pace::ALL.len();

/// Spans of a stream whose average and maximum are kept, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // named as they are
pub enum Span {
    Queue,
    Connect,
    Response,
    Total,
}

const SPANS: usize = 4;

/// Averages look back over so many streams of a thread (management guide 9.1, `qtime`).
const WINDOW: u64 = 1024;

/// One thread's cells: lines of its own.
#[repr(align(64))]
struct Cells {
    counts: [AtomicU64; COUNTS],
    rates: [Rate; PACES],
    /// Sliding sums of the last [`WINDOW`] streams, microseconds.
    sums: [AtomicU64; SPANS],
    /// Longest, milliseconds.
    longest: [AtomicU64; SPANS],
}

impl Cells {
    fn new() -> Cells {
        Cells {
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            rates: Default::default(),
            sums: Default::default(),
            longest: Default::default(),
        }
    }

    fn add(&self, what: Count, by: u64) {
        if let Some(cell) = self.counts.get(what as usize) {
            bump(cell, by);
        }
    }

    fn span(&self, which: Span, micros: u64) {
        let at = which as usize;
        let (Some(sum), Some(longest)) = (self.sums.get(at), self.longest.get(at)) else { return };
        let before = sum.load(Relaxed);
        sum.store(before - before / WINDOW + micros, Relaxed);
        let millis = micros / 1000;
        if longest.load(Relaxed) < millis {
            longest.store(millis, Relaxed);
        }
    }
}

/// Only the cell's own thread writes: no locked instruction is needed.
fn bump(cell: &AtomicU64, by: u64) {
    cell.store(cell.load(Relaxed).wrapping_add(by), Relaxed);
}

/// All threads' cells of one frontend, listener, backend or server.
pub struct Tally {
    threads: Box<[Cells]>,
    /// Highest rates, raised once a second by the control thread.
    highest: [AtomicU32; PACES],
}

impl Tally {
    /// Cells for so many threads.
    pub fn new(threads: usize) -> Tally {
        Tally { threads: (0..threads.max(1)).map(|_| Cells::new()).collect(), highest: Default::default() }
    }

    /// The cells of a worker, whose numbers begin with 1.
    fn cells(&self, worker: usize) -> Option<&Cells> {
        self.threads.get(worker.wrapping_sub(1))
    }

    /// Counts in worker thread `worker`, which must be the calling one.
    pub fn add(&self, worker: usize, what: Count, by: u64) {
        if let Some(cells) = self.cells(worker) {
            cells.add(what, by);
        }
    }

    /// Writes a moment down, of which the latest counts.
    pub fn mark(&self, worker: usize, what: Count, now_ms: u64) {
        if let Some(cell) = self.cells(worker).and_then(|cells| cells.counts.get(what as usize)) {
            cell.store(now_ms, Relaxed);
        }
    }

    /// Counts an event whose rate is kept.
    pub fn pace(&self, worker: usize, which: Pace, now_ms: u64) {
        if let Some(rate) = self.cells(worker).and_then(|cells| cells.rates.get(which as usize)) {
            rate.add(now_ms);
        }
    }

    /// The sum over all threads.
    pub fn sum(&self, what: Count) -> u64 {
        self.of(what).fold(0, u64::wrapping_add)
    }

    /// What one thread has counted.
    pub fn of_thread(&self, worker: usize, what: Count) -> u64 {
        self.cells(worker).and_then(|cells| cells.counts.get(what as usize)).map_or(0, |n| n.load(Relaxed))
    }

    /// The largest of all threads.
    pub fn latest(&self, what: Count) -> u64 {
        self.of(what).max().unwrap_or_default()
    }

    fn of(&self, what: Count) -> impl Iterator<Item = u64> {
        self.threads.iter().filter_map(move |cells| Some(cells.counts.get(what as usize)?.load(Relaxed)))
    }

    /// Events in the last second.
    pub fn per_second(&self, which: Pace, now_ms: u64) -> u32 {
        let rates = self.threads.iter().filter_map(|cells| cells.rates.get(which as usize));
        rates.map(|rate| rate.per_second(now_ms)).fold(0, u32::saturating_add)
    }

    /// The highest rate that [`Tally::note_rates`] has seen.
    pub fn highest(&self, which: Pace, now_ms: u64) -> u32 {
        let seen = self.highest.get(which as usize).map_or(0, |n| n.load(Relaxed));
        seen.max(self.busiest(which, now_ms))
    }

    /// The highest rate of late, as far as it can be told afterwards: no less than the events of either second of the
    /// clock, so that a burst between two looks is not missed.
    pub fn busiest(&self, which: Pace, now_ms: u64) -> u32 {
        let rates = self.threads.iter().filter_map(|cells| cells.rates.get(which as usize));
        let (mut now, mut before) = (0, 0);
        for (of_now, of_before) in rates.map(|rate| rate.counts(now_ms)) {
            now += of_now;
            before += of_before;
        }
        u32::try_from(now.max(before)).unwrap_or(u32::MAX).max(self.per_second(which, now_ms))
    }

    /// Raises the highest rates; called about once a second.
    pub fn note_rates(&self, now_ms: u64) {
        for pace in Pace::ALL {
            if let Some(highest) = self.highest.get(pace as usize) {
                highest.fetch_max(self.busiest(pace, now_ms), Relaxed);
            }
        }
    }

    /// The average of the last streams, milliseconds.
    pub fn average(&self, which: Span) -> u64 {
        let timed = |cells: &Cells| cells.counts.get(Count::Timed as usize).map_or(0, |n| n.load(Relaxed));
        let (mut sum, mut streams) = (0, 0);
        for cells in &self.threads {
            sum += cells.sums.get(which as usize).map_or(0, |n| n.load(Relaxed));
            streams += timed(cells).min(WINDOW);
        }
        sum.checked_div(streams).unwrap_or_default() / 1000
    }

    /// The longest, milliseconds.
    pub fn longest(&self, which: Span) -> u64 {
        let longest = self.threads.iter().filter_map(|cells| cells.longest.get(which as usize));
        longest.map(|n| n.load(Relaxed)).max().unwrap_or_default()
    }

    /// Forgets the maxima.
    pub fn clear_highest(&self) {
        self.highest.iter().for_each(|n| n.store(0, Relaxed));
        self.threads.iter().flat_map(|cells| &cells.longest).for_each(|n| n.store(0, Relaxed));
    }

    /// Forgets everything that worker thread `worker`, which must be the calling one, has counted.
    pub fn clear(&self, worker: usize) {
        if let Some(cells) = self.cells(worker) {
            cells.counts.iter().chain(&cells.sums).for_each(|n| n.store(0, Relaxed));
        }
        self.clear_highest();
    }
}

/// A stream has ended: counts it where it came in, where it went and which server had it.
pub(crate) fn ended(stream: &Stream<'_>) {
    let worker = stream.worker.index;
    let outcome = Outcome::of(stream);
    let back = stream.back;
    let server = stream.server.as_ref().map(|s| &s.target);
    let parts = [
        Some((&stream.front.tally, Part::Front)),
        Some((&stream.session.listener.tally, Part::Listener)),
        back.map(|b| (&b.tally, Part::Back)),
        server.map(|t| (&t.tally, Part::Server)),
    ];
    for (tally, part) in parts.into_iter().flatten() {
        if let Some(cells) = tally.cells(worker) {
            outcome.count(cells, part);
        }
    }
}

/// Who counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Front,
    Listener,
    Back,
    Server,
}

/// What a stream's end adds to each.
struct Outcome {
    bytes_in: u64,
    bytes_out: u64,
    spliced: (u64, u64),
    /// The class of the status that was sent.
    class: Option<Count>,
    /// The server has answered.
    answered: bool,
    /// What went wrong, and who is told of it.
    trouble: Option<(&'static [Count], &'static [Part])>,
    spans: [u64; SPANS],
}

impl Outcome {
    fn of(stream: &Stream<'_>) -> Outcome {
        Outcome {
            bytes_in: stream.bytes_uploaded.saturating_sub(stream.counted.0),
            bytes_out: stream.bytes_read.saturating_sub(stream.counted.1),
            spliced: stream.spliced,
            // what is answered by nothing is none of the other classes either
            class: stream.front.http.then(|| class(stream.status_logged.unwrap_or_default())),
            answered: stream.times.response.is_some() || !stream.front.http,
            trouble: trouble(stream.ending, stream.times.response.is_some()),
            spans: spans(&stream.times),
        }
    }

    fn count(&self, cells: &Cells, part: Part) {
        cells.add(Count::BytesIn, self.bytes_in);
        cells.add(Count::BytesOut, self.bytes_out);
        if self.spliced != (0, 0) {
            cells.add(Count::SplicedIn, self.spliced.0);
            cells.add(Count::SplicedOut, self.spliced.1);
        }
        let whose = match part {
            Part::Front | Part::Back => true,
            Part::Listener => false,
            Part::Server => self.answered,
        };
        if let Some(class) = self.class.filter(|_| whose) {
            cells.add(class, 1);
        }
        if let Some((troubles, _)) = self.trouble.filter(|(_, whom)| whom.contains(&part)) {
            troubles.iter().for_each(|trouble| cells.add(*trouble, 1));
        }
        if matches!(part, Part::Back | Part::Server) {
            self.count_behind(cells, whose);
        }
    }

    fn count_behind(&self, cells: &Cells, whose: bool) {
        cells.add(Count::Requests, u64::from(whose));
        cells.add(Count::Timed, 1);
        for span in [Span::Queue, Span::Connect, Span::Response, Span::Total] {
            cells.span(span, self.spans.get(span as usize).copied().unwrap_or_default());
        }
    }
}

fn class(status: u16) -> Count {
    match status {
        100..=199 => Count::Responses1xx,
        200..=299 => Count::Responses2xx,
        300..=399 => Count::Responses3xx,
        400..=499 => Count::Responses4xx,
        500..=599 => Count::Responses5xx,
        0..=99 | 600..=u16::MAX => Count::ResponsesOther,
    }
}

const CLIENTS_SIDE: &[Part] = &[Part::Front, Part::Listener];
const SERVERS_SIDE: &[Part] = &[Part::Back, Part::Server];
const ALL_BUT_SERVER: &[Part] = &[Part::Front, Part::Listener, Part::Back];
const ALL: &[Part] = &[Part::Front, Part::Listener, Part::Back, Part::Server];

/// The errors that an ending counts as, and for whom (management guide 9.1).
fn trouble(ending: Ending, has_response: bool) -> Option<(&'static [Count], &'static [Part])> {
    match (ending.cause, ending.phase) {
        (Cause::Normal, _) => None,
        (Cause::Local, _) => Some((&[Count::Intercepted], CLIENTS_SIDE)),
        (Cause::Proxy, Phase::Request | Phase::Tarpit) if ending.status.is_none() => {
            Some((&[Count::DeniedRequests], ALL_BUT_SERVER))
        }
        (Cause::Proxy | Cause::ClientAbort | Cause::ClientTimeout, Phase::Request | Phase::Tarpit) => {
            Some((&[Count::RequestErrors], CLIENTS_SIDE))
        }
        // the client's fault, though a server's answer was waited for
        (Cause::Proxy, Phase::Headers) if matches!(ending.status, Some(400..=499)) => {
            Some((&[Count::RequestErrors], CLIENTS_SIDE))
        }
        // a body that makes no sense
        (Cause::Proxy, Phase::Data | Phase::Last) => Some((&[Count::ResponseErrors], SERVERS_SIDE)),
        (Cause::Proxy, _) if has_response => Some((&[Count::DeniedResponses], ALL)),
        (Cause::Proxy, _) => Some((&[Count::ResponseErrors], SERVERS_SIDE)),
        (Cause::ClientAbort | Cause::ClientTimeout, _) => Some((&[Count::ClientAborts], SERVERS_SIDE)),
        (Cause::ServerAbort | Cause::ServerTimeout, Phase::Connect | Phase::Queue) => {
            Some((&[Count::ConnectErrors], SERVERS_SIDE))
        }
        (Cause::ServerAbort, Phase::Data | Phase::Last) => {
            Some((&[Count::ServerAborts, Count::ResponseErrors], SERVERS_SIDE))
        }
        (Cause::ServerTimeout, Phase::Data | Phase::Last) => Some((&[Count::ServerAborts], SERVERS_SIDE)),
        (Cause::ServerAbort | Cause::ServerTimeout, _) => Some((&[Count::ResponseErrors], SERVERS_SIDE)),
        (Cause::Resource | Cause::Internal, _) => Some((&[Count::InternalErrors], ALL)),
        (Cause::ServerDown | Cause::ServerUp | Cause::Killed, _) => {
            Some((&[Count::ServerAborts], SERVERS_SIDE))
        }
    }
}

/// Microseconds in the queue, connecting, until the response, and altogether.
fn spans(times: &Times) -> [u64; SPANS] {
    let between = |from: Option<Instant>, to: Option<Instant>| match (from, to) {
        (Some(from), Some(to)) => u64::try_from(to.saturating_duration_since(from).as_micros()).unwrap_or(0),
        (None, _) | (_, None) => 0,
    };
    [
        between(times.request, times.assigned),
        between(times.assigned, times.connected),
        between(times.connected, times.response),
        between(times.first_byte.or(times.request), times.end),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_add_up_and_maxima_do_not() {
        let tally = Tally::new(2);
        tally.add(1, Count::BytesIn, 5);
        tally.add(2, Count::BytesIn, 7);
        tally.add(3, Count::BytesIn, 100);
        tally.add(1, Count::LastSession, 9);
        assert_eq!((tally.sum(Count::BytesIn), tally.latest(Count::LastSession)), (12, 9));
        tally.pace(1, Pace::Sessions, 5_500);
        tally.pace(2, Pace::Sessions, 5_600);
        assert_eq!(tally.per_second(Pace::Sessions, 5_900), 2);
        tally.note_rates(5_900);
        assert_eq!(tally.highest(Pace::Sessions, 60_000), 2);
        tally.clear(1);
        assert_eq!((tally.sum(Count::BytesIn), tally.highest(Pace::Sessions, 60_000)), (7, 0));
    }

    #[test]
    fn averages_look_back_over_a_window() {
        let cells = Cells::new();
        for _ in 0..5000 {
            cells.span(Span::Queue, 4_000);
            cells.add(Count::Timed, 1);
        }
        let tally = Tally { threads: Box::new([cells]), highest: Default::default() };
        assert!((3..=4).contains(&tally.average(Span::Queue)), "{}", tally.average(Span::Queue));
        assert_eq!(tally.longest(Span::Queue), 4);
    }

    #[test]
    fn endings_count_where_the_guide_says() {
        let count = |ending| trouble(ending, false).map(|(counts, _)| counts.to_vec());
        let of = |cause, phase| count(Ending::new(cause, phase));
        assert_eq!(of(Cause::Normal, Phase::Done), None);
        assert_eq!(of(Cause::Proxy, Phase::Request), Some(vec![Count::DeniedRequests]));
        assert_eq!(count(Ending::bad_request(400)), Some(vec![Count::RequestErrors]));
        let broken_body = Ending::new(Cause::Proxy, Phase::Headers).with_status(400);
        assert_eq!(count(broken_body), Some(vec![Count::RequestErrors]));
        assert_eq!(of(Cause::ServerAbort, Phase::Connect), Some(vec![Count::ConnectErrors]));
        assert_eq!(of(Cause::ServerTimeout, Phase::Headers), Some(vec![Count::ResponseErrors]));
        let both = vec![Count::ServerAborts, Count::ResponseErrors];
        assert_eq!(of(Cause::ServerAbort, Phase::Data), Some(both));
        assert_eq!(of(Cause::ServerTimeout, Phase::Data), Some(vec![Count::ServerAborts]));
        assert_eq!(of(Cause::Proxy, Phase::Data), Some(vec![Count::ResponseErrors]));
        assert_eq!(of(Cause::ClientAbort, Phase::Data), Some(vec![Count::ClientAborts]));
    }
}
