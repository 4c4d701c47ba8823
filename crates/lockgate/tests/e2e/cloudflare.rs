//! Cloudflare's API as its documentation has it, for one zone and one token; what is recorded there is told to an
//! authority's name server.

use crate::upstream::{Peer, Upstream};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

pub const TOKEN: &str = "0123456789abcdef0123456789abcdef01234567";
const ZONE: &str = "023e105f4ecef8ad9ca31a8372d0c353";

/// See the module's head.
pub struct Cloudflare {
    server: Upstream,
    records: Arc<Mutex<Vec<(String, String)>>>,
}

impl Cloudflare {
    /// Holds the zone; `steering` is where the name server is told records.
    pub fn start(zone: &'static str, steering: SocketAddr) -> Cloudflare {
        let records: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let kept = records.clone();
        let server = Upstream::start(move |mut peer| {
            while let Some((line, body)) = asked(&mut peer) {
                answer(&mut peer, &respond(&line, &body, zone, &kept, steering));
            }
        });
        Cloudflare { server, records }
    }

    /// The credentials file of Certbot's plugin that leads here.
    pub fn credentials(&self) -> String {
        let at = self.server.address();
        format!("dns_cloudflare_api_token = {TOKEN}\ndns_cloudflare_api_url = http://{at}/client/v4\n")
    }

    /// Owners of the records that were made and have not been deleted.
    pub fn left(&self) -> Vec<String> {
        let records = self.records.lock().unwrap();
        records.iter().filter(|(owner, _)| !owner.is_empty()).map(|(owner, _)| owner.clone()).collect()
    }

    /// How many were made so far.
    pub fn made(&self) -> usize {
        self.records.lock().unwrap().len()
    }
}

/// The request line, empty for a stranger, and the body.
fn asked(peer: &mut Peer) -> Option<(String, Value)> {
    let head = Some(peer.read_message()).filter(|head| !head.is_empty())?;
    let line = head.lines().next().unwrap_or_default().to_owned();
    let body = if line.starts_with("POST") { peer.read() } else { Vec::new() };
    let is_known = head.lines().any(|line| line == format!("authorization: Bearer {TOKEN}"));
    Some((if is_known { line } else { String::new() }, serde_json::from_slice(&body).unwrap_or_default()))
}

fn respond(
    line: &str,
    body: &Value,
    zone: &str,
    records: &Mutex<Vec<(String, String)>>,
    steering: SocketAddr,
) -> Value {
    let words: Vec<&str> = line.split(' ').collect();
    let [method, path, _] = words[..] else { return refused(10000, "Authentication error") };
    let owned = format!("/client/v4/zones/{ZONE}/dns_records");
    let mut records = records.lock().unwrap();
    if method == "GET" && path.starts_with("/client/v4/zones?name=") {
        let is_held = path.ends_with(&format!("={zone}"));
        let found = if is_held { json!([{"id": ZONE, "name": zone}]) } else { json!([]) };
        return json!({"success": true, "errors": [], "messages": [], "result": found});
    }
    if method == "POST" && path == owned {
        let (owner, value) = (text(&body["name"]), text(&body["content"]));
        if records.contains(&(owner.clone(), value.clone())) {
            return refused(81058, "An identical record already exists.");
        }
        let shown = value.trim_matches('"');
        crate::pebble::makes_record(steering, &owner, shown);
        records.push((owner.clone(), value.clone()));
        let number = format!("{:032x}", records.len());
        let record = json!({"id": number, "type": body["type"], "name": owner, "content": value});
        return json!({"success": true, "errors": [], "messages": [], "result": record});
    }
    let number = path.strip_prefix(&format!("{owned}/")).and_then(|id| usize::from_str_radix(id, 16).ok());
    match number.and_then(|number| records.get_mut(number.checked_sub(1)?)) {
        Some(record) if method == "DELETE" => {
            crate::pebble::steer(steering, "clear-txt", &format!("{{\"host\":\"{}.\"}}", record.0));
            *record = Default::default();
            json!({"success": true, "errors": [], "result": {"id": path.rsplit('/').next()}})
        }
        Some(_) | None => refused(7003, "Could not route to the path"),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn refused(code: u32, why: &str) -> Value {
    json!({"success": false, "errors": [{"code": code, "message": why}], "messages": [], "result": null})
}

fn answer(peer: &mut Peer, body: &Value) {
    let status = if body["success"] == true { "200 OK" } else { "403 Forbidden" };
    let body = body.to_string();
    peer.send(format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
}
