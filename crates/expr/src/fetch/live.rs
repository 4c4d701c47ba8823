//! Live numbers of frontends, backends and servers (manual section 7.3.2). A prepare step turns the arguments into the
//! [`Fact`] to ask for, so that evaluating allocates nothing.

use super::{bool_row, int_row};
use crate::args::{Arg, Args, BadArg};
use crate::fact::{Fact, LiveFact};
use crate::rows::{ArgKind, ArgRow, FetchRow, Fetched, Needs, PrepareFn, arg};
use crate::scope::Scope;

static BACKEND: &[ArgRow] = &[arg("backend", ArgKind::Backend)];
static FRONTEND: &[ArgRow] = &[arg("frontend", ArgKind::Frontend)];
static SERVER: &[ArgRow] = &[arg("server", ArgKind::Server)];

pub(super) static ROWS: &[FetchRow] = &[
    backend("avg_queue", |a, _| proxy(a, LiveFact::AvgQueue), "Queued streams per usable server"),
    backend("be_conn", |a, _| proxy(a, LiveFact::BeConn), "Connections of the backend"),
    backend(
        "be_conn_free",
        |a, _| proxy(a, LiveFact::BeConnFree),
        "Connections its usable servers can still take",
    ),
    backend("be_sess_rate", |a, _| proxy(a, LiveFact::BeSessRate), "New sessions per second of the backend"),
    backend("connslots", |a, _| proxy(a, LiveFact::ConnSlots), "Connections and queue places still free"),
    int_row(
        "dst_conn",
        Needs::Frontend,
        |_, s| Ok(s.fact(&Fact::Live(LiveFact::DstConn))),
        "Connections on the same listener",
    ),
    frontend("fe_conn", |a, _| proxy(a, LiveFact::FeConn), "Connections of the frontend"),
    frontend("fe_req_rate", |a, _| proxy(a, LiveFact::FeReqRate), "Requests per second of the frontend"),
    frontend(
        "fe_sess_rate",
        |a, _| proxy(a, LiveFact::FeSessRate),
        "New sessions per second of the frontend",
    ),
    backend("nbsrv", |a, _| proxy(a, LiveFact::NbSrv), "Usable servers of the backend"),
    backend("queue", |a, _| proxy(a, LiveFact::Queue), "Queued streams of the backend"),
    server("srv_conn", |a, _| of_server(a, LiveFact::SrvConn), "Connections of the server"),
    server(
        "srv_conn_free",
        |a, _| of_server(a, LiveFact::SrvConnFree),
        "Connections the server can still take",
    ),
    bool_row("srv_is_up", Needs::Process, asked, "True while the server is up")
        .args(SERVER, 1)
        .prepare(|a, _| of_server(a, LiveFact::SrvIsUp)),
    server("srv_iweight", |a, _| of_server(a, LiveFact::SrvInitialWeight), "The server's configured weight"),
    server("srv_queue", |a, _| of_server(a, LiveFact::SrvQueue), "Streams queued at the server"),
    server(
        "srv_sess_rate",
        |a, _| of_server(a, LiveFact::SrvSessRate),
        "New sessions per second of the server",
    ),
    server("srv_uweight", |a, _| of_server(a, LiveFact::SrvUserWeight), "The weight as the operator sees it"),
    server("srv_weight", |a, _| of_server(a, LiveFact::SrvWeight), "The weight in effect"),
];

const fn backend(name: &'static str, prepare: PrepareFn, doc: &'static str) -> FetchRow {
    int_row(name, Needs::Process, asked, doc).args(BACKEND, 0).prepare(prepare)
}

const fn frontend(name: &'static str, prepare: PrepareFn, doc: &'static str) -> FetchRow {
    int_row(name, Needs::Process, asked, doc).args(FRONTEND, 0).prepare(prepare)
}

const fn server(name: &'static str, prepare: PrepareFn, doc: &'static str) -> FetchRow {
    int_row(name, Needs::Process, asked, doc).args(SERVER, 1).prepare(prepare)
}

fn proxy(args: &mut Args, fact: fn(Option<Box<str>>) -> LiveFact) -> Result<(), BadArg> {
    let name = args.proxy(0).map(Box::from);
    args.put(0, Arg::Fact(Fact::Live(fact(name))));
    Ok(())
}

fn of_server(args: &mut Args, fact: fn(Option<Box<str>>, Box<str>) -> LiveFact) -> Result<(), BadArg> {
    let Arg::Server(backend, server) = args.at(0) else {
        return Err(BadArg::new(0, "names no server: write 'server' or 'backend/server'"));
    };
    let fact = fact(backend.clone(), server.clone());
    args.put(0, Arg::Fact(Fact::Live(fact)));
    Ok(())
}

fn asked<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(args.fact(0).and_then(|fact| scope.fact(fact)))
}
