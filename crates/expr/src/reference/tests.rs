//! Edits, and that lookups see them at once.

use super::*;
use crate::compile::{Env, Outside};
use crate::matching::MatchMethod;
use crate::rows::MapValue;
use crate::sample::Sample;
use base::Span;
use std::net::IpAddr;

struct Files;

impl Outside for Files {
    fn read_file(&self, path: &str) -> std::io::Result<Vec<u8>> {
        match path {
            "hosts" => Ok(b"# sites\na.com b1\nb.com   b2  \n".to_vec()),
            "nets" => Ok(b"10.0.0.0/8 net\nlocal.example here\n".to_vec()),
            "ports" => Ok(b"/p 5\n".to_vec()),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        }
    }

    fn env_var(&self, _: &str) -> Option<String> {
        None
    }

    fn lookup(&self, host: &str) -> Option<IpAddr> {
        (host == "local.example").then_some(IpAddr::from([192, 0, 2, 1]))
    }
}

fn map(name: &str, method: MatchMethod, value: MapValue) -> (Arc<Reference>, Arc<View>) {
    let mut env = Env::new(&Files);
    env.files = vec!["h.cfg".into()];
    let span = Span { line: 14, ..Span::default() };
    let reference = file(&mut env, name, true, User::Map, span).unwrap();
    let how = How { method, ignore_case: false, no_lookup: false, value: Some(value) };
    let view = reference.view(how, &|host| Files.lookup(host)).unwrap();
    (reference, view)
}

fn hosts() -> (Arc<Reference>, Arc<View>) {
    map("hosts", MatchMethod::Str, MapValue::Str)
}

fn look(view: &View, key: &str) -> Option<String> {
    let value = view.lookup(&Sample::owned(key))?;
    Some(String::from_utf8(value.to_str()?.into_owned()).unwrap())
}

fn lines(reference: &Reference) -> Vec<String> {
    reference.shown(None, 0, 99).iter().map(|e| format!("{} {}", e.key, e.value)).collect()
}

#[test]
fn lookups_see_an_edit_at_once() {
    let (list, view) = hosts();
    assert_eq!(look(&view, "a.com").as_deref(), Some("b1"));
    list.add(None, &[("k", "v"), ("k", "w")]).unwrap();
    assert_eq!(look(&view, "k").as_deref(), Some("v"));
    list.set(&Key::Text("k"), "z").unwrap();
    assert_eq!((look(&view, "k").as_deref(), lines(&list).len()), (Some("z"), 4));
    list.del(&Key::Text("k")).unwrap();
    assert_eq!((look(&view, "k"), lines(&list)), (None, vec!["a.com b1".to_owned(), "b.com b2".to_owned()]));
    let second = list.shown(None, 1, 1).remove(0);
    list.del(&Key::parse(&format!("#{:#x}", second.id))).unwrap();
    assert_eq!(lines(&list), ["a.com b1"]);
    list.clear(None).unwrap();
    assert_eq!((look(&view, "a.com"), lines(&list).len()), (None, 0));
}

#[test]
fn a_version_counts_when_it_is_committed() {
    let (list, view) = hosts();
    assert_eq!(list.add(Some(1), &[("n", "x")]), Err(EditError::Future));
    assert_eq!(list.prepare(), 1);
    list.add(Some(1), &[("n", "x")]).unwrap();
    assert_eq!((look(&view, "n"), lines(&list).len(), list.shown(Some(1), 0, 9).len()), (None, 2, 1));
    assert_eq!((list.commit(7), list.commit(0)), (Err(EditError::Range), Err(EditError::Range)));
    list.commit(1).unwrap();
    assert_eq!((look(&view, "n").as_deref(), look(&view, "a.com"), lines(&list).len()), (Some("x"), None, 1));
    let summary = list.summary();
    assert_eq!((summary.current, summary.next, summary.entries), (1, 1, 1));
    assert_eq!(summary.description, "pattern loaded from file 'hosts' used by map at file 'h.cfg' line 14");
}

