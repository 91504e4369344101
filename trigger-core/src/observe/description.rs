//! The description of a program's wiring as plain data, for people, tools and code reviews.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::Value;
use trigger_grammar::setting::{self, Form, Setting};
use trigger_grammar::size;

use crate::declare::policy::{self, Backoff, Overflow};
use crate::declare::{Settings, ShownQueue, TriggerConfig, written};
use crate::event::TriggerKind;

mod overlaps;
mod text;

/// The whole wiring of a runtime. `Display` shows it for people. As JSON it has the keys and value forms of the
/// configuration, without the settings that are not set.
///
/// ```
/// # use trigger_core::{ProcessConfig, Runtime, Text, TriggerConfig};
/// # async fn example() -> trigger_core::Result {
/// let config = ProcessConfig::new().trigger(TriggerConfig::message("reports.*").queue(500)).concurrency(4);
/// let runtime = Runtime::builder().process("archive", config, |_: Text| async {}).start().await?;
/// let description = runtime.describe();
/// println!("{description}");
/// assert!(description.overlaps.is_empty());
/// # runtime.shutdown().await;
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
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
///
/// ```
/// # use trigger_core::{ProcessConfig, Runtime, Text, TriggerConfig};
/// # async fn example() -> trigger_core::Result {
/// let config = ProcessConfig::new().trigger(TriggerConfig::message("reports.*").queue(500)).concurrency(4);
/// let runtime = Runtime::builder().process("archive", config, |_: Text| async {}).start().await?;
/// let archive = &runtime.describe().processes[0];
/// assert_eq!((&*archive.name, archive.concurrency, archive.retry), ("archive", 4, 0));
/// # runtime.shutdown().await;
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
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
    /// Where the settings come from that an operator has changed, by their keys: `FILE:LINE`, or the name of a variable.
    /// The others are those of the program.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub origins: BTreeMap<String, String>,
}

/// An argument of a handler.
///
/// ```
/// # use trigger_core::{ProcessConfig, Runtime, Text, TriggerConfig};
/// # async fn example() -> trigger_core::Result {
/// let config = ProcessConfig::new().trigger(TriggerConfig::message("reports.*").queue(500)).concurrency(4);
/// let runtime = Runtime::builder().process("archive", config, |_: Text| async {}).start().await?;
/// let argument = &runtime.describe().processes[0].arguments[0];
/// assert_eq!((&*argument.name, &*argument.type_name), ("1", "Text"));
/// # runtime.shutdown().await;
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
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
///
/// ```
/// # use trigger_core::{ProcessConfig, Runtime, Text, TriggerConfig};
/// # async fn example() -> trigger_core::Result {
/// let config = ProcessConfig::new().trigger(TriggerConfig::message("reports.*").queue(500)).concurrency(4);
/// let runtime = Runtime::builder().process("archive", config, |_: Text| async {}).start().await?;
/// let trigger = &runtime.describe().processes[0].triggers[0];
/// assert_eq!((&*trigger.id, trigger.queue), ("message-reports.*", Some(500)));
/// # runtime.shutdown().await;
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
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
    /// The limit for the total size of the queued bodies in bytes; `None` for a custom trigger.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shown_size")]
    pub queue_bytes: Option<usize>,
    /// The policy for a full queue; `None` for a custom trigger, and for a webhook that answers 503.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overflow: Option<Overflow>,
    /// The filter: the source text of a closure in an attribute, otherwise the argument type of the closure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Where the settings come from that an operator has changed, as [`ProcessDescription::origins`].
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub origins: BTreeMap<String, String>,
}

impl TriggerDescription {
    /// Returns the description of a trigger with its final id.
    pub(crate) fn of(
        config: &TriggerConfig,
        id: String,
        origins: BTreeMap<String, String>,
    ) -> TriggerDescription {
        let shown = config.source_kind().shown_queue;
        TriggerDescription {
            source: SourceDescription::of(config),
            id,
            queue: (shown != ShownQueue::Hidden).then(|| config.capacity()),
            queue_bytes: (shown != ShownQueue::Hidden).then(|| config.byte_capacity()),
            overflow: match shown {
                ShownQueue::Policy => Some(config.overflow_policy()),
                ShownQueue::Text(_) | ShownQueue::Hidden => config.overflow,
            },
            filter: config.filter.as_ref().map(ToString::to_string),
            origins,
        }
    }
}

