//! Words of proxies that are known and not served: most turn something that comes later and load with a warning; the
//! ones without which requests would go the wrong way, or unfiltered, do not load.

use crate::row::{Names, Place, Row, Text};

const fn idle(names: Names, place: Place, args: Text, doc: Text, reason: Text) -> Row {
    Row::no_effect(names, place, args, doc, reason)
}

const fn refused(names: Names, place: Place, args: Text, doc: Text, instead: Text) -> Row {
    Row::refused(names, place, args, doc, instead)
}

const ALL: Place = Place::ALL;
const FRONT: Place = Place::DEFAULTS_FRONT;
const BACK: Place = Place::DEFAULTS_BACK;

const TABLES: &str = "stick tables come later: nothing is counted, and limits that rest on it do not limit";
const STICK: &str =
    "stick tables come later: clients are balanced anew; 'cookie' or 'balance source' keep them in place";
const COMPRESSION: &str = "responses are not compressed yet";
const MAIL: &str = "no mail is sent about servers; watch the logs instead";
const ONE_PROCESS: &str = "all threads serve all proxies; remove the line";

pub(crate) const ROWS: &[Row] = &[
    idle(&["stick-table"], Place::PROXY, "type <type> size <size> ...", "Remembers clients.", TABLES),
    idle(
        &["stick on", "stick match", "stick store-request", "stick store-response"],
        Place::BACK,
        "<expr> [table <table>] [{ if | unless } <condition>]",
        "Keeps clients on servers.",
        STICK,
    ),
    idle(
        &["compression algo", "compression algo-req", "compression algo-res"],
        ALL,
        "<algorithm>...",
        "Compresses.",
        COMPRESSION,
    ),
    idle(
        &["compression type", "compression type-req", "compression type-res"],
        ALL,
        "<mime type>...",
        "What is compressed.",
        COMPRESSION,
    ),
    idle(&["compression offload"], ALL, "", "Keeps servers from compressing.", COMPRESSION),
    idle(&["compression direction"], ALL, "<direction>", "Which way.", COMPRESSION),
    idle(
        &["compression minsize-req", "compression minsize-res"],
        ALL,
        "<size>",
        "From which size.",
        COMPRESSION,
    ),
    idle(&["email-alert from", "email-alert to"], ALL, "<address>", "Mail addresses.", MAIL),
    idle(&["email-alert level"], ALL, "<level>", "From which level.", MAIL),
    idle(&["email-alert mailers"], ALL, "<section>", "Mail servers.", MAIL),
    idle(&["email-alert myhostname"], ALL, "<name>", "Who writes.", MAIL),
    idle(&["filter compression"], Place::PROXY, "", "Where compression stands among filters.", COMPRESSION),
    idle(&["filter comp-req", "filter comp-res"], Place::PROXY, "", "Where compression stands.", COMPRESSION),
    idle(
        &["filter cache"],
        Place::PROXY,
        "<name>",
        "Where the cache stands.",
        "responses are not cached yet",
    ),
    idle(&["filter trace"], Place::PROXY, "[options]", "Shows what passes.", "there are no filters to watch"),
    idle(
        &["filter opentracing", "filter opentelemetry", "filter otel"],
        Place::PROXY,
        "[options]",
        "Traces requests.",
        "traces are not sent",
    ),
    refused(
        &["filter spoe"],
        Place::PROXY,
        "[options]",
        "Asks other programs about traffic.",
        "an agent that filters traffic would be passed by; remove the line only if it decides nothing",
    ),
    refused(
        &["filter bwlim-in", "filter bwlim-out"],
        Place::PROXY,
        "[options]",
        "Limits bandwidth.",
        "bandwidth is not limited; remove the line if that is acceptable",
    ),
    refused(
        &["filter fcgi-app", "use-fcgi-app"],
        Place::PROXY,
        "<name>",
        "Speaks FastCGI.",
        "FastCGI is not spoken: put an HTTP server before the application",
    ),
    refused(
        &["appsession"],
        Place::PROXY,
        "<cookie> len <length> timeout <time>",
        "Learned sessions, dropped in HAProxy 1.6.",
        "write: cookie NAME prefix",
    ),
    idle(
        &["bind-process"],
        ALL,
        "[ all | odd | even | <number>... ]",
        "Processes of the proxy.",
        ONE_PROCESS,
    ),
    idle(
        &["grace"],
        ALL,
        "<time>",
        "Keeps the proxy open on a stop.",
        "write 'grace' in 'global', or 'hard-stop-after'",
    ),
    idle(&["do-log"], ALL, "", "An extra log line.", "one line is written for each session or request"),
    idle(&["quic-initial"], FRONT, "<action>", "Rules for HTTP/3.", "HTTP/3 is not spoken yet"),
    idle(&["publish", "unpublished"], Place::BACK, "", "Backends that wait.", "every backend can be used"),
    idle(
        &["force-be-switch"],
        Place::FRONT,
        "{ if | unless } <condition>",
        "Uses backends that wait.",
        "every backend can be used",
    ),
    idle(
        &["option dont-parse-log", "option assume-rfc6587-ntf"],
        ALL,
        "",
        "Reading logs.",
        "logs are not relayed",
    ),
    idle(&["scale-*", "spread-*"], BACK, "<value>", "Internals.", "there is nothing to turn"),
];
