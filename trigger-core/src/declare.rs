//! How processes, triggers and kinds of sources are declared, in code or in a file of any serde format.
//!
//! All of it is plain values. The folder knows events, and not what runs. Every later layer reads it.

use std::sync::{Arc, OnceLock};

use serde_json::Value;
use trigger_grammar::{bounds, size};

use crate::declare::faults::faults_of;
use crate::declare::filter::Filter;
use crate::declare::policy::Overflow;
use crate::event::TriggerKind;
use crate::event::error::{ConfigError, ConfigErrorKind};

pub(crate) mod closure;
mod faults;
pub(crate) mod filter;
pub(crate) mod key;
mod keys;
mod kind;
mod made;
pub(crate) mod policy;
mod process;
mod settings;
mod table;
mod value;
mod webhook;
mod written;

#[cfg(feature = "main")]
pub(crate) use keys::meant;
pub(crate) use keys::{keys_of, shown, unknown_key};
pub(crate) use kind::ShownQueue;
pub use kind::{SourceKind, TRIGGER_CORE_KINDS_V1};
pub use made::{BoxSource, Claim};
pub(crate) use process::PROCESS_KEYS;
pub use process::ProcessConfig;
pub use settings::Settings;
use settings::{Given, Made};
pub(crate) use table::Unrepeated;
#[cfg(feature = "main")]
pub(crate) use value::timeout;
pub(crate) use value::{of_key, text};
pub use webhook::WEBHOOK;
pub(crate) use written::written;

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
/// `path`, `port`, `host` and `source` are other names of `webhook_path`, `webhook_port`, `webhook_host` and `event_source`.
/// Deserialization refuses an unknown key, and suggests the nearest known key. It also refuses every value that
/// [`validate`](Self::validate) refuses. `TriggerConfig::try_from` reads a [`Value`], and its error is a [`ConfigError`].
#[derive(Debug)]
pub struct TriggerConfig {
    kind: &'static SourceKind,
    origin: Origin,
    pub(crate) id: Option<String>,
    pub(crate) queue: Option<usize>,
    pub(crate) queue_bytes: Option<usize>,
    pub(crate) overflow: Option<Overflow>,
    pub(crate) filter: Option<Filter>,
    /// The settings that were refused when they were set, or why the source could not be made. `validate` reports them,
    /// because setters cannot fail.
    refused: Vec<ConfigError>,
}

/// Where the source of a trigger comes from.
#[derive(Debug)]
enum Origin {
    /// The kind makes it from the settings, on first use.
    Settings(Settings, OnceLock<Result<BoxSource, ConfigError>>),
    /// The program has made it.
    Made(BoxSource),
}

impl TriggerConfig {
    /// Returns a trigger of a kind that has settings. [`setting`](Self::setting) sets them.
    pub fn of(kind: &'static SourceKind) -> TriggerConfig {
        TriggerConfig::new(kind, Origin::Settings(Settings::new(kind.settings), OnceLock::new()))
    }

    /// Returns a trigger whose source the program has made.
    pub(crate) fn of_source(kind: &'static SourceKind, source: BoxSource) -> TriggerConfig {
        TriggerConfig::new(kind, Origin::Made(source))
    }

    /// Returns the same trigger, which cannot start because of this fault.
    pub(crate) fn with_fault(mut self, fault: ConfigError) -> TriggerConfig {
        self.refused.push(fault);
        self
    }

    fn new(kind: &'static SourceKind, origin: Origin) -> TriggerConfig {
        TriggerConfig {
            kind,
            origin,
            id: None,
            queue: None,
            queue_bytes: None,
            overflow: None,
            filter: None,
            refused: Vec::new(),
        }
    }

    /// Sets a setting of its kind to a value, which is the same as in a configuration. [`validate`](Self::validate) and the
    /// start report a key that the kind does not have, and a value that the key does not take.
    ///
    /// ```
    /// # use trigger_core::TriggerConfig;
    /// let config = TriggerConfig::event("pipeline.error").setting("event_source", "data-pipeline");
    /// assert_eq!(config, TriggerConfig::event("pipeline.error").source("data-pipeline"));
    /// let error = TriggerConfig::message("reports.*").setting("webhook_port", 80).validate().unwrap_err();
    /// assert!(error.to_string().contains("it belongs to `type = \"webhook\"`"));
    /// ```
    pub fn setting(mut self, key: &str, value: impl Into<Value>) -> TriggerConfig {
        if let Err(refused) = self.set_own(key, &value.into()) {
            self.refused.push(refused);
        }
        self
    }

