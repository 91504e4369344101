//! What a program is made of: plain data, for people, tools and the reviews of a change.

use std::time::Duration;

use serde::{Serialize, Serializer};
use trigger_grammar::size;

use crate::config::{SourceConfig, TriggerConfig};
use crate::event::TriggerKind;
use crate::policy::{self, Backoff, Overflow};

mod overlaps;
mod text;

/// The whole wiring of a runtime. As text it is for people; as JSON it has the names and the forms of the configuration,
/// and what is not set is left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Description {
    /// Every process, in the order of its declaration: by file and line, then those of the builder.
    pub processes: Vec<ProcessDescription>,
    /// What reaches more than one process. That is no mistake.
    pub overlaps: Vec<Overlap>,
}

impl Description {
    pub(crate) fn of(processes: Vec<ProcessDescription>) -> Description {
        let overlaps = overlaps::among(&processes);
        Description { processes, overlaps }
    }
}

/// One process: a handler with its triggers, and how it runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ProcessDescription {
    /// The name of the process.
    pub name: String,
    /// The handler, by its path; for a closure the name of its process.
    pub handler: String,
    /// Where it was declared, as `file:line`.
    pub location: String,
    /// Its triggers, in the order of their declaration; those of the program's own come last.
    pub triggers: Vec<TriggerDescription>,
    /// What the handler takes, in order.
    pub arguments: Vec<ArgumentDescription>,
    /// How many events it handles at once, at most.
    pub concurrency: usize,
    /// How long one attempt may take; no limit where there is none.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shown_duration")]
    pub timeout: Option<Duration>,
    /// How often an event is tried again after a failed attempt.
    pub retry: u32,
    /// How long it waits before that; nothing where it is never tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff: Option<Backoff>,
    /// What the events have in common that are handled in order: a closure as it is written in the attribute, else by the
    /// type that it reads; or a pointer, which begins with `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// One argument of a handler.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ArgumentDescription {
    /// Its name. One that has none, as those of a closure, is called by its position, counted from 1.
    pub name: String,
    /// Its type without paths, such as `Json<Order>`.
    #[serde(rename = "type")]
    pub type_name: String,
}

/// One trigger of a process.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TriggerDescription {
    /// Its kind, and what it listens to.
    #[serde(flatten)]
    pub source: SourceDescription,
    /// The id of the trigger.
    pub id: String,
    /// How many events may wait. Nothing is known of a trigger of the program's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<usize>,
    /// How many bytes their bodies may have together; no limit but `queue` where there is none.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shown_size")]
    pub queue_bytes: Option<usize>,
    /// What happens to an event that finds the queue full. A webhook without one answers 503.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overflow: Option<Overflow>,
    /// Which events it takes, as a closure: as it is written in the attribute, else by the type that it reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

impl TriggerDescription {
    /// A trigger whose id is final.
    pub(crate) fn of(config: TriggerConfig) -> TriggerDescription {
        // The 503 of a webhook is not called a policy, and of a custom trigger nothing is known.
        let has_default = ![TriggerKind::Webhook, TriggerKind::Custom].contains(&config.kind());
        TriggerDescription {
            id: config.trigger_id(),
            queue: (config.kind() != TriggerKind::Custom).then(|| config.capacity()),
            queue_bytes: config.queue_bytes,
            overflow: if has_default { Some(config.overflow_policy()) } else { config.overflow },
            filter: config.filter.as_ref().map(ToString::to_string),
            source: SourceDescription::of(config.source),
        }
    }
}

/// The kind of a trigger, and what it listens to. In JSON the kind is `type`, as in the configuration.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SourceDescription {
    /// Events of a type.
    #[non_exhaustive]
    Event {
        /// The type.
        event_type: String,
        /// Only those of this source.
        #[serde(skip_serializing_if = "Option::is_none")]
        event_source: Option<String>,
    },
    /// Messages whose topic matches a pattern.
    #[non_exhaustive]
    Message {
        /// The pattern.
        topic: String,
    },
    /// HTTP requests.
    #[non_exhaustive]
    Webhook {
        /// The path.
        webhook_path: String,
        /// The port that was asked for; 0 lets the system pick one.
        webhook_port: u16,
        /// The host.
        webhook_host: String,
        /// The largest body, in bytes.
        #[serde(serialize_with = "shown_bytes")]
        body_limit: usize,
    },
    /// Events that were given up on.
    #[non_exhaustive]
    DeadLetter {
        /// Only those of this process.
        #[serde(skip_serializing_if = "Option::is_none")]
        process: Option<String>,
    },
    /// A source of another kind, or a custom [`Trigger`](crate::Trigger), whose kind is `custom` and which has no pattern.
    #[non_exhaustive]
    #[serde(untagged)]
    Custom {
        /// The kind.
        #[serde(rename = "type")]
        kind: TriggerKind,
        /// What it listens to.
        #[serde(skip_serializing_if = "String::is_empty")]
        pattern: String,
    },
}

impl SourceDescription {
    fn of(config: SourceConfig) -> SourceDescription {
        match config {
            SourceConfig::Event { event_type, source } => {
                SourceDescription::Event { event_type, event_source: source }
            }
            SourceConfig::Message { topic } => SourceDescription::Message { topic },
            SourceConfig::Webhook { path, port, host, body_limit } => SourceDescription::Webhook {
                webhook_path: path,
                webhook_port: port,
                webhook_host: host,
                body_limit,
            },
            SourceConfig::DeadLetter { process } => SourceDescription::DeadLetter { process },
            SourceConfig::Custom(source) => {
                SourceDescription::Custom { kind: source.kind().kind(), pattern: source.pattern().to_owned() }
            }
        }
    }
}

/// What one publication may reach: several processes that listen to the same, or to patterns that have a topic in common.
/// Filters may still keep it from some of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Overlap {
    /// Whether it is about events or messages.
    #[serde(rename = "type")]
    pub kind: TriggerKind,
    /// The event type or the pattern that they all have; or two different patterns that overlap.
    pub patterns: Vec<String>,
    /// Events of this source, where some of the processes take no others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_source: Option<String>,
    /// The processes, in their order; at least two.
    pub processes: Vec<String>,
}

fn shown_duration<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(policy::shown).serialize(serializer)
}

fn shown_size<S: Serializer>(bytes: &Option<usize>, serializer: S) -> Result<S::Ok, S::Error> {
    bytes.map(|bytes| size::show_size(bytes as u64)).serialize(serializer)
}

fn shown_bytes<S: Serializer>(bytes: &usize, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&size::show_size(*bytes as u64))
}
