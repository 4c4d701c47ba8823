//! Converters of HAProxy that are known and not served, each with its reason, and those that pass values through.

use crate::args::Args;
use crate::rows::{ArgKind, ArgRow, ConverterRow, Status, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;

const TABLE: &str = "stick tables are not supported yet";
const DEVICE: &str = "device detection needs a commercial library that is not built in";

pub(super) static ROWS: &[ConverterRow] = &[
    ConverterRow::refused("51d.single", DEVICE),
    ConverterRow::refused("51d.all", DEVICE),
    ConverterRow::refused("da-csv-conv", DEVICE),
    debug(),
    ConverterRow::refused("jwt_verify", "signatures of JSON web tokens are not verified yet"),
    ConverterRow::refused(
        "wt6",
        "this hash is defined by HAProxy's code alone; use 'sdbm', 'djb2' or 'xxh32'",
    ),
    ConverterRow::refused("in_table", TABLE),
    ConverterRow::refused("table_bytes_in_rate", TABLE),
    ConverterRow::refused("table_bytes_out_rate", TABLE),
    ConverterRow::refused("table_clr_gpc", TABLE),
    ConverterRow::refused("table_clr_gpc0", TABLE),
    ConverterRow::refused("table_clr_gpc1", TABLE),
    ConverterRow::refused("table_conn_cnt", TABLE),
    ConverterRow::refused("table_conn_cur", TABLE),
    ConverterRow::refused("table_conn_rate", TABLE),
    ConverterRow::refused("table_expire", TABLE),
    ConverterRow::refused("table_glitch_cnt", TABLE),
    ConverterRow::refused("table_glitch_rate", TABLE),
    ConverterRow::refused("table_gpc", TABLE),
    ConverterRow::refused("table_gpc0", TABLE),
    ConverterRow::refused("table_gpc0_rate", TABLE),
    ConverterRow::refused("table_gpc1", TABLE),
    ConverterRow::refused("table_gpc1_rate", TABLE),
    ConverterRow::refused("table_gpc_rate", TABLE),
    ConverterRow::refused("table_gpt", TABLE),
    ConverterRow::refused("table_gpt0", TABLE),
    ConverterRow::refused("table_http_err_cnt", TABLE),
    ConverterRow::refused("table_http_err_rate", TABLE),
    ConverterRow::refused("table_http_fail_cnt", TABLE),
    ConverterRow::refused("table_http_fail_rate", TABLE),
    ConverterRow::refused("table_http_req_cnt", TABLE),
    ConverterRow::refused("table_http_req_rate", TABLE),
    ConverterRow::refused("table_idle", TABLE),
    ConverterRow::refused("table_inc_gpc", TABLE),
    ConverterRow::refused("table_inc_gpc0", TABLE),
    ConverterRow::refused("table_inc_gpc1", TABLE),
    ConverterRow::refused("table_kbytes_in", TABLE),
    ConverterRow::refused("table_kbytes_out", TABLE),
    ConverterRow::refused("table_server_id", TABLE),
    ConverterRow::refused("table_sess_cnt", TABLE),
    ConverterRow::refused("table_sess_rate", TABLE),
    ConverterRow::refused("table_trackers", TABLE),
];

static DEBUG: &[ArgRow] = &[arg("prefix", ArgKind::Str), arg("destination", ArgKind::Str)];

const fn debug() -> ConverterRow {
    let mut row =
        ConverterRow::new("debug", SampleType::Any, SampleType::Any, unchanged, "Passes the value through");
    row.status = Status::NoEffect("the value passes through and is reported nowhere");
    row.args(DEBUG, 0)
}

fn unchanged<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    Some(input)
}
