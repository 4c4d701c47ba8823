//! A sample: the value that a fetch yields and converters change.

use std::borrow::Cow;
use std::net::IpAddr;

/// Sample types, named as in the manual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SampleType {
    /// Whatever the argument is.
    Any,
    /// `bool`
    Bool,
    /// `integer`, 64 bits signed
    Int,
    /// IPv4 or IPv6
    Addr,
    /// `ip`
    Ipv4,
    /// `ipv6`
    Ipv6,
    /// `string`
    Str,
    /// `binary`
    Bin,
    /// An HTTP method.
    Method,
}

impl SampleType {
    /// As the manual writes it.
    pub fn name(self) -> &'static str {
        match self {
            SampleType::Any => "any type",
            SampleType::Bool => "boolean",
            SampleType::Int => "integer",
            SampleType::Addr => "an address",
            SampleType::Ipv4 => "an IPv4 address",
            SampleType::Ipv6 => "an IPv6 address",
            SampleType::Str => "string",
            SampleType::Bin => "binary",
            SampleType::Method => "a method",
        }
    }
}

/// A value. Texts borrow from the message where they can.
#[derive(Clone, Debug, PartialEq)]
pub enum Sample<'a> {
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An address of either family.
    Ip(IpAddr),
    /// Text; not necessarily UTF-8.
    Str(Cow<'a, [u8]>),
    /// Bytes; written as hexadecimal where text is wanted.
    Bin(Cow<'a, [u8]>),
    /// A method's name.
    Method(Cow<'a, [u8]>),
}

impl<'a> Sample<'a> {
    /// Text that lives as long as the scope.
    pub fn str(text: &'a [u8]) -> Sample<'a> {
        Sample::Str(Cow::Borrowed(text))
    }

    /// Text made on the spot.
    pub fn owned(text: impl Into<Vec<u8>>) -> Sample<'static> {
        Sample::Str(Cow::Owned(text.into()))
    }

    /// A copy that borrows nothing; for variables.
    pub fn into_owned(self) -> Sample<'static> {
        match self {
            Sample::Bool(b) => Sample::Bool(b),
            Sample::Int(i) => Sample::Int(i),
            Sample::Ip(a) => Sample::Ip(a),
            Sample::Str(t) => Sample::Str(Cow::Owned(t.into_owned())),
            Sample::Bin(t) => Sample::Bin(Cow::Owned(t.into_owned())),
            Sample::Method(t) => Sample::Method(Cow::Owned(t.into_owned())),
        }
    }

    /// The type of the value at hand.
    pub fn kind(&self) -> SampleType {
        match self {
            Sample::Bool(_) => SampleType::Bool,
            Sample::Int(_) => SampleType::Int,
            Sample::Ip(IpAddr::V4(_)) => SampleType::Ipv4,
            Sample::Ip(IpAddr::V6(_)) => SampleType::Ipv6,
            Sample::Str(_) => SampleType::Str,
            Sample::Bin(_) => SampleType::Bin,
            Sample::Method(_) => SampleType::Method,
        }
    }
}
