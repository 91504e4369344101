//! Processes and triggers in the form of a configuration, which a file can have and a later run can read.

use std::time::Duration;

use serde::ser::{Error, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::Value;
use trigger_grammar::setting::{self, Form, Setting};
use trigger_grammar::size;

use super::{ProcessConfig, Settings, TriggerConfig, policy};

impl Settings {
    /// Returns the settings that have a value, in the form of a configuration.
    pub(crate) fn written(&self) -> Vec<(&'static str, Value)> {
        let value = |setting: &Setting| {
            if let Some((name, own)) = self.chosen(setting) {
                let own = own.written().into_iter().map(|(key, value)| (key.to_owned(), value));
                return Some([(setting.tag_key().to_owned(), name.into())].into_iter().chain(own).collect());
            }
            if let Some(values) = self.listed(setting) {
                return Some(values.map(|value| written(setting, value)).collect());
            }
            Some(written(setting, self.value(setting)?))
        };
        self.table().iter().filter_map(|setting| Some((setting.key(), value(setting)?))).collect()
    }
}

/// Returns a value in the form of a configuration.
pub(crate) fn written(setting: &Setting, value: setting::Value<'_>) -> Value {
    match (setting.form(), value) {
        (_, setting::Value::Text(text)) => text.into(),
        (Form::Size, setting::Value::Number(bytes)) => size::show_size(bytes).into(),
        (Form::Duration, setting::Value::Number(milliseconds)) => {
            policy::shown(Duration::from_millis(milliseconds)).into()
        }
        (_, setting::Value::Number(number)) => number.into(),
        (_, setting::Value::Flag(flag)) => flag.into(),
        (_, setting::Value::Choice(name, _)) => name.into(),
        // `Settings::written` writes the values of a list one by one.
        (_, setting::Value::List(_)) => Value::Array(Vec::new()),
        (_, setting::Value::Code(code)) => code.text().into(),
    }
}

/// Serializes the keys of a configuration, with the defaults of its kind. It fails for what a configuration cannot have: a
/// filter, or a source that the program has made.
impl Serialize for TriggerConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let refuse = |what: &str| {
            let id = self.trigger_id();
            Err(S::Error::custom(format!(
                "the trigger `{id}` has {what}, which is code, so a file cannot have it"
            )))
        };
        let Some(settings) = self.settings() else { return refuse("a source of the program") };
        if self.filter.is_some() {
            return refuse("a filter");
        }
        if let Some(setting) = settings.table().iter().find(|setting| settings.code_text(setting).is_some()) {
            return refuse(&format!("a value of the program as `{}`", setting.key()));
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", self.kind().as_str())?;
        for (key, value) in settings.written() {
            map.serialize_entry(key, &value)?;
        }
        if let Some(id) = &self.id {
            map.serialize_entry("id", id)?;
        }
        if let Some(queue) = self.queue {
            map.serialize_entry("queue", &queue)?;
        }
        if let Some(bytes) = self.queue_bytes {
            map.serialize_entry("queue_bytes", &size::show_size(bytes as u64))?;
        }
        if let Some(overflow) = self.overflow {
            map.serialize_entry("overflow", overflow.as_str())?;
        }
        map.end()
    }
}

/// Serializes the keys of a configuration. It fails for what a configuration cannot have, such as a key that is a closure.
impl Serialize for ProcessConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pointer = match &self.key {
            None => None,
            Some(key) => Some(key.as_pointer().ok_or_else(|| {
                S::Error::custom(format!("the key `{key}` is code, so a file cannot have it; use a pointer"))
            })?),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("triggers", &self.triggers)?;
        map.serialize_entry("concurrency", &self.concurrency)?;
        if let Some(timeout) = self.timeout {
            map.serialize_entry("timeout", &policy::shown(timeout))?;
        }
        map.serialize_entry("retry", &self.retry)?;
        if self.retry > 0 {
            map.serialize_entry("backoff", &self.backoff)?;
        }
        if let Some(pointer) = pointer {
            map.serialize_entry("key", pointer)?;
        }
        map.end()
    }
}
