//! End-to-end tests: the program itself between clients and servers that we did not write (curl, openssl, wrk; nginx,
//! gunicorn with Flask), and raw sockets where the peer must misbehave. One binary, so that it is linked once.
//!
//! Everything a test starts is a value that kills it on drop; ports are the OS's; what must happen is awaited by
//! polling it, never by sleeping. `LOCKGATE_ORACLE=1` runs the same tests against Debian's haproxy, so that a test's
//! expectation can be checked against the behaviour that we claim to share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a failed set-up is a failed test
#![allow(unreachable_pub)] // one binary: everything is reachable by its modules alone

mod authority;
mod certbot;
mod client;
mod cloudflare;
mod following;
mod front;
mod gunicorn;
mod household;
mod internal;
mod json_schema;
mod named;
mod nginx;
mod pebble;
mod place;
mod program;
mod reload;
mod replies;
mod retrying;
mod site;
mod upstream;

mod abandoned;
mod actions;
mod addresses;
mod alarms;
mod alike;
mod answers;
mod article;
mod balancing;
mod bytes;
mod checking;
mod debian;
mod deploying;
mod dynamic_servers;
mod fallback;
mod killed;
mod knowing;
mod leaving;
mod legacy;
mod life;
mod log_lines;
mod many;
mod measuring;
mod messages;
mod naming;
mod obstacles;
mod obtaining;
mod on_demand;
mod planning;
mod proof_by_record;
mod reaching;
mod revoking;
mod runtime_api;
mod sections;
mod secure;
mod spelling;
mod stapling;
mod stapling_updates;
mod starting;
mod statistics_page;
mod steering;
mod strictness;
mod threads;
mod ticket_keys;
mod timeouts;
mod transfers;
mod trusting;
mod tunnels;
mod upgrading;
mod waiting;
mod watching;
mod windows;
