//! Arguments of fetches and converters, read and checked at load. What a row finds here is exactly what its grammar
//! (and its prepare step) promised, so an accessor that answers `None` means "optional and not given".

use crate::condition::Condition;
use crate::fact::Fact;
use crate::map::Map;
use crate::scope::{Scope, VarId};
use regex::bytes::Regex;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// Who may pass: a `userlist` section as the fetches see it. Its passwords stay where they are.
pub trait Userlist: Send + Sync {
    /// Its name.
    fn name(&self) -> &str;
    /// Whether the user exists and the password is right.
    fn authenticates(&self, user: &[u8], password: &[u8]) -> bool;
    /// Whether the user is in the group.
    fn in_group(&self, user: &[u8], group: &[u8]) -> bool;
    /// Visits the groups of a user until the visitor breaks.
    fn each_group(&self, user: &[u8], visit: &mut dyn FnMut(&[u8]) -> std::ops::ControlFlow<()>);
}

/// One argument.
#[derive(Clone)]
pub enum Arg {
    /// Optional and left out, or written empty.
    Absent,
    /// Integer, milliseconds of a time, bytes of a size.
    Int(i64),
    /// Text, its escapes resolved.
    Str(Box<[u8]>),
    /// Address.
    Ip(IpAddr),
    /// IPv4 mask.
    Mask4(Ipv4Addr),
    /// IPv6 mask.
    Mask6(Ipv6Addr),
    /// Compiled regular expression.
    Regex(Box<Regex>),
    /// Variable.
    Var(VarId),
    /// Users.
    Userlist(Arc<dyn Userlist>),
    /// Name of a frontend or backend that exists.
    Proxy(Box<str>),
    /// Backend (the current one where `None`) and server.
    Server(Option<Box<str>>, Box<str>),
    /// Compiled map file.
    Map(Arc<Map>),
    /// A question for [`Scope::fact`], made ready by a prepare step.
    Fact(Fact),
    /// Named ACLs, made ready by a prepare step.
    Condition(Box<Condition>),
}

/// A prepare step or the grammar refuses an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadArg {
    /// Which, counted from 0.
    pub index: usize,
    /// Why, one sentence without a full stop.
    pub why: String,
}

impl BadArg {
    /// A complaint about argument `index`.
    pub fn new(index: usize, why: impl Into<String>) -> BadArg {
        BadArg { index, why: why.into() }
    }
}

/// The arguments of one fetch or converter.
#[derive(Clone, Default)]
pub struct Args {
    list: Vec<Arg>,
}

impl Args {
    /// Takes a list; for tests and prepare steps.
    pub fn new(list: Vec<Arg>) -> Args {
        Args { list }
    }

    /// Number of arguments given, absent ones before the last included.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The argument at `index`; [`Arg::Absent`] beyond the end.
    pub fn at(&self, index: usize) -> &Arg {
        self.list.get(index).unwrap_or(&Arg::Absent)
    }

    /// Puts `arg` at `index`, filling up with absent ones; for prepare steps.
    pub fn put(&mut self, index: usize, arg: Arg) {
        if self.list.len() <= index {
            self.list.resize(index + 1, Arg::Absent);
        }
        self.list[index] = arg;
    }

    /// Whether it was given.
    pub fn has(&self, index: usize) -> bool {
        !matches!(self.at(index), Arg::Absent)
    }

    /// An integer, a time (ms) or a size (bytes).
    pub fn int(&self, index: usize) -> Option<i64> {
        let Arg::Int(i) = self.at(index) else { return None };
        Some(*i)
    }

    /// A text.
    pub fn str(&self, index: usize) -> Option<&[u8]> {
        let Arg::Str(text) = self.at(index) else { return None };
        Some(text)
    }

    /// An address.
    pub fn ip(&self, index: usize) -> Option<IpAddr> {
        let Arg::Ip(ip) = self.at(index) else { return None };
        Some(*ip)
    }

    /// A regular expression.
    pub fn regex(&self, index: usize) -> Option<&Regex> {
        let Arg::Regex(regex) = self.at(index) else { return None };
        Some(regex)
    }

    /// A variable.
    pub fn var(&self, index: usize) -> Option<VarId> {
        let Arg::Var(id) = self.at(index) else { return None };
        Some(*id)
    }

    /// A userlist.
    pub fn userlist(&self, index: usize) -> Option<&dyn Userlist> {
        let Arg::Userlist(list) = self.at(index) else { return None };
        Some(&**list)
    }

    /// A frontend's or backend's name.
    pub fn proxy(&self, index: usize) -> Option<&str> {
        let Arg::Proxy(name) = self.at(index) else { return None };
        Some(name)
    }

    /// A map.
    pub fn map(&self, index: usize) -> Option<&Map> {
        let Arg::Map(map) = self.at(index) else { return None };
        Some(map)
    }

    /// A ready-made question.
    pub fn fact(&self, index: usize) -> Option<&Fact> {
        let Arg::Fact(fact) = self.at(index) else { return None };
        Some(fact)
    }

    /// The integer itself, or what the variable holds: for [`crate::rows::ArgKind::IntOrVar`].
    pub fn int_or_var(&self, index: usize, scope: &dyn Scope) -> Option<i64> {
        match self.var(index) {
            Some(id) => scope.var(id)?.to_int(),
            None => self.int(index),
        }
    }

    /// The text itself, or what the variable holds: for [`crate::rows::ArgKind::StrOrVar`].
    pub fn str_or_var<'a>(&'a self, index: usize, scope: &dyn Scope) -> Option<Cow<'a, [u8]>> {
        match self.var(index) {
            Some(id) => scope.var(id)?.into_text(),
            None => self.str(index).map(Cow::Borrowed),
        }
    }
}
