//! Signals over an exec: what arrives while one program gives way to the next waits for the next, instead of ending the
//! process by its default action before there is a handler.

use crate::raw;
use std::io;

/// Holds all signals back that can be held, until [`release`] or for the program that is executed next. Concerns the
/// calling thread, so that it must be the only one, and what it starts meanwhile.
pub fn hold() -> io::Result<()> {
    raw::hold_signals(true)
}

/// Lets them through, those first that have waited.
pub fn release() -> io::Result<()> {
    raw::hold_signals(false)
}
