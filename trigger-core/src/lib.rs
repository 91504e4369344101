//! The runtime of the [`triggers`](https://docs.rs/triggers) framework: programs use it through that crate.
//!
//! # Layout
//!
//! Imports go from the bottom of this list to its top only.
//!
//! - values, without I/O, clock or tasks: `event`, `topic`, `policy`, `outcome`, `error`, `names`, `closure`, `key`,
//!   `filter`, `config`
//! - activation: `queue`, `handler`, `process`, `deadlock`, `dead_letter`, `status`, `description`, `sync`, `panic`, and `clock`
//!   and `task`, the only places that read the clocks and spawn
//! - sources: `source`, `trigger`, `bus`, `broker`, and `routes` and `publish`, which bus and broker share
//! - running: `registry`, `runtime`, `private`, `linked`

mod closure;
mod config;
mod error;
mod event;
mod filter;
mod key;
mod names;
mod outcome;
mod policy;
mod topic;

mod clock;
mod dead_letter;
mod deadlock;
mod description;
mod handler;
mod panic;
mod process;
mod queue;
mod status;
mod sync;
mod task;

mod broker;
mod bus;
mod publish;
mod routes;
mod source;
mod trigger;

mod linked;
mod registry;
mod runtime;

#[doc(hidden)]
pub mod private;

pub use bytes::Bytes;
pub use trigger_grammar::FaultKind;
pub use trigger_grammar::kind::ClaimedKeys;
pub use trigger_grammar::setting::Setting;

pub use broker::{MessageBroker, Publish};
pub use bus::{Emit, EventBus};
pub use clock::{Clock, PausedClock, SystemClock};
pub use config::{BoxSource, Claim, ProcessConfig, Settings, SourceKind, TriggerConfig};
pub use dead_letter::{DeadLetterCounts, DeadLetters, DeadLettersStatus};
pub use description::{
    ArgumentDescription, Description, Overlap, ProcessDescription, SourceDescription, TriggerDescription,
};
pub use error::{ConfigError, ConfigErrorKind, Error, Result};
pub use event::{
    Attribute, DeadLetter, DeadLetterReason, EventId, Frame, FrameError, ParseEventIdError, ReadMetadata,
    TriggerEvent, TriggerKind,
};
pub use filter::Filter;
pub use handler::{
    Attempt, Context, FromTrigger, Handler, Json, Needs, Rejection, RejectionKind, Shutdown, State, Text,
};
pub use key::Key;
pub use outcome::{IntoOutcome, Outcome};
pub use policy::{Backoff, Overflow};
pub use publish::{PublishError, Published, Publishing};
pub use registry::{HandlerRecord, Problem, ProblemKind};
pub use runtime::{
    Builder, DrainReport, ProcessReport, Runtime, RuntimeHandle, StartError, UnknownProcess, check,
};
pub use source::{Draft, Offered, Sender, Sink, Source, SourceContext, TriggerSource};
pub use status::{ProcessState, ProcessStatus, RuntimeState, RuntimeStatus, TriggerStatus};
pub use topic::{Topic, TopicError, TopicPattern};
pub use trigger::{EventTrigger, MessageTrigger, StandaloneTrigger, Trigger, TriggerError};
