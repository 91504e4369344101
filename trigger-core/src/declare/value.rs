//! Reads the values of keys from JSON values.

use std::str::FromStr;
use std::time::Duration;

use serde_json::Value;
use trigger_grammar::bounds::Bound;
use trigger_grammar::setting::{Choice, Form, Setting};
use trigger_grammar::{duration, size};

use super::keys::{shown, unknown_key};
use super::settings::{Given, Settings};
use crate::declare::key::Key;
use crate::declare::policy::{Backoff, Overflow};
use crate::event::error::ConfigErrorKind::{Invalid, Missing, OutOfRange, WrongType};
use crate::event::error::{ConfigError, ConfigErrorKind};
use crate::event::names;

/// The kind of an error in a value, and the right form of the value.
pub(crate) type Wrong = (ConfigErrorKind, String);

/// Reads the value of a setting. A text is not checked yet, because `validate` does it.
pub(crate) fn read(setting: &Setting, value: &Value) -> Result<Given, ConfigError> {
    let read = match setting.form() {
        Form::Number => number(value, u64::MAX).map(Given::Number),
        Form::Port => port(value).map(Given::Number),
        Form::Duration => milliseconds(value).map(Given::Number),
        Form::Size => match bytes(value) {
            Ok(0) => Err((
                OutOfRange,
                format!("use at least 1 byte, such as `{}`", setting.example().trim_matches('"')),
            )),
            bytes => bytes.map(|bytes| Given::Number(bytes as u64)),
        },
        Form::OneOf(numbers) => one_of(value, numbers).map(Given::Number),
        Form::Flag => flag(value).map(Given::Flag),
        Form::List(_) | Form::Words(_) => return list(setting, value),
        Form::Choice(choices) => return choice(setting, choices, value),
        _ => text(value).map(Given::Text),
    };
    described(setting, value, read.and_then(|given| in_range(setting, given)))
}

/// Checks a number against the bounds of its setting.
fn in_range(setting: &Setting, given: Given) -> Result<Given, Wrong> {
    match given {
        Given::Number(number) => match setting.out_of_range(number) {
            Some(rule) => Err((OutOfRange, rule)),
            None => Ok(given),
        },
        _ => Ok(given),
    }
}

/// Adds to an error what the setting is.
fn described<T>(setting: &Setting, value: &Value, read: Result<T, Wrong>) -> Result<T, ConfigError> {
    read.map_err(|(kind, reason)| {
        let reason = format!("{reason} ({})", setting.about());
        ConfigError::new(kind, setting.key(), shown(value), reason)
    })
}

/// Reads a list of texts, or one text.
fn list(setting: &Setting, value: &Value) -> Result<Given, ConfigError> {
    let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    let read = values.iter().map(|one| match one {
        Value::String(text) => Ok(Given::Text(text.clone())),
        _ => Err((WrongType, format!("use a list of texts such as `{}`", setting.example()))),
    });
    let values = described(setting, value, read.collect::<Result<Vec<_>, _>>())?;
    if values.is_empty() {
        let wrong = (Invalid, "the list is empty; leave the key out".to_owned());
        return described(setting, value, Err(wrong));
    }
    Ok(Given::List(values))
}

fn one_of(value: &Value, numbers: &[u64]) -> Result<u64, Wrong> {
    let number = number(value, u64::MAX)?;
    if numbers.contains(&number) {
        return Ok(number);
    }
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    Err((OutOfRange, format!("use {}", numbers.join(", "))))
}

fn flag(value: &Value) -> Result<bool, Wrong> {
    value.as_bool().ok_or_else(|| (WrongType, "use `true` or `false`, without quotes".to_owned()))
}

