//! Knobs of the `global` section that ask for what is so anyway, and for what is not.

use super::{all_load, all_refused, all_warned};

#[test]
fn what_is_so_anyway_needs_no_warning() {
    all_load("global", &["thread-groups 1", "tune.idle-pool.shared off"]);
    all_warned(
        "global",
        &[
            ("thread-groups 2", "thread-groups", "without effect: all threads are one group", ""),
            ("tune.idle-pool.shared on", "tune.idle-pool.shared", "without effect", ""),
        ],
    );
    all_refused("global", &[("thread-groups many", "many", "invalid", "")]);
}
