//! What a sink is made of: the settings of its queue, and what the runtime provides.

use std::sync::Arc;

use crate::clock::SharedClock;
use crate::declare::TriggerConfig;
use crate::declare::policy::Overflow;
use crate::event::TriggerInfo;
use crate::event::topic::TopicPattern;
use crate::process::dead_letter::CountedDeadLetters;
use crate::process::deadlock::WaitGraph;
use crate::queue::{Bounds, Queue, QueueSettings};
use crate::source::durable::Durable;

/// What a sink works with: a trigger that is used by itself has its own, in a runtime it has that of its process.
#[derive(Clone, Debug)]
pub(crate) struct SinkDeps {
    /// Where its events go.
    pub(crate) queue: Queue,
    /// Keeps the events that had no room.
    pub(crate) dead_letters: Option<DeadLetterSink>,
    /// The store that keeps its events before they are queued.
    pub(crate) durable: Option<Durable>,
    /// Knows which handlers wait for room.
    pub(crate) wait_graph: Arc<WaitGraph>,
    /// The time of the events whose source does not know it.
    pub(crate) clock: SharedClock,
}

/// Where a runtime keeps the events of a process that had no room.
#[derive(Clone, Debug)]
pub(crate) struct DeadLetterSink {
    pub(crate) process: String,
    pub(crate) dead_letters: CountedDeadLetters,
}

/// Returns the settings of a trigger's queue. `id` is the final id of the trigger.
pub(crate) fn queue(config: &TriggerConfig, id: String) -> QueueSettings {
    let pattern = TopicPattern::parse(config.pattern()).ok();
    let captures = pattern.iter().flat_map(TopicPattern::capture_places);
    let captures = captures.map(|(name, place)| (name.to_owned(), place)).collect();
    let info = TriggerInfo { id, kind: config.kind(), captures, relays: config.source_kind().relays };
    QueueSettings {
        bounds: Bounds { events: config.capacity(), bytes: Some(config.byte_capacity()) },
        evicts: config.overflow_policy() == Overflow::DropOldest,
        trigger: Arc::new(info),
    }
}
