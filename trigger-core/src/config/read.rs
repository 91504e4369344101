//! Reading configuration: the documented keys, and nothing else.

use std::time::Duration;

use trigger_grammar::{duration, hint, size};

use super::*;
use crate::key::Key;
use crate::policy::Backoff;

const PROCESS_KEYS: &[&str] = &["triggers", "concurrency", "timeout", "retry", "backoff", "key"];
/// The keys of every type of trigger, after its own.
const TRIGGER_KEYS: &[&str] = &["id", "queue", "queue_bytes", "overflow"];
const EVENT_KEYS: &[&str] = &["type", "event_type", "event_source"];
const MESSAGE_KEYS: &[&str] = &["type", "topic"];
const WEBHOOK_KEYS: &[&str] = &["type", "webhook_path", "webhook_port", "webhook_host", "body_limit"];
const DEAD_LETTER_KEYS: &[&str] = &["type", "process"];

/// One table of configuration.
type Table = BTreeMap<String, Value>;

impl TriggerConfig {
    fn read(mut table: Table) -> Result<TriggerConfig, ConfigError> {
        let kind = required(&mut table, "type", "event")?;
        let known = match kind.as_str() {
            "event" => EVENT_KEYS,
            "message" => MESSAGE_KEYS,
            "webhook" => WEBHOOK_KEYS,
            "dead_letter" => DEAD_LETTER_KEYS,
            _ => {
                let reason = "use `event`, `message`, `webhook` or `dead_letter`";
                return Err(ConfigError::new("type", kind, reason));
            }
        };
        let known = &[known, TRIGGER_KEYS].concat();
        // First of all, because a misspelt key looks like a missing one.
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
        let config = TriggerConfig {
            source,
            id: take(&mut table, "id", text)?,
            queue: take(&mut table, "queue", count)?,
            queue_bytes: take(&mut table, "queue_bytes", bytes)?,
            overflow: take(&mut table, "overflow", overflow)?,
            filter: None,
            misplaced: None,
        };
        config.validate()?;
        Ok(config)
    }
}

impl ProcessConfig {
    fn read(mut table: Table) -> Result<ProcessConfig, ConfigError> {
        refuse_unknown(&table, PROCESS_KEYS, "a process")?;
        let backoff = take(&mut table, "backoff", backoff)?;
        let config = ProcessConfig {
            triggers: table.remove("triggers").map_or(Ok(Vec::new()), triggers)?,
            concurrency: take(&mut table, "concurrency", count)?.unwrap_or(policy::CONCURRENCY),
            timeout: take(&mut table, "timeout", timeout)?,
            retry: take(&mut table, "retry", retry)?.unwrap_or(policy::RETRY),
            backoff: backoff.unwrap_or_default(),
            key: take(&mut table, "key", key)?,
        };
        if let (Some(backoff), 0) = (backoff, config.retry) {
            let reason = "it has no effect without `retry`; add `retry`, such as 5";
            return Err(ConfigError::new("backoff", backoff, reason));
        }
        config.faults().into_iter().next().map_or(Ok(config), Err)
    }
}

/// The list under `triggers`; a fault is named by its place in it, such as `triggers[1].topic`.
fn triggers(value: Value) -> Result<Vec<TriggerConfig>, ConfigError> {
    let shown = value.to_string();
    let tables = Vec::<Table>::deserialize(value)
        .map_err(|_| ConfigError::new("triggers", shown, "use a list of tables, one for each trigger"))?;
    let read = tables.into_iter().enumerate().map(|(index, table)| {
        TriggerConfig::read(table).map_err(|fault| {
            ConfigError::new(format!("triggers[{index}].{}", fault.field()), fault.value(), fault.reason())
        })
    });
    read.collect()
}

fn refuse_unknown(table: &Table, known: &[&str], what: &str) -> Result<(), ConfigError> {
    let Some((key, value)) = table.iter().find(|(key, _)| !known.contains(&key.as_str())) else {
        return Ok(());
    };
    // `port` for `webhook_port` is no slip of the finger, and just as likely.
    let longer = known.iter().find(|known| known.ends_with(&format!("_{key}"))).copied();
    let meant = longer.or_else(|| hint::did_you_mean(key, known.iter().copied()));
    let meant = meant.map(|known| format!("did you mean `{known}`? ")).unwrap_or_default();
    let reason = format!("unknown key; {meant}the keys of {what} are: {}", known.join(", "));
    Err(ConfigError::new(key, shown(value), reason))
}

fn take<T>(
    table: &mut Table,
    key: &str,
    read: impl FnOnce(&Value) -> Result<T, String>,
) -> Result<Option<T>, ConfigError> {
    let Some(value) = table.remove(key) else { return Ok(None) };
    read(&value).map(Some).map_err(|reason| ConfigError::new(key, shown(&value), reason))
}

fn required(table: &mut Table, key: &str, example: &str) -> Result<String, ConfigError> {
    let missing = || ConfigError::new(key, "", format!("missing; such as `{key} = {example:?}`"));
    take(table, key, text)?.ok_or_else(missing)
}

/// A value as its file shows it, without the quotes of a string.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn text(value: &Value) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| "use a string".to_owned())
}

fn count(value: &Value) -> Result<usize, String> {
    let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
    let quoted = if value.is_string() { ", without quotes" } else { "" };
    count.ok_or_else(|| format!("use a whole number{quoted}"))
}

fn port(value: &Value) -> Result<u16, String> {
    let port = value.as_u64().and_then(|port| u16::try_from(port).ok());
    port.ok_or_else(|| "use 1 to 65535, or 0 to let the system pick one".to_owned())
}

fn bytes(value: &Value) -> Result<usize, String> {
    let bytes = match value {
        Value::String(text) => size::parse_size(text).map_err(|fault| fault.to_string())?,
        _ => value.as_u64().ok_or("use a size such as `\"1MiB\"`, or a number of bytes")?,
    };
    usize::try_from(bytes).map_err(|error| error.to_string())
}

fn timeout(value: &Value) -> Result<Duration, String> {
    let text = value.as_str().ok_or("use a duration such as `\"30s\"`, in quotes and with its unit")?;
    let milliseconds = duration::parse_duration(text).map_err(|fault| fault.to_string())?;
    Ok(Duration::from_millis(milliseconds))
}

fn retry(value: &Value) -> Result<u32, String> {
    let quoted = if value.is_string() { ", without quotes" } else { "" };
    let retry = value.as_u64().and_then(|retry| u32::try_from(retry).ok());
    retry.ok_or_else(|| format!("use a whole number from 0 to {}{quoted}", u32::MAX))
}

fn backoff(value: &Value) -> Result<Backoff, String> {
    let text = value.as_str().ok_or("use two durations, such as `\"200ms..30s\"`")?;
    text.parse().map_err(|error: ConfigError| error.reason().to_owned())
}

fn key(value: &Value) -> Result<Key, String> {
    let pointer = value.as_str().ok_or("use a pointer into the body, such as `\"/customer\"`")?;
    Ok(Key::pointer(pointer))
}

fn overflow(value: &Value) -> Result<Overflow, String> {
    let name = value.as_str().ok_or("use the name of a policy, such as `\"drop_oldest\"`")?;
    name.parse().map_err(|error: ConfigError| error.reason().to_owned())
}

impl<'de> Deserialize<'de> for TriggerConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TriggerConfig, D::Error> {
        TriggerConfig::read(Table::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for ProcessConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ProcessConfig, D::Error> {
        ProcessConfig::read(Table::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
