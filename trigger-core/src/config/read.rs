//! Reads configuration. Only the documented keys are allowed.

use std::str::FromStr;
use std::time::Duration;

use trigger_grammar::bounds::{self, Bound};
use trigger_grammar::{duration, hint, size};

use super::setting::{self, Form, SettingValue};
use super::table::Unrepeated;
use super::*;
use crate::error::ConfigErrorKind::{Invalid, OutOfRange, WrongType};
use crate::event::all_kinds;
use crate::key::Key;
use crate::names;
use crate::policy::Backoff;

const PROCESS_KEYS: &[&str] = &["triggers", "concurrency", "timeout", "retry", "backoff", "key"];
/// The types of triggers that this crate has.
const BUILT_IN: &[&str] = &["event", "message", "webhook", "dead_letter"];
/// The keys of every type of trigger, in addition to the keys of its type.
const TRIGGER_KEYS: &[&str] = &["id", "queue", "queue_bytes", "overflow"];
const EVENT_KEYS: &[&str] = &["type", "event_type", "event_source"];
const MESSAGE_KEYS: &[&str] = &["type", "topic"];
const WEBHOOK_KEYS: &[&str] = &["type", "webhook_path", "webhook_port", "webhook_host", "body_limit"];
const DEAD_LETTER_KEYS: &[&str] = &["type", "process"];

/// A table of configuration.
type Table = BTreeMap<String, Value>;

/// The kind of an error in a value, and the right form of the value.
type Wrong = (ConfigErrorKind, String);

impl TriggerConfig {
    fn read(mut table: Table) -> Result<TriggerConfig, ConfigError> {
        let kind = required(&mut table, "type", "event")?;
        let known = match kind.as_str() {
            "event" => EVENT_KEYS,
            "message" => MESSAGE_KEYS,
            "webhook" => WEBHOOK_KEYS,
            "dead_letter" => DEAD_LETTER_KEYS,
            _ => return linked(&kind, table),
        };
        let known = &[known, TRIGGER_KEYS].concat();
        // Before the required keys are read, otherwise a misspelt key is reported as a missing one.
        refuse_unknown(&table, known, &format!("a trigger of type `{kind}`"))?;
        let source = match kind.as_str() {
            "event" => SourceConfig::Event {
                event_type: required(&mut table, "event_type", "pipeline.error")?,
                source: take(&mut table, "event_source", text)?,
            },
            "message" => SourceConfig::Message { topic: required(&mut table, "topic", "reports.*")? },
            "dead_letter" => SourceConfig::DeadLetter { process: take(&mut table, "process", text)? },
            _ => SourceConfig::Webhook {
                path: take(&mut table, "webhook_path", text)?
                    .unwrap_or_else(|| policy::WEBHOOK_PATH.to_owned()),
                port: take(&mut table, "webhook_port", port)?.unwrap_or(policy::WEBHOOK_PORT),
                host: take(&mut table, "webhook_host", text)?
                    .unwrap_or_else(|| policy::WEBHOOK_HOST.to_owned()),
                body_limit: take(&mut table, "body_limit", bytes)?.unwrap_or(policy::WEBHOOK_BODY),
            },
        };
        TriggerConfig::new(source).with_queue(&mut table)
    }

    /// Reads the keys of every type of trigger, and checks all.
    fn with_queue(mut self, table: &mut Table) -> Result<TriggerConfig, ConfigError> {
        self.id = take(table, "id", text)?.or(self.id);
        self.queue = take(table, "queue", |value| count(value, bounds::QUEUE))?.or(self.queue);
        self.queue_bytes = take(table, "queue_bytes", bytes)?.or(self.queue_bytes);
        self.overflow = take(table, "overflow", overflow)?.or(self.overflow);
        self.validate()?;
        Ok(self)
    }
}

impl SourceKind {
    /// Returns a key of its settings that every trigger has, or that it has twice.
    pub(crate) fn repeated_key(&self) -> Option<&'static str> {
        let reserved = ["type"].iter().chain(TRIGGER_KEYS);
        let keys = self.settings.iter().map(|setting| setting.key);
        let mut seen: Vec<&str> = reserved.copied().collect();
        keys.into_iter().find(|key| {
            let repeated = seen.contains(key);
            seen.push(key);
            repeated
        })
    }
}

/// Reads a trigger of a kind that is linked.
fn linked(kind: &str, mut table: Table) -> Result<TriggerConfig, ConfigError> {
    let Some((source, make)) = of_files().find(|(source, _)| source.kind.as_str() == kind) else {
        let linked = of_files().map(|(source, _)| source.kind.as_str());
        let known: Vec<_> = BUILT_IN.iter().copied().chain(linked).collect();
        return Err(names::unknown("type", kind, &known));
    };
    let own = source.settings.iter().map(|setting| setting.key);
    let known: Vec<_> = ["type"].into_iter().chain(own).chain(TRIGGER_KEYS.iter().copied()).collect();
    refuse_unknown(&table, &known, &format!("a trigger of type `{kind}`"))?;
    let mut settings = Settings::default();
    for setting in source.settings {
        settings.0.insert(setting.key, read_setting(setting, &mut table)?);
    }
    make(&settings)?.with_queue(&mut table)
}

