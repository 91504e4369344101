//! Triggers and processes as data, in code or in a file of any serde format.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use trigger_grammar::{bounds, host, path, size};

use crate::error::{ConfigError, ConfigErrorKind};
use crate::event::{DEAD_LETTER_KIND, EVENT, MESSAGE, SourceKind, TriggerKind, WEBHOOK};
use crate::filter::Filter;
use crate::policy::{self, Overflow};
use crate::topic::{Topic, TopicPattern};

mod custom;
mod process;
mod read;
mod setting;
mod table;

pub use custom::Claim;
pub(crate) use custom::CustomSource;
pub use process::ProcessConfig;
pub(crate) use setting::FromSettings;
pub use setting::{Setting, Settings};

/// A trigger as data.
///
/// ```
/// # use trigger_core::TriggerConfig;
/// let config = TriggerConfig::event("pipeline.error").source("data-pipeline");
/// let same: TriggerConfig = serde_json::from_str(
///     r#"{"type": "event", "event_type": "pipeline.error", "event_source": "data-pipeline"}"#,
/// )?;
/// assert_eq!(config, same);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// | `type` | keys | defaults |
/// |---|---|---|
/// | `event` | `event_type`, `event_source` | no source: events of every source |
/// | `message` | `topic` | |
/// | `webhook` | `webhook_path`, `webhook_port`, `webhook_host`, `body_limit` | `/webhook`, 9090, `0.0.0.0`, `"1MiB"` |
/// | `dead_letter` | `process` | no process: dead letters of every process |
/// | all | `id`, `queue`, `queue_bytes` (such as `"8MiB"`), `overflow` (a name, such as `"drop_oldest"`) | see [`id`](Self::id), [`queue`](Self::queue), [`queue_bytes`](Self::queue_bytes), [`overflow`](Self::overflow) |
///
/// Deserialization refuses an unknown key, and suggests the nearest known key. It also refuses every value that
/// [`validate`](Self::validate) refuses. `TriggerConfig::try_from` reads a [`Value`], and its error is a [`ConfigError`].
#[derive(Clone, Debug, PartialEq)]
pub struct TriggerConfig {
    pub(crate) source: SourceConfig,
    pub(crate) id: Option<String>,
    pub(crate) queue: Option<usize>,
    pub(crate) queue_bytes: Option<usize>,
    pub(crate) overflow: Option<Overflow>,
    pub(crate) filter: Option<Filter>,
    /// The first setting that belongs to another type of trigger, or why its source could not be made. `validate` reports
    /// it, because setters cannot fail.
    fault: Option<ConfigError>,
}

/// The source of a trigger, with its settings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SourceConfig {
    Event { event_type: String, source: Option<String> },
    Message { topic: String },
    Webhook { path: String, port: u16, host: String, body_limit: usize },
    DeadLetter { process: Option<String> },
    Custom(CustomSource),
}

impl TriggerConfig {
    /// Returns a trigger for events of this type, from every source.
    pub fn event(event_type: impl Into<String>) -> TriggerConfig {
        TriggerConfig::new(SourceConfig::Event { event_type: event_type.into(), source: None })
    }

    /// Returns a trigger for messages whose topic matches this pattern.
    pub fn message(topic: impl Into<String>) -> TriggerConfig {
        TriggerConfig::new(SourceConfig::Message { topic: topic.into() })
    }

    /// Returns a trigger for HTTP requests to this path and port. With port 0 the system picks a free port.
    pub fn webhook(path: impl Into<String>, port: u16) -> TriggerConfig {
        TriggerConfig::new(SourceConfig::Webhook {
            path: path.into(),
            port,
            host: policy::WEBHOOK_HOST.to_owned(),
            body_limit: policy::WEBHOOK_BODY,
        })
    }

    /// Returns a trigger for dead letters, by default of every process.
    pub fn dead_letter() -> TriggerConfig {
        TriggerConfig::new(SourceConfig::DeadLetter { process: None })
    }

    /// Events of this source of another kind.
    pub(crate) fn of_source(source: CustomSource) -> TriggerConfig {
        TriggerConfig::new(SourceConfig::Custom(source))
    }

    /// The same trigger, which cannot start because of this fault.
    pub(crate) fn with_fault(mut self, fault: ConfigError) -> TriggerConfig {
        self.fault.get_or_insert(fault);
        self
    }

    fn new(source: SourceConfig) -> TriggerConfig {
        TriggerConfig {
            source,
            id: None,
            queue: None,
            queue_bytes: None,
            overflow: None,
            filter: None,
            fault: None,
        }
    }

    /// Takes only events of this source. For event triggers.
    pub fn source(mut self, source: impl Into<String>) -> TriggerConfig {
        let value = source.into();
        match &mut self.source {
            SourceConfig::Event { source, .. } => *source = Some(value),
            _ => self.misplace("event_source", value, "event"),
        }
        self
    }

