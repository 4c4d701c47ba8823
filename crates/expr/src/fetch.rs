//! The fetches, by where their data comes from. Each module is a table of rows and the pure functions behind them.

mod acl;
mod auth;
mod body;
mod capture;
mod cipher_names;
mod connection;
mod constant;
mod cookie;
mod distcc;
mod fingerprint;
mod head;
mod header;
mod hello;
mod live;
mod measure;
mod parameter;
mod payload;
mod process;
mod rdp;
mod refused;
mod side;
mod stream;
mod tls;
mod url;

pub use auth::basic_credentials;

use crate::rows::{FetchFn, FetchRow, Needs};
use crate::sample::SampleType;

/// All tables; a new module adds its own here.
pub(crate) static TABLES: &[&[FetchRow]] = &[
    acl::ROWS,
    auth::ROWS,
    body::ROWS,
    capture::ROWS,
    connection::ROWS,
    constant::ROWS,
    cookie::ROWS,
    distcc::ROWS,
    fingerprint::ROWS,
    head::ROWS,
    header::ROWS,
    hello::ROWS,
    live::ROWS,
    measure::ROWS,
    parameter::ROWS,
    payload::ROWS,
    process::ROWS,
    rdp::ROWS,
    refused::ROWS,
    stream::ROWS,
    &tls::CLIENT,
    &tls::OURS,
    &tls::SERVER,
    tls::ROWS,
    url::ROWS,
];

const fn bool_row(name: &'static str, needs: Needs, eval: FetchFn, doc: &'static str) -> FetchRow {
    FetchRow::new(name, SampleType::Bool, needs, eval, doc)
}

const fn int_row(name: &'static str, needs: Needs, eval: FetchFn, doc: &'static str) -> FetchRow {
    FetchRow::new(name, SampleType::Int, needs, eval, doc)
}

const fn ip_row(name: &'static str, needs: Needs, eval: FetchFn, doc: &'static str) -> FetchRow {
    FetchRow::new(name, SampleType::Addr, needs, eval, doc)
}

const fn text_row(name: &'static str, needs: Needs, eval: FetchFn, doc: &'static str) -> FetchRow {
    FetchRow::new(name, SampleType::Str, needs, eval, doc)
}

const fn bin_row(name: &'static str, needs: Needs, eval: FetchFn, doc: &'static str) -> FetchRow {
    FetchRow::new(name, SampleType::Bin, needs, eval, doc)
}
