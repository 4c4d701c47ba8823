//! The published rate limits of an authority, reckoned by our own records, so that an order which would be refused is
//! not sent. Let's Encrypt's numbers are those of its rate-limits page (state of August 2026); other authorities
//! publish none, and there only back-off holds.

use super::UnixTime;
use super::bucket::Size;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

/// The host of Let's Encrypt's production directory. Its staging's limits are so wide that nobody meets them.
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/";

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// Whose limits are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Published {
    /// Let's Encrypt's production.
    LetsEncrypt,
    /// An authority that publishes none.
    #[default]
    None,
}

impl Published {
    /// By the address of the authority's directory.
    pub fn of(directory: &str) -> Published {
        if directory.starts_with(LETS_ENCRYPT) { Published::LetsEncrypt } else { Published::None }
    }
}

/// A published limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// New orders of an account.
    Orders,
    /// Certificates of a registered domain, an IPv4 address or an IPv6 /64, by anybody.
    Domain,
    /// Certificates of exactly the same set of names, by anybody: the one that restart loops hit.
    NameSet,
    /// Failed validations of a name by an account.
    Failures,
    /// Failed validations of a name by an account without one that succeeded: then the name is paused.
    ConsecutiveFailures,
    /// New accounts from an address.
    Accounts,
}

impl Limit {
    fn size(self) -> Size {
        match self {
            Limit::Orders => Size::per(300, 3 * HOUR),
            Limit::Domain => Size::per(50, 7 * DAY),
            Limit::NameSet => Size::per(5, 7 * DAY),
            Limit::Failures => Size::per(5, HOUR),
            Limit::ConsecutiveFailures => Size::per(1152, 1152 * DAY),
            Limit::Accounts => Size::per(10, 3 * HOUR),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Limit::Orders => "orders",
            Limit::Domain => "domain",
            Limit::NameSet => "names",
            Limit::Failures => "failures",
            Limit::ConsecutiveFailures => "consecutive",
            Limit::Accounts => "accounts",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limit::Orders => "300 new orders per account in 3 hours",
            Limit::Domain => "50 certificates per registered domain in 7 days",
            Limit::NameSet => "5 certificates for the same set of names in 7 days",
            Limit::Failures => "5 failed validations per name in an hour",
            Limit::ConsecutiveFailures => "1152 failed validations of a name in a row",
            Limit::Accounts => "10 new accounts per address in 3 hours",
        })
    }
}

/// What an order is to the authority: this decides which limits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderKind {
    /// Names that had no certificate together before. Every limit counts.
    New,
    /// The same names as an earlier certificate, in whatever order: not a new order, nor new for its domains.
    SameNames,
    /// A renewal with `replaces` inside the window that the authority suggested: no limit counts.
    Ari,
}

/// An order about to be sent.
#[derive(Clone, Copy, Debug)]
pub struct NewOrder<'a> {
    /// The account's address (or any name that tells accounts apart).
    pub account: &'a str,
    /// Host names and addresses.
    pub names: &'a [String],
    /// What it is to the authority.
    pub kind: OrderKind,
}

/// An order that would be refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// By which limit.
    pub limit: Limit,
    /// Whose bucket is empty: a registered domain, a set of names, an account.
    pub whose: String,
    /// When it would be accepted, by our own records.
    pub until: UnixTime,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the authority allows {}: {} must wait until {}", self.limit, self.whose, self.until)?;
        match self.limit {
            Limit::NameSet => f.write_str("; a set with one name more or less is not held by this limit"),
            Limit::ConsecutiveFailures => {
                f.write_str("; the authority has paused the name: follow the link in its error to resume")
            }
            Limit::Orders | Limit::Domain | Limit::Failures | Limit::Accounts => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}

/// The buckets of one authority: only those that are not full are remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buckets {
    published: Published,
    /// By limit and owner, when each is full again.
    full_at: BTreeMap<String, UnixTime>,
}

