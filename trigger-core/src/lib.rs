//! The runtime of the [`triggers`](https://docs.rs/triggers) framework: programs use it through that crate.
//!
//! # Layout
//!
//! The folders are layers, the lowest first. A layer imports from itself and from the layers before it.
//!
//! - `event`: what an event is, as plain values
//! - `declare`: how processes, triggers and kinds of sources are declared, as plain values
//! - `observe`: what a runtime shows of itself
//! - `queue`: the bounded queues of a process
//! - `process`: the workers, the handlers and their arguments, the dead letters
//! - `source`: where events come from, and the bus and the broker
//! - `registry`: the declarations of a program, and the checks between them
//! - `runtime`: the builder, the life of a runtime, the command line
//!
//! Every layer may use the files `clock`, `task`, `sync` and `panic`: the only places that read clocks, spawn, lock a queue
//! and catch panics. Generated code names `private`, and `linked` has the macro that links a kind.

mod declare;
mod dedupe;
mod event;
mod observe;
mod process;
mod queue;
mod registry;
mod runtime;
mod source;
mod store;

mod clock;
mod linked;
mod log_limit;
mod panic;
mod secrets;
mod sync;
mod task;

#[doc(hidden)]
pub mod private;

pub use bytes::Bytes;
pub use trigger_grammar::FaultKind;
pub use trigger_grammar::kind::ClaimedKeys;
pub use trigger_grammar::setting::{Choice, Setting};

pub use clock::{Clock, PausedClock, SystemClock};
pub use declare::filter::Filter;
pub use declare::key::Key;
pub use declare::policy::{Backoff, Overflow};
pub use declare::{BoxSource, Claim, ProcessConfig, Settings, SourceKind, TriggerConfig};
pub use dedupe::{Claimed, Dedupe, DedupeCounts, DedupeError, DedupeId, IdClaim, MemoryDedupe, ScopedDedupe};
pub use event::error::{ConfigError, ConfigErrorKind, Error, Result};
pub use event::topic::{Topic, TopicError, TopicPattern};
pub use event::{
    Attribute, DeadLetter, DeadLetterReason, EventId, Frame, FrameError, HeldEvent, ParseEventIdError,
    ReadMetadata, Receipt, RetryState, TriggerEvent, TriggerKind,
};
pub use observe::description::{
    ArgumentDescription, Description, Overlap, ProcessDescription, SourceDescription, TriggerDescription,
};
pub use observe::observer::{
    DropReason, Ended, ObservedAttempt, ObservedEnd, ObservedEvent, ObservedFailure, ObservedPublication,
    Observer,
};
pub use observe::status::{
    DeadLetterCounts, DeadLettersStatus, ProcessState, ProcessStatus, RuntimeState, RuntimeStatus,
    TriggerStatus,
};
pub use process::dead_letter::DeadLetters;
pub use process::handler::{
    Attempt, Context, FromTrigger, Handler, Json, Needs, Rejection, RejectionKind, Shutdown, State, Text,
};
pub use process::outcome::{IntoOutcome, Outcome};
pub use registry::{HandlerRecord, Problem, ProblemKind};
pub use runtime::{
    Builder, DrainReport, ProcessReport, RemoveError, Runtime, RuntimeHandle, StartError, UnknownProcess,
    check,
};
pub use secrets::Secrets;
pub use source::broker::{MessageBroker, Publish};
pub use source::bus::{Emit, EventBus};
pub use source::publish::{PublishError, Published, Publishing};
pub use source::trigger::{EventTrigger, MessageTrigger, StandaloneTrigger, Trigger, TriggerError};
pub use source::{Draft, Offered, Sender, Sink, Source, SourceContext, TriggerSource};
pub use store::{Commit, Entry, Store, StoreError, StoredEvent, Target};
