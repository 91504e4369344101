//! What a runtime says of itself: plain data, for people, logs and health checks.

use std::time::SystemTime;

use serde::{Serialize, Serializer};

use crate::event::{TriggerKind, rfc3339};
use crate::names::named;

/// The state of a runtime at one moment.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RuntimeStatus {
    /// Every process, in the order of its declaration: by file and line, then those of the builder.
    pub processes: Vec<ProcessStatus>,
}

/// The state of one process. The sums are exact at every moment, for the framework's own triggers: over them,
/// `accepted = queue_size + in_flight + handled + dead_lettered`, and what [`Overflow::DropOldest`] dropped.
///
/// [`Overflow::DropOldest`]: crate::Overflow::DropOldest
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ProcessStatus {
    /// The name of the process.
    pub name: String,
    /// The handler, by its path.
    pub handler: String,
    /// Whether it takes events.
    pub state: ProcessState,
    /// How many events it handles at once, at most.
    pub concurrency: usize,
    /// How many it is handling.
    pub in_flight: u64,
    /// How many it has handled.
    pub handled: u64,
    /// How many attempts have failed.
    pub failed: u64,
    /// How many attempts were made again.
    pub retried: u64,
    /// How many events wait for a retry. They are among the `queue_size` of their triggers.
    pub waiting: usize,
    /// How many accepted events it has given up on. An event that had no room is not among them: it was not
    /// accepted, and counts in `dropped`.
    pub dead_lettered: u64,
    /// Its triggers, in the order of their declaration.
    pub triggers: Vec<TriggerStatus>,
}

/// Whether a process takes events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProcessState {
    /// It takes events.
    Running,
    /// It takes events, and handles none until it is resumed.
    Paused,
    /// It handles what it has accepted; HTTP requests and custom triggers bring nothing new.
    Draining,
    /// It takes no events.
    Stopped,
}

named!(ProcessState as "state" {
    Running = "running",
    Paused = "paused",
    Draining = "draining",
    Stopped = "stopped",
});

/// The state of one trigger.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct TriggerStatus {
    /// The id of the trigger.
    pub id: String,
    /// What kind it is.
    pub kind: TriggerKind,
    /// What it listens to: a type, a pattern or a path.
    pub pattern: String,
    /// How many events wait, for the handler or for a retry.
    pub queue_size: usize,
    /// How many bytes the bodies of these events have.
    pub queue_bytes: usize,
    /// How many of these events wait for a retry.
    pub waiting: usize,
    /// How many may wait.
    pub capacity: usize,
    /// How many were accepted, since the trigger was made.
    pub accepted: u64,
    /// How many had no room: turned away, and so not in `accepted`; or, with
    /// [`Overflow::DropOldest`](crate::Overflow::DropOldest), accepted before and pushed out by a newer one.
    pub dropped: u64,
    /// How many matched but were kept out by a filter.
    pub filtered: u64,
    /// How many of these had a body that the filter cannot read.
    pub undecodable: u64,
    /// The filter: its closure as it is written in the attribute, else the type that it reads.
    pub filter: Option<String>,
    /// The timestamp of the event accepted last.
    #[serde(serialize_with = "optional_rfc3339")]
    pub last_fired: Option<SystemTime>,
}

impl TriggerStatus {
    /// The status of a trigger of the program's own that keeps no counts; set the fields it does keep.
    pub fn new(id: impl Into<String>) -> TriggerStatus {
        TriggerStatus {
            id: id.into(),
            kind: TriggerKind::Custom,
            pattern: String::new(),
            queue_size: 0,
            queue_bytes: 0,
            waiting: 0,
            capacity: 0,
            accepted: 0,
            dropped: 0,
            filtered: 0,
            undecodable: 0,
            filter: None,
            last_fired: None,
        }
    }
}

fn optional_rfc3339<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    let text = time.map(rfc3339).transpose().map_err(serde::ser::Error::custom)?;
    text.serialize(serializer)
}
