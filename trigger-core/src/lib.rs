//! The runtime of the [`triggers`](https://docs.rs/triggers) framework: programs use it through that crate.
//!
//! # Layout
//!
//! Imports go from the bottom of this list to its top only.
//!
//! - values, without I/O, clock or tasks: `event`, `topic`, `policy`, `outcome`, `error`, `config`
//! - activation: `queue`, `handler`, `process`, `dead_letter`, `status`, and `clock` and `task`, the only places
//!   that read the wall clock and spawn
//! - sources: `trigger`, `bus`, `broker`, `webhook`, and `routes` and `publish`, which the first two share
//! - running: `registry`, `runtime`, `private`

mod config;
mod error;
mod event;
mod outcome;
mod policy;
mod topic;

mod clock;
mod dead_letter;
mod handler;
mod process;
mod queue;
mod status;
mod task;

mod broker;
mod bus;
mod publish;
mod routes;
mod trigger;
mod webhook;

mod registry;
mod runtime;

#[doc(hidden)]
pub mod private;

pub use bytes::Bytes;
pub use trigger_grammar::FaultKind;

pub use broker::{MessageBroker, Publish};
pub use bus::{Emit, EventBus};
pub use config::{ProcessConfig, TriggerConfig};
pub use dead_letter::{DeadLetter, DeadLetterReason, DeadLetters};
pub use error::{ConfigError, Error, Result};
pub use event::{EventId, Headers, ParseEventIdError, TriggerEvent, TriggerKind};
pub use handler::{
    Attempt, Context, FromTrigger, Handler, HandlerFuture, Json, Needs, Query, Rejection, Sender, Shutdown,
    Source, State, Text,
};
pub use outcome::{IntoOutcome, Outcome};
pub use policy::Overflow;
pub use publish::{PublishError, Published, Publishing};
pub use registry::{HandlerRecord, Problem};
pub use runtime::{Builder, DrainReport, Runtime, StartError};
pub use status::{ProcessState, ProcessStatus, RuntimeStatus, TriggerStatus};
pub use topic::{Topic, TopicError, TopicPattern};
pub use trigger::{EventTrigger, MessageTrigger, Trigger, TriggerError, WebhookTrigger};