impl Buckets {
    /// Full buckets for the authority with this directory.
    pub fn new(directory: &str) -> Buckets {
        Buckets { published: Published::of(directory), full_at: BTreeMap::new() }
    }

    /// Whether the authority would accept the order now; else the limit that holds it longest.
    pub fn check(&mut self, order: NewOrder<'_>, now: UnixTime) -> Result<(), Refusal> {
        let buckets = spent(order).into_iter().chain(watched(order));
        self.first_free(buckets, now)
    }

    /// Takes what an order costs, if what its certificate will cost is there too. To be called right before the order is
    /// sent.
    pub fn take(&mut self, order: NewOrder<'_>, now: UnixTime) -> Result<(), Refusal> {
        self.check(order, now)?;
        let costs = spent(order).into_iter().filter(|bucket| bucket.limit == Limit::Orders);
        costs.for_each(|bucket| self.spend(&bucket, now));
        Ok(())
    }

    /// Takes what the order's certificate costs. To be called right before the authority is asked to sign it: whatever came
    /// before, an end of the process included, has cost no certificate.
    pub fn take_certificate(&mut self, order: NewOrder<'_>, now: UnixTime) {
        certificates(order).for_each(|bucket| self.spend(&bucket, now));
    }

    /// It did not sign.
    pub fn give_back(&mut self, order: NewOrder<'_>) {
        for bucket in certificates(order) {
            if let Some(full_at) = self.full_at.get_mut(&bucket.key()) {
                *full_at = bucket.limit.size().give_back(*full_at);
            }
        }
    }

    /// What was counted for an account before it had a name is counted under its name.
    pub fn name_account(&mut self, before: &str, name: &str) {
        let ending = format!(" {before}");
        let keys: Vec<String> = self.full_at.keys().filter(|key| key.ends_with(&ending)).cloned().collect();
        for key in keys {
            let (Some(full_at), Some(rest)) = (self.full_at.remove(&key), key.strip_suffix(before)) else {
                continue;
            };
            let known = self.full_at.entry(format!("{rest}{name}")).or_default();
            *known = full_at.max(*known);
        }
    }

    /// Takes the token of a new account.
    pub fn take_account(&mut self, now: UnixTime) -> Result<(), Refusal> {
        let bucket =
            Bucket { limit: Limit::Accounts, whose: "this address".to_owned(), account: String::new() };
        self.first_free([bucket.clone()].into_iter(), now)?;
        self.spend(&bucket, now);
        Ok(())
    }

    /// The authority could not validate the name for the account.
    pub fn validation_failed(&mut self, account: &str, name: &str, now: UnixTime) {
        failures(account, name).into_iter().for_each(|bucket| self.spend(&bucket, now));
    }

    /// It could: the row of failures is over.
    pub fn validated(&mut self, account: &str, name: &str) {
        let [_, consecutive] = failures(account, name);
        self.full_at.remove(&consecutive.key());
    }

    /// How many tokens are left for an order in each of its buckets: limit, owner, left, capacity.
    pub fn levels(&self, order: NewOrder<'_>, now: UnixTime) -> Vec<(Limit, String, u32, u32)> {
        let level = |bucket: Bucket| {
            let size = bucket.limit.size();
            let full_at = self.full_at.get(&bucket.key()).copied().unwrap_or_default();
            let left = size.left(size.settle(full_at, now), now);
            (bucket.limit, bucket.whose, left, size.capacity)
        };
        match self.published {
            Published::LetsEncrypt => spent(order).into_iter().chain(watched(order)).map(level).collect(),
            Published::None => Vec::new(),
        }
    }

    /// Forgets full buckets, and settles those that a clock ahead of `now` left emptier than empty. To be called before the
    /// buckets are written down and after they were read.
    pub fn settle(&mut self, now: UnixTime) {
        let longest = |key: &str| {
            let word = key.split(' ').next().unwrap_or_default();
            ALL.into_iter().find(|limit| limit.word() == word).map(Limit::size)
        };
        self.full_at.retain(|key, full_at| {
            let Some(size) = longest(key) else { return false };
            *full_at = size.settle(*full_at, now);
            *full_at > now
        });
    }

