//! Compares the rows with the tables that the installed HAProxy prints of its own (`haproxy -dK`): where each fetch
//! may stand, how many arguments it takes, what it yields, and what converters take and yield.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "without its oracle the test must stop and say so"
)]

use expr::rows::{self, ArgRow};
use expr::{MatchMethod, SampleType, Stage};
use std::path::Path;
use std::process::Command;

const HAPROXY: &str = "/usr/sbin/haproxy";

/// The columns of HAProxy's table (frontend and backend), counted from 0, that make up a stage.
const COLUMNS: &[(Stage, &[usize])] = &[
    (Stage::TcpConnection, &[0]),
    (Stage::TcpSession, &[1]),
    (Stage::TcpContent, &[2, 6]),
    (Stage::Request, &[3, 5, 7, 9]),
    (Stage::ServerConnect, &[10]),
    (Stage::TcpResponse, &[11, 15]),
    (Stage::Response, &[12, 16]),
    (Stage::AfterResponse, &[12, 16]),
    (Stage::Log, &[18]),
    (Stage::Check, &[19]),
    (Stage::Config, &[20]),
];

/// Differences on purpose.
const KNOWN: &[&str] = &[
    // An address, whatever the table says.
    "bc_dst: yields sint",
    "bc_src: yields sint",
    // The manual says string.
    "req.body_param: yields bin",
    // The certificate of a server exists once a server was asked, not before.
    "ssl_s_",
    // The manual gives the kernel's counters no argument.
    "fc_fackets: fc_fackets([string])",
    "fc_lost: fc_lost([string])",
    "fc_reordering: fc_reordering([string])",
    "fc_retrans: fc_retrans([string])",
    "fc_sacked: fc_sacked([string])",
    "fc_unacked: fc_unacked([string])",
    // The manual says mandatory.
    "be2dec: be2dec(string[,integer",
];

fn table(kind: &str) -> Option<String> {
    if !Path::new(HAPROXY).exists() {
        eprintln!("skipped: {HAPROXY} is not installed");
        return None;
    }
    let output =
        Command::new(HAPROXY).arg(format!("-dK{kind}")).args(["-q", "-c", "-f", "/dev/null"]).output();
    Some(String::from_utf8(output.unwrap().stdout).unwrap())
}

/// `name(a,b[,c])` to the name, the mandatory and all arguments.
fn usage(text: &str) -> (&str, usize, usize) {
    let Some((name, args)) = text.split_once('(') else { return (text, 0, 0) };
    let args = args.trim_end_matches(')');
    let count = |t: &str| t.split(',').filter(|a| !a.is_empty()).count();
    let (must, may) = args.split_once('[').unwrap_or((args, ""));
    (name, count(must), count(must) + count(may.trim_end_matches(']')))
}

fn same_arguments(theirs: (usize, usize), rows: &[ArgRow], min: usize) -> bool {
    // A newer version may take more; what may be left out here may be left out there.
    rows.len() >= theirs.1 && min <= theirs.0
}

fn type_name(kind: SampleType) -> &'static str {
    match kind {
        SampleType::Any => "any",
        SampleType::Bool => "bool",
        SampleType::Int => "sint",
        SampleType::Addr => "addr",
        SampleType::Ipv4 => "ipv4",
        SampleType::Ipv6 => "ipv6",
        SampleType::Str => "str",
        SampleType::Bin => "bin",
        SampleType::Method => "meth",
    }
}

/// HAProxy says `ipv4` of what may be either family, too.
fn same_type(here: SampleType, there: &str) -> bool {
    type_name(here) == there || here == SampleType::Addr && there == "ipv4"
}

fn expect_none_but(mut differences: Vec<String>, known: &[&str]) {
    differences.retain(|d| !known.iter().any(|k| d.starts_with(k)));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn fetches() {
    let Some(table) = table("smp") else { return };
    let mut differences = Vec::new();
    for line in table.lines().filter(|l| l.starts_with('[')) {
        let (columns, rest) = line[1..].split_once(']').unwrap();
        let columns: Vec<bool> = columns.split_whitespace().map(|c| c == "Y").collect();
        let (text, output) = rest.trim().rsplit_once(": ").unwrap();
        let (name, min, max) = usage(text);
        let Some(row) = rows::fetch(name) else {
            differences.push(format!("{name}: no row"));
            continue;
        };
        if !matches!(row.status, rows::Status::Supported) {
            continue;
        }
        for (stage, places) in COLUMNS {
            let theirs = places.iter().any(|p| columns[*p]);
            if row.needs.met_at(*stage) != theirs {
                differences.push(format!("{name}: {stage:?} is {theirs} there"));
            }
        }
        if !same_arguments((min, max), row.args, row.min_args) {
            differences.push(format!("{name}: {text} there, {} here", row.usage()));
        }
        if !same_type(row.output, output) {
            differences.push(format!("{name}: yields {output} there, {} here", type_name(row.output)));
        }
    }
    expect_none_but(differences, KNOWN);
}

#[test]
fn converters() {
    let Some(table) = table("cnv") else { return };
    let mut differences = Vec::new();
    for line in table.lines().filter(|l| !l.starts_with('#')) {
        let (text, types) = line.rsplit_once(": ").unwrap();
        let (output, input) = types.split_once(" => ").unwrap();
        let (name, min, max) = usage(text);
        let Some(row) = rows::converter(name) else {
            differences.push(format!("{name}: no row"));
            continue;
        };
        if !matches!(row.status, rows::Status::Supported) {
            continue;
        }
        if !same_arguments((min, max), row.args, row.min_args) {
            differences.push(format!("{name}: {text} there, {} here", row.usage()));
        }
        if !same_type(row.output, output) || !same_type(row.input, input) {
            let (out, take) = (type_name(row.output), type_name(row.input));
            differences.push(format!("{name}: {output} of {input} there, {out} of {take} here"));
        }
    }
    expect_none_but(differences, KNOWN);
}

#[test]
fn acl_keywords() {
    let Some(table) = table("acl") else { return };
    let keywords: Vec<rows::AclKeyword> = rows::acl_keywords().collect();
    let mut missing = Vec::new();
    for line in table.lines().filter(|l| !l.starts_with('#')) {
        let (name, meaning) = line.split_once(" = ").unwrap();
        let (_, method) = meaning.split_once(" -m ").unwrap();
        let known = match keywords.iter().find(|k| k.name == name) {
            Some(k) => meaning == format!("{} -m {}", k.fetch, k.method.name()),
            // A fetch whose type implies the method needs no form of its own.
            None => rows::fetch(name)
                .and_then(|row| MatchMethod::implied_by(row.output))
                .is_some_and(|m| m.name() == method),
        };
        if !known {
            missing.push(line);
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
