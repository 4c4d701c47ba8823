//! From an accepted configuration to a process that serves, and to its end.

use crate::Exit;
use crate::console::Console;
use crate::flags::Flags;
use config::Loaded;
use ops::daemon::Ready;

/// Serves until told to stop.
pub(crate) fn serve(_loaded: Loaded, _flags: &Flags, _ready: Option<Ready>, console: Console) -> Exit {
    console.alert("serving traffic is not there yet; -c checks a configuration.");
    Exit::Failed
}
