//! Sample expressions, converters, ACLs and log-format strings: compiled once at load, evaluated against a
//! [`Scope`]. What the running proxy knows is asked for through the scope; the one thing that changes in here
//! are the lists that operators edit (`reference`).

mod acl;
mod address;
pub mod args;
mod arguments;
pub mod cast;
pub mod compile;
pub mod condition;
mod convert;
pub mod expression;
pub mod fact;
mod fetch;
pub mod format;
pub mod map;
pub mod matching;
pub mod password;
mod patterns;
pub mod pcre;
mod reader;
pub mod reference;
pub mod rows;
pub mod sample;
pub mod scope;
pub mod stage;
pub mod vars;
pub mod zone;

pub use acl::AclTable;
pub use args::{Arg, Args, BadArg, Userlist};
pub use compile::{Compiler, Env, Outside, ProxyNames};
pub use condition::{Condition, Verdict};
pub use convert::{base64_decode, base64_encode};
pub use expression::Expr;
pub use fact::{
    AddressFact, ClientTlsFact, ConnectionFact, Fact, HelloPart, LiveFact, NameFact, ProcessFact,
    ServerTlsFact, StreamFact, TimeFact,
};
pub use fetch::basic_credentials;
pub use format::{Escape, Format};
pub use map::Map;
pub use matching::MatchMethod;
pub use reference::Reference;
pub use rows::{Fetched, NotYet};
pub use sample::{Sample, SampleType};
pub use scope::{Aes, AesMode, CertField, Direction, Measure, Payload, Scope, TimeoutName, VarId, VarScope};
pub use stage::Stage;
pub use vars::{VarNameError, VarNames, split_name};
