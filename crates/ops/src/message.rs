//! What a master says to its children, the workers and the keeper, and they to it. Descriptors and long texts travel beside the words; a message that
//! is not understood, from a newer program on the other side, is passed over.

use net::channel::{self, Channel, DESCRIPTORS_MAX, Message};
use proxy::stats_socket::CliLevel;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// From a child to its master.
#[derive(Debug)]
pub(crate) enum FromChild {
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
    /// It could take the master's place, and reads what is left to it in this kind.
    Able(u32),
    /// A session is wanted: by a worker with the keeper, by the keeper with the current worker.
    Connect,
}

/// What a master has to know of a worker that serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// `mworker-max-reloads`
    pub(crate) max_reloads: Option<u32>,
    /// Its program's version.
    pub(crate) version: String,
    /// Whether there are certificates to look after: the master starts a keeper then.
    pub(crate) keeps: bool,
    /// What it said at its start.
    pub(crate) startup_log: String,
}

/// From a master to a child.
#[derive(Debug)]
pub(crate) enum ToChild {
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
    /// A session that was wanted; `None` where there is nobody to have it with.
    Session(Option<OwnedFd>),
}

impl FromChild {
    /// Says it; to be called where waiting does no harm.
    pub(crate) async fn send(&self, to: &Channel) -> io::Result<()> {
        match self {
            FromChild::Want => to.send(b"want", &[]).await,
            FromChild::Bound(sockets) => send_sockets(to, b"bound", sockets).await,
            FromChild::Ready(facts) => {
                let reloads = facts.max_reloads.map_or("-".to_owned(), |n| n.to_string());
                let keeps = if facts.keeps { "keeps" } else { "-" };
                let words = format!("ready {reloads} {keeps} {}", facts.version);
                send_text(to, words.as_bytes(), &facts.startup_log).await
            }
            FromChild::Failed(log) => send_text(to, b"failed", log).await,
            FromChild::State(text) => send_text(to, b"state", text).await,
            FromChild::Alive => to.send(b"alive", &[]).await,
            FromChild::Able(kind) => to.send(format!("able {kind}").as_bytes(), &[]).await,
            FromChild::Connect => to.send(b"connect", &[]).await,
        }
    }

    /// Understands a message.
    pub(crate) fn read(message: Message) -> Option<FromChild> {
        let words = String::from_utf8(message.bytes).ok()?;
        let (word, rest) = words.split_once(' ').unwrap_or((&words, ""));
        let along = message.descriptors;
        Some(match word {
            "want" => FromChild::Want,
            "bound" => FromChild::Bound(along),
            "ready" => {
                let (reloads, rest) = rest.split_once(' ')?;
                let (keeps, version) = rest.split_once(' ')?;
                let (max_reloads, version) = (reloads.parse().ok(), version.to_owned());
                FromChild::Ready(Facts {
                    max_reloads,
                    version,
                    keeps: keeps == "keeps",
                    startup_log: text(along)?,
                })
            }
            "failed" => FromChild::Failed(text(along)?),
            "state" => FromChild::State(text(along)?),
            "alive" => FromChild::Alive,
            "able" => FromChild::Able(rest.parse().ok()?),
            "connect" => FromChild::Connect,
            _ => return None,
        })
    }
}

impl ToChild {
    /// Says it.
    pub(crate) async fn send(&self, to: &Channel) -> io::Result<()> {
        match self {
            ToChild::Sockets(sockets) => send_sockets(to, b"sockets", sockets).await,
            ToChild::State(text) => send_text(to, b"state", text).await,
            ToChild::TellState => to.send(b"tell-state", &[]).await,
            ToChild::Serve(client, level) => {
                to.send(format!("serve {}", level_word(*level)).as_bytes(), &[client.as_fd()]).await
            }
            ToChild::Ping => to.send(b"ping", &[]).await,
            ToChild::Note(text) => send_text(to, b"note", text).await,
            ToChild::Session(Some(end)) => to.send(b"session", &[end.as_fd()]).await,
            ToChild::Session(None) => to.send(b"session", &[]).await,
        }
    }

    /// Understands a message.
    pub(crate) fn read(message: Message) -> Option<ToChild> {
        let words = String::from_utf8(message.bytes).ok()?;
        let (word, rest) = words.split_once(' ').unwrap_or((&words, ""));
        let along = message.descriptors;
        Some(match word {
            "sockets" => ToChild::Sockets(along),
            "state" => ToChild::State(text(along)?),
            "tell-state" => ToChild::TellState,
            "serve" => ToChild::Serve(along.into_iter().next()?, level_of(rest)?),
            "ping" => ToChild::Ping,
            "note" => ToChild::Note(text(along)?),
            "session" => ToChild::Session(along.into_iter().next()),
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
        let facts =
            Facts { max_reloads: Some(3), version: "1 2".into(), keeps: true, startup_log: "a\nb".into() };
        FromChild::Ready(facts.clone()).send(&ours).await.unwrap();
        let read = FromChild::read(theirs.receive().await.unwrap().unwrap());
        assert!(matches!(read, Some(FromChild::Ready(read)) if read == facts));
        let many: Vec<OwnedFd> = (0..300).map(|_| std::fs::File::open("/dev/null").unwrap().into()).collect();
        ToChild::Sockets(many).send(&ours).await.unwrap();
        let mut count = 0;
        while count < 300 {
            match ToChild::read(theirs.receive().await.unwrap().unwrap()) {
                Some(ToChild::Sockets(some)) => count += some.len(),
                other => panic!("{other:?}"),
            }
        }
        theirs.send(b"a word of the future", &[]).await.unwrap();
        assert!(FromChild::read(ours.receive().await.unwrap().unwrap()).is_none());
    }
}