    /// Sets a setting of its kind.
    fn set_own(&mut self, key: &str, value: &Value) -> Result<(), ConfigError> {
        match (&mut self.origin, self.kind.setting(key)) {
            (Origin::Settings(settings, made), Some(setting)) => {
                settings.set(setting.key(), value::read(setting, value)?);
                *made = OnceLock::new();
                Ok(())
            }
            (origin, _) => Err(keys::no_setting(self.kind, matches!(origin, Origin::Made(_)), key, value)),
        }
    }

    /// Sets a setting of its kind to a value that the program has made, such as a verifier of signatures. A configuration
    /// cannot have one. [`validate`](Self::validate) and the start report a key that takes no such value, and a value of
    /// another type.
    pub fn value<T: Send + Sync + 'static>(mut self, key: &str, value: T) -> TriggerConfig {
        let setting = self.kind.setting(key).filter(|setting| setting.code().is_some());
        match (&mut self.origin, setting) {
            (Origin::Settings(settings, made), Some(setting)) => {
                settings.set(setting.key(), Given::Code(Made::new(Arc::new(value), "")));
                *made = OnceLock::new();
            }
            (origin, _) => {
                let is_made = matches!(origin, Origin::Made(_));
                self.refused.push(keys::no_setting(self.kind, is_made, key, &Value::Null));
            }
        }
        self
    }

    /// Sets the value of a key of a configuration. A text is not checked yet: [`faults`](Self::faults) does it.
    pub(crate) fn set(&mut self, key: &str, value: &Value) -> Result<(), ConfigError> {
        match key {
            "id" => self.id = Some(value::of_key(key, value, value::text)?),
            "queue" => {
                self.queue = Some(value::of_key(key, value, |value| value::count(value, bounds::QUEUE))?);
            }
            "queue_bytes" => self.queue_bytes = Some(value::of_key(key, value, value::bytes)?),
            "overflow" => self.overflow = Some(value::of_key(key, value, value::overflow)?),
            _ => self.set_own(key, value)?,
        }
        Ok(())
    }

    /// Sets a value that the macros have checked, or that the configuration has.
    pub(crate) fn with_value(
        mut self,
        key: &'static str,
        value: trigger_grammar::setting::Value<'_>,
    ) -> TriggerConfig {
        let given = self.kind.setting(key).and_then(|setting| Given::of(setting, value));
        if let (Origin::Settings(settings, made), Some(given)) = (&mut self.origin, given) {
            settings.set(key, given);
            *made = OnceLock::new();
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
    /// [`body_limit`](Self::body_limit). The default is 64 MiB. With `usize::MAX` only [`queue`](Self::queue) limits the
    /// queue.
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
        let mut faults = self.refused.clone();
        if let Origin::Settings(settings, _) = &self.origin {
            faults.extend(settings.table().iter().flat_map(|setting| faults_of(setting, settings)));
        }
        let mut check = |kind: ConfigErrorKind, field: &str, value: &str, fault: Option<String>| {
            faults.extend(fault.map(|fault| ConfigError::new(kind, field, value, fault)));
        };
        let bytes = self.byte_capacity();
        if let Some((key, limit)) = self.largest_body().filter(|(_, limit)| (1..*limit).contains(&bytes)) {
            let reason = format!(
                "a body may have {limit} (`{key}`) and would never find room; raise `queue_bytes` to {limit} or lower \
                 `{key}` to {bytes}",
                limit = shown_bytes(limit),
                bytes = shown_bytes(bytes),
            );
            check(Conflict, "queue_bytes", &shown_bytes(bytes), Some(reason));
        }
        if let Some(capacity) = self.queue
            && !bounds::QUEUE.holds(capacity as u64)
        {
            let rule = bounds::QUEUE.rule().as_str().to_owned();
            check(OutOfRange, "queue", &capacity.to_string(), Some(rule));
        }
        let reason = "use at least 1 byte, such as `8MiB`";
        check(OutOfRange, "queue_bytes", "0", (self.queue_bytes == Some(0)).then(|| reason.to_owned()));
        let reason = "give the trigger a name, or leave the key out";
        check(Invalid, "id", "", (self.id.as_deref() == Some("")).then(|| reason.to_owned()));
        if let Some(overflow) = self.overflow {
            let refused = self.kind.refuses.iter().find(|(policy, _)| *policy == overflow.as_str());
            check(Conflict, "overflow", overflow.as_str(), refused.map(|(_, reason)| (*reason).to_owned()));
        }
        // A source is made from valid settings only.
        if faults.is_empty() {
            faults.extend(self.made().err());
        }
        faults
    }

    fn largest_body(&self) -> Option<(&'static str, usize)> {
        let (Origin::Settings(settings, _), Some(key)) = (&self.origin, self.kind.largest_body) else {
            return None;
        };
        Some((key, settings.size(key).ok()?))
    }

    /// Returns its source. The first call makes it.
    pub(crate) fn made(&self) -> Result<&BoxSource, ConfigError> {
        let (settings, made) = match &self.origin {
            Origin::Made(source) => return Ok(source),
            Origin::Settings(settings, made) => (settings, made),
        };
        let made = made.get_or_init(|| match self.kind.make {
            Some(make) => make(settings),
            None => {
                let reason = "the source of this kind is made by code only";
                Err(ConfigError::new(ConfigErrorKind::Invalid, "type", self.kind(), reason))
            }
        });
        made.as_ref().map_err(Clone::clone)
    }

    pub(crate) fn kind(&self) -> TriggerKind {
        self.kind.kind()
    }

    /// Returns the kind of its source.
    pub(crate) fn source_kind(&self) -> &'static SourceKind {
        self.kind
    }

    /// Returns the settings of its kind, or `None` for a source that the program has made.
    pub(crate) fn settings(&self) -> Option<&Settings> {
        match &self.origin {
            Origin::Settings(settings, _) => Some(settings),
            Origin::Made(_) => None,
        }
    }

    /// Returns what the source listens to: an event type, a pattern, a path.
    pub(crate) fn pattern(&self) -> &str {
        self.made().map_or("", |source| &source.pattern)
    }

    /// Returns the id, or its default.
    pub(crate) fn trigger_id(&self) -> &str {
        match &self.id {
            Some(id) => id,
            None => self.made().map_or(self.kind.kind().as_str(), |source| &source.id),
        }
    }

    /// Returns the capacity, or its default.
    pub(crate) fn capacity(&self) -> usize {
        self.queue.unwrap_or(self.kind.queue)
    }

    /// Returns the limit for the total size of the queued bodies, or its default.
    pub(crate) fn byte_capacity(&self) -> usize {
        self.queue_bytes.unwrap_or(policy::QUEUE_BYTES)
    }

    /// Returns the overflow policy, or its default. The 503 of a webhook is [`Overflow::Reject`].
    pub(crate) fn overflow_policy(&self) -> Overflow {
        self.overflow.unwrap_or(self.kind.overflow)
    }
}

