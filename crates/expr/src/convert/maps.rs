//! The `map*` converters: one row per match method and what comes out: the second column
//! in a type, or the key that matched.

use crate::args::{Arg, Args, BadArg};
use crate::cast::parse_ip;
use crate::compile::Env;
use crate::matching::MatchMethod;
use crate::rows::{ArgKind, ArgRow, ConverterRow, MapValue, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;

macro_rules! args_of {
    ($method:ident) => {
        [
            args_of!($method, Str, Str),
            args_of!($method, Int, Int),
            args_of!($method, Ip, Str),
            args_of!($method, Key, Str),
        ]
    };
    ($method:ident, $value:ident, $default:ident) => {
        [
            arg("map_file", ArgKind::Map(MatchMethod::$method, MapValue::$value)),
            arg("default_value", ArgKind::$default),
        ]
    };
}

type MapArgs = [[ArgRow; 2]; 4];

static STR: MapArgs = args_of!(Str);
static BEG: MapArgs = args_of!(Beg);
static SUB: MapArgs = args_of!(Sub);
static DIR: MapArgs = args_of!(Dir);
static DOM: MapArgs = args_of!(Dom);
static END: MapArgs = args_of!(End);
static REG: MapArgs = args_of!(Reg);
static REGM: MapArgs = args_of!(Regm);
static INT: MapArgs = args_of!(Int);
static IP: MapArgs = args_of!(Ip);

const BY_TEXT: &str = "Looks a text up in a map file by this match method";
const BY_INT: &str = "Looks an integer up in a map file of numbers and ranges";
const BY_IP: &str = "Looks an address up in a map file of networks";

pub(super) static ROWS: &[ConverterRow] = &[
    to_str("map", &STR, SampleType::Str, "Looks a text up in a map file"),
    to_str("map_str", &STR, SampleType::Str, BY_TEXT),
    to_int("map_str_int", &STR, SampleType::Str, BY_TEXT),
    to_ip("map_str_ip", &STR, SampleType::Str, BY_TEXT),
    to_key("map_str_key", &STR, SampleType::Str),
    to_str("map_beg", &BEG, SampleType::Str, BY_TEXT),
    to_int("map_beg_int", &BEG, SampleType::Str, BY_TEXT),
    to_ip("map_beg_ip", &BEG, SampleType::Str, BY_TEXT),
    to_key("map_beg_key", &BEG, SampleType::Str),
    to_str("map_sub", &SUB, SampleType::Str, BY_TEXT),
    to_int("map_sub_int", &SUB, SampleType::Str, BY_TEXT),
    to_ip("map_sub_ip", &SUB, SampleType::Str, BY_TEXT),
    to_key("map_sub_key", &SUB, SampleType::Str),
    to_str("map_dir", &DIR, SampleType::Str, BY_TEXT),
    to_int("map_dir_int", &DIR, SampleType::Str, BY_TEXT),
    to_ip("map_dir_ip", &DIR, SampleType::Str, BY_TEXT),
    to_key("map_dir_key", &DIR, SampleType::Str),
    to_str("map_dom", &DOM, SampleType::Str, BY_TEXT),
    to_int("map_dom_int", &DOM, SampleType::Str, BY_TEXT),
    to_ip("map_dom_ip", &DOM, SampleType::Str, BY_TEXT),
    to_key("map_dom_key", &DOM, SampleType::Str),
    to_str("map_end", &END, SampleType::Str, BY_TEXT),
    to_int("map_end_int", &END, SampleType::Str, BY_TEXT),
    to_ip("map_end_ip", &END, SampleType::Str, BY_TEXT),
    to_key("map_end_key", &END, SampleType::Str),
    to_str("map_reg", &REG, SampleType::Str, BY_TEXT),
    to_int("map_reg_int", &REG, SampleType::Str, BY_TEXT),
    to_ip("map_reg_ip", &REG, SampleType::Str, BY_TEXT),
    to_key("map_reg_key", &REG, SampleType::Str),
    to_str("map_regm", &REGM, SampleType::Str, "By regular expression; \\1 in the value is the first group"),
    to_str("map_int", &INT, SampleType::Int, BY_INT),
    to_int("map_int_int", &INT, SampleType::Int, BY_INT),
    to_ip("map_int_ip", &INT, SampleType::Int, BY_INT),
    to_key("map_int_key", &INT, SampleType::Int),
    to_str("map_ip", &IP, SampleType::Addr, BY_IP),
    to_int("map_ip_int", &IP, SampleType::Addr, BY_IP),
    to_ip("map_ip_ip", &IP, SampleType::Addr, BY_IP),
    to_key("map_ip_key", &IP, SampleType::Addr),
];

const fn to_str(
    name: &'static str,
    args: &'static MapArgs,
    input: SampleType,
    doc: &'static str,
) -> ConverterRow {
    ConverterRow::new(name, input, SampleType::Str, map, doc).args(&args[0], 1)
}

const fn to_int(
    name: &'static str,
    args: &'static MapArgs,
    input: SampleType,
    doc: &'static str,
) -> ConverterRow {
    ConverterRow::new(name, input, SampleType::Int, map, doc).args(&args[1], 1)
}

const fn to_ip(
    name: &'static str,
    args: &'static MapArgs,
    input: SampleType,
    doc: &'static str,
) -> ConverterRow {
    ConverterRow::new(name, input, SampleType::Addr, map, doc).args(&args[2], 1).prepare(default_address)
}

const fn to_key(name: &'static str, args: &'static MapArgs, input: SampleType) -> ConverterRow {
    ConverterRow::new(name, input, SampleType::Str, map, "The key of a map file that matches")
        .args(&args[3], 1)
}

/// The grammar read the default as text.
fn default_address(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    let Some(text) = args.str(1) else { return Ok(()) };
    let Some(ip) = parse_ip(text) else { return Err(BadArg::new(1, "the default must be an address")) };
    args.put(1, Arg::Ip(ip));
    Ok(())
}

fn map<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let found = args.map(0)?.lookup(&input);
    found.or_else(|| match args.at(1) {
        Arg::Str(text) => Some(Sample::str(text)),
        Arg::Int(int) => Some(Sample::Int(*int)),
        Arg::Ip(ip) => Some(Sample::Ip(*ip)),
        Arg::Absent
        | Arg::Mask4(_)
        | Arg::Mask6(_)
        | Arg::Regex(_)
        | Arg::Var(_)
        | Arg::Userlist(_)
        | Arg::Proxy(_)
        | Arg::Server(..)
        | Arg::Map(_)
        | Arg::Fact(_)
        | Arg::Condition(_) => None,
    })
}
