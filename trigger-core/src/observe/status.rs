//! The status of a runtime: plain data for people, logs and health checks.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

use crate::dedupe::DedupeCounts;
use crate::event::names::named;
use crate::event::{DeadLetterReason, TriggerKind, rfc3339};

/// The status of a runtime at one moment.
///
/// ```
/// # use trigger_core::{ProcessConfig, Runtime, Text, TriggerConfig};
/// # async fn example() -> trigger_core::Result {
/// let config = ProcessConfig::new().trigger(TriggerConfig::message("reports.*").queue(500)).concurrency(4);
/// let runtime = Runtime::builder().process("archive", config, |_: Text| async {}).start().await?;
/// let status = runtime.status();
/// assert_eq!((status.processes.len(), status.dead_letters.kept), (1, 0));
/// println!("{}", serde_json::to_string_pretty(&status)?);
/// # runtime.shutdown().await;
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RuntimeStatus {
    /// Every process, in the order of declaration: by file and line, then the closures of the builder.
    pub processes: Vec<ProcessStatus>,
    /// The kept dead letters of all processes, including removed ones.
    pub dead_letters: DeadLettersStatus,
    /// The ids of accepted events that the runtime remembers. `None`, and left out of the JSON, if no source needs them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dedupe: Option<DedupeCounts>,
}

/// The state of a runtime as a whole.
///
/// ```
/// # use trigger_core::RuntimeState;
/// assert_eq!(RuntimeState::Draining.to_string(), "draining");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RuntimeState {
    /// Its processes handle events.
    Running,
    /// It handles its accepted events, and ends.
    Draining,
    /// Its drain is over, or it was dropped, or the tokio runtime was dropped under it.
    Stopped,
}

named!(RuntimeState as "state" {
    Running = "running",
    Draining = "draining",
    Stopped = "stopped",
});

/// The state of one process. With the triggers of the framework its counts balance at every moment, summed over the
/// triggers: `accepted = queue_size + in_flight + handled + dead_lettered + evicted + released`.
///
/// ```
/// # use trigger_core::{ProcessConfig, Runtime, Text, TriggerConfig};
/// # async fn example() -> trigger_core::Result {
/// let config = ProcessConfig::new().trigger(TriggerConfig::message("reports.*").queue(500)).concurrency(4);
/// let runtime = Runtime::builder().process("archive", config, |_: Text| async {}).start().await?;
/// let archive = &runtime.status().processes[0];
/// assert_eq!((archive.state.as_str(), archive.handled, archive.waiting), ("running", 0, 0));
/// # runtime.shutdown().await;
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ProcessStatus {
    /// The name of the process.
    pub name: String,
    /// The handler, by its path.
    pub handler: String,
    /// The state of the process.
    pub state: ProcessState,
    /// The maximum number of events that it handles at once.
    pub concurrency: usize,
    /// The number of events that it is handling.
    pub in_flight: u64,
    /// The number of handled events.
    pub handled: u64,
    /// The number of failed attempts.
    pub failed: u64,
    /// The number of retries that have begun.
    pub retried: u64,
    /// The number of events that wait for a retry. The `queue_size` of their triggers includes them.
    pub waiting: usize,
    /// The number of accepted events that were dead-lettered. An event that found the queue full is not among them: it
    /// was not accepted, and counts in `dropped`.
    pub dead_lettered: u64,
    /// The number of its dead letters for each reason, since its start. They include those of overflow, which may not
    /// have been accepted, and those of the end of the process, which stay in `queue_size`.
    pub dead_letters: DeadLetterCounts,
    /// Its triggers, in the order of their declaration.
    pub triggers: Vec<TriggerStatus>,
}

/// The state of a process.
///
/// ```
/// # use trigger_core::{ProcessConfig, Runtime, Text, TriggerConfig};
/// # async fn example() -> trigger_core::Result {
/// let config = ProcessConfig::new().trigger(TriggerConfig::message("reports.*").queue(500)).concurrency(4);
/// let runtime = Runtime::builder().process("archive", config, |_: Text| async {}).start().await?;
/// runtime.pause("archive")?;
/// assert_eq!(runtime.status().processes[0].state.to_string(), "paused");
/// # runtime.shutdown().await;
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProcessState {
    /// It accepts and handles events.
    Running,
    /// It accepts events, and handles none until it is resumed.
    Paused,
    /// It handles its accepted events. HTTP requests and custom triggers add no new ones.
    Draining,
    /// It accepts no events.
    Stopped,
}

named!(ProcessState as "state" {
    Running = "running",
    Paused = "paused",
    Draining = "draining",
    Stopped = "stopped",
});

