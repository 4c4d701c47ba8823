//! What is under way in the master and would be cut off were another program executed now: commands on its socket,
//! words to its children.

use std::cell::Cell;
use std::rc::Rc;
use tokio::sync::Notify;

/// All that is under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Work {
    pieces: Rc<Cell<usize>>,
    over: Rc<Notify>,
}

/// A piece of it, until dropped.
#[derive(Debug)]
pub(super) struct Piece(Work);

impl Work {
    /// Something begins.
    pub(super) fn begin(&self) -> Piece {
        self.pieces.set(self.pieces.get() + 1);
        Piece(self.clone())
    }

    /// Whether nothing is under way.
    pub(super) fn is_over(&self) -> bool {
        self.pieces.get() == 0
    }

    /// Ready when nothing is under way.
    pub(super) async fn over(&self) {
        while !self.is_over() {
            self.over.notified().await;
        }
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.0.pieces.set(self.0.pieces.get().saturating_sub(1));
        self.0.over.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{Duration, timeout};

    #[tokio::test]
    async fn it_is_over_with_its_last_piece() {
        let work = Work::default();
        work.over().await;
        let (one, two) = (work.begin(), work.begin());
        drop(one);
        assert!(timeout(Duration::ZERO, work.over()).await.is_err());
        drop(two);
        work.over().await;
    }
}