    /// Listens on this host: an IP address or a name. For webhook triggers; the default is `0.0.0.0`.
    pub fn host(mut self, host: impl Into<String>) -> TriggerConfig {
        let value = host.into();
        match &mut self.source {
            SourceConfig::Webhook { host, .. } => *host = value,
            _ => self.misplace("webhook_host", value, "webhook"),
        }
        self
    }

    /// Refuses a body over this many bytes with 413. For webhook triggers; the default is 1 MiB.
    pub fn body_limit(mut self, bytes: usize) -> TriggerConfig {
        match &mut self.source {
            SourceConfig::Webhook { body_limit, .. } => *body_limit = bytes,
            _ => self.misplace("body_limit", bytes, "webhook"),
        }
        self
    }

    /// Takes only the dead letters of this process. For dead-letter triggers. The process must exist, and must be another
    /// process than that of the trigger.
    pub fn process(mut self, process: impl Into<String>) -> TriggerConfig {
        let value = process.into();
        match &mut self.source {
            SourceConfig::DeadLetter { process } => *process = Some(value),
            _ => self.misplace("process", value, "dead_letter"),
        }
        self
    }

    /// Sets the id of the trigger. The default is `event-TYPE`, `message-PATTERN`, `webhook-PORT/PATH` or
    /// `dead-letter-PROCESS`, with `-2`, `-3` if a process repeats it.
    pub fn id(mut self, id: impl Into<String>) -> TriggerConfig {
        self.id = Some(id.into());
        self
    }

    /// Sets the capacity of the queue in events: 1 to 10,000,000. The default is 100, for a webhook 1000.
    pub fn queue(mut self, capacity: usize) -> TriggerConfig {
        self.queue = Some(capacity);
        self
    }

    /// Limits the total size of the queued bodies in bytes: at least 1, for a webhook at least its
    /// [`body_limit`](Self::body_limit). By default only [`queue`](Self::queue) limits the queue.
    pub fn queue_bytes(mut self, bytes: usize) -> TriggerConfig {
        self.queue_bytes = Some(bytes);
        self
    }

    /// Sets the policy for a full queue. The default is [`Overflow::DropNewest`], for a webhook a 503.
    pub fn overflow(mut self, overflow: Overflow) -> TriggerConfig {
        self.overflow = Some(overflow);
        self
    }

    /// Takes only the events that the filter accepts. A filter is code, so a file cannot contain it. By default the
    /// trigger takes every event.
    pub fn filter(mut self, filter: Filter) -> TriggerConfig {
        self.filter = Some(filter);
        self
    }

    fn misplace(&mut self, field: &str, value: impl fmt::Display, owner: &str) {
        let reason = format!("it belongs to `type = \"{owner}\"`, and this trigger is `{}`", self.kind());
        self.fault.get_or_insert(ConfigError::new(ConfigErrorKind::Misplaced, field, value, reason));
    }

