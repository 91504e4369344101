//! Triggers and processes declared as data: in code, or in a file of any format that serde reads.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use trigger_grammar::{host, path};

use crate::error::ConfigError;
use crate::event::TriggerKind;
use crate::policy::{self, Overflow};
use crate::topic::{Topic, TopicPattern};

mod read;

/// One trigger as data.
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
/// | `type` | its keys | defaults |
/// |---|---|---|
/// | `event` | `event_type`, `event_source` | no source: from every source |
/// | `message` | `topic` | |
/// | `webhook` | `webhook_path`, `webhook_port`, `webhook_host`, `body_limit` | `/webhook`, 9090, `0.0.0.0`, `"1MiB"` |
/// | each | `id`, `queue`, `overflow` (a name, such as `"drop_oldest"`) | as [`id`](Self::id), [`queue`](Self::queue), [`overflow`](Self::overflow) say |
///
/// Reading refuses unknown keys, with the nearest known one, and every value that [`validate`](Self::validate)
/// refuses.
#[derive(Clone, Debug, PartialEq)]
pub struct TriggerConfig {
    pub(crate) source: SourceConfig,
    pub(crate) id: Option<String>,
    pub(crate) queue: Option<usize>,
    pub(crate) overflow: Option<Overflow>,
    /// A setting that does not belong to this type of trigger, kept for `validate` because setters cannot fail.
    misplaced: Option<ConfigError>,
}

/// What a trigger listens to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SourceConfig {
    Event { event_type: String, source: Option<String> },
    Message { topic: String },
    Webhook { path: String, port: u16, host: String, body_limit: usize },
}

impl TriggerConfig {
    /// Events of this type, from every source.
    pub fn event(event_type: impl Into<String>) -> TriggerConfig {
        TriggerConfig::new(SourceConfig::Event { event_type: event_type.into(), source: None })
    }

    /// Messages whose topic matches this pattern.
    pub fn message(topic: impl Into<String>) -> TriggerConfig {
        TriggerConfig::new(SourceConfig::Message { topic: topic.into() })
    }

    /// HTTP requests to this path and port; port 0 lets the system pick one.
    pub fn webhook(path: impl Into<String>, port: u16) -> TriggerConfig {
        TriggerConfig::new(SourceConfig::Webhook {
            path: path.into(),
            port,
            host: policy::WEBHOOK_HOST.to_owned(),
            body_limit: policy::WEBHOOK_BODY,
        })
    }

    fn new(source: SourceConfig) -> TriggerConfig {
        TriggerConfig { source, id: None, queue: None, overflow: None, misplaced: None }
    }

    /// Takes events of this source only. For event triggers.
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

    /// Names the trigger. The default is `event-TYPE`, `message-PATTERN` or `webhook-PORT/PATH`, with `-2`, `-3`
    /// where one process repeats it.
    pub fn id(mut self, id: impl Into<String>) -> TriggerConfig {
        self.id = Some(id.into());
        self
    }

    /// How many events may wait: at least 1. The default is 100, for a webhook 1000.
    pub fn queue(mut self, capacity: usize) -> TriggerConfig {
        self.queue = Some(capacity);
        self
    }

    /// What happens to an event that finds the queue full. The default is [`Overflow::DropNewest`], for a webhook a
    /// 503.
    pub fn overflow(mut self, overflow: Overflow) -> TriggerConfig {
        self.overflow = Some(overflow);
        self
    }

    fn misplace(&mut self, field: &str, value: impl fmt::Display, owner: &str) {
        let reason = format!("it belongs to `type = \"{owner}\"`, and this trigger is `{}`", self.kind());
        self.misplaced.get_or_insert(ConfigError::new(field, value, reason));
    }

