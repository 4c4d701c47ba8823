//! Answers of our own: what `return`, error replies and variables make of them, as HAProxy 2.6 does.

use crate::client::{Raw, curl, text};
use crate::program::Lockgate;

#[test]
fn replies_leave_out_what_comes_out_empty() {
    let lockgate = Lockgate::start(
        "global\n set-var proc.sixty var(proc.none,60),div(5)\n set-var proc.twice var(proc.sixty),mul(2)\n\
         defaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
         frontend f\n bind <http>\n\
          http-error status 500 content-type text/plain lf-string '%[path] %[status]'\n\
          http-request set-header spaced 'a '\n\
          http-request deny deny_status 500 if { path /error }\n\
          http-request return status 200 file /dev/null if { path /file }\n\
          http-request return status 200 hdr gone %[req.hdr(nope)] hdr here '[%[req.fhdr(spaced)]]' hdr vars '%[var(proc.sixty)] %[var(proc.twice)]'\n",
    );
    let plain = curl(&lockgate.url("http", "/"));
    assert_eq!((plain.field("gone"), plain.field("here")), (None, Some("[a]")));
    assert_eq!(plain.field("vars"), Some("12 24"));
    let file = curl(&lockgate.url("http", "/file"));
    assert_eq!((file.status, file.field("content-type"), file.text()), (200, None, ""));
    let error = curl(&lockgate.url("http", "/error"));
    assert_eq!((error.status, error.text()), (500, "/error "));
    let refused = Lockgate::refused(
        "frontend f\n bind <http>\n mode http\n timeout client 1s\n http-request return file /etc/passwd\n",
    );
    assert!(refused.contains("a content type must be defined"), "{refused}");
}

#[test]
fn who_waited_in_a_tarpit_may_ask_again() {
    let lockgate = Lockgate::start(
        "defaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
         frontend f\n bind <http>\n http-request set-timeout tarpit 10ms\n http-request tarpit deny_status 429 if { path /slow }\n \
         http-request return status 200 content-type text/plain string again\n",
    );
    let mut client = Raw::connect(lockgate.at("http"));
    client
        .send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let said = text(&client.read_all());
    assert!(said.starts_with("HTTP/1.1 429 ") && said.ends_with("again"), "{said}");
}

#[test]
fn an_edit_of_a_list_that_no_line_uses_is_told_and_does_no_harm() {
    let lockgate = Lockgate::start(
        "defaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
         frontend f\n bind <http>\n http-request set-map(/none.map) %[path] here\n http-request return status 200\n",
    );
    lockgate.logged("the rule does nothing: no line uses the map '/none.map'");
    assert_eq!(curl(&lockgate.url("http", "/")).status, 200);
}