/// A clone has a source of its own, unless the program has made the source.
impl Clone for TriggerConfig {
    fn clone(&self) -> TriggerConfig {
        let origin = match &self.origin {
            Origin::Settings(settings, _) => Origin::Settings(settings.clone(), OnceLock::new()),
            Origin::Made(source) => Origin::Made(source.clone()),
        };
        TriggerConfig {
            kind: self.kind,
            origin,
            id: self.id.clone(),
            queue: self.queue,
            queue_bytes: self.queue_bytes,
            overflow: self.overflow,
            filter: self.filter.clone(),
            refused: self.refused.clone(),
        }
    }
}

/// Compares the settings. A source that the program has made is equal only to itself.
impl PartialEq for TriggerConfig {
    fn eq(&self, other: &TriggerConfig) -> bool {
        let parts =
            |config: &TriggerConfig| (config.kind(), config.queue, config.queue_bytes, config.overflow);
        let is_same_source = match (&self.origin, &other.origin) {
            (Origin::Settings(one, _), Origin::Settings(other, _)) => one == other,
            (Origin::Made(one), Origin::Made(other)) => one == other,
            _ => false,
        };
        is_same_source
            && parts(self) == parts(other)
            && (&self.id, &self.filter, &self.refused) == (&other.id, &other.filter, &other.refused)
    }
}

fn shown_bytes(bytes: usize) -> String {
    size::show_size(bytes as u64)
}
