//! The grammars of `triggers`: topics, patterns, webhook paths, hosts, networks, sizes, durations, rates and counts. And
//! the kinds of triggers as tables: the settings of each, with the grammar of every value.
//!
//! Each grammar has one parser, in this crate. The macros run it on literals during expansion, `const` declarations
//! in const evaluation, and the runtime on configuration. So all three refuse the same text for the same reason. The
//! crate has no dependencies and no behaviour.

pub mod bounds;
mod capture;
pub mod const_string;
pub mod duration;
mod fault;
pub mod hint;
pub mod host;
pub mod kind;
pub mod network;
pub mod path;
pub mod rate;
pub mod setting;
pub mod size;
pub mod topic;

pub use fault::{Fault, FaultKind};