    fn first_free(&mut self, buckets: impl Iterator<Item = Bucket>, now: UnixTime) -> Result<(), Refusal> {
        if self.published == Published::None {
            return Ok(());
        }
        let held = |bucket: Bucket| {
            let until = bucket.limit.size().free_at(self.full_at(&bucket, now));
            (until > now).then_some(Refusal { limit: bucket.limit, whose: bucket.whose, until })
        };
        buckets.filter_map(held).max_by_key(|refusal| refusal.until).map_or(Ok(()), Err)
    }

    /// Settled where it is kept: reckoned anew at each look, a bucket that a clock ahead left behind would stay as it is
    /// until that clock's time.
    fn full_at(&mut self, bucket: &Bucket, now: UnixTime) -> UnixTime {
        let Some(full_at) = self.full_at.get_mut(&bucket.key()) else { return UnixTime::default() };
        *full_at = bucket.limit.size().settle(*full_at, now);
        *full_at
    }

    fn spend(&mut self, bucket: &Bucket, now: UnixTime) {
        match self.published {
            Published::LetsEncrypt => {
                let after = bucket.limit.size().take(self.full_at(bucket, now), now);
                self.full_at.insert(bucket.key(), after);
            }
            Published::None => {}
        }
    }
}

const ALL: [Limit; 6] = [
    Limit::Orders,
    Limit::Domain,
    Limit::NameSet,
    Limit::Failures,
    Limit::ConsecutiveFailures,
    Limit::Accounts,
];

#[derive(Clone)]
struct Bucket {
    limit: Limit,
    /// Shown to people.
    whose: String,
    /// What else tells it apart.
    account: String,
}

impl Bucket {
    fn key(&self) -> String {
        format!("{} {} {}", self.limit.word(), self.whose, self.account)
    }
}

/// The buckets that an order takes a token from.
fn spent(order: NewOrder<'_>) -> Vec<Bucket> {
    let account = || Bucket {
        limit: Limit::Orders,
        whose: "the account".to_owned(),
        account: order.account.to_owned(),
    };
    let set = || Bucket { limit: Limit::NameSet, whose: name_set(order.names), account: String::new() };
    match order.kind {
        OrderKind::New => domains(order.names).chain([account(), set()]).collect(),
        OrderKind::SameNames => vec![set()],
        OrderKind::Ari => Vec::new(),
    }
}

/// Of these, the ones that certificates are counted in.
fn certificates(order: NewOrder<'_>) -> impl Iterator<Item = Bucket> {
    spent(order).into_iter().filter(|bucket| bucket.limit != Limit::Orders)
}

/// The buckets that must not be empty, but that only failures take from.
fn watched(order: NewOrder<'_>) -> Vec<Bucket> {
    match order.kind {
        OrderKind::New | OrderKind::SameNames => {
            order.names.iter().flat_map(|name| failures(order.account, name)).collect()
        }
        OrderKind::Ari => Vec::new(),
    }
}

fn failures(account: &str, name: &str) -> [Bucket; 2] {
    [Limit::Failures, Limit::ConsecutiveFailures].map(|limit| Bucket {
        limit,
        whose: name.to_ascii_lowercase(),
        account: account.to_owned(),
    })
}

fn domains(names: &[String]) -> impl Iterator<Item = Bucket> {
    let owners: BTreeSet<String> = names.iter().map(|name| registered_domain(name)).collect();
    owners.into_iter().map(|whose| Bucket { limit: Limit::Domain, whose, account: String::new() })
}

fn name_set(names: &[String]) -> String {
    let set: BTreeSet<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    set.into_iter().collect::<Vec<_>>().join(",")
}

