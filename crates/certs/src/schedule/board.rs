//! How all certificates stand, for people: written by the scheduler, read by whoever is asked.

use super::Job;
use crate::renew::UnixTime;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shared by scheduler and readers.
#[derive(Clone, Debug)]
pub struct Board(Arc<Mutex<Vec<Row>>>);

/// One certificate.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is called.
    pub name: String,
    /// The file that is served.
    pub file: PathBuf,
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

impl Board {
    pub(super) fn new(jobs: &[Job]) -> Board {
        let row = |job: &Job| Row {
            name: job.ways.first().map_or_else(String::new, |wanted| wanted.name.clone()),
            file: job.file.clone(),
            section: job.section.clone(),
            standing: Standing::Running,
            not_after: None,
            next: None,
            why: String::new(),
        };
        Board(Arc::new(Mutex::new(jobs.iter().map(row).collect())))
    }

    /// All rows, in the configuration's order.
    pub fn rows(&self) -> Vec<Row> {
        self.lock().clone()
    }

    pub(super) fn knows(&self, called: &str) -> bool {
        self.lock().iter().any(|row| is_called(&row.name, &row.file, called))
    }

    pub(super) fn put(&self, at: usize, change: impl FnOnce(&mut Row)) {
        if let Some(row) = self.lock().get_mut(at) {
            change(row);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Row>> {
        // Rows are whole between any two statements that change them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By its name, its file, or the file's last part.
pub(super) fn is_called(name: &str, file: &std::path::Path, called: &str) -> bool {
    name == called
        || file == std::path::Path::new(called)
        || file.file_name().is_some_and(|last| last == called)
}