/// Reads a name, or a table with a name as its `type`, and the keys of this name.
fn choice(setting: &Setting, choices: &[Choice], value: &Value) -> Result<Given, ConfigError> {
    let (key, tag) = (setting.key(), setting.tag_key());
    let wrong = |kind, reason| ConfigError::new(kind, key, shown(value), reason);
    let (name, table) = match value {
        Value::String(name) => (name.as_str(), None),
        Value::Object(table) => (table.get(tag).and_then(Value::as_str).unwrap_or_default(), Some(table)),
        _ => return Err(wrong(WrongType, format!("use a table such as `{}`", setting.example()))),
    };
    let Some(choice) = choices.iter().find(|choice| choice.name == name) else {
        let known: Vec<_> = choices.iter().map(|choice| choice.name).collect();
        return Err(names::unknown(tag, name, &known).inside(key));
    };
    let mut settings = Settings::new(choice.settings);
    for (own, value) in table.into_iter().flatten().filter(|(own, _)| *own != tag) {
        if let Some((_, form)) = choice.never.iter().find(|(never, _)| never == own) {
            // The value may be a secret, so the error does not have it.
            return Err(ConfigError::new(Invalid, own, "", *form).inside(key));
        }
        let Some(setting) = choice.settings.iter().find(|setting| setting.key() == own) else {
            let known: Vec<_> = [tag].into_iter().chain(choice.settings.iter().map(Setting::key)).collect();
            return Err(unknown_key(own, value, &known, &format!("`{name}`")).inside(key));
        };
        settings.set(setting.key(), read(setting, value).map_err(|error| error.inside(key))?);
    }
    if let Some(fault) = choice.group_fault(|own| settings.is_given(own)) {
        return Err(ConfigError::new(Missing, key, name, fault));
    }
    Ok(Given::Choice(choice.name, settings))
}

/// Reads the value of a key.
pub(crate) fn of_key<T>(
    key: &str,
    value: &Value,
    read: impl FnOnce(&Value) -> Result<T, Wrong>,
) -> Result<T, ConfigError> {
    read(value).map_err(|(kind, reason)| ConfigError::new(kind, key, shown(value), reason))
}

pub(crate) fn text(value: &Value) -> Result<String, Wrong> {
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

pub(crate) fn count(value: &Value, bound: Bound) -> Result<usize, Wrong> {
    let count = number(value, bound.max).map_err(|wrong| match wrong {
        (OutOfRange, _) => (OutOfRange, bound.rule().as_str().to_owned()),
        wrong => wrong,
    })?;
    usize::try_from(count).map_err(|error| (OutOfRange, error.to_string()))
}

fn port(value: &Value) -> Result<u64, Wrong> {
    let form = "use 1 to 65535, or 0 to let the system pick one";
    number(value, u16::MAX.into()).map_err(|(kind, _)| (kind, form.to_owned()))
}

pub(crate) fn bytes(value: &Value) -> Result<usize, Wrong> {
    let bytes = match value {
        Value::String(text) => size::parse_size(text).map_err(|fault| (Invalid, fault.to_string()))?,
        _ => {
            let form = "use a size such as `\"1MiB\"`, or a number of bytes";
            number(value, u64::MAX).map_err(|(kind, _)| (kind, form.to_owned()))?
        }
    };
    usize::try_from(bytes).map_err(|error| (OutOfRange, error.to_string()))
}

fn milliseconds(value: &Value) -> Result<u64, Wrong> {
    let text = string(value, "use a duration such as `\"30s\"`, in quotes and with its unit")?;
    duration::parse_duration(text).map_err(|fault| (Invalid, fault.to_string()))
}

pub(crate) fn timeout(value: &Value) -> Result<Duration, Wrong> {
    milliseconds(value).map(Duration::from_millis)
}

pub(crate) fn retry(value: &Value) -> Result<u32, Wrong> {
    let retry = number(value, u32::MAX.into())?;
    u32::try_from(retry).map_err(|error| (OutOfRange, error.to_string()))
}

pub(crate) fn backoff(value: &Value) -> Result<Backoff, Wrong> {
    named(string(value, "use two durations, such as `\"200ms..30s\"`")?)
}

pub(crate) fn key(value: &Value) -> Result<Key, Wrong> {
    string(value, "use a pointer into the body, such as `\"/customer\"`").map(Key::pointer)
}

pub(crate) fn overflow(value: &Value) -> Result<Overflow, Wrong> {
    named(string(value, "use the name of a policy, such as `\"drop_oldest\"`")?)
}

fn named<T: FromStr<Err = ConfigError>>(text: &str) -> Result<T, Wrong> {
    text.parse().map_err(|error: ConfigError| (error.kind(), error.reason().to_owned()))
}
