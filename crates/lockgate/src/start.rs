//! From an accepted configuration to a process that serves, and to its end.

use crate::Exit;
use crate::check::Prepared;
use crate::console::Console;
use crate::flags::Flags;
use ops::daemon::Ready;

/// Serves until told to stop.
pub(crate) fn serve(_prepared: Prepared, _flags: &Flags, _ready: Option<Ready>, console: Console) -> Exit {
    console.alert("serving traffic is not there yet; -c checks a configuration.");
    Exit::Failed
}