/// The state of one trigger.
///
/// ```
/// # use trigger_core::{ProcessConfig, Runtime, Text, TriggerConfig};
/// # async fn example() -> trigger_core::Result {
/// let config = ProcessConfig::new().trigger(TriggerConfig::message("reports.*").queue(500)).concurrency(4);
/// let runtime = Runtime::builder().process("archive", config, |_: Text| async {}).start().await?;
/// let trigger = &runtime.status().processes[0].triggers[0];
/// assert_eq!((trigger.queue_size, trigger.capacity, trigger.dropped), (0, 500, 0));
/// # runtime.shutdown().await;
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct TriggerStatus {
    /// The id of the trigger.
    pub id: String,
    /// The kind of the trigger.
    pub kind: TriggerKind,
    /// The event type, the topic pattern or the path that it listens to.
    pub pattern: String,
    /// The number of events that wait, for the handler or for a retry.
    pub queue_size: usize,
    /// The size of the bodies of these events, in bytes.
    pub queue_bytes: usize,
    /// The number of these events that wait for a retry.
    pub waiting: usize,
    /// The number of publishers that wait for capacity, because of [`Overflow::Wait`](crate::Overflow::Wait). Their events
    /// are not accepted yet, so no other number includes them.
    pub publishers_waiting: usize,
    /// The age of the oldest event that waits for the handler: the next one in the queue. `None` if no event waits for
    /// the handler, also if events wait for a retry.
    ///
    /// The age is the time since the [`timestamp`](crate::TriggerEvent::timestamp) of the event, by the clock of the
    /// runtime. So a retry that is due counts since its publication, with the earlier attempts and delays. A redriven
    /// event also counts since its publication, from when it is the next one in the queue.
    ///
    /// If the process has a key, it is the oldest among the next events of each key. With over 1000 keys at once, it is
    /// the event that a worker takes next, so that the status stays cheap; `drop_oldest` knows the oldest of all.
    ///
    /// It serializes as a number of seconds.
    #[serde(serialize_with = "optional_seconds")]
    pub oldest: Option<Duration>,
    /// The maximum number of events that wait.
    pub capacity: usize,
    /// The number of accepted events, since the trigger was made.
    pub accepted: u64,
    /// The number of dropped events: those that found the queue full or ended a loop, which are not in `accepted`, and the `evicted`
    /// ones.
    pub dropped: u64,
    /// The number of accepted events that [`Overflow::DropOldest`](crate::Overflow::DropOldest) evicted for newer ones.
    pub evicted: u64,
    /// The number of accepted events that the process gave back to what keeps them, because it ended: see
    /// [`Receipt`](crate::Receipt).
    pub released: u64,
    /// The number of events that matched and were rejected by a filter.
    pub filtered: u64,
    /// The number of these whose body the filter could not decode.
    pub undecodable: u64,
    /// The number of requests or entries that the source refused before it offered an event, by reason, such as
    /// `body_too_large`. A reason is a name in snake case. They are in no other number. A source fills it in
    /// [`TriggerSource::status`](crate::TriggerSource::status). The JSON leaves it out if it is empty.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<Cow<'static, str>, u64>,
    /// The filter: its closure as written in the attribute, or otherwise the type that it decodes.
    pub filter: Option<String>,
    /// The timestamp of the last accepted event.
    #[serde(serialize_with = "optional_rfc3339")]
    pub last_fired: Option<SystemTime>,
}

impl TriggerStatus {
    /// Returns the status of a custom trigger, with all counts 0. Set the fields that the trigger keeps.
    pub fn new(id: impl Into<String>) -> TriggerStatus {
        TriggerStatus {
            id: id.into(),
            kind: TriggerKind::Custom,
            pattern: String::new(),
            queue_size: 0,
            queue_bytes: 0,
            waiting: 0,
            publishers_waiting: 0,
            oldest: None,
            capacity: 0,
            accepted: 0,
            dropped: 0,
            evicted: 0,
            released: 0,
            filtered: 0,
            undecodable: 0,
            refused: BTreeMap::new(),
            filter: None,
            last_fired: None,
        }
    }
}

fn optional_seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
}

fn optional_rfc3339<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    let text = time.map(rfc3339).transpose().map_err(serde::ser::Error::custom)?;
    text.serialize(serializer)
}

/// The dead letters that a runtime keeps at one moment.
///
/// ```
/// # use trigger_core::{ProcessConfig, Runtime, Text, TriggerConfig};
/// # async fn example() -> trigger_core::Result {
/// let config = ProcessConfig::new().trigger(TriggerConfig::message("reports.*").queue(500)).concurrency(4);
/// let runtime = Runtime::builder().process("archive", config, |_: Text| async {}).start().await?;
/// let kept = runtime.status().dead_letters;
/// assert_eq!((kept.kept, kept.bytes), (0, 0));
/// # runtime.shutdown().await;
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeadLettersStatus {
    /// The number of kept dead letters: at most 1000.
    pub kept: usize,
    /// Their size in memory, in bytes: the bodies of their events, and their texts. At most 64 MiB.
    pub bytes: usize,
}

