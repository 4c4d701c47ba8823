//! Records that nobody here can make: the operator, or a program of theirs that reads the log, is told of them, and says
//! that they are there (`acme challenge_ready`, management guide 9.3).

use super::{DnsError, Presented};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Whoever hears of records.
type Hear = Arc<dyn Fn(&str) + Send + Sync>;

/// Shared by those who wait and those who say.
#[derive(Clone, Default)]
pub struct Announcements(Arc<Inner>);

#[derive(Default)]
struct Inner {
    hear: OnceLock<Hear>,
    /// Whether it was said, by certificate and name.
    open: Mutex<BTreeMap<(String, String), bool>>,
    said: Notify,
}

impl fmt::Debug for Announcements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announcements").finish_non_exhaustive()
    }
}

impl Announcements {
    /// Tells `hear` of records from now on; the first who asks for it is told.
    pub fn tell(&self, hear: Hear) {
        // A second scheduler of the same work does not come about.
        let _ = self.0.hear.set(hear);
    }

    /// Says that the records of a name are there; how many names of the certificate are left. `None`: nobody waits for
    /// them.
    pub fn ready(&self, certificate: &str, domain: &str) -> Option<usize> {
        let mut open = self.open();
        *open.get_mut(&(certificate.to_owned(), domain.to_ascii_lowercase()))? = true;
        let left = open.iter().filter(|((of, _), said)| of == certificate && !**said).count();
        drop(open);
        self.0.said.notify_waiters();
        Some(left)
    }

    /// Tells of a record that is to be made; `waits`: until somebody says that it is there.
    pub(crate) fn announce(&self, certificate: &str, domain: &str, presented: &Presented, waits: bool) {
        let mut text = format!(
            "certificate '{certificate}' needs this record: {}. IN TXT \"{}\"",
            presented.owner, presented.value
        );
        if waits {
            self.open().insert((certificate.to_owned(), domain.to_ascii_lowercase()), false);
            text.push_str(&format!("; then say: acme challenge_ready {certificate} domain {domain}"));
        }
        if let Some(hear) = self.0.hear.get() {
            hear(&text);
        }
    }

    /// Returns once somebody has said it.
    pub(crate) async fn told(
        &self,
        certificate: &str,
        domain: &str,
        patience: Duration,
    ) -> Result<(), DnsError> {
        let key = (certificate.to_owned(), domain.to_ascii_lowercase());
        let wait = async {
            loop {
                let said = self.0.said.notified();
                tokio::pin!(said);
                said.as_mut().enable();
                if self.open().get(&key).is_none_or(|said| *said) {
                    return;
                }
                said.await;
            }
        };
        tokio::time::timeout(patience, wait).await.map_err(|_| DnsError::Provider {
            provider: domain.to_owned(),
            why: format!(
                "nobody said within {} s that its record is there, by: acme challenge_ready {certificate} domain {domain}",
                patience.as_secs()
            ),
        })
    }

    /// It is waited for no more.
    pub(crate) fn close(&self, certificate: &str, domain: &str) {
        self.open().remove(&(certificate.to_owned(), domain.to_ascii_lowercase()));
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<(String, String), bool>> {
        // The map is whole between any two statements that change it.
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_wait_go_on_once_it_is_said_and_what_is_left_is_counted() {
        let all = Announcements::default();
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = heard.clone();
        all.tell(Arc::new(move |text| log.lock().unwrap().push(text.to_owned())));
        let record = |name: &str| Presented::new(format!("_acme-challenge.{name}"), "v".to_owned());
        for name in ["a.example", "b.example"] {
            all.announce("shop", name, &record(name), true);
        }
        assert_eq!(
            heard.lock().unwrap()[0],
            "certificate 'shop' needs this record: _acme-challenge.a.example. IN TXT \"v\"; then say: acme \
             challenge_ready shop domain a.example"
        );
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let early = all.told("shop", "a.example", Duration::from_millis(5)).await;
            assert!(early.unwrap_err().to_string().contains("nobody said within"));
            assert_eq!(all.ready("shop", "c.example"), None);
            assert_eq!(all.ready("shop", "A.example"), Some(1));
            all.told("shop", "a.example", Duration::from_secs(5)).await.unwrap();
            assert_eq!(all.ready("shop", "b.example"), Some(0));
            all.close("shop", "b.example");
            assert_eq!(all.ready("shop", "b.example"), None);
        });
    }
}
