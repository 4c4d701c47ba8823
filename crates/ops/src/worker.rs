//! A child's end of its bond with the master (`-W`): what a worker takes over before it serves, and what it answers while
//! it does; the keeper (`keeper`) has the same end. Serving itself is not its concern.
//!
//! ```text
//! worker                                 master
//! stage(): finds its end        ◄─────── starts the program again, with "worker" as its first argument
//! loads and checks the configuration
//! want                          ───────►
//!                               ◄─────── sockets ..., state of the predecessor's servers
//! binds what is missing, gives up rights
//! bound ..., ready              ───────► tells the predecessor to leave
//! serves; answers               ◄──────► tell-state, serve, ping, note
//! ```
//!
//! A worker whose master is gone finishes what is open and leaves.

use crate::daemon;
use crate::master;
use crate::message::{Facts, FromChild, ToChild};
use crate::runtime::{Process, Runtime};
use net::Inherited;
use net::channel::{self, Channel};
use proxy::clock::now_us;
use proxy::server_state;
use rustix::process::{Signal, getpid, kill_process};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// The first argument of a worker, by which `ps` tells it from its master.
pub const WORKER: &str = "worker";
/// The first argument of the keeper.
pub const KEEPER: &str = "keeper";
/// The first argument of a program that is to tell whether it could be the master.
pub const SUCCESSOR: &str = "successor";
/// Set for a worker: its master's process number and the number of its end of the channel.
pub(crate) const ENV: &str = "LOCKGATE_WORKER_OF";
/// A worker thread that does not turn within this is stuck.
const TURN: Duration = Duration::from_secs(5);

/// A worker's end, before it is tied to a runtime.
#[derive(Debug)]
pub struct Bond {
    end: OwnedFd,
}

/// What a predecessor leaves.
#[derive(Debug, Default)]
pub struct Estate {
    /// Its listening sockets.
    pub sockets: Inherited,
    /// How its servers stand, as `show servers state` has it; empty where there is none.
    pub state: String,
}

impl Estate {
    /// Sockets alone, of a process that is not a worker of our master.
    pub fn of(sockets: Vec<OwnedFd>) -> Estate {
        Estate { sockets: Inherited::of(sockets), state: String::new() }
    }
}

/// The bond of a worker that was started by its master; `None` for any other process.
pub fn stage() -> io::Result<Option<Bond>> {
    let Ok(value) = std::env::var(ENV) else { return Ok(None) };
    let parent = rustix::process::getppid().map(|p| p.as_raw_nonzero().to_string());
    let Some((master, number)) = value.split_once(':') else { return Ok(None) };
    // A number that is not the parent's is somebody else's and is not believed.
    if Some(master) != parent.as_deref() {
        return Ok(None);
    }
    daemon::keep_name();
    let number = number.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
    Ok(Some(Bond { end: net::inherit::by_number(number)? }))
}

impl Bond {
    /// Tells the master why this worker will not serve. A master that is gone has no use for it.
    pub fn failed(&self, log: &str) {
        if let Ok(file) = channel::file_of(log.as_bytes()) {
            let _ = channel::send(self.end.as_fd(), b"failed", &[file.as_fd()]);
        }
    }

    /// Tells the master that this program could take its place.
    pub fn able(&self) -> io::Result<()> {
        channel::send(self.end.as_fd(), format!("able {}", master::KIND).as_bytes(), &[])
    }

    /// A second end of the same channel, for the way to serving: `failed` may still have to be said.
    pub fn try_clone(&self) -> io::Result<Bond> {
        Ok(Bond { end: self.end.try_clone()? })
    }

    /// Ties the end to the runtime of the calling thread.
    pub fn tie(self) -> io::Result<Tied> {
        let (asker, asked) = mpsc::unbounded_channel();
        Ok(Tied {
            channel: Channel::new(self.end)?,
            asker,
            asked: RefCell::new(asked),
            waiting: RefCell::default(),
        })
    }
}

/// A child's end that is in use.
#[derive(Debug)]
pub struct Tied {
    channel: Channel,
    asker: Elsewhere,
    asked: RefCell<mpsc::UnboundedReceiver<oneshot::Sender<UnixStream>>>,
    /// Who waits for a session, in the order in which they asked.
    waiting: RefCell<VecDeque<oneshot::Sender<UnixStream>>>,
}

/// The way to a session of the runtime API in another process of the household: from a worker with the keeper, from the
/// keeper with the current worker. Where there is none, the reply is dropped.
pub type Elsewhere = mpsc::UnboundedSender<oneshot::Sender<UnixStream>>;