    /// Checks every setting.
    ///
    /// # Errors
    ///
    /// The first [`ConfigError`]: an invalid type, pattern, path or host, a queue without room, a setting of another
    /// type of trigger, or an `overflow` that a webhook cannot have.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.faults().into_iter().next().map_or(Ok(()), Err)
    }

    /// Everything that is wrong.
    pub(crate) fn faults(&self) -> Vec<ConfigError> {
        let mut faults = Vec::from_iter(self.misplaced.clone());
        let mut check = |field: &str, value: &str, fault: Option<String>| {
            faults.extend(fault.map(|fault| ConfigError::new(field, value, fault)));
        };
        match &self.source {
            SourceConfig::Event { event_type, source } => {
                check("event_type", event_type, Topic::parse(event_type).err().map(|e| e.to_string()));
                let empty = source.as_ref().is_some_and(String::is_empty);
                let reason = "name the source, or leave the key out to take every source";
                check("event_source", "", empty.then(|| reason.to_owned()));
            }
            SourceConfig::Message { topic } => {
                check("topic", topic, TopicPattern::parse(topic).err().map(|e| e.to_string()));
            }
            SourceConfig::Webhook { path, host, body_limit, .. } => {
                check("webhook_path", path, path::check_path(path).err().map(|e| e.to_string()));
                check("webhook_host", host, host::check_host(host).err().map(|e| e.to_string()));
                let reason = "use at least 1 byte, such as `1MiB`";
                check("body_limit", "0", (*body_limit == 0).then(|| reason.to_owned()));
            }
        }
        let reason = "use 1 or more, the number of events that may wait";
        check("queue", "0", (self.queue == Some(0)).then(|| reason.to_owned()));
        let reason = "give the trigger a name, or leave the key out";
        check("id", "", self.id.as_deref().is_some_and(str::is_empty).then(|| reason.to_owned()));
        if let (TriggerKind::Webhook, Some(overflow)) = (self.kind(), self.overflow) {
            check("overflow", &overflow.to_string(), webhook_overflow(overflow).map(str::to_owned));
        }
        faults
    }

    pub(crate) fn kind(&self) -> TriggerKind {
        match self.source {
            SourceConfig::Event { .. } => TriggerKind::Event,
            SourceConfig::Message { .. } => TriggerKind::Message,
            SourceConfig::Webhook { .. } => TriggerKind::Webhook,
        }
    }

    /// What the trigger listens to, in one word: a type, a pattern or a path.
    pub(crate) fn pattern(&self) -> &str {
        match &self.source {
            SourceConfig::Event { event_type, .. } => event_type,
            SourceConfig::Message { topic } => topic,
            SourceConfig::Webhook { path, .. } => path,
        }
    }

    /// The id it was given, else the default one.
    pub(crate) fn trigger_id(&self) -> String {
        self.id.clone().unwrap_or_else(|| match &self.source {
            SourceConfig::Event { event_type, .. } => format!("event-{event_type}"),
            SourceConfig::Message { topic } => format!("message-{topic}"),
            SourceConfig::Webhook { path, port, .. } => format!("webhook-{port}{path}"),
        })
    }

    /// The queue it was given, else the default one.
    pub(crate) fn capacity(&self) -> usize {
        self.queue.unwrap_or(match self.kind() {
            TriggerKind::Event => policy::EVENT_QUEUE,
            TriggerKind::Message => policy::MESSAGE_QUEUE,
            TriggerKind::Webhook | TriggerKind::Custom => policy::WEBHOOK_QUEUE,
        })
    }

    /// The policy it was given, else the default one. The 503 of a webhook is a rejection.
    pub(crate) fn overflow_policy(&self) -> Overflow {
        self.overflow.unwrap_or(match self.kind() {
            TriggerKind::Webhook => Overflow::Reject,
            _ => Overflow::DropNewest,
        })
    }
}

/// Why a webhook cannot have this policy.
fn webhook_overflow(overflow: Overflow) -> Option<&'static str> {
    match overflow {
        Overflow::Reject => Some("a webhook answers 503 when its queue is full; leave `overflow` out"),
        Overflow::DropNewest => {
            Some("a 202 for an event that is dropped would be untrue; leave `overflow` out to answer 503")
        }
        Overflow::DropOldest | Overflow::Wait => None,
    }
}

/// A process as data: what triggers it, and how its handler runs. In a file its keys are `triggers`, a list of
/// [`TriggerConfig`], and `concurrency`; reading refuses others, and tells the first fault.
///
/// ```
/// # use trigger_core::{ProcessConfig, TriggerConfig};
/// let config = ProcessConfig {
///     triggers: vec![TriggerConfig::message("reports.*").queue(500)],
///     concurrency: 8,
///     ..ProcessConfig::default()
/// };
/// assert_eq!(ProcessConfig::default().concurrency, 1);
/// # drop(config);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessConfig {
    /// What starts the handler.
    pub triggers: Vec<TriggerConfig>,
    /// How many events are handled at once, over all triggers: at least 1. The default, 1, keeps the order of each
    /// trigger.
    pub concurrency: usize,
}

impl Default for ProcessConfig {
    fn default() -> ProcessConfig {
        ProcessConfig { triggers: Vec::new(), concurrency: 1 }
    }
}

impl ProcessConfig {
    /// Everything that is wrong with the process itself; its triggers are checked one by one.
    pub(crate) fn faults(&self) -> Vec<ConfigError> {
        let reason = "use 1 or more, the number of events handled at once";
        Vec::from_iter((self.concurrency == 0).then(|| ConfigError::new("concurrency", 0, reason)))
    }
}
