//! What a program beside us is told over the runtime API, HAProxy's Data Plane API first of all: `show events dpapi`
//! (HAProxy 3.2). Kept in memory as a ring's lines are; never on the request path.

use crate::log::iso_date;
use crate::plan::RingSection;
use net::Ring;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The name of the ring.
const NAME: &str = "dpapi";
/// Bytes kept, as HAProxy keeps of its own rings.
const SIZE: usize = 1 << 20;

/// See the module's head.
#[derive(Clone, Debug)]
pub struct EventSink(RingSection);

impl EventSink {
    /// Kept in the `ring` section of this name, where there is one.
    pub(crate) fn new(rings: &[RingSection]) -> EventSink {
        let own = || RingSection {
            ring: Ring::new(NAME, SIZE, 0, Vec::new()),
            description: "Data Plane API".into(),
        };
        EventSink(rings.iter().find(|section| section.ring.name() == NAME).cloned().unwrap_or_else(own))
    }

    /// Where they are found.
    pub fn section(&self) -> &RingSection {
        &self.0
    }

    /// A certificate was obtained or renewed, and is served: `show ssl cert FILE` shows it.
    pub fn new_certificate(&self, file: &Path) {
        self.note(&format!("acme newcert {}", file.display()));
    }

    /// HAProxy ends the text with a line of its own, and whoever shows it adds what divides events.
    fn note(&self, text: &str) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
        let date = iso_date(i64::try_from(now).unwrap_or(i64::MAX));
        self.0.ring.keep(format!("<0>{date} {text}\n\n").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_of_the_name_keeps_them() {
        let ring = Ring::new(NAME, 0, 0, Vec::new());
        let section = RingSection { ring: ring.clone(), description: "mine".into() };
        let events = EventSink::new(&[section]);
        events.new_certificate(Path::new("/etc/site.pem"));
        let line = String::from_utf8(ring.lines().remove(0)).unwrap();
        let (head, text) = line.split_once(' ').unwrap();
        assert!(head.starts_with("<0>20") && head.ends_with("+00:00") && head.len() == 35, "{head}");
        assert_eq!(text, "acme newcert /etc/site.pem\n\n");
        assert_eq!(EventSink::new(&[]).section().ring.name(), NAME);
    }
}