/// What counts as one domain: the part bought from a registrar by the Public Suffix List, an IPv4 address, an IPv6 /64.
pub fn registered_domain(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.parse() {
        Ok(IpAddr::V4(address)) => address.to_string(),
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Err(_) => {
            let host = name.strip_prefix("*.").unwrap_or(&name);
            psl::domain_str(host).unwrap_or(host).to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const PRODUCTION: &str = "https://acme-v02.api.letsencrypt.org/directory";
    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    fn order(names: &[String], kind: OrderKind) -> NewOrder<'_> {
        NewOrder { account: "a", names, kind }
    }

    /// An order that comes to a certificate.
    fn obtain(buckets: &mut Buckets, order: NewOrder<'_>, now: UnixTime) -> Result<(), Refusal> {
        buckets.take(order, now)?;
        buckets.take_certificate(order, now);
        Ok(())
    }

    #[test]
    fn what_came_before_an_account_had_a_name_counts_for_it() {
        let mut buckets = Buckets::new(PRODUCTION);
        let names = names(&["a.example"]);
        let order = |account| NewOrder { account, names: &names, kind: OrderKind::New };
        obtain(&mut buckets, order("new"), NOW).unwrap();
        buckets.validation_failed("new", "a.example", NOW);
        buckets.name_account("new", "https://ca.example/account/1");
        let left = |account, limit| {
            let levels = buckets.levels(order(account), NOW);
            levels.into_iter().find(|level| level.0 == limit).map(|level| level.2)
        };
        let named = "https://ca.example/account/1";
        assert_eq!((left(named, Limit::Orders), left("new", Limit::Orders)), (Some(299), Some(300)));
        assert_eq!((left(named, Limit::Failures), left("new", Limit::Failures)), (Some(4), Some(5)));
        assert_eq!(left("new", Limit::Domain), Some(49));
    }

    #[test]
    fn a_restart_loop_is_stopped_at_the_fifth_certificate() {
        let mut buckets = Buckets::new(PRODUCTION);
        let set = names(&["www.a.example", "a.example"]);
        for _ in 0..5 {
            obtain(&mut buckets, order(&set, OrderKind::SameNames), NOW).unwrap();
        }
        let turned = names(&["A.example", "www.a.example"]);
        let refusal = obtain(&mut buckets, order(&turned, OrderKind::SameNames), NOW).unwrap_err();
        assert_eq!((refusal.limit, refusal.until.since(NOW)), (Limit::NameSet, Duration::from_secs(120_960)));
        assert!(
            refusal.to_string().contains("a.example,www.a.example must wait until 2027-01-"),
            "{refusal}"
        );
        assert!(buckets.check(order(&set, OrderKind::Ari), NOW).is_ok());
        assert!(buckets.check(order(&set, OrderKind::SameNames), refusal.until).is_ok());
    }

    #[test]
    fn fifty_certificates_share_a_registered_domain() {
        let mut buckets = Buckets::new(PRODUCTION);
        for i in 0..50 {
            let one = names(&[&format!("{i}.shop.co.uk"), &format!("*.{i}.shop.co.uk")]);
            obtain(&mut buckets, order(&one, OrderKind::New), NOW).unwrap();
        }
        let one = names(&["51.shop.co.uk"]);
        let refusal = buckets.check(order(&one, OrderKind::New), NOW).unwrap_err();
        assert_eq!((refusal.limit, refusal.whose.as_str()), (Limit::Domain, "shop.co.uk"));
        assert_eq!(refusal.until.since(NOW), Duration::from_secs(12_096));
        assert!(buckets.check(order(&one, OrderKind::SameNames), NOW).is_ok());
        let other = names(&["other.co.uk"]);
        assert!(buckets.check(order(&other, OrderKind::New), NOW).is_ok());
    }

    #[test]
    fn an_order_that_came_to_nothing_costs_no_certificate() {
        let mut buckets = Buckets::new(PRODUCTION);
        let one = names(&["a.example"]);
        for _ in 0..20 {
            obtain(&mut buckets, order(&one, OrderKind::New), NOW).unwrap();
            buckets.give_back(order(&one, OrderKind::New));
        }
        let levels = buckets.levels(order(&one, OrderKind::New), NOW);
        let left: Vec<u32> = levels.iter().map(|(_, _, left, _)| *left).collect();
        assert_eq!(left, [50, 280, 5, 5, 1152], "domain, orders, names, failures, failures in a row");
    }

    #[test]
    fn five_failures_hold_a_name_for_its_account() {
        let mut buckets = Buckets::new(PRODUCTION);
        (0..5).for_each(|_| buckets.validation_failed("a", "bad.example", NOW));
        let both = names(&["good.example", "bad.example"]);
        let refusal = buckets.check(order(&both, OrderKind::New), NOW).unwrap_err();
        assert_eq!((refusal.limit, refusal.until.since(NOW)), (Limit::Failures, Duration::from_secs(720)));
        let other = NewOrder { account: "b", ..order(&both, OrderKind::New) };
        assert!(buckets.check(other, NOW).is_ok());
    }

    #[test]
    fn a_name_without_success_is_paused_in_the_end() {
        let mut buckets = Buckets::new(PRODUCTION);
        let one = names(&["bad.example"]);
        (0..1152)
            .for_each(|i| buckets.validation_failed("a", "bad.example", NOW + Duration::from_secs(i * 2)));
        let later = NOW + Duration::from_secs(7200);
        let refusal = buckets.check(order(&one, OrderKind::New), later).unwrap_err();
        assert_eq!(refusal.limit, Limit::ConsecutiveFailures);
        assert!(refusal.to_string().contains("paused the name"), "{refusal}");
        buckets.validated("a", "bad.example");
        let levels = buckets.levels(order(&one, OrderKind::New), later);
        assert!(levels.contains(&(Limit::ConsecutiveFailures, "bad.example".to_owned(), 1152, 1152)));
    }

    #[test]
    fn eleven_accounts_are_one_too_many() {
        let mut buckets = Buckets::new(PRODUCTION);
        (0..10).for_each(|_| buckets.take_account(NOW).unwrap());
        assert_eq!(buckets.take_account(NOW).unwrap_err().until.since(NOW), Duration::from_secs(1080));
    }

    #[test]
    fn other_authorities_have_no_known_limits() {
        let mut buckets = Buckets::new("https://acme-staging-v02.api.letsencrypt.org/directory");
        let one = names(&["a.example"]);
        (0..100).for_each(|_| obtain(&mut buckets, order(&one, OrderKind::New), NOW).unwrap());
        assert_eq!(buckets.levels(order(&one, OrderKind::New), NOW), []);
    }

    #[test]
    fn a_clock_set_back_leaves_one_token_in_a_bucket() {
        let mut buckets = Buckets::new(PRODUCTION);
        let one = names(&["a.example"]);
        let ahead = NOW + Duration::from_secs(365 * 86_400);
        obtain(&mut buckets, order(&one, OrderKind::SameNames), ahead).unwrap();
        obtain(&mut buckets, order(&one, OrderKind::SameNames), NOW).unwrap();
        let refusal = buckets.check(order(&one, OrderKind::SameNames), NOW).unwrap_err();
        assert_eq!(refusal.until.since(NOW), Duration::from_secs(120_960));
        assert!(
            buckets.check(order(&one, OrderKind::SameNames), refusal.until).is_ok(),
            "and it fills again"
        );
        buckets.settle(NOW + Duration::from_secs(8 * 86_400));
        assert_eq!(buckets, Buckets::new(PRODUCTION), "full buckets are forgotten");
    }

    #[test]
    fn what_counts_as_one_domain() {
        for (name, domain) in [
            ("*.www.Example.com", "example.com"),
            ("new.blog.example.co.uk", "example.co.uk"),
            ("co.uk", "co.uk"),
            ("localhost", "localhost"),
            ("192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(registered_domain(name), domain);
        }
    }
}
