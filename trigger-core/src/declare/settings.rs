//! The settings of one trigger: the values of the keys of its kind.

use std::time::Duration;

use trigger_grammar::setting::{Form, Setting, Value};

use crate::event::error::{ConfigError, ConfigErrorKind};

/// The settings of one trigger: the values of the [`Setting`]s of its kind.
///
/// Each method returns the value of the trigger, or else the default of the kind. They are the argument of
/// [`SourceKind::settings`](crate::SourceKind::settings):
///
/// ```
/// # use std::time::Duration;
/// # use trigger_core::{ConfigError, Settings};
/// /// The settings of a timer.
/// struct Timer { every: Duration, zone: String }
///
/// fn timer(settings: &Settings) -> Result<Timer, ConfigError> {
///     let zone = settings.optional_text("zone")?.unwrap_or("UTC");
///     Ok(Timer { every: settings.duration("every")?, zone: zone.to_owned() })
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    table: &'static [Setting],
    given: Vec<(&'static str, Given)>,
}

/// A value that the trigger has.
#[derive(Clone, Debug)]
pub(super) enum Given {
    Text(String),
    Number(u64),
    /// The name of a choice, with the values of its keys.
    Choice(&'static str, Settings),
}

impl Given {
    /// Returns the value of a setting. Returns `None` for a choice that the setting does not have.
    pub(super) fn of(setting: &Setting, value: Value<'_>) -> Option<Given> {
        let (name, values) = match value {
            Value::Text(text) => return Some(Given::Text(text.to_owned())),
            Value::Number(number) => return Some(Given::Number(number)),
            Value::Choice(name, values) => (name, values),
        };
        let Form::Choice(choices) = setting.form() else { return None };
        let choice = choices.iter().find(|choice| choice.name == name)?;
        let mut settings = Settings::new(choice.settings);
        for (key, value) in values {
            let setting = choice.settings.iter().find(|setting| setting.key() == *key)?;
            settings.set(setting.key(), Given::of(setting, *value)?);
        }
        Some(Given::Choice(choice.name, settings))
    }
}

impl Given {
    /// Returns the value, of a choice the name alone.
    fn borrowed(&self) -> Value<'_> {
        match self {
            Given::Number(number) => Value::Number(*number),
            Given::Text(text) => Value::Text(text),
            Given::Choice(name, _) => Value::Text(name),
        }
    }
}

impl Settings {
    pub(super) fn new(table: &'static [Setting]) -> Settings {
        Settings { table, given: Vec::new() }
    }

    /// Sets the value of a key of the table.
    pub(super) fn set(&mut self, key: &'static str, value: Given) {
        match self.given.iter_mut().find(|(given, _)| *given == key) {
            Some((_, old)) => *old = value,
            None => self.given.push((key, value)),
        }
    }

    pub(crate) fn table(&self) -> &'static [Setting] {
        self.table
    }

    /// Returns the values that the trigger has, borrowed.
    pub(crate) fn given(&self) -> Vec<(&'static str, Value<'_>)> {
        self.given.iter().map(|(key, value)| (*key, value.borrowed())).collect()
    }

    /// Returns the value of a setting: the value of the trigger, or else the default of the kind.
    pub(crate) fn value(&self, setting: &Setting) -> Option<Value<'_>> {
        let given = self.given.iter().find(|(given, _)| *given == setting.key());
        given.map_or_else(|| setting.default_value(), |(_, value)| Some(value.borrowed()))
    }

    /// Returns the choice that the trigger has made for this setting.
    pub(crate) fn chosen(&self, setting: &Setting) -> Option<(&'static str, &Settings)> {
        match self.given.iter().find(|(given, _)| *given == setting.key())? {
            (_, Given::Choice(name, settings)) => Some((name, settings)),
            _ => None,
        }
    }

    /// Returns the value of a setting that has one of these forms.
    fn find(&self, key: &str, what: &str, forms: &[Form]) -> Result<Option<Value<'_>>, ConfigError> {
        let found = self.table.iter().find(|setting| setting.key() == key && forms.contains(&setting.form()));
        match found {
            Some(setting) => Ok(self.value(setting)),
            None => Err(undeclared(key, what)),
        }
    }

    fn number_of(&self, key: &str, what: &str, forms: &[Form]) -> Result<u64, ConfigError> {
        match self.find(key, what, forms)? {
            Some(Value::Number(number)) => Ok(number),
            _ => Err(ConfigError::new(ConfigErrorKind::Missing, key, "", "missing")),
        }
    }

    /// Returns the text under this key.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the kind has no text of this key, or the trigger has no value of it. The same holds for the other
    /// methods.
    pub fn text(&self, key: &str) -> Result<&str, ConfigError> {
        let text = self.optional_text(key)?;
        text.ok_or_else(|| ConfigError::new(ConfigErrorKind::Missing, key, "", "missing"))
    }

    /// Returns the text under a key that is [optional](Setting::optional).
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the kind has no text of this key.
    pub fn optional_text(&self, key: &str) -> Result<Option<&str>, ConfigError> {
        use Form::{Host, Name, Path, Pattern, Process, Text, Topic};
        Ok(match self.find(key, "text", &[Text, Name, Host, Path, Topic, Pattern, Process])? {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        })
    }

    /// Returns the choice under this key: its name, and the settings of its own keys. Returns `None` if the key is
    /// [optional](Setting::optional), and the trigger does not have it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the kind has no choice of this key.
    pub fn choice(&self, key: &str) -> Result<Option<(&'static str, &Settings)>, ConfigError> {
        let is_choice =
            |setting: &&Setting| setting.key() == key && matches!(setting.form(), Form::Choice(_));
        match self.table.iter().find(is_choice) {
            Some(setting) => Ok(self.chosen(setting)),
            None => Err(undeclared(key, "choice")),
        }
    }

    /// Returns the number under this key.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the kind has no number of this key.
    pub fn number(&self, key: &str) -> Result<u64, ConfigError> {
        self.number_of(key, "number", &[Form::Number])
    }

    /// Returns the port under this key.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the kind has no port of this key.
    pub fn port(&self, key: &str) -> Result<u16, ConfigError> {
        let port = self.number_of(key, "port", &[Form::Port])?;
        u16::try_from(port).map_err(|error| ConfigError::new(ConfigErrorKind::OutOfRange, key, port, error))
    }

    /// Returns the duration under this key.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the kind has no duration of this key.
    pub fn duration(&self, key: &str) -> Result<Duration, ConfigError> {
        self.number_of(key, "duration", &[Form::Duration]).map(Duration::from_millis)
    }

    /// Returns the size under this key, in bytes.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the kind has no size of this key.
    pub fn size(&self, key: &str) -> Result<usize, ConfigError> {
        let bytes = self.number_of(key, "size", &[Form::Size])?;
        usize::try_from(bytes)
            .map_err(|error| ConfigError::new(ConfigErrorKind::OutOfRange, key, bytes, error))
    }
}

fn undeclared(key: &str, what: &str) -> ConfigError {
    let reason = format!("the kind of the source declares no {what} of this key");
    ConfigError::new(ConfigErrorKind::UnknownKey, key, "", reason)
}

/// Compares the values, those of the trigger and the defaults alike.
impl PartialEq for Settings {
    fn eq(&self, other: &Settings) -> bool {
        std::ptr::eq(self.table, other.table)
            && self.table.iter().all(|setting| {
                self.value(setting) == other.value(setting) && self.chosen(setting) == other.chosen(setting)
            })
    }
}