    /// Checks every setting.
    ///
    /// # Errors
    ///
    /// Returns the first [`ConfigError`]. A type, pattern, path or host may be invalid, or a bound out of range. A setting
    /// or an `overflow` may belong to another type of trigger.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.faults().into_iter().next().map_or(Ok(()), Err)
    }

    /// Returns every invalid setting.
    pub(crate) fn faults(&self) -> Vec<ConfigError> {
        use ConfigErrorKind::{Conflict, Invalid, OutOfRange};
        let mut faults = Vec::from_iter(self.fault.clone());
        let mut check = |kind: ConfigErrorKind, field: &str, value: &str, fault: Option<String>| {
            faults.extend(fault.map(|fault| ConfigError::new(kind, field, value, fault)));
        };
        match &self.source {
            SourceConfig::Event { event_type, source } => {
                let fault = Topic::parse(event_type).err().map(|fault| fault.to_string());
                check(Invalid, "event_type", event_type, fault);
                let reason = "name the source, or leave the key out to take every source";
                check(Invalid, "event_source", "", if_empty(source.as_ref(), reason));
            }
            SourceConfig::Message { topic } => {
                let fault = TopicPattern::parse(topic).err().map(|fault| fault.to_string());
                check(Invalid, "topic", topic, fault);
            }
            SourceConfig::Webhook { path, host, body_limit, .. } => {
                let fault = path::check_path(path).err().map(|fault| fault.to_string());
                check(Invalid, "webhook_path", path, fault);
                let fault = host::check_host(host).err().map(|fault| fault.to_string());
                check(Invalid, "webhook_host", host, fault);
                let reason = "use at least 1 byte, such as `1MiB`";
                check(OutOfRange, "body_limit", "0", (*body_limit == 0).then(|| reason.to_owned()));
                if let Some(bytes @ 1..) = self.queue_bytes
                    && bytes < *body_limit
                {
                    let reason = queue_below_body_limit(*body_limit);
                    check(Conflict, "queue_bytes", &shown_bytes(bytes), Some(reason));
                }
            }
            SourceConfig::DeadLetter { process } => {
                let reason = "name a process, or leave the key out to get the dead letters of every process";
                check(Invalid, "process", "", if_empty(process.as_ref(), reason));
            }
            SourceConfig::Custom(_) => {}
        }
        if let Some(capacity) = self.queue
            && !bounds::QUEUE.holds(capacity as u64)
        {
            let rule = bounds::QUEUE.rule().as_str().to_owned();
            check(OutOfRange, "queue", &capacity.to_string(), Some(rule));
        }
        let reason = "use at least 1 byte, such as `8MiB`";
        check(OutOfRange, "queue_bytes", "0", (self.queue_bytes == Some(0)).then(|| reason.to_owned()));
        check(Invalid, "id", "", if_empty(self.id.as_ref(), "give the trigger a name, or leave the key out"));
        if let Some(overflow) = self.overflow {
            let reason = match self.kind() {
                TriggerKind::Webhook => webhook_overflow(overflow),
                TriggerKind::DeadLetter => dead_letter_overflow(overflow),
                _ => None,
            };
            check(Conflict, "overflow", overflow.as_str(), reason.map(str::to_owned));
        }
        faults
    }

    pub(crate) fn kind(&self) -> TriggerKind {
        self.source_kind().kind()
    }

    /// The kind of its source.
    pub(crate) fn source_kind(&self) -> &'static SourceKind {
        match &self.source {
            SourceConfig::Event { .. } => &EVENT,
            SourceConfig::Message { .. } => &MESSAGE,
            SourceConfig::Webhook { .. } => &WEBHOOK,
            SourceConfig::DeadLetter { .. } => &DEAD_LETTER_KIND,
            SourceConfig::Custom(source) => source.kind(),
        }
    }

    /// Returns the event type, the pattern, the path or the process of the trigger; `*` for every process.
    pub(crate) fn pattern(&self) -> &str {
        match &self.source {
            SourceConfig::Event { event_type, .. } => event_type,
            SourceConfig::Message { topic } => topic,
            SourceConfig::Webhook { path, .. } => path,
            SourceConfig::DeadLetter { process } => process.as_deref().unwrap_or("*"),
            SourceConfig::Custom(source) => source.pattern(),
        }
    }

    /// Returns the id, or its default.
    pub(crate) fn trigger_id(&self) -> String {
        self.id.clone().unwrap_or_else(|| match &self.source {
            SourceConfig::Event { event_type, .. } => format!("event-{event_type}"),
            SourceConfig::Message { topic } => format!("message-{topic}"),
            SourceConfig::Webhook { path, port, .. } => format!("webhook-{port}{path}"),
            SourceConfig::DeadLetter { .. } => format!("dead-letter-{}", self.pattern()),
            SourceConfig::Custom(source) => source.trigger_id().to_owned(),
        })
    }

    /// Returns the capacity, or its default.
    pub(crate) fn capacity(&self) -> usize {
        self.queue.unwrap_or(self.source_kind().queue)
    }

    /// Returns the overflow policy, or its default. The 503 of a webhook is [`Overflow::Reject`].
    pub(crate) fn overflow_policy(&self) -> Overflow {
        self.overflow.unwrap_or(self.source_kind().overflow)
    }
}

/// Returns the reason if the name is set and empty.
fn if_empty(name: Option<&String>, reason: &str) -> Option<String> {
    name.is_some_and(String::is_empty).then(|| reason.to_owned())
}

/// Returns the reason why a webhook does not allow this policy; `None` if it does.
fn webhook_overflow(overflow: Overflow) -> Option<&'static str> {
    match overflow {
        Overflow::Reject => Some("a webhook answers 503 when its queue is full; leave `overflow` out"),
        Overflow::DropNewest => {
            Some("a 202 for an event that is dropped would be untrue; leave `overflow` out to answer 503")
        }
        Overflow::DropOldest | Overflow::Wait => None,
    }
}

/// Returns the reason why a dead-letter trigger does not allow this policy; `None` if it does.
fn dead_letter_overflow(overflow: Overflow) -> Option<&'static str> {
    match overflow {
        Overflow::Wait => {
            Some("a dead letter has no publisher that could wait; use drop_newest or drop_oldest")
        }
        Overflow::Reject => {
            Some("a dead letter has no publisher that could be told; use drop_newest or drop_oldest")
        }
        Overflow::DropNewest | Overflow::DropOldest => None,
    }
}

/// Returns the reason why `queue_bytes` conflicts with a larger `body_limit`.
fn queue_below_body_limit(body_limit: usize) -> String {
    let limit = shown_bytes(body_limit);
    format!(
        "a body may have {limit} (`body_limit`) and would never find room; raise `queue_bytes` or lower `body_limit`"
    )
}

fn shown_bytes(bytes: usize) -> String {
    size::show_size(bytes as u64)
}