/// The linked kinds that a configuration may have.
fn of_files() -> impl Iterator<Item = (&'static SourceKind, FromSettings)> {
    all_kinds().filter_map(|source| Some((source, source.from_settings?)))
}

fn read_setting(setting: &Setting, table: &mut Table) -> Result<SettingValue, ConfigError> {
    let value = match (table.remove(setting.key), setting.default) {
        (Some(value), _) => value,
        // A default is a text, also that of a number.
        (None, Some(default)) => match (setting.form, setting::digits(default)) {
            (Form::Number, Some(number)) => number.into(),
            _ => default.into(),
        },
        (None, None) => {
            let Setting { key, form, about, .. } = setting;
            let reason = format!("missing: {about}; such as `{key} = {}`", form.example());
            return Err(ConfigError::new(ConfigErrorKind::Missing, *key, "", reason));
        }
    };
    let read = match setting.form {
        Form::Text => text(&value).map(SettingValue::Text),
        Form::Number => number(&value, u64::MAX).map(SettingValue::Number),
        Form::Duration => timeout(&value).map(SettingValue::Duration),
        Form::Size => bytes(&value).map(SettingValue::Size),
    };
    read.map_err(|(kind, reason)| {
        let reason = format!("{reason} ({})", setting.about);
        ConfigError::new(kind, setting.key, shown(&value), reason)
    })
}

impl ProcessConfig {
    fn read(mut table: Table) -> Result<ProcessConfig, ConfigError> {
        refuse_unknown(&table, PROCESS_KEYS, "a process")?;
        let backoff = take(&mut table, "backoff", backoff)?;
        let config = ProcessConfig {
            triggers: table.remove("triggers").map_or(Ok(Vec::new()), triggers)?,
            concurrency: take(&mut table, "concurrency", |value| count(value, bounds::CONCURRENCY))?
                .unwrap_or(policy::CONCURRENCY),
            timeout: take(&mut table, "timeout", timeout)?,
            retry: take(&mut table, "retry", retry)?.unwrap_or(policy::RETRY),
            backoff: backoff.unwrap_or_default(),
            key: take(&mut table, "key", key)?,
        };
        if let (Some(backoff), 0) = (backoff, config.retry) {
            let reason = "it has no effect without `retry`; add `retry`, such as 5";
            return Err(ConfigError::new(ConfigErrorKind::Conflict, "backoff", backoff, reason));
        }
        config.faults().into_iter().next().map_or(Ok(config), Err)
    }
}

/// Reads the list `triggers`. The field of an error has its position, such as `triggers[1].topic`.
fn triggers(value: Value) -> Result<Vec<TriggerConfig>, ConfigError> {
    let shown = value.to_string();
    let tables = Vec::<Table>::deserialize(value).map_err(|_| {
        ConfigError::new(WrongType, "triggers", shown, "use a list of tables, one for each trigger")
    })?;
    let read = tables.into_iter().enumerate().map(|(index, table)| {
        TriggerConfig::read(table).map_err(|fault| fault.inside(&format!("triggers[{index}]")))
    });
    read.collect()
}

/// Returns an error for the first key that is not known.
fn refuse_unknown(table: &Table, known: &[&str], what: &str) -> Result<(), ConfigError> {
    let Some((key, value)) = table.iter().find(|(key, _)| !known.contains(&key.as_str())) else {
        return Ok(());
    };
    // `port` instead of `webhook_port` is as likely as a typo.
    let longer = known.iter().find(|known| known.ends_with(&format!("_{key}"))).copied();
    let nearest = longer.or_else(|| hint::did_you_mean(key, known.iter().copied()));
    let hint = nearest.map(|known| format!("did you mean `{known}`? ")).unwrap_or_default();
    let reason = format!("unknown key; {hint}the keys of {what} are: {}", known.join(", "));
    Err(ConfigError::new(ConfigErrorKind::UnknownKey, key, shown(value), reason))
}

/// Removes a key from the table, and reads its value.
fn take<T>(
    table: &mut Table,
    key: &str,
    read: impl FnOnce(&Value) -> Result<T, Wrong>,
) -> Result<Option<T>, ConfigError> {
    let Some(value) = table.remove(key) else { return Ok(None) };
    read(&value).map(Some).map_err(|(kind, reason)| ConfigError::new(kind, key, shown(&value), reason))
}

