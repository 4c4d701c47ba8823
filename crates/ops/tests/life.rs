//! Signals to this very process and what they lead to. One test: signals concern the process as a whole.
#![allow(clippy::unwrap_used)] // a failed set-up is a failed test

use ops::life::{DataPlane, Ending, StopLimits, until_end};
use ops::signals::Signals;
use rustix::process::{Signal, getpid, kill_process};
use std::cell::RefCell;
use std::time::Duration;
use tokio::sync::Notify;

/// A data plane that writes down what it is told, and answers some of it with the next signal.
#[derive(Default)]
struct Plane {
    told: RefCell<Vec<&'static str>>,
    on_soft_stop: Option<Signal>,
    on_dump: Option<Signal>,
    empty: Notify,
}

fn send(signal: Signal) {
    kill_process(getpid(), signal).unwrap();
}

impl DataPlane for Plane {
    fn soft_stop(&self) {
        self.told.borrow_mut().push("soft stop");
        match self.on_soft_stop {
            Some(signal) => send(signal),
            None => self.empty.notify_one(),
        }
    }

    async fn drained(&self) {
        self.empty.notified().await;
    }

    fn reload(&self) {
        self.told.borrow_mut().push("reload");
        send(Signal::TERM);
    }

    fn dump(&self) {
        self.told.borrow_mut().push("dump");
        self.on_dump.into_iter().for_each(send);
    }
}

const SHORT: Option<Duration> = Some(Duration::from_millis(10));

struct Case {
    name: &'static str,
    first: Signal,
    plane: Plane,
    limits: StopLimits,
    ending: Ending,
    told: &'static [&'static str],
}

fn case(name: &'static str, first: Signal, ending: Ending, told: &'static [&'static str]) -> Case {
    Case { name, first, plane: Plane::default(), limits: StopLimits::default(), ending, told }
}

fn cases() -> Vec<Case> {
    let killed = |signal: Signal| Ending::Killed(signal.as_raw());
    let answering = |signal| Plane { on_soft_stop: Some(signal), ..Plane::default() };
    let hard = StopLimits { hard_stop_after: SHORT, grace: None };
    let grace = StopLimits { hard_stop_after: None, grace: SHORT };
    let stop: &[&str] = &["soft stop"];
    let dump_then = |signal| Plane { on_dump: Some(signal), ..Plane::default() };
    let dump_while_stopping = Plane { on_soft_stop: Some(Signal::HUP), ..dump_then(Signal::INT) };
    vec![
        case("TERM ends at once", Signal::TERM, killed(Signal::TERM), &[]),
        case("INT too", Signal::INT, killed(Signal::INT), &[]),
        case("USR2 asks for a reload", Signal::USR2, killed(Signal::TERM), &["reload"]),
        case("USR1 drains", Signal::USR1, Ending::Drained, stop),
        Case {
            plane: dump_then(Signal::TERM),
            ..case("HUP dumps and goes on", Signal::HUP, killed(Signal::TERM), &["dump"])
        },
        Case {
            plane: answering(Signal::USR2),
            limits: hard,
            ..case("what does not drain is cut off", Signal::USR1, Ending::HardStop, stop)
        },
        Case {
            plane: answering(Signal::TERM),
            ..case("TERM cuts a stop short", Signal::USR1, killed(Signal::TERM), stop)
        },
        Case { limits: grace, ..case("a grace period ends by itself", Signal::USR1, Ending::Drained, stop) },
        Case {
            plane: dump_while_stopping,
            ..case("a dump while stopping", Signal::USR1, killed(Signal::INT), &["soft stop", "dump"])
        },
    ]
}

#[tokio::test]
async fn every_signal_leads_where_the_manual_says() {
    let mut signals = Signals::install().unwrap();
    for Case { name, first, plane, limits, ending, told } in cases() {
        send(first);
        assert_eq!(until_end(&mut signals, &plane, limits).await, ending, "{name}");
        assert_eq!(*plane.told.borrow(), told, "{name}");
    }
}
