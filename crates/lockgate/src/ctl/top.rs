//! `lockgate ctl top`: asks once a second and redraws in place until `q`, Ctrl-C or a signal. Where there is no
//! terminal it prints one picture, and is done.

use super::frame::{self, Line, Moment};
use super::screen::Screen;
use super::socket::{Patience, Socket};
use crate::Exit;
use crate::console;
use base::reason;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

const ASK: &str = "show info;show stat\n";
/// How often it asks.
const EVERY: Duration = Duration::from_secs(1);
/// Columns of the single picture.
const PLAIN_WIDTH: usize = 80;
/// Keys that may wait; whoever types faster loses some.
const KEYS: usize = 64;

/// Shows the view until it is left.
pub(super) fn run(socket: Socket) -> Exit {
    match Screen::take() {
        Ok(Some(screen)) => match watch(&screen, Arc::new(socket)) {
            Ok(()) => Exit::Ok,
            Err(e) => {
                drop(screen);
                console::err(&format!("lockgate ctl top: {e}\n"));
                Exit::Failed
            }
        },
        Ok(None) => once(&socket),
        Err(e) => {
            console::err(&format!("lockgate ctl top: the terminal: {}\n", reason(&e)));
            Exit::Failed
        }
    }
}

fn once(socket: &Socket) -> Exit {
    match socket.ask(ASK, Patience::Bounded) {
        Ok(answer) => {
            let now = Moment::parse(&answer);
            let lines =
                frame::head(&now, PLAIN_WIDTH).into_iter().chain(frame::body(&now, None, PLAIN_WIDTH));
            lines.for_each(|line| console::out(&format!("{}\n", line.text.trim_end())));
            Exit::Ok
        }
        Err(why) => {
            console::err(&format!("lockgate ctl: {why}\n"));
            Exit::Failed
        }
    }
}

/// What is on the screen.
#[derive(Default)]
struct View {
    now: Option<(Moment, Instant)>,
    before: Option<(Moment, Instant)>,
    trouble: Option<String>,
    /// First line of the table that is shown.
    from: usize,
}

fn watch(screen: &Screen, socket: Arc<Socket>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(follow(screen, socket));
    // A question that is still on its way is not waited for.
    runtime.shutdown_background();
    ended
}

async fn follow(screen: &Screen, socket: Arc<Socket>) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut resized = signal(SignalKind::window_change())?;
    let mut keys = keys();
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut view = View::default();
    let mut asked = None;
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            _ = hangup.recv() => return Ok(()),
            _ = resized.recv() => {}
            key = keys.recv() => match key {
                Some(key) if !view.press(key) => {}
                Some(_) | None => return Ok(()),
            },
            _ = tick.tick(), if asked.is_none() => {
                let socket = socket.clone();
                asked = Some(tokio::task::spawn_blocking(move || socket.ask(ASK, Patience::Bounded)));
                continue;
            }
            answer = answered(&mut asked) => {
                asked = None;
                view.take(answer);
            }
        }
        screen.draw(&view.lines(Screen::size()))?;
    }
}

type Asked = Option<tokio::task::JoinHandle<Result<String, String>>>;

async fn answered(asked: &mut Asked) -> Result<String, String> {
    match asked {
        Some(task) => task.await.unwrap_or_else(|e| Err(e.to_string())),
        None => std::future::pending().await,
    }
}

/// Keys as they are pressed; the thread ends with the process.
fn keys() -> mpsc::Receiver<u8> {
    let (pressed, keys) = mpsc::channel(KEYS);
    std::thread::spawn(move || {
        for byte in std::io::stdin().lock().bytes().map_while(Result::ok) {
            if pressed.blocking_send(byte).is_err() {
                return;
            }
        }
    });
    keys
}

/// Ctrl-C, as a terminal sends it whose keys come at once.
const CTRL_C: u8 = 3;

impl View {
    /// Whether the key ends the view. The letters at the end of the arrows' sequences move it.
    fn press(&mut self, key: u8) -> bool {
        match key {
            b'q' | b'Q' | CTRL_C => return true,
            b'j' | b'B' => self.from = self.from.saturating_add(1),
            b'k' | b'A' => self.from = self.from.saturating_sub(1),
            b' ' => self.from = self.from.saturating_add(10),
            b'b' => self.from = self.from.saturating_sub(10),
            _ => {}
        }
        false
    }

    fn take(&mut self, answer: Result<String, String>) {
        match answer {
            Ok(text) => {
                self.before = self.now.take();
                self.now = Some((Moment::parse(&text), Instant::now()));
                self.trouble = None;
            }
            // The last picture stays; the next question may be answered again.
            Err(why) => self.trouble = Some(why),
        }
    }

    fn lines(&mut self, (width, height): (usize, usize)) -> Vec<Line> {
        let Some((now, at)) = &self.now else {
            let text = self.trouble.clone().unwrap_or_else(|| "...".to_owned());
            return vec![frame::note(&text, width)];
        };
        let before = self.before.as_ref().map(|(moment, then)| (moment, at.duration_since(*then)));
        let mut lines = frame::head(now, width);
        if let Some(why) = &self.trouble {
            lines.insert(0, frame::note(why, width));
        }
        let rows = frame::body(now, before, width);
        let room = height.saturating_sub(lines.len());
        self.from = self.from.min(rows.len().saturating_sub(room));
        lines.extend(rows.into_iter().skip(self.from).take(room));
        lines.truncate(height);
        lines
    }
}
