//! Reading configuration: the documented keys, and nothing else.

use trigger_grammar::{hint, size};

use super::*;

const PROCESS_KEYS: &[&str] = &["triggers", "concurrency"];
const EVENT_KEYS: &[&str] = &["type", "event_type", "event_source", "id", "queue", "overflow"];
const MESSAGE_KEYS: &[&str] = &["type", "topic", "id", "queue", "overflow"];
const WEBHOOK_KEYS: &[&str] =
    &["type", "webhook_path", "webhook_port", "webhook_host", "body_limit", "id", "queue", "overflow"];

/// One table of configuration.
type Table = BTreeMap<String, Value>;

impl TriggerConfig {
    fn read(mut table: Table) -> Result<TriggerConfig, ConfigError> {
        let kind = required(&mut table, "type", "event")?;
        let known = match kind.as_str() {
            "event" => EVENT_KEYS,
            "message" => MESSAGE_KEYS,
            "webhook" => WEBHOOK_KEYS,
            _ => return Err(ConfigError::new("type", kind, "use `event`, `message` or `webhook`")),
        };
        // First of all, because a misspelt key looks like a missing one.
        refuse_unknown(&table, known, &format!("a trigger of type `{kind}`"))?;
        let source = match kind.as_str() {
            "event" => SourceConfig::Event {
                event_type: required(&mut table, "event_type", "pipeline.error")?,
                source: take(&mut table, "event_source", text)?,
            },
            "message" => SourceConfig::Message { topic: required(&mut table, "topic", "reports.*")? },
            _ => SourceConfig::Webhook {
                path: take(&mut table, "webhook_path", text)?
                    .unwrap_or_else(|| policy::WEBHOOK_PATH.to_owned()),
                port: take(&mut table, "webhook_port", port)?.unwrap_or(policy::WEBHOOK_PORT),
                host: take(&mut table, "webhook_host", text)?
                    .unwrap_or_else(|| policy::WEBHOOK_HOST.to_owned()),
                body_limit: take(&mut table, "body_limit", body_limit)?.unwrap_or(policy::WEBHOOK_BODY),
            },
        };
        let config = TriggerConfig {
            source,
            id: take(&mut table, "id", text)?,
            queue: take(&mut table, "queue", count)?,
            overflow: take(&mut table, "overflow", overflow)?,
            misplaced: None,
        };
        config.validate()?;
        Ok(config)
    }
}

impl ProcessConfig {
    fn read(mut table: Table) -> Result<ProcessConfig, ConfigError> {
        refuse_unknown(&table, PROCESS_KEYS, "a process")?;
        let config = ProcessConfig {
            triggers: table.remove("triggers").map_or(Ok(Vec::new()), triggers)?,
            concurrency: take(&mut table, "concurrency", count)?.unwrap_or(1),
        };
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

fn body_limit(value: &Value) -> Result<usize, String> {
    let bytes = match value {
        Value::String(text) => size::parse_size(text).map_err(|fault| fault.to_string())?,
        _ => value.as_u64().ok_or("use a size such as `\"1MiB\"`, or a number of bytes")?,
    };
    usize::try_from(bytes).map_err(|error| error.to_string())
}

fn overflow(value: &Value) -> Result<Overflow, String> {
    let named = Overflow::NAMES.iter().find(|(name, _)| value.as_str() == Some(name));
    named.map(|(_, overflow)| *overflow).ok_or_else(|| {
        let names: Vec<_> = Overflow::NAMES.iter().map(|(name, _)| *name).collect();
        format!("use one of: {}", names.join(", "))
    })
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
