//! How a sample is compared with patterns: the methods behind `-m`.

use crate::sample::SampleType;

/// A match method (manual section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchMethod {
    /// `found`: there is a value.
    Found,
    /// `bool`: it is not zero.
    Bool,
    /// `int`: equals a number or lies in a range.
    Int,
    /// `ip`: address in network.
    Ip,
    /// `bin`: equals the bytes.
    Bin,
    /// `len`: its length as `int`.
    Len,
    /// `str`: equals the text.
    Str,
    /// `beg`: begins with it.
    Beg,
    /// `sub`: contains it.
    Sub,
    /// `reg`: matches the regular expression.
    Reg,
    /// `end`: ends with it.
    End,
    /// `dir`: contains it between slashes.
    Dir,
    /// `dom`: contains it between dots.
    Dom,
    /// `regm` of maps: `reg`, and the map's value may refer to the groups.
    Regm,
}

impl MatchMethod {
    /// The methods that `-m` knows, in the manual's order.
    pub const ALL: [MatchMethod; 13] = [
        MatchMethod::Found,
        MatchMethod::Bool,
        MatchMethod::Int,
        MatchMethod::Ip,
        MatchMethod::Bin,
        MatchMethod::Len,
        MatchMethod::Str,
        MatchMethod::Beg,
        MatchMethod::Sub,
        MatchMethod::Reg,
        MatchMethod::End,
        MatchMethod::Dir,
        MatchMethod::Dom,
    ];

    /// Its name behind `-m`, and behind `_` in derived ACL names.
    pub fn name(self) -> &'static str {
        match self {
            MatchMethod::Found => "found",
            MatchMethod::Bool => "bool",
            MatchMethod::Int => "int",
            MatchMethod::Ip => "ip",
            MatchMethod::Bin => "bin",
            MatchMethod::Len => "len",
            MatchMethod::Str => "str",
            MatchMethod::Beg => "beg",
            MatchMethod::Sub => "sub",
            MatchMethod::Reg => "reg",
            MatchMethod::End => "end",
            MatchMethod::Dir => "dir",
            MatchMethod::Dom => "dom",
            MatchMethod::Regm => "regm",
        }
    }

    /// The method of that name.
    pub fn named(name: &str) -> Option<MatchMethod> {
        MatchMethod::ALL.into_iter().find(|m| m.name() == name)
    }

    /// The method that a sample's type implies; none for binary.
    pub fn implied_by(kind: SampleType) -> Option<MatchMethod> {
        match kind {
            SampleType::Bool => Some(MatchMethod::Bool),
            SampleType::Int => Some(MatchMethod::Int),
            SampleType::Addr | SampleType::Ipv4 | SampleType::Ipv6 => Some(MatchMethod::Ip),
            SampleType::Str | SampleType::Method => Some(MatchMethod::Str),
            SampleType::Any | SampleType::Bin => None,
        }
    }
}
