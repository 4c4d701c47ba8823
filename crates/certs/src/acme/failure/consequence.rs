//! What follows from a failure for the next tries and for what is counted of an authority's limits.

use super::IssueError;
use std::time::SystemTime;

impl IssueError {
    /// The earliest moment at which another try may be made, where the authority named one.
    pub fn not_before(&self) -> Option<SystemTime> {
        match self {
            IssueError::RateLimited { until, .. } | IssueError::Unreachable { until, .. } => *until,
            IssueError::BadName { .. }
            | IssueError::Busy { .. }
            | IssueError::Storage { .. }
            | IssueError::Tree(_)
            | IssueError::Unverified
            | IssueError::Trust { .. }
            | IssueError::Refused { .. }
            | IssueError::AccountKey { .. }
            | IssueError::NoChallenge { .. }
            | IssueError::Unproven(_)
            | IssueError::Answer { .. }
            | IssueError::NoProfile { .. }
            | IssueError::TooSlow { .. }
            | IssueError::Key { .. }
            | IssueError::Given { .. }
            | IssueError::BadCertificate { .. } => None,
        }
    }

    /// An authority that was asked to sign has signed: what failed is keeping what it sent.
    pub fn is_after_signing(&self) -> bool {
        self.part() == Part::Keeping
    }

    /// The authority did not do its part: that holds all its certificates, and none by itself.
    pub fn is_authoritys_fault(&self) -> bool {
        self.part() == Part::Authority
    }

    fn part(&self) -> Part {
        match self {
            IssueError::Storage { .. } | IssueError::Tree(_) | IssueError::BadCertificate { .. } => {
                Part::Keeping
            }
            IssueError::Unreachable { .. } | IssueError::TooSlow { .. } => Part::Authority,
            IssueError::Refused { kind, .. } if matches!(kind.as_str(), "serverInternal" | "badNonce") => {
                Part::Authority
            }
            IssueError::BadName { .. }
            | IssueError::Busy { .. }
            | IssueError::Unverified
            | IssueError::Trust { .. }
            | IssueError::RateLimited { .. }
            | IssueError::Refused { .. }
            | IssueError::AccountKey { .. }
            | IssueError::NoChallenge { .. }
            | IssueError::Unproven(_)
            | IssueError::Answer { .. }
            | IssueError::NoProfile { .. }
            | IssueError::Key { .. }
            | IssueError::Given { .. } => Part::Asking,
        }
    }
}

/// Where an order failed.
#[derive(PartialEq, Eq)]
enum Part {
    /// With what was asked, by whom, or for which name.
    Asking,
    /// With the authority, whoever asks.
    Authority,
    /// With what the authority had signed.
    Keeping,
}
