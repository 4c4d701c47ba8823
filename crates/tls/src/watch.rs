//! Looking after files: what a look at the disk has to touch, and where to look. New and renewed certificates go live
//! without a reload; whoever hears of changes tells which folders they were in, so that the others are left alone.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// How far a look at the disk goes.
#[derive(Clone, Copy, Debug)]
pub enum Look<'f> {
    /// Every file, some microseconds each.
    All,
    /// What lies in these folders. Nothing else has changed.
    In(&'f HashSet<PathBuf>),
}

impl Look<'_> {
    /// What this path stands for may have changed: it is one of the folders, or lies in one.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        match self {
            Look::All => true,
            Look::In(folders) => {
                folders.contains(path) || path.parent().is_some_and(|folder| folders.contains(folder))
            }
        }
    }
}