fn required(table: &mut Table, key: &str, example: &str) -> Result<String, ConfigError> {
    let missing = || {
        ConfigError::new(ConfigErrorKind::Missing, key, "", format!("missing; such as `{key} = {example:?}`"))
    };
    take(table, key, text)?.ok_or_else(missing)
}

/// Returns a value as text, without the quotes of a string.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn text(value: &Value) -> Result<String, Wrong> {
    string(value, "use a string").map(str::to_owned)
}

fn string<'a>(value: &'a Value, form: &str) -> Result<&'a str, Wrong> {
    value.as_str().ok_or_else(|| (WrongType, form.to_owned()))
}

/// Reads a whole number from 0 to `max`.
fn number(value: &Value, max: u64) -> Result<u64, Wrong> {
    match value {
        Value::String(_) => Err((WrongType, "use a whole number, without quotes".to_owned())),
        Value::Number(number) if !number.is_f64() => {
            let rule = || (OutOfRange, format!("use a whole number from 0 to {max}"));
            number.as_u64().filter(|number| *number <= max).ok_or_else(rule)
        }
        _ => Err((WrongType, "use a whole number".to_owned())),
    }
}

fn count(value: &Value, bound: Bound) -> Result<usize, Wrong> {
    let count = number(value, bound.max).map_err(|wrong| match wrong {
        (OutOfRange, _) => (OutOfRange, bound.rule().as_str().to_owned()),
        wrong => wrong,
    })?;
    usize::try_from(count).map_err(|error| (OutOfRange, error.to_string()))
}

fn port(value: &Value) -> Result<u16, Wrong> {
    let form = "use 1 to 65535, or 0 to let the system pick one";
    let port = number(value, u16::MAX.into()).map_err(|(kind, _)| (kind, form.to_owned()))?;
    u16::try_from(port).map_err(|_| (OutOfRange, form.to_owned()))
}

fn bytes(value: &Value) -> Result<usize, Wrong> {
    let bytes = match value {
        Value::String(text) => size::parse_size(text).map_err(|fault| (Invalid, fault.to_string()))?,
        _ => {
            let form = "use a size such as `\"1MiB\"`, or a number of bytes";
            number(value, u64::MAX).map_err(|(kind, _)| (kind, form.to_owned()))?
        }
    };
    usize::try_from(bytes).map_err(|error| (OutOfRange, error.to_string()))
}

fn timeout(value: &Value) -> Result<Duration, Wrong> {
    let text = string(value, "use a duration such as `\"30s\"`, in quotes and with its unit")?;
    let milliseconds = duration::parse_duration(text).map_err(|fault| (Invalid, fault.to_string()))?;
    Ok(Duration::from_millis(milliseconds))
}

fn retry(value: &Value) -> Result<u32, Wrong> {
    let retry = number(value, u32::MAX.into())?;
    u32::try_from(retry).map_err(|error| (OutOfRange, error.to_string()))
}

fn backoff(value: &Value) -> Result<Backoff, Wrong> {
    named(string(value, "use two durations, such as `\"200ms..30s\"`")?)
}

fn key(value: &Value) -> Result<Key, Wrong> {
    string(value, "use a pointer into the body, such as `\"/customer\"`").map(Key::pointer)
}

fn overflow(value: &Value) -> Result<Overflow, Wrong> {
    named(string(value, "use the name of a policy, such as `\"drop_oldest\"`")?)
}

fn named<T: FromStr<Err = ConfigError>>(text: &str) -> Result<T, Wrong> {
    text.parse().map_err(|error: ConfigError| (error.kind(), error.reason().to_owned()))
}

/// Returns the table in a value.
fn table(value: Value, what: &str) -> Result<Table, ConfigError> {
    match value {
        Value::Object(fields) => Ok(fields.into_iter().collect()),
        other => Err(ConfigError::new(WrongType, what, shown(&other), "use a table of keys and values")),
    }
}

impl TryFrom<Value> for TriggerConfig {
    type Error = ConfigError;

    fn try_from(value: Value) -> Result<TriggerConfig, ConfigError> {
        TriggerConfig::read(table(value, "trigger")?)
    }
}

impl TryFrom<Value> for ProcessConfig {
    type Error = ConfigError;

    fn try_from(value: Value) -> Result<ProcessConfig, ConfigError> {
        ProcessConfig::read(table(value, "process")?)
    }
}

impl<'de> Deserialize<'de> for TriggerConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TriggerConfig, D::Error> {
        let Unrepeated(value) = Unrepeated::deserialize(deserializer)?;
        TriggerConfig::try_from(value).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for ProcessConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ProcessConfig, D::Error> {
        let Unrepeated(value) = Unrepeated::deserialize(deserializer)?;
        ProcessConfig::try_from(value).map_err(D::Error::custom)
    }
}
