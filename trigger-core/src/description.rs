//! The description of a program's wiring as plain data, for people, tools and code reviews.

use std::time::Duration;

use serde::{Serialize, Serializer};
use trigger_grammar::size;

use crate::config::{SourceConfig, TriggerConfig};
use crate::event::TriggerKind;
use crate::policy::{self, Backoff, Overflow};

mod overlaps;
mod text;

/// The whole wiring of a runtime. `Display` shows it for people. As JSON it has the keys and value forms of the
/// configuration, without the settings that are not set.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Description {
    /// Every process. Those of attributes come first, by file and line, then those of the builder in order.
    pub processes: Vec<ProcessDescription>,
    /// The publications that reach more than one process. An overlap is not an error.
    pub overlaps: Vec<Overlap>,
}

impl Description {
    pub(crate) fn of(processes: Vec<ProcessDescription>) -> Description {
        let overlaps = overlaps::among(&processes);
        Description { processes, overlaps }
    }
}

/// A process: a handler with its triggers and its policy.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ProcessDescription {
    /// The name of the process.
    pub name: String,
    /// The path of the handler; for a closure the name of its process.
    pub handler: String,
    /// The location of the declaration, as `file:line`.
    pub location: String,
    /// The triggers, in the order of their declaration. Custom triggers come last.
    pub triggers: Vec<TriggerDescription>,
    /// The arguments of the handler, in order.
    pub arguments: Vec<ArgumentDescription>,
    /// The maximum number of events that are handled at once.
    pub concurrency: usize,
    /// The time limit of one attempt; `None` for no limit.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shown_duration")]
    pub timeout: Option<Duration>,
    /// The maximum number of retries after the first attempt.
    pub retry: u32,
    /// The delay before a retry; `None` without retries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff: Option<Backoff>,
    /// The key. It is the source text of a closure in an attribute, or the argument type of another closure. Or it is a
    /// pointer, which begins with `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// An argument of a handler.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ArgumentDescription {
    /// The name. An argument without a name, as in a closure, has its position, counted from 1.
    pub name: String,
    /// The type without paths, such as `Json<Order>`.
    #[serde(rename = "type")]
    pub type_name: String,
}

/// A trigger of a process.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TriggerDescription {
    /// The kind of the trigger, and its source.
    #[serde(flatten)]
    pub source: SourceDescription,
    /// The id of the trigger.
    pub id: String,
    /// The capacity of the queue in events; `None` for a custom trigger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<usize>,
    /// The limit for the total size of the queued bodies in bytes; `None` if only `queue` limits them.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shown_size")]
    pub queue_bytes: Option<usize>,
    /// The policy for a full queue; `None` for a custom trigger, and for a webhook that answers 503.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overflow: Option<Overflow>,
    /// The filter: the source text of a closure in an attribute, otherwise the argument type of the closure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

impl TriggerDescription {
    /// Returns the description of a trigger whose id is final.
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

/// The kind of a trigger, and its source. In JSON the kind is `type`, as in the configuration.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SourceDescription {
    /// Events of a type.
    #[non_exhaustive]
    Event {
        /// The type.
        event_type: String,
        /// The only source of the events; `None` for every source.
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
        /// The configured port. With 0 the system picks a free port.
        webhook_port: u16,
        /// The host.
        webhook_host: String,
        /// The size limit of a body in bytes.
        #[serde(serialize_with = "shown_bytes")]
        body_limit: usize,
    },
    /// Dead letters.
    #[non_exhaustive]
    DeadLetter {
        /// The only process of the dead letters; `None` for every process.
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

/// Several processes that one publication may reach, because their triggers have the same or overlapping patterns. Their
/// filters may still refuse it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Overlap {
    /// Events or messages.
    #[serde(rename = "type")]
    pub kind: TriggerKind,
    /// The event type or pattern that all the processes have, or two different patterns that overlap.
    pub patterns: Vec<String>,
    /// The source of the events, if some of the processes take only this source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_source: Option<String>,
    /// The names of the processes, in the order of [`Description::processes`]; at least two.
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
