//! How all certificates stand, for people: written by the scheduler, read by whoever is asked.

use super::Job;
use crate::renew::UnixTime;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shared by scheduler and readers.
#[derive(Clone, Debug)]
pub struct Board(Arc<Mutex<BTreeMap<usize, Row>>>);

/// One certificate.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is called.
    pub name: String,
    /// The file that is served.
    pub file: PathBuf,
    /// The file in the storage, of which the other may be a copy.
    pub kept: PathBuf,
    /// Who wants it.
    pub section: String,
    /// How it stands.
    pub standing: Standing,
    /// When it ends; `None` while there is none.
    pub not_after: Option<UnixTime>,
    /// When something is done next.
    pub next: Option<UnixTime>,
    /// Why then.
    pub why: String,
}

/// How a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Being looked at, or obtained.
    Running,
    /// Waiting for its time.
    Scheduled,
    /// The last attempt failed.
    Failing,
}

impl Standing {
    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Running => "Running",
            Standing::Scheduled => "Scheduled",
            Standing::Failing => "Failing",
        }
    }
}

impl Row {
    fn of(job: &Job) -> Row {
        Row {
            name: job.name().to_owned(),
            file: job.file.clone(),
            kept: job.storage.fullchain(job.name()),
            section: job.section.clone(),
            standing: Standing::Running,
            not_after: None,
            next: None,
            why: String::new(),
        }
    }
}

impl Board {
    pub(super) fn new(jobs: &[Job]) -> Board {
        Board(Arc::new(Mutex::new(jobs.iter().map(Row::of).enumerate().collect())))
    }

    /// One more; its place.
    pub(super) fn add(&self, job: &Job) -> usize {
        let mut rows = self.lock();
        let at = rows.last_key_value().map_or(0, |(last, _)| last + 1);
        rows.insert(at, Row::of(job));
        at
    }

    pub(super) fn remove(&self, at: usize) {
        self.lock().remove(&at);
    }

    /// All rows, in the configuration's order.
    pub fn rows(&self) -> Vec<Row> {
        self.lock().values().cloned().collect()
    }

    /// One has this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.lock().values().any(|row| row.name == name)
    }

    /// How many a section wants.
    pub(super) fn of_section(&self, section: &str) -> usize {
        self.lock().values().filter(|row| row.section == section).count()
    }

    pub(super) fn knows(&self, called: &str) -> bool {
        self.lock().values().any(|row| is_called(&row.name, (&row.file, &row.kept), called))
    }

    /// What those are called that are meant.
    pub(super) fn names_of(&self, called: &str) -> Vec<String> {
        let rows = self.lock();
        let meant = rows.values().filter(|row| is_called(&row.name, (&row.file, &row.kept), called));
        meant.map(|row| row.name.clone()).collect()
    }

    pub(super) fn put(&self, at: usize, change: impl FnOnce(&mut Row)) {
        if let Some(row) = self.lock().get_mut(&at) {
            change(row);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, Row>> {
        // Rows are whole between any two statements that change them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By its name, its file, or the file's last part; or by the file of the storage.
pub(super) fn is_called(name: &str, (file, kept): (&Path, &Path), called: &str) -> bool {
    name == called
        || [file, kept].contains(&Path::new(called))
        || file.file_name().is_some_and(|last| last == called)
}
