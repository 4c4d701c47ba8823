//! The `global` section's knobs (manual 3.2). Most turn parts of HAProxy's own machinery that do not exist here: they
//! are accepted, and say so. Those that mean something to a user have parsers.

use crate::args::Args;
use crate::model::Global;
use crate::row::{Names, Parse, Parsed, Parser, Place, Row, Text};

/// The largest count of connections or bytes: HAProxy counts them in 31 bits.
const MAX_COUNT: i64 = i32::MAX as i64;

/// The smallest buffer: a head of HTTP/1.1 must fit in.
const MIN_BUFSIZE: i64 = 1024;

/// The largest buffer. Every busy connection may hold one; more is a typing error.
const MAX_BUFSIZE: i64 = 64 << 20;

/// The smallest pipe: a page (fcntl(2), F_SETPIPE_SZ).
const MIN_PIPESIZE: i64 = 4096;

/// The most header fields of a message (manual: "from 1 to 32767").
const MAX_FIELDS: i64 = 32_767;

const fn row(names: Names, args: Text, doc: Text, parser: Parser<Global>) -> Row {
    Row::new(names, Place::GLOBAL, args, doc, Parse::Global(parser))
}

const fn idle(names: Names, args: Text, doc: Text, reason: Text) -> Row {
    Row::no_effect(names, Place::GLOBAL, args, doc, reason)
}

const OWN_POLLER: &str = "the runtime chooses its own way to wait for events";
const OWN_MEMORY: &str = "memory is taken as it is needed";
const OWN_SCHEDULER: &str = "the runtime schedules by its own rules";
const NO_LUA: &str = "Lua is not run here";
const NO_H2: &str = "HTTP/2 is not spoken yet";
const NO_QUIC: &str = "HTTP/3 is not spoken yet";
const NO_COMPRESSION: &str = "responses are not compressed yet";
const NO_DHE: &str = "DHE key exchange is not offered; ECDHE and X25519MLKEM768 are";
const NO_PEERS: &str = "stick tables are not shared between machines yet";
const NO_ENGINE: &str = "TLS is done by the built-in library";
const POOLED: &str = "idle connections to servers belong to one thread each";

/// Room for the names of all sessions, some 80 bytes each, is taken at the start: a larger number would fail there.
const MAX_SESSIONS: i64 = 5_000_000;

/// No ClientHello that is answered is longer.
const MAX_CAPTURE_BUFFER: i64 = 16_384;

