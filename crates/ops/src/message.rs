//! What a master and its workers say to each other. Descriptors and long texts travel beside the words; a message that
//! is not understood, from a newer program on the other side, is passed over.

use net::channel::{self, Channel, DESCRIPTORS_MAX, Message};
use proxy::stats_socket::CliLevel;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// From a worker to its master.
#[derive(Debug)]
pub(crate) enum FromWorker {
    /// The configuration is good: what is there to take over?
    Want,
    /// Sockets that the worker listens on.
    Bound(Vec<OwnedFd>),
    /// It serves.
    Ready(Facts),
    /// It will not serve; what it complained of.
    Failed(String),
    /// How its servers stand.
    State(String),
    /// All its threads turn.
    Alive,
}

/// What a master has to know of a worker that serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// `mworker-max-reloads`
    pub(crate) max_reloads: Option<u32>,
    /// Its program's version.
    pub(crate) version: String,
    /// What it said at its start.
    pub(crate) startup_log: String,
}

/// From a master to a worker.
#[derive(Debug)]
pub(crate) enum FromMaster {
    /// Sockets to listen on.
    Sockets(Vec<OwnedFd>),
    /// How the predecessor's servers stand: the last that is handed over.
    State(String),
    /// How do your servers stand?
    TellState,
    /// A client of the master socket, and what it may do.
    Serve(OwnedFd, CliLevel),
    /// Do your threads turn?
    Ping,
    /// Something for the log.
    Note(String),
}

impl FromWorker {
    /// Says it; to be called where waiting does no harm.
    pub(crate) async fn send(&self, to: &Channel) -> io::Result<()> {
        match self {
            FromWorker::Want => to.send(b"want", &[]).await,
            FromWorker::Bound(sockets) => send_sockets(to, b"bound", sockets).await,
            FromWorker::Ready(facts) => {
                let reloads = facts.max_reloads.map_or("-".to_owned(), |n| n.to_string());
                let words = format!("ready {reloads} {}", facts.version);
                send_text(to, words.as_bytes(), &facts.startup_log).await
            }
            FromWorker::Failed(log) => send_text(to, b"failed", log).await,
            FromWorker::State(text) => send_text(to, b"state", text).await,
            FromWorker::Alive => to.send(b"alive", &[]).await,
        }
    }

    /// Understands a message.
    pub(crate) fn read(message: Message) -> Option<FromWorker> {
        let words = String::from_utf8(message.bytes).ok()?;
        let (word, rest) = words.split_once(' ').unwrap_or((&words, ""));
        let along = message.descriptors;
        Some(match word {
            "want" => FromWorker::Want,
            "bound" => FromWorker::Bound(along),
            "ready" => {
                let (reloads, version) = rest.split_once(' ')?;
                let (max_reloads, version) = (reloads.parse().ok(), version.to_owned());
                FromWorker::Ready(Facts { max_reloads, version, startup_log: text(along)? })
            }
            "failed" => FromWorker::Failed(text(along)?),
            "state" => FromWorker::State(text(along)?),
            "alive" => FromWorker::Alive,
            _ => return None,
        })
    }
}

impl FromMaster {
    /// Says it.
    pub(crate) async fn send(&self, to: &Channel) -> io::Result<()> {
        match self {
            FromMaster::Sockets(sockets) => send_sockets(to, b"sockets", sockets).await,
            FromMaster::State(text) => send_text(to, b"state", text).await,
            FromMaster::TellState => to.send(b"tell-state", &[]).await,
            FromMaster::Serve(client, level) => {
                to.send(format!("serve {}", level_word(*level)).as_bytes(), &[client.as_fd()]).await
            }
            FromMaster::Ping => to.send(b"ping", &[]).await,
            FromMaster::Note(text) => send_text(to, b"note", text).await,
        }
    }

    /// Understands a message.
    pub(crate) fn read(message: Message) -> Option<FromMaster> {
        let words = String::from_utf8(message.bytes).ok()?;
        let (word, rest) = words.split_once(' ').unwrap_or((&words, ""));
        let along = message.descriptors;
        Some(match word {
            "sockets" => FromMaster::Sockets(along),
            "state" => FromMaster::State(text(along)?),
            "tell-state" => FromMaster::TellState,
            "serve" => FromMaster::Serve(along.into_iter().next()?, level_of(rest)?),
            "ping" => FromMaster::Ping,
            "note" => FromMaster::Note(text(along)?),
            _ => return None,
        })
    }
}

/// What a level is called.
pub(crate) fn level_word(level: CliLevel) -> &'static str {
    match level {
        CliLevel::User => "user",
        CliLevel::Operator => "operator",
        CliLevel::Admin => "admin",
    }
}

fn level_of(word: &str) -> Option<CliLevel> {
    [CliLevel::User, CliLevel::Operator, CliLevel::Admin].into_iter().find(|l| level_word(*l) == word)
}

async fn send_sockets(to: &Channel, word: &[u8], sockets: &[OwnedFd]) -> io::Result<()> {
    for some in sockets.chunks(DESCRIPTORS_MAX) {
        let along: Vec<BorrowedFd<'_>> = some.iter().map(AsFd::as_fd).collect();
        to.send(word, &along).await?;
    }
    Ok(())
}

async fn send_text(to: &Channel, words: &[u8], text: &str) -> io::Result<()> {
    let file = channel::file_of(text.as_bytes())?;
    to.send(words, &[file.as_fd()]).await
}

fn text(along: Vec<OwnedFd>) -> Option<String> {
    channel::text_of(along.into_iter().next()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_said_arrives() {
        let (ours, theirs) = channel::pair().unwrap();
        let (ours, theirs) = (Channel::new(ours).unwrap(), Channel::new(theirs).unwrap());
        let facts = Facts { max_reloads: Some(3), version: "1 2".into(), startup_log: "a\nb".into() };
        FromWorker::Ready(facts.clone()).send(&ours).await.unwrap();
        let read = FromWorker::read(theirs.receive().await.unwrap().unwrap());
        assert!(matches!(read, Some(FromWorker::Ready(read)) if read == facts));
        let many: Vec<OwnedFd> = (0..300).map(|_| std::fs::File::open("/dev/null").unwrap().into()).collect();
        FromMaster::Sockets(many).send(&ours).await.unwrap();
        let mut count = 0;
        while count < 300 {
            match FromMaster::read(theirs.receive().await.unwrap().unwrap()) {
                Some(FromMaster::Sockets(some)) => count += some.len(),
                other => panic!("{other:?}"),
            }
        }
        theirs.send(b"a word of the future", &[]).await.unwrap();
        assert!(FromWorker::read(ours.receive().await.unwrap().unwrap()).is_none());
    }
}
