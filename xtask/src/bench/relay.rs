//! The floor: a TCP relay with epoll that understands nothing it moves. No proxy of one thread can make fewer system
//! calls, so what Lockgate costs beyond it is Lockgate's own. Runs as a process of its own, for its time to be read.

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;

/// The first argument that makes this program the relay.
pub(crate) const RELAY: &str = "bench-relay";

/// The listener's mark among the events; a connection's mark is its place.
const LISTENER: u64 = u64::MAX;
/// Largest piece moved at once, bytes.
const PIECE: usize = 16 * 1024;
/// Events taken at once.
const EVENTS: usize = 256;

/// Relays from a port to another, until killed.
pub(crate) fn relay(arguments: &[String]) -> Result<(), String> {
    let [from, to] = arguments else { return Err(format!("{RELAY} FROM-PORT TO-PORT")) };
    let port = |text: &String| text.parse::<u16>().map_err(|e| format!("{text}: {e}"));
    Relay::new(port(from)?, port(to)?).and_then(Relay::run).map_err(|e| format!("relay: {e}"))
}

struct Relay {
    epoll: OwnedFd,
    listener: TcpListener,
    to: u16,
    /// Pairs: a client at an even place, its server behind it. Places are not reused: a benchmark opens few.
    sides: Vec<Option<TcpStream>>,
}

impl Relay {
    fn new(from: u16, to: u16) -> io::Result<Relay> {
        let listener = TcpListener::bind(("127.0.0.1", from))?;
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
        Ok(Relay { epoll, listener, to, sides: Vec::new() })
    }

    fn run(mut self) -> io::Result<()> {
        let nothing = Event { flags: EventFlags::empty(), data: EventData::new_u64(0) };
        let mut events = [nothing; EVENTS];
        let mut piece = vec![0; PIECE];
        loop {
            let ready = epoll::wait(&self.epoll, &mut events[..], None)?;
            for event in events.iter().take(ready) {
                match event.data.u64() {
                    LISTENER => self.accept()?,
                    place => self.turn(place as usize, &mut piece),
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        let (client, _) = self.listener.accept()?;
        let server = TcpStream::connect(("127.0.0.1", self.to))?;
        for side in [client, server] {
            side.set_nonblocking(true)?;
            side.set_nodelay(true)?;
            let place = EventData::new_u64(self.sides.len() as u64);
            epoll::add(&self.epoll, &side, place, EventFlags::IN)?;
            self.sides.push(Some(side));
        }
        Ok(())
    }

    /// Moves one piece from a side to the other. Whatever goes wrong ends both: small exchanges never fill a socket.
    fn turn(&mut self, place: usize, piece: &mut [u8]) {
        let moved = self.moved(place, piece);
        if matches!(moved, Some(Err(_) | Ok(false))) {
            for side in [place, place ^ 1] {
                if let Some(side) = self.sides.get_mut(side) {
                    *side = None;
                }
            }
        }
    }

    /// Whether the side is still open; `None` for one that was closed earlier in this turn.
    fn moved(&mut self, place: usize, piece: &mut [u8]) -> Option<io::Result<bool>> {
        let read = match self.sides.get(place)?.as_ref()?.read(piece) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(Ok(true)),
            Err(error) => return Some(Err(error)),
            Ok(read) => read,
        };
        let mut other = self.sides.get(place ^ 1)?.as_ref()?;
        Some(other.write_all(piece.get(..read)?).map(|()| read > 0))
    }
}