/// The kind of a trigger, and its source. In JSON the kind is `type`, and the settings have their keys, as in the
/// configuration.
///
/// ```
/// # use trigger_core::{ProcessConfig, Runtime, Text, TriggerConfig};
/// # async fn example() -> trigger_core::Result {
/// let config = ProcessConfig::new().trigger(TriggerConfig::message("reports.*").queue(500)).concurrency(4);
/// let runtime = Runtime::builder().process("archive", config, |_: Text| async {}).start().await?;
/// let source = &runtime.describe().processes[0].triggers[0].source;
/// assert_eq!((source.kind.as_str(), &*source.pattern), ("message", "reports.*"));
/// # runtime.shutdown().await;
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SourceDescription {
    /// The kind.
    #[serde(rename = "type")]
    pub kind: TriggerKind,
    /// What the source listens to: an event type, a topic pattern, a path, `*` for every process.
    #[serde(skip)]
    pub pattern: String,
    /// What the source listens to, for people.
    #[serde(skip)]
    text: String,
    #[serde(flatten)]
    settings: SettingDescriptions,
    /// The settings that are numbers, sizes or durations: the text does not have them.
    #[serde(skip)]
    limits: Vec<(&'static str, String)>,
    /// The description of a full queue, in place of the policy.
    #[serde(skip)]
    when_full: Option<&'static str>,
    /// The publications that it gets.
    #[serde(skip)]
    subscription: Option<Subscription>,
}

/// The publications that a trigger gets: those of a type or a pattern, from every source or from one.
#[derive(Clone, Debug, PartialEq)]
struct Subscription {
    has_wildcards: bool,
    source: Option<String>,
}

/// The settings of a trigger, in the order of its kind. A source that code has made has its pattern alone.
#[derive(Clone, Debug, PartialEq)]
struct SettingDescriptions(Vec<(&'static str, Value)>);

impl Serialize for SettingDescriptions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl SourceDescription {
    fn of(config: &TriggerConfig) -> SourceDescription {
        let kind = config.source_kind();
        let settings = match config.settings() {
            Some(settings) => settings.written(),
            None if config.pattern().is_empty() => Vec::new(),
            None => vec![("pattern", config.pattern().into())],
        };
        SourceDescription {
            kind: kind.kind(),
            pattern: config.pattern().to_owned(),
            text: config
                .made()
                .map_or_else(|_| config.pattern().to_owned(), |source| source.description.clone()),
            settings: SettingDescriptions(settings),
            limits: config.settings().map(limits).unwrap_or_default(),
            when_full: match kind.shown_queue {
                ShownQueue::Text(text) => Some(text),
                ShownQueue::Policy | ShownQueue::Hidden => None,
            },
            subscription: config.settings().and_then(subscription),
        }
    }

    /// Returns the value of a setting, such as `webhook_port`, in the form of a configuration. Returns `None` for a setting
    /// that the kind does not have, or that is not set.
    pub fn setting(&self, key: &str) -> Option<&Value> {
        self.settings.0.iter().find(|(own, _)| *own == key).map(|(_, value)| value)
    }
}

/// Returns the settings that the description of a source does not have, as text: numbers, lists, flags and choices.
fn limits(settings: &Settings) -> Vec<(&'static str, String)> {
    let is_plain = |form| {
        use Form::{Host, Name, Path, Pattern, Port, Process, Text, Topic};
        matches!(form, Text | Name | Host | Path | Port | Topic | Pattern | Process)
    };
    let others = settings.table().iter().filter(|setting| !is_plain(setting.form()));
    let shown = |setting: &Setting| {
        if let Some(text) = settings.code_text(setting) {
            return Some(if text.is_empty() { "a value of the program".to_owned() } else { text.to_owned() });
        }
        if let Some((name, own)) = settings.chosen(setting) {
            let keys = own.written().into_iter().map(|(key, value)| format!("{key} = {}", plain(&value)));
            let keys: Vec<String> = keys.collect();
            return Some(if keys.is_empty() {
                name.to_owned()
            } else {
                format!("{name}({})", keys.join(", "))
            });
        }
        if let Some(values) = settings.listed(setting) {
            let values: Vec<String> = values.map(|value| plain(&written(setting, value))).collect();
            return Some(values.join(" "));
        }
        Some(plain(&written(setting, settings.value(setting)?)))
    };
    others.filter_map(|setting| Some((setting.key(), shown(setting)?))).collect()
}

/// Returns a value as text, without the quotes of a string.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Returns the publications of a kind whose first setting is a topic or a pattern. A second name restricts their source.
fn subscription(settings: &Settings) -> Option<Subscription> {
    let [first, others @ ..] = settings.table() else { return None };
    let has_wildcards = match first.form() {
        Form::Topic => false,
        Form::Pattern => true,
        _ => return None,
    };
    let source = others.iter().find(|setting| setting.form() == Form::Name);
    let source = source.and_then(|setting| match settings.value(setting)? {
        setting::Value::Text(text) => Some(text.to_owned()),
        _ => None,
    });
    Some(Subscription { has_wildcards, source })
}

/// Several processes that one publication may reach, because their triggers have the same or overlapping patterns. Their
/// filters may still refuse it.
///
/// ```
/// # use trigger_core::{ProcessConfig, Runtime, Text, TriggerConfig};
/// # async fn example() -> trigger_core::Result {
/// let on = |pattern| ProcessConfig::new().trigger(TriggerConfig::message(pattern));
/// let builder = Runtime::builder()
///     .process("all", on("reports.>"), |_: Text| async {})
///     .process("daily", on("reports.daily"), |_: Text| async {});
/// let overlaps = builder.describe().overlaps;
/// assert_eq!(overlaps[0].processes, ["all", "daily"]);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
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
