//! The servers of a backend at one moment, found by their index. Indices are not used twice, so that one that is asked
//! for late is not there rather than another.

use crate::server::Server;
use std::ops::Deref;
use std::sync::Arc;

/// In ascending order of their indices.
#[derive(Clone, Debug, Default)]
pub struct Servers(Box<[Arc<Server>]>);

impl Servers {
    /// The servers of a list that is in order.
    pub(super) fn new(list: Vec<Arc<Server>>) -> Servers {
        debug_assert!(list.is_sorted_by(|a, b| a.facts.index < b.facts.index));
        Servers(list.into())
    }

    /// The server of that index. Until one is deleted an index is also its place.
    pub fn get(&self, index: usize) -> Option<&Arc<Server>> {
        if let Some(server) = self.0.get(index).filter(|s| s.facts.index == index) {
            return Some(server);
        }
        let at = self.0.binary_search_by_key(&index, |s| s.facts.index).ok()?;
        self.0.get(at)
    }

    /// The server of that name.
    pub fn named(&self, name: &str) -> Option<&Arc<Server>> {
        self.0.iter().find(|s| *s.facts.name == *name)
    }

    pub(super) fn with(&self, server: Arc<Server>) -> Servers {
        let mut list = self.0.to_vec();
        list.push(server);
        Servers::new(list)
    }

    pub(super) fn without(&self, index: usize) -> Servers {
        Servers(self.0.iter().filter(|s| s.facts.index != index).cloned().collect())
    }
}

impl Deref for Servers {
    type Target = [Arc<Server>];

    fn deref(&self) -> &[Arc<Server>] {
        &self.0
    }
}