#[test]
fn what_is_refused_changes_nothing() {
    let (list, view) = map("ports", MatchMethod::Str, MapValue::Int);
    assert_eq!(list.set(&Key::Text("/p"), "x"), Err(EditError::Value("x".into())));
    assert_eq!(list.set(&Key::Text("none"), "1"), Err(EditError::NoEntry));
    assert_eq!(list.del(&Key::Text("none")), Err(EditError::NoKey));
    assert_eq!((look(&view, "/p").as_deref(), lines(&list)), (Some("5"), vec!["/p 5".to_owned()]));
    let (list, _) = map("nets", MatchMethod::Ip, MapValue::Str);
    let refusal = list.add(None, &[("notip", "w")]).unwrap_err();
    assert_eq!(refusal.to_string(), "'notip' is not a valid IPv4 or IPv6 address.");
}

/// As HAProxy, which takes the lines of a payload one by one.
#[test]
fn what_stands_before_a_bad_entry_is_added() {
    let (list, view) = map("ports", MatchMethod::Str, MapValue::Int);
    let added = list.add(None, &[("ok", "1"), ("k", "w"), ("late", "2")]);
    assert_eq!(added, Err(EditError::Value("w".into())));
    assert_eq!((look(&view, "ok").as_deref(), lines(&list)), (Some("1"), vec!["/p 5".into(), "ok 1".into()]));
    list.prepare();
    assert_eq!(list.add(Some(1), &[("a", "1"), ("b", "x")]), Err(EditError::Value("x".into())));
    assert_eq!(list.shown(Some(1), 0, 9).len(), 1);
}

#[test]
fn names_keep_the_address_they_had_at_start() {
    let (list, view) = map("nets", MatchMethod::Ip, MapValue::Str);
    list.add(None, &[("192.0.2.0/24", "near")]).unwrap();
    let of = |ip: [u8; 4]| view.lookup(&Sample::Ip(ip.into())).map(|v| v.to_str().unwrap().into_owned());
    assert_eq!(of([192, 0, 2, 1]).as_deref(), Some(&b"here"[..]));
    assert_eq!(of([192, 0, 2, 2]).as_deref(), Some(&b"near"[..]));
}

#[test]
fn a_question_is_answered_for_each_view() {
    let (list, _) = hosts();
    let found = list.find("a.com").remove(0);
    assert_eq!((found.method, found.indexed, found.value_type), ("str", true, "str"));
    assert_eq!(found.entry.map(|e| e.value).as_deref(), Some("b1"));
    assert!(list.find("none").remove(0).entry.is_none());
}

#[test]
fn many_changes_are_one_edit_and_what_does_not_fit_is_left_out() {
    let change = |kind, key: &str, value: &str| Change {
        kind,
        key: key.as_bytes().into(),
        value: value.as_bytes().into(),
    };
    let (list, view) = hosts();
    let refused = list.change(&[
        change(ChangeKind::Set, "k", "1"),
        change(ChangeKind::Set, "k", "2"),
        change(ChangeKind::Set, "a.com", "b9"),
        change(ChangeKind::Del, "b.com", ""),
        change(ChangeKind::Set, "b.com", "again"),
        change(ChangeKind::Del, "nobody", ""),
    ]);
    assert_eq!(refused, 0);
    assert_eq!(lines(&list), ["a.com b9", "k 2", "b.com again"]);
    assert_eq!(look(&view, "k").as_deref(), Some("2"));
    list.add(None, &[("later", "x")]).unwrap();
    assert_eq!(list.shown(None, 0, 99).last().map(|e| e.id), Some(5), "numbers go on");

    let (ports, view) = map("ports", MatchMethod::Beg, MapValue::Int);
    let changes = [change(ChangeKind::Set, "/q", "7"), change(ChangeKind::Set, "/p", "many")];
    assert_eq!(ports.change(&changes), 1);
    assert_eq!((look(&view, "/p/x").as_deref(), look(&view, "/q").as_deref()), (Some("5"), Some("7")));

    let flood: Vec<Change> = (0..GROWN_MOST).map(|n| change(ChangeKind::Set, &n.to_string(), "v")).collect();
    assert_eq!(list.change(&flood), 4, "it grows no further");
}
