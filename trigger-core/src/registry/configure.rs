//! The settings of a declaration that an operator may change, without a new build of the program.

use serde_json::Value;
use trigger_grammar::path;
use trigger_grammar::setting::{Form, Value as Setting};

use super::{Configured, Declaration};
use crate::declare::{ShownQueue, TriggerConfig};
use crate::event::error::{ConfigError, ConfigErrorKind};

/// The settings of a process that an operator may change. The key of its order is part of the program.
pub(crate) const PROCESS_SETTINGS: &[&str] = &["concurrency", "timeout", "retry", "backoff"];

/// The settings of the queue of every trigger.
const QUEUE_SETTINGS: &[&str] = &["queue", "queue_bytes", "overflow"];

/// Returns the settings of a trigger that an operator may change: the key of a configuration, and that of the attribute.
/// What it subscribes to is part of the program: other parts publish it, and a pattern has captures. A path may change, but
/// keeps its captures.
pub(crate) fn trigger_settings(trigger: &TriggerConfig) -> Vec<(&'static str, &'static str)> {
    let of_kind = trigger.settings().map_or(&[][..], |settings| settings.table()).iter();
    let may_change = of_kind.filter(|one| !matches!(one.form(), Form::Topic | Form::Pattern | Form::Process));
    let own = may_change.map(|setting| (setting.key(), setting.attribute_key()));
    let has_queue = trigger.source_kind().shown_queue != ShownQueue::Hidden;
    let of_queue = QUEUE_SETTINGS.iter().filter(|_| has_queue).map(|key| (*key, *key));
    own.chain(of_queue).collect()
}

impl Declaration {
    /// Changes a setting of the process, or of the trigger with this index. `id` is the id of the trigger, which stays:
    /// a default id is that of the declaration. `is_text` is `true` if the layer has no numbers. The values are checked with
    /// those of the declaration.
    pub(crate) fn configure(
        &mut self,
        trigger: Option<(usize, &str)>,
        key: &'static str,
        (value, is_text): (&Value, bool),
        origin: String,
    ) -> Result<(), ConfigError> {
        match trigger {
            None => read(value, is_text, |value| self.config.set(key, value))?,
            Some((index, id)) => {
                let trigger = &mut self.config.triggers[index];
                trigger.id.get_or_insert_with(|| id.to_owned());
                if let Some(reason) = lost_capture(trigger, key, value) {
                    let shown = value.as_str().unwrap_or_default();
                    return Err(ConfigError::new(ConfigErrorKind::Invalid, key, shown, reason));
                }
                read(value, is_text, |value| trigger.set(key, value))?;
            }
        }
        let trigger = trigger.map(|(index, _)| index);
        self.configured.retain(|other| (other.trigger, other.key) != (trigger, key));
        self.configured.push(Configured { trigger, key, origin });
        Ok(())
    }
}

/// Returns why a path cannot replace that of the trigger: it lacks a capture, which may be an argument of the handler.
fn lost_capture(trigger: &TriggerConfig, key: &str, value: &Value) -> Option<String> {
    let settings = trigger.settings()?;
    let setting = settings.table().iter().find(|one| one.key() == key && one.form() == Form::Path)?;
    let (Some(Setting::Text(declared)), Some(path)) = (settings.value(setting), value.as_str()) else {
        return None;
    };
    let lost = path::captures(declared).find(|name| path::captures(path).all(|other| other != *name))?;
    Some(format!("the declared path {declared} captures `{{{lost}}}`; keep it as a segment of the new path"))
}

/// Reads a value. A text is a number or a flag where the setting takes one, if the layer has neither.
fn read(
    value: &Value,
    is_text: bool,
    mut set: impl FnMut(&Value) -> Result<(), ConfigError>,
) -> Result<(), ConfigError> {
    let error = match set(value) {
        Err(error) if error.kind() != ConfigErrorKind::OutOfRange => error,
        result => return result,
    };
    let text = value.as_str().filter(|_| is_text);
    let plain = text.and_then(|text| match text {
        "true" | "false" => Some(Value::Bool(text == "true")),
        _ => text.parse().ok().map(Value::Number),
    });
    plain.map_or(Err(error), |value| set(&value))
}
