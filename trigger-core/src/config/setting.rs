//! The settings of a kind of source: each key once, with its type, default and text.

use std::collections::BTreeMap;
use std::time::Duration;

use trigger_grammar::{duration, size};

use super::TriggerConfig;
use crate::error::{ConfigError, ConfigErrorKind};

/// One setting of a kind of source: a key of its triggers in a configuration.
///
/// A default is written as in a file, and is checked by the compiler where the setting is a constant.
///
/// ```
/// # use trigger_core::Setting;
/// const EVERY: Setting = Setting::duration("every", "how long it waits between two looks").default("30s");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub(super) key: &'static str,
    pub(super) form: Form,
    pub(super) default: Option<&'static str>,
    pub(super) about: &'static str,
}

/// What a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Number,
    Duration,
    Size,
}

impl Setting {
    /// A text.
    pub const fn text(key: &'static str, about: &'static str) -> Setting {
        Setting { key, form: Form::Text, default: None, about }
    }

    /// A whole number, 0 or more.
    pub const fn number(key: &'static str, about: &'static str) -> Setting {
        Setting { key, form: Form::Number, default: None, about }
    }

    /// A duration with its unit, such as `"30s"`.
    pub const fn duration(key: &'static str, about: &'static str) -> Setting {
        Setting { key, form: Form::Duration, default: None, about }
    }

    /// A size, such as `"1MiB"`, or a number of bytes.
    pub const fn size(key: &'static str, about: &'static str) -> Setting {
        Setting { key, form: Form::Size, default: None, about }
    }

    /// The value of a trigger that does not have the key. Without a default, a trigger must have it.
    ///
    /// # Panics
    ///
    /// If the setting does not take this value: in a constant, that is an error of the compiler.
    pub const fn default(mut self, value: &'static str) -> Setting {
        let valid = match self.form {
            Form::Text => true,
            Form::Number => digits(value).is_some(),
            Form::Duration => duration::parse_duration(value).is_ok(),
            Form::Size => size::parse_size(value).is_ok(),
        };
        assert!(valid, "the default of a setting is not what the setting takes");
        self.default = Some(value);
        self
    }
}

impl Form {
    /// A value, as a file has it.
    pub(super) const fn example(self) -> &'static str {
        match self {
            Form::Text => "\"..\"",
            Form::Number => "5",
            Form::Duration => "\"30s\"",
            Form::Size => "\"1MiB\"",
        }
    }
}

/// Reads a whole number. It is `const`, as `str::parse` is not.
pub(super) const fn digits(text: &str) -> Option<u64> {
    let mut bytes = text.as_bytes();
    let mut number: u64 = 0;
    if bytes.is_empty() {
        return None;
    }
    while let &[digit @ b'0'..=b'9', ref rest @ ..] = bytes {
        let Some(tens) = number.checked_mul(10) else { return None };
        let Some(sum) = tens.checked_add((digit - b'0') as u64) else { return None };
        number = sum;
        bytes = rest;
    }
    if bytes.is_empty() { Some(number) } else { None }
}

/// Makes a trigger from the settings of its kind.
pub(crate) type FromSettings = fn(&Settings) -> Result<TriggerConfig, ConfigError>;

/// The settings of one trigger, checked against the [`Setting`]s of its kind.
#[derive(Clone, Debug, Default)]
pub struct Settings(pub(super) BTreeMap<&'static str, SettingValue>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SettingValue {
    Text(String),
    Number(u64),
    Duration(Duration),
    Size(usize),
}

impl Settings {
    /// Returns the text under this key.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the kind has no text of this key. The same holds for the other methods.
    pub fn text(&self, key: &str) -> Result<&str, ConfigError> {
        match self.0.get(key) {
            Some(SettingValue::Text(text)) => Ok(text),
            _ => Err(absent(key, "text")),
        }
    }

    /// Returns the number under this key.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the kind has no number of this key.
    pub fn number(&self, key: &str) -> Result<u64, ConfigError> {
        match self.0.get(key) {
            Some(SettingValue::Number(number)) => Ok(*number),
            _ => Err(absent(key, "number")),
        }
    }

    /// Returns the duration under this key.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the kind has no duration of this key.
    pub fn duration(&self, key: &str) -> Result<Duration, ConfigError> {
        match self.0.get(key) {
            Some(SettingValue::Duration(duration)) => Ok(*duration),
            _ => Err(absent(key, "duration")),
        }
    }

    /// Returns the size under this key, in bytes.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the kind has no size of this key.
    pub fn size(&self, key: &str) -> Result<usize, ConfigError> {
        match self.0.get(key) {
            Some(SettingValue::Size(bytes)) => Ok(*bytes),
            _ => Err(absent(key, "size")),
        }
    }
}

fn absent(key: &str, form: &str) -> ConfigError {
    let reason = format!("the kind of the source declares no {form} of this key");
    ConfigError::new(ConfigErrorKind::UnknownKey, key, "", reason)
}
