//! The two directions of a message, so that a fetch is written once for requests and responses.

use crate::scope::{Direction, Payload, Scope};
use http::Fields;

/// Whose head, body and bytes a row reads.
pub(super) trait Side {
    /// Header fields.
    fn fields(scope: &dyn Scope) -> Option<&Fields>;
    /// Which direction that is now.
    fn direction(scope: &dyn Scope) -> Direction;

    /// The buffered body.
    fn body(scope: &dyn Scope) -> Option<Payload<'_>> {
        scope.body(Self::direction(scope))
    }

    /// The buffered raw bytes.
    fn payload(scope: &dyn Scope) -> Option<Payload<'_>> {
        scope.payload(Self::direction(scope))
    }
}

/// Requests.
pub(super) struct ToServer;

/// Responses.
pub(super) struct ToClient;

/// Whichever is at hand: once there is a response, that.
pub(super) struct Message;

impl Side for ToServer {
    fn fields(scope: &dyn Scope) -> Option<&Fields> {
        scope.request().map(|request| &request.fields)
    }

    fn direction(_: &dyn Scope) -> Direction {
        Direction::Request
    }
}

impl Side for ToClient {
    fn fields(scope: &dyn Scope) -> Option<&Fields> {
        scope.response().map(|response| &response.fields)
    }

    fn direction(_: &dyn Scope) -> Direction {
        Direction::Response
    }
}

impl Side for Message {
    fn fields(scope: &dyn Scope) -> Option<&Fields> {
        ToClient::fields(scope).or_else(|| ToServer::fields(scope))
    }

    fn direction(scope: &dyn Scope) -> Direction {
        let bytes = || scope.payload(Direction::Response).is_some_and(|payload| !payload.bytes.is_empty());
        let responding = scope.response().is_some() || scope.request().is_none() && bytes();
        if responding { Direction::Response } else { Direction::Request }
    }
}
