//! Reads tables of configuration. Only the documented keys are allowed.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use trigger_grammar::setting::Setting;

use super::kinds::kind_named;
use crate::declare::{
    PROCESS_KEYS, ProcessConfig, TriggerConfig, Unrepeated, keys_of, of_key, shown, text, unknown_key,
};
use crate::event::error::ConfigErrorKind::WrongType;
use crate::event::error::{ConfigError, ConfigErrorKind};

/// A table of configuration.
type Table = BTreeMap<String, Value>;

impl TriggerConfig {
    fn read(mut table: Table) -> Result<TriggerConfig, ConfigError> {
        let missing =
            || ConfigError::new(ConfigErrorKind::Missing, "type", "", "missing; such as `type = \"event\"`");
        let name = of_key("type", &table.remove("type").ok_or_else(missing)?, text)?;
        let kind = kind_named(&name)?;
        // Before the keys are read, otherwise a misspelt key is reported as a missing one.
        let unknown =
            table.iter().find(|(key, _)| !keys_of(kind).contains(&&***key) && kind.setting(key).is_none());
        if let Some((key, value)) = unknown {
            return Err(unknown_key(key, value, &keys_of(kind), &format!("a trigger of type `{name}`")));
        }
        let given_twice = |setting: &&Setting| {
            let [key, other] = [setting.key(), setting.attribute_key()];
            key != other && table.contains_key(key) && table.contains_key(other)
        };
        if let Some(setting) = kind.settings.iter().find(given_twice) {
            let reason = format!("it is the same as `{}`; give one of them", setting.key());
            let other = setting.attribute_key();
            return Err(ConfigError::new(ConfigErrorKind::Conflict, other, shown(&table[other]), reason));
        }
        let mut config = TriggerConfig::of(kind);
        for (key, value) in &table {
            config.set(key, value)?;
        }
        config.validate()?;
        Ok(config)
    }
}

impl ProcessConfig {
    fn read(mut table: Table) -> Result<ProcessConfig, ConfigError> {
        refuse_unknown(&table, PROCESS_KEYS, "a process")?;
        let mut config = ProcessConfig::new();
        config.triggers = table.remove("triggers").map_or(Ok(Vec::new()), triggers)?;
        for (key, value) in &table {
            config.set(key, value)?;
        }
        config.unused_backoff(table.contains_key("backoff"))?;
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
    let unknown = table.iter().find(|(key, _)| !known.contains(&key.as_str()));
    unknown.map_or(Ok(()), |(key, value)| Err(unknown_key(key, value, known, what)))
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
