//! Certificates that rest until their time. However many there are, a tick looks only at those whose time has come, and
//! at the next one.

use super::Entry;
use crate::renew::UnixTime;
use std::collections::{BTreeSet, HashMap};

/// See the module's head.
#[derive(Default)]
pub(super) struct Resting {
    /// By their places on the board.
    entries: HashMap<usize, Entry>,
    wakes: BTreeSet<(UnixTime, usize)>,
    /// Those obtained on demand, by their names.
    on_demand: HashMap<String, usize>,
}

impl Resting {
    pub(super) fn add(&mut self, entry: Entry) {
        let at = entry.at();
        self.wakes.insert((entry.wake, at));
        if let Some(name) = entry.on_demand_name() {
            self.on_demand.insert(name.to_owned(), at);
        }
        self.entries.insert(at, entry);
    }

    /// Takes those whose time has come, first what ends first: turns are few, and tokens of an authority may be.
    pub(super) fn take_due(&mut self, now: UnixTime) -> Vec<Entry> {
        let mut due = Vec::new();
        while let Some((_, at)) = self.wakes.first().copied().filter(|(wake, _)| *wake <= now) {
            self.wakes.pop_first();
            due.extend(self.entries.remove(&at));
        }
        for name in due.iter().filter_map(Entry::on_demand_name) {
            self.on_demand.remove(name);
        }
        due.sort_by_key(Entry::end);
        due
    }

    /// When the next one's time comes.
    pub(super) fn next(&self) -> Option<UnixTime> {
        self.wakes.first().map(|(wake, _)| *wake)
    }

    /// Changes those that are called so; whether there are any. For operators: looks at all.
    pub(super) fn change_called(&mut self, called: &str, change: impl Fn(&mut Entry)) -> bool {
        let at: Vec<usize> =
            self.entries.iter().filter(|(_, entry)| entry.is_called(called)).map(|(at, _)| *at).collect();
        at.iter().for_each(|at| self.change(*at, &change));
        !at.is_empty()
    }

    /// Has the one looked at that was obtained for this name; whether there is one.
    pub(super) fn wake_on_demand(&mut self, name: &str) -> bool {
        let at = self.on_demand.get(name).copied();
        at.into_iter().for_each(|at| self.change(at, Entry::wake_up));
        at.is_some()
    }

    /// Has all looked at.
    pub(super) fn wake_all(&mut self) {
        self.entries.values_mut().for_each(Entry::wake_up);
        self.wakes = self.entries.iter().map(|(at, entry)| (entry.wake, *at)).collect();
    }

    fn change(&mut self, at: usize, change: impl Fn(&mut Entry)) {
        if let Some(entry) = self.entries.get_mut(&at) {
            self.wakes.remove(&(entry.wake, at));
            change(entry);
            self.wakes.insert((entry.wake, at));
        }
    }
}

#[cfg(test)]
#[allow(clippy::print_stdout)] // a figure for whoever asks for it
mod tests {
    use super::super::{Job, Tell};
    use super::*;
    use crate::storage::Storage;
    use std::sync::Arc;
    use std::time::Instant;

    const MANY: usize = 10_000;

    fn entry(at: usize, wake: i64) -> Entry {
        let tell: Tell = Arc::new(|_, _| {});
        let job = Job {
            section: "le".into(),
            ways: Vec::new(),
            storage: Storage::new("/nonexistent"),
            file: format!("/nonexistent/{at}.pem").into(),
            alert_hooks: Vec::new(),
            on_demand: None,
        };
        let mut entry = Entry::new(at, job, &tell);
        entry.wake = UnixTime(wake);
        entry
    }

    #[test]
    fn of_ten_thousand_only_those_that_are_due_are_looked_at() {
        let mut resting = Resting::default();
        for at in 0..MANY {
            resting.add(entry(at, 1_000_000 + at as i64));
        }
        let due: Vec<usize> = resting.take_due(UnixTime(1_000_002)).iter().map(Entry::at).collect();
        assert_eq!(due, [0, 1, 2]);
        assert_eq!(resting.next(), Some(UnixTime(1_000_003)));
        let start = Instant::now();
        for _ in 0..1000 {
            assert!(resting.take_due(UnixTime(1_000_002)).is_empty());
        }
        println!("a tick at which nothing is due: {:?}", start.elapsed() / 1000);
        resting.wake_all();
        assert_eq!(resting.take_due(UnixTime(5)).len(), MANY - 3);
        assert_eq!(resting.next(), None);
    }
}