/// A session by that way.
pub async fn session(elsewhere: &Elsewhere) -> io::Result<UnixStream> {
    let (reply, replied) = oneshot::channel();
    let asked = elsewhere.send(reply);
    asked.map_err(|_| io::ErrorKind::NotConnected)?;
    replied.await.map_err(|_| io::ErrorKind::NotConnected.into())
}

impl Tied {
    /// The way to the household's other process.
    pub fn elsewhere(&self) -> Elsewhere {
        self.asker.clone()
    }

    /// Takes over what the predecessor leaves.
    pub async fn estate(&self) -> io::Result<Estate> {
        FromChild::Want.send(&self.channel).await?;
        let mut sockets = Vec::new();
        loop {
            let message = self.channel.receive().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            match ToChild::read(message) {
                Some(ToChild::Sockets(some)) => sockets.extend(some),
                Some(ToChild::State(state)) => {
                    return Ok(Estate { sockets: Inherited::of(sockets), state });
                }
                // Nothing of that is of use before there is something to look at.
                Some(
                    ToChild::TellState
                    | ToChild::Serve(..)
                    | ToChild::Ping
                    | ToChild::Note(_)
                    | ToChild::Session(_),
                )
                | None => {}
            }
        }
    }

    /// Lets the master keep a copy of every socket that is listened on.
    pub async fn bound(&self, sockets: Vec<OwnedFd>) -> io::Result<()> {
        FromChild::Bound(sockets).send(&self.channel).await
    }

    /// Says that this worker serves; `keeps`: and that there are certificates to look after.
    pub async fn ready(&self, max_reloads: Option<u32>, keeps: bool, process: &Process) -> io::Result<()> {
        let version = process.product.version.clone();
        let facts = Facts { max_reloads, version, keeps, startup_log: process.startup_log.clone() };
        FromChild::Ready(facts).send(&self.channel).await
    }

    /// Answers the master for as long as `life` goes on; what that comes to.
    pub async fn answer_during<T>(
        &self,
        life: impl Future<Output = T>,
        process: Arc<Process>,
        api: &Runtime,
    ) -> T {
        tokio::pin!(life);
        tokio::select! {
            biased;
            end = &mut life => end,
            () = self.answer(process, api) => life.await,
        }
    }

    async fn answer(&self, process: Arc<Process>, api: &Runtime) {
        loop {
            let wanted = poll_fn(|cx| self.asked.borrow_mut().poll_recv(cx));
            let done = tokio::select! {
                message = self.channel.receive() => match message {
                    Ok(Some(message)) => match ToChild::read(message) {
                        Some(asked) => self.one(asked, &process, api).await,
                        None => Ok(()),
                    },
                    Ok(None) | Err(_) => break,
                },
                // One of the senders is ours: there is always another.
                Some(reply) = wanted => {
                    self.waiting.borrow_mut().push_back(reply);
                    FromChild::Connect.send(&self.channel).await
                }
            };
            if done.is_err() {
                break;
            }
        }
        // The signal is the one way to a soft stop, whoever wants it.
        let _ = kill_process(getpid(), Signal::USR1);
    }

    async fn one(&self, asked: ToChild, process: &Arc<Process>, api: &Runtime) -> io::Result<()> {
        match asked {
            ToChild::TellState => {
                let state = server_state::write(&process.plan, None, process.started_ms(), process.now_ms());
                FromChild::State(state).send(&self.channel).await
            }
            ToChild::Serve(client, level) => {
                if let Ok(client) = std_stream(client) {
                    api.serve(client, level);
                }
                Ok(())
            }
            ToChild::Ping => {
                let turning = process.workers.visit(TURN, |_| ()).await.len();
                if turning == process.workers.count() {
                    FromChild::Alive.send(&self.channel).await?;
                }
                Ok(())
            }
            ToChild::Note(text) => {
                if let Some(front) = process.plan.frontends.first() {
                    front.log.notice(&text, 4, now_us());
                }
                Ok(())
            }
            ToChild::Session(end) => {
                let reply = self.waiting.borrow_mut().pop_front();
                if let (Some(reply), Some(end)) = (reply, end) {
                    // Whoever asked may have given up.
                    let _ = reply.send(std_stream(end)?);
                }
                Ok(())
            }
            ToChild::Sockets(_) | ToChild::State(_) => Ok(()),
        }
    }
}

fn std_stream(client: OwnedFd) -> io::Result<UnixStream> {
    let stream = UnixStream::from(client);
    stream.set_nonblocking(true)?;
    Ok(stream)
}
