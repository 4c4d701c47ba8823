//! Values of persistence cookies made from the servers' addresses: `enable` and `disable dynamic-cookie`,
//! `set dynamic-cookie-key`. The next response carries the new value.

use super::call::Call;
use super::servers::backend;
use super::table::Command;
use proxy::plan::Backend;
use proxy::stats_socket::CliLevel::Admin;
use std::sync::Arc;

pub(crate) const COMMANDS: &[Command] = &[
    Command::now(
        &["enable", "dynamic-cookie", "backend"],
        "<bk>",
        "enable dynamic cookies on a specific backend",
        Admin,
        |call| switch(call, true),
    ),
    Command::now(
        &["disable", "dynamic-cookie", "backend"],
        "<bk>",
        "disable dynamic cookies on a specific backend",
        Admin,
        |call| switch(call, false),
    ),
    Command::now(
        &["set", "dynamic-cookie-key", "backend"],
        "<bk> <k>",
        "change a backend secret key for dynamic cookies",
        Admin,
        set_key,
    ),
];

fn named(call: &mut Call<'_>) -> Option<Arc<Backend>> {
    if call.arg(0).is_empty() {
        call.refuse("A backend name is expected.");
        return None;
    }
    let found = backend(&call.process.plan, call.arg(0)).cloned();
    if found.is_none() {
        call.refuse("No such backend.");
    }
    found
}

fn give(back: &Backend) {
    back.balance.servers().iter().for_each(|server| back.dynamic_cookies.give(server));
}

fn switch(call: &mut Call<'_>, on: bool) {
    let Some(back) = named(call) else { return };
    back.dynamic_cookies.switch(on);
    give(&back);
}

fn set_key(call: &mut Call<'_>) {
    let Some(back) = named(call) else { return };
    if call.arg(1).is_empty() {
        return call.refuse("String value expected.");
    }
    back.dynamic_cookies.set_key(call.arg(1));
    give(&back);
}
