//! The grammars of `triggers`: what a topic, a pattern, a webhook path, a host, a size, a duration and a
//! count may look like.
//!
//! Each grammar has one parser, and it is here. The macros run it on literals while they expand, `const`
//! declarations run it in const evaluation, and the runtime runs it on configuration, so that all three refuse
//! the same text for the same reason. The crate has no dependencies and no behaviour.

pub mod bounds;
pub mod duration;
mod fault;
pub mod hint;
pub mod host;
pub mod message;
pub mod path;
pub mod size;
pub mod topic;

pub use fault::{Fault, FaultKind};
