//! Whether an order came so far that the authority was asked to sign: from there on its limits count a certificate, and
//! so do our records, before and not after, so that a process that dies in between has counted it.

use super::authorities::Authorities;
use super::time::now;
use crate::acme::IssueError;
use crate::renew::{AuthorityState, NewOrder};
use crate::storage::Storage;
use std::cell::{Cell, RefCell};

/// Of one order.
#[derive(Default)]
pub(super) struct Finalized {
    counted: Cell<bool>,
    trouble: RefCell<Option<IssueError>>,
}

impl Finalized {
    /// The authority is asked to sign now.
    pub(super) fn note(
        &self,
        authorities: &Authorities,
        (url, storage): (&str, &Storage),
        order: NewOrder<'_>,
    ) {
        self.counted.set(true);
        let count = |authority: &mut AuthorityState| authority.buckets.take_certificate(order, now());
        *self.trouble.borrow_mut() = authorities.change(url, storage, now(), count).err();
    }

    /// What came of it: a certificate that could not be kept has been signed all the same.
    pub(super) fn settle(
        &self,
        authority: &mut AuthorityState,
        order: NewOrder<'_>,
        outcome: &Result<(), &IssueError>,
    ) {
        let is_signed = outcome.as_ref().map_or_else(|error| error.is_after_signing(), |()| true);
        if self.counted.get() && !is_signed {
            authority.buckets.give_back(order);
        }
    }

    /// Why it is not remembered, where it is not.
    pub(super) fn trouble(&self) -> Option<IssueError> {
        self.trouble.take()
    }
}
