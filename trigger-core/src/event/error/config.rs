//! The error of an invalid setting.

use std::error::Error as StdError;
use std::fmt;

use serde::Serialize;

use crate::event::names::named;

/// The error of an invalid setting: the field, its value, and the right form.
///
/// ```
/// # use trigger_core::{ConfigErrorKind, TriggerConfig};
/// let error = TriggerConfig::webhook("events", 9090).validate().unwrap_err();
/// assert_eq!(error.kind(), ConfigErrorKind::Invalid);
/// assert_eq!(error.field(), "webhook_path");
/// assert_eq!(error.value(), "events");
/// assert_eq!(
///     error.to_string(),
///     "field `webhook_path`: \"events\": a path begins with `/` (at byte 0): put a `/` in front",
/// );
/// ```
///
/// It serializes as `{kind, field, value, reason}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigError {
    kind: ConfigErrorKind,
    field: String,
    value: String,
    reason: String,
}

/// The kind of the error in a setting. As text it is the same name as in JSON, such as `unknown_key`.
///
/// ```
/// # use trigger_core::{ConfigErrorKind, ProcessConfig};
/// let error = ProcessConfig::try_from(serde_json::json!({"concurency": 8})).unwrap_err();
/// assert_eq!(error.kind(), ConfigErrorKind::UnknownKey);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// There is no such key.
    UnknownKey,
    /// A required key is missing.
    Missing,
    /// The value has another type than the key takes, such as a text instead of a number.
    WrongType,
    /// A number or a time is below or above its bounds.
    OutOfRange,
    /// A text breaks its grammar, or is not among the values that the key takes.
    Invalid,
    /// The key belongs to another type of trigger.
    Misplaced,
    /// The value contradicts another setting.
    Conflict,
}

named!(ConfigErrorKind as "kind" {
    UnknownKey = "unknown_key",
    Missing = "missing",
    WrongType = "wrong_type",
    OutOfRange = "out_of_range",
    Invalid = "invalid",
    Misplaced = "misplaced",
    Conflict = "conflict",
});

impl ConfigError {
    /// Returns an error of a field. A kind of source returns it for settings that do not go together.
    pub fn new(
        kind: ConfigErrorKind,
        field: impl Into<String>,
        value: impl fmt::Display,
        reason: impl fmt::Display,
    ) -> ConfigError {
        ConfigError { kind, field: field.into(), value: value.to_string(), reason: reason.to_string() }
    }

    /// Returns the same error for a field inside `list`, such as `triggers[1].topic`.
    pub(crate) fn inside(mut self, list: &str) -> ConfigError {
        self.field = format!("{list}.{}", self.field);
        self
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> ConfigErrorKind {
        self.kind
    }

    /// Returns the name of the field in configuration.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Returns the refused value.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Returns the broken rule and the right form.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "field `{}`: {:?}: {}", self.field, self.value, self.reason)
    }
}

impl StdError for ConfigError {}