/// The number of dead letters of one process since its start, for each [`DeadLetterReason`]. Those that were redriven,
/// cleared or removed over the bounds still count. It serializes as an object with the names of the reasons.
///
/// ```
/// # use trigger_core::{ProcessConfig, Runtime, Text, TriggerConfig};
/// # async fn example() -> trigger_core::Result {
/// let config = ProcessConfig::new().trigger(TriggerConfig::message("reports.*").queue(500)).concurrency(4);
/// let runtime = Runtime::builder().process("archive", config, |_: Text| async {}).start().await?;
/// let counts = runtime.status().processes[0].dead_letters;
/// assert_eq!(counts.get(trigger_core::DeadLetterReason::Overflow), 0);
/// # runtime.shutdown().await;
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeadLetterCounts {
    overflow: u64,
    decode: u64,
    rejected: u64,
    failed: u64,
    retries_exhausted: u64,
    panicked: u64,
    timed_out: u64,
    drained: u64,
    #[serde(rename = "loop")]
    looped: u64,
}

impl DeadLetterCounts {
    /// Returns the number of dead letters with this reason.
    pub fn get(mut self, reason: DeadLetterReason) -> u64 {
        *self.of(reason)
    }

    /// Returns the number of dead letters with any reason.
    ///
    /// # Examples
    ///
    /// ```
    /// # use trigger_core::{ProcessConfig, Runtime, Text, TriggerConfig};
    /// # async fn example() -> trigger_core::Result {
    /// let config = ProcessConfig::new().trigger(TriggerConfig::event("mail"));
    /// let runtime = Runtime::builder()
    ///     .process("mail", config, |_: Text| async { Err::<(), _>("no network") })
    ///     .start()
    ///     .await?;
    /// runtime.bus().emit("mail", "hello").await?;
    /// runtime.shutdown().await;
    /// assert_eq!(runtime.status().processes[0].dead_letters.total(), 1);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn total(self) -> u64 {
        self.iter().map(|(_, count)| count).sum()
    }

    /// Returns every reason with the number of its dead letters, including 0, in the order of [`DeadLetterReason`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use trigger_core::{DeadLetterReason, ProcessConfig, Runtime, Text, TriggerConfig};
    /// # async fn example() -> trigger_core::Result {
    /// let config = ProcessConfig::new().trigger(TriggerConfig::event("mail"));
    /// let runtime = Runtime::builder()
    ///     .process("mail", config, |_: Text| async { Err::<(), _>("no network") })
    ///     .start()
    ///     .await?;
    /// runtime.bus().emit("mail", "hello").await?;
    /// runtime.shutdown().await;
    /// let counts = runtime.status().processes[0].dead_letters;
    /// let counted: Vec<_> = counts.iter().filter(|(_, count)| *count > 0).collect();
    /// assert_eq!(counted, [(DeadLetterReason::Failed, 1)]);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn iter(self) -> impl Iterator<Item = (DeadLetterReason, u64)> {
        let DeadLetterCounts {
            overflow,
            decode,
            rejected,
            failed,
            retries_exhausted,
            panicked,
            timed_out,
            drained,
            looped,
        } = self;
        [
            (DeadLetterReason::Overflow, overflow),
            (DeadLetterReason::Decode, decode),
            (DeadLetterReason::Rejected, rejected),
            (DeadLetterReason::Failed, failed),
            (DeadLetterReason::RetriesExhausted, retries_exhausted),
            (DeadLetterReason::Panicked, panicked),
            (DeadLetterReason::TimedOut, timed_out),
            (DeadLetterReason::Drained, drained),
            (DeadLetterReason::Loop, looped),
        ]
        .into_iter()
    }

    pub(crate) fn of(&mut self, reason: DeadLetterReason) -> &mut u64 {
        match reason {
            DeadLetterReason::Overflow => &mut self.overflow,
            DeadLetterReason::Decode => &mut self.decode,
            DeadLetterReason::Rejected => &mut self.rejected,
            DeadLetterReason::Failed => &mut self.failed,
            DeadLetterReason::RetriesExhausted => &mut self.retries_exhausted,
            DeadLetterReason::Panicked => &mut self.panicked,
            DeadLetterReason::TimedOut => &mut self.timed_out,
            DeadLetterReason::Drained => &mut self.drained,
            DeadLetterReason::Loop => &mut self.looped,
        }
    }
}