pub(crate) const ROWS: &[Row] = &[
    row(&["tune.bufsize"], "<size>", "Bytes of a buffer: the longest message head.", |_, a, g| {
        number(a, &mut g.bufsize, MIN_BUFSIZE, MAX_BUFSIZE)
    }),
    row(&["tune.maxrewrite"], "<size>", "Bytes of a buffer kept free for added headers.", |_, a, g| {
        number(a, &mut g.maxrewrite, 0, MAX_BUFSIZE)
    }),
    row(&["tune.http.maxhdr"], "<number>", "Most header fields of a message.", |_, a, g| {
        number(a, &mut g.maxhdr, 1, MAX_FIELDS)
    }),
    row(
        &["tune.rcvbuf.client", "tune.rcvbuf.frontend"],
        "<bytes>",
        "Kernel's receive buffer, client side.",
        |_, a, g| number(a, &mut g.rcvbuf_client, 0, MAX_COUNT),
    ),
    row(
        &["tune.rcvbuf.server", "tune.rcvbuf.backend"],
        "<bytes>",
        "Kernel's receive buffer, server side.",
        |_, a, g| number(a, &mut g.rcvbuf_server, 0, MAX_COUNT),
    ),
    row(
        &["tune.sndbuf.client", "tune.sndbuf.frontend"],
        "<bytes>",
        "Kernel's send buffer, client side.",
        |_, a, g| number(a, &mut g.sndbuf_client, 0, MAX_COUNT),
    ),
    row(
        &["tune.sndbuf.server", "tune.sndbuf.backend"],
        "<bytes>",
        "Kernel's send buffer, server side.",
        |_, a, g| number(a, &mut g.sndbuf_server, 0, MAX_COUNT),
    ),
    row(&["tune.http.logurilen"], "<number>", "Bytes of a request line that are logged.", |_, a, g| {
        number(a, &mut g.log_uri_len, 0, MAX_COUNT)
    }),
    row(
        &["tune.maxaccept"],
        "<number>",
        "Connections that a thread takes in a row; -1 is no limit.",
        |_, a, g| {
            g.max_accept = Some(a.number("an integer argument", -1..=MAX_COUNT)?);
            a.finish()
        },
    ),
    idle(&["busy-polling"], "", "Never sleeps.", OWN_POLLER).negatable(),
    idle(
        &["noepoll", "nopoll", "nokqueue", "noevports"],
        "",
        "Forbids a way to wait for events.",
        OWN_POLLER,
    ),
    idle(&["noreuseport"], "", "Forbids SO_REUSEPORT.", "every thread has a listener of its own"),
    row(&["nosplice"], "", "Forbids splicing.", |_, a, g| {
        g.nosplice = true;
        a.finish()
    }),
    idle(&["nogetaddrinfo"], "", "Forbids getaddrinfo().", "names are looked up by the system"),
    idle(&["no-memory-trimming"], "", "Keeps freed memory.", OWN_MEMORY),
    row(&["maxpipes"], "<number>", "Most pipes of the process; without one, bytes are copied.", |_, a, g| {
        number(a, &mut g.maxpipes, 0, MAX_COUNT)
    }),
    row(&["maxconnrate"], "<number>", "Most new connections a second.", |_, a, g| {
        number(a, &mut g.max_connection_rate, 0, MAX_COUNT)
    }),
    row(&["maxsessrate"], "<number>", "Most new sessions a second.", |_, a, g| {
        number(a, &mut g.max_session_rate, 0, MAX_COUNT)
    }),
    row(&["maxsslrate"], "<number>", "Most TLS handshakes a second.", |_, a, g| {
        number(a, &mut g.max_tls_rate, 0, MAX_COUNT)
    }),
    idle(&["maxsslconn"], "<number>", "Most TLS connections.", "use 'maxconn'"),
    idle(&["fd-hard-limit"], "<number>", "Most descriptors.", "use 'ulimit-n' and 'maxconn'"),
    idle(
        &["maxcomprate", "maxcompcpuusage", "maxzlibmem"],
        "<number>",
        "Limits of compression.",
        NO_COMPRESSION,
    ),
    idle(&["profiling.*"], "<value>", "Profiling.", "use the system's profilers"),
    idle(&["ssl-engine"], "<name> [algo <algorithms>]", "An OpenSSL engine.", NO_ENGINE),
    idle(&["ssl-mode-async"], "", "Asynchronous TLS.", NO_ENGINE),
    idle(
        &["ssl-propquery", "ssl-provider", "ssl-provider-path"],
        "<value>",
        "OpenSSL's providers.",
        NO_ENGINE,
    ),
    idle(
        &["ssl-security-level"],
        "<number>",
        "OpenSSL's security level.",
        "TLS 1.2 and 1.3 with strong suites only",
    ),
    idle(&["ssl-dh-param-file"], "<file>", "Parameters of DHE.", NO_DHE),
    idle(
        &["ssl-skip-self-issued-ca"],
        "",
        "Leaves the root out of chains.",
        "chains are sent as the files have them",
    ),
    idle(
        &["issuers-chain-path"],
        "<dir>",
        "Issuers of incomplete chains.",
        "put the chain into the certificate's file",
    ),
    idle(
        &["ssl-load-extra-files"],
        "<type>*",
        "Files beside certificates.",
        "'.key', '.ocsp' and '.issuer' are looked for",
    ),
    idle(
        &["ssl-load-extra-del-ext"],
        "",
        "Drops the extension of certificates.",
        "'.crt' is dropped where needed",
    ),
    idle(&["ssl-passphrase-cmd"], "<command>", "Asks for passphrases.", "keys are read without passphrase"),
    idle(&["tune.applet.*", "tune.defaults.*", "tune.cli.*"], "<value>", "Internals.", OWN_SCHEDULER),
    idle(&["tune.buffers.*"], "<number>", "Most buffers.", OWN_MEMORY),
    idle(&["tune.bufsize.*"], "<size>", "Further sizes of buffers.", OWN_MEMORY),
    idle(&["tune.chksize"], "<size>", "Bytes of a check's buffer.", "checks read as much as 'tune.bufsize'"),
    idle(&["tune.comp.maxlevel"], "<number>", "Level of compression.", NO_COMPRESSION),
    idle(&["tune.zlib.*"], "<number>", "Compression.", NO_COMPRESSION),
    idle(
        &["tune.disable-*", "tune.fast-forward", "tune.disable-fast-forward"],
        "",
        "Internals.",
        OWN_SCHEDULER,
    ),
    idle(
        &["tune.disable-zero-copy-forwarding"],
        "",
        "Copies always.",
        "bytes are copied by the process anyway",
    ),
    idle(&["tune.epoll.*", "tune.fd.*", "tune.maxpollevents"], "<value>", "Waiting for events.", OWN_POLLER),
    idle(&["tune.events.*", "tune.ring.*"], "<value>", "Internals.", OWN_MEMORY),
    idle(&["tune.fail-alloc"], "<percent>", "Simulates lack of memory.", "nothing is simulated"),
    idle(
        &["tune.glitches.*", "tune.h1.*"],
        "<value>",
        "Tolerance for odd clients.",
        "odd requests are refused at once",
    ),
    idle(&["tune.h2.*"], "<value>", "HTTP/2.", NO_H2),
    idle(&["tune.quic.*"], "<value>", "HTTP/3.", NO_QUIC),
    idle(
        &["tune.http.cookielen"],
        "<number>",
        "Bytes of a captured cookie.",
        "cookies are not captured; capture headers",
    ),
    row(
        &["tune.idle-pool.shared"],
        "{ on | off }",
        "Threads use each other's idle connections.",
        |c, a, _| {
            if a.choice("a switch", &[("on", true), ("off", false)])? {
                c.warn(a.span(), format!("'{}' is accepted without effect: {POOLED}", a.name()));
            }
            a.finish()
        },
    ),
    idle(&["tune.idle-pool.*"], "<value>", "Idle connections to servers.", POOLED),
    idle(
        &["tune.idletimer"],
        "<time>",
        "Silence after which records grow.",
        "records are as long as what is there",
    ),
    idle(&["tune.listener.*", "tune.takeover-other-tg-connections"], "<value>", "Queues of threads.", POOLED),
    idle(&["tune.lua.*"], "<value>", "Lua.", NO_LUA),
    idle(&["tune.max-checks-per-thread", "tune.max-rules-at-once"], "<number>", "Internals.", OWN_SCHEDULER),
    idle(&["tune.memory.*", "tune.notsent-lowat.*"], "<value>", "Memory.", OWN_MEMORY),
    idle(&["tune.pattern.cache-size"], "<number>", "A cache of matches.", "matches are fast without one"),
    idle(&["tune.peers.*"], "<number>", "Peers.", NO_PEERS),
    row(&["tune.pipesize"], "<size>", "Bytes that a pipe is asked to hold.", |_, a, g| {
        number(a, &mut g.pipesize, MIN_PIPESIZE, MAX_COUNT)
    }),
    idle(&["tune.pool-*"], "<percent>", "Idle connections to servers.", POOLED),
    idle(
        &["tune.rcvbuf.*", "tune.sndbuf.*"],
        "<bytes>",
        "Further buffers of the kernel.",
        "the system's sizes are used",
    )
    .parsed_by(Parse::None),
    idle(&["tune.recv_enough"], "<size>", "Bytes after which reading rests.", OWN_SCHEDULER),
    idle(&["tune.renice.*", "tune.runqueue-depth", "tune.sched.*"], "<value>", "Scheduling.", OWN_SCHEDULER),
    idle(&["tune.streams-elasticity"], "<value>", "Streams under load.", NO_H2),
    idle(&["tune.stick-counters"], "<number>", "Tracked counters.", "stick tables come later"),
    idle(&["tune.ssl.default-dh-param"], "<bits>", "Size of DHE.", NO_DHE),
    row(
        &["tune.ssl.cachesize"],
        "<number>",
        "TLS sessions remembered for clients that take no tickets (20000); 0 is none.",
        |_, a, g| number(a, &mut g.session_cache, 0, MAX_SESSIONS),
    ),
    row(
        &["tune.ssl.lifetime"],
        "<time>",
        "How long after its handshake a TLS session may be taken up again (300s).",
        |_, a, g| {
            g.session_lifetime = Some(a.seconds("a time")?);
            a.finish()
        },
    ),
    row(
        &["tune.ssl.capture-buffer-size", "tune.ssl.capture-cipherlist-size"],
        "<number>",
        "Bytes kept of each ClientHello, for 'ssl_fc_cipherlist_bin' and its like.",
        |_, a, g| number(a, &mut g.capture_buffer, 0, MAX_CAPTURE_BUFFER),
    ),
    idle(&["tune.ssl.*"], "<value>", "TLS internals.", NO_ENGINE),
    idle(
        &["tune.vars.*"],
        "<size>",
        "Memory of variables.",
        "variables live as long as their request or session",
    ),
];

fn number(args: &mut Args<'_>, slot: &mut Option<u32>, low: i64, high: i64) -> Parsed {
    *slot = Some(args.number("an integer argument", low..=high)?);
    args.finish()
}
