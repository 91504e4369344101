//! The settings of one trigger: the values of the keys of its kind.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
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
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Given {
    Text(String),
    Number(u64),
    Flag(bool),
    List(Vec<Given>),
    /// The name of a choice, with the values of its keys.
    Choice(&'static str, Settings),
    Code(Made),
}

/// A value that the program has made, and its source text.
#[derive(Clone)]
pub(super) struct Made {
    value: Arc<dyn Any + Send + Sync>,
    text: &'static str,
}

impl Made {
    pub(super) fn new(value: Arc<dyn Any + Send + Sync>, text: &'static str) -> Made {
        Made { value, text }
    }
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// Compares the source texts. Without one, a value is equal only to itself.
impl PartialEq for Made {
    fn eq(&self, other: &Made) -> bool {
        Arc::ptr_eq(&self.value, &other.value) || (!self.text.is_empty() && self.text == other.text)
    }
}

impl Given {
    /// Returns the value of a setting. Returns `None` for a choice that the setting does not have.
    pub(super) fn of(setting: &Setting, value: Value<'_>) -> Option<Given> {
        let (name, values) = match value {
            Value::Text(text) => return Some(Given::Text(text.to_owned())),
            Value::Number(number) => return Some(Given::Number(number)),
            Value::Flag(flag) => return Some(Given::Flag(flag)),
            Value::List(values) => {
                let values = values.iter().map(|value| Given::of(setting, *value));
                return values.collect::<Option<Vec<_>>>().map(Given::List);
            }
            Value::Code(code) => return Some(Given::Code(Made::new(code.make().into(), code.text()))),
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
    /// Returns the value: of a choice the name alone, of a list nothing, of code its text.
    fn borrowed(&self) -> Value<'_> {
        match self {
            Given::Number(number) => Value::Number(*number),
            Given::Text(text) => Value::Text(text),
            Given::Flag(flag) => Value::Flag(*flag),
            Given::List(_) => Value::List(&[]),
            Given::Choice(name, _) => Value::Text(name),
            Given::Code(made) => Value::Text(made.text),
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
        self.given_for(setting).map_or_else(|| setting.default_value(), |value| Some(value.borrowed()))
    }

    fn given_for(&self, setting: &Setting) -> Option<&Given> {
        self.given.iter().find(|(given, _)| *given == setting.key()).map(|(_, value)| value)
    }

    /// Returns the choice that the trigger has made for this setting.
    pub(crate) fn chosen(&self, setting: &Setting) -> Option<(&'static str, &Settings)> {
        match self.given_for(setting)? {
            Given::Choice(name, settings) => Some((name, settings)),
            _ => None,
        }
    }

    /// Returns the values of a list that the trigger has.
    pub(crate) fn listed(&self, setting: &Setting) -> Option<impl Iterator<Item = Value<'_>>> {
        match self.given_for(setting)? {
            Given::List(values) => Some(values.iter().map(Given::borrowed)),
            _ => None,
        }
    }

    /// Returns the source text of a value that the program makes.
    pub(crate) fn code_text(&self, setting: &Setting) -> Option<&'static str> {
        match self.given_for(setting)? {
            Given::Code(made) => Some(made.text),
            _ => None,
        }
    }

    /// Returns `true` if the kind, or the choice, has this key.
    pub fn has(&self, key: &str) -> bool {
        self.table.iter().any(|setting| setting.key() == key)
    }

    /// Returns `true` if the trigger itself has a value of this key, and not the default of its kind.
    pub fn is_given(&self, key: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == key)
    }

    /// Returns the value of a setting that has one of these forms.
    fn find(
        &self,
        key: &str,
        what: &str,
        has_form: impl Fn(Form) -> bool,
    ) -> Result<Option<Value<'_>>, ConfigError> {
        let found = self.table.iter().find(|setting| setting.key() == key && has_form(setting.form()));
        match found {
            Some(setting) => Ok(self.value(setting)),
            None => Err(undeclared(key, what)),
        }
    }

    fn number_of(&self, key: &str, what: &str, has_form: impl Fn(Form) -> bool) -> Result<u64, ConfigError> {
        match self.find(key, what, has_form)? {
            Some(Value::Number(number)) => Ok(number),
            _ => Err(ConfigError::new(ConfigErrorKind::Missing, key, "", "missing")),
        }
    }

    /// Returns the number, the size in bytes or the duration in milliseconds under a key that is
    /// [optional](Setting::optional).
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the kind has no such key.
    pub fn optional_number(&self, key: &str) -> Result<Option<u64>, ConfigError> {
        use Form::{Duration, Number, OneOf, Port, Size};
        let is_number = |form| matches!(form, Number | Port | Size | Duration | OneOf(_));
        Ok(match self.find(key, "number", is_number)? {
            Some(Value::Number(number)) => Some(number),
            _ => None,
        })
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
        use Form::{Host, Name, Network, Path, Pattern, Process, Rate, Text, Topic};
        let is_text =
            |form| matches!(form, Text | Name | Host | Path | Topic | Pattern | Process | Network | Rate);
        Ok(match self.find(key, "text", is_text)? {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        })
    }

    /// Returns the texts of the list under this key. The list is empty if the trigger does not have the key.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the kind has no list of this key.
    pub fn texts(&self, key: &str) -> Result<Vec<&str>, ConfigError> {
        let is_list = |setting: &&Setting| setting.key() == key && setting.form().element().is_some();
        let setting = self.table.iter().find(is_list).ok_or_else(|| undeclared(key, "list"))?;
        let texts = self.listed(setting).into_iter().flatten().filter_map(|value| match value {
            Value::Text(text) => Some(text),
            _ => None,
        });
        Ok(texts.collect())
    }

    /// Returns the flag under this key. It is `false` if the trigger does not have the key.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the kind has no flag of this key.
    pub fn flag(&self, key: &str) -> Result<bool, ConfigError> {
        let found = self.find(key, "flag", |form| form == Form::Flag)?;
        Ok(found == Some(Value::Flag(true)))
    }

    /// Returns the value of the program under a key that [takes one](Setting::or_code). Returns `None` if the trigger has no
    /// such value.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the kind has no such key, or the value has another type.
    pub fn code<T: Send + Sync + 'static>(&self, key: &str) -> Result<Option<Arc<T>>, ConfigError> {
        let takes_code = |setting: &&Setting| setting.key() == key && setting.code().is_some();
        let setting = self.table.iter().find(takes_code).ok_or_else(|| undeclared(key, "value of code"))?;
        let Some(Given::Code(made)) = self.given_for(setting) else { return Ok(None) };
        let other = || {
            let reason = format!("it is {}", setting.code().unwrap_or_default());
            ConfigError::new(ConfigErrorKind::WrongType, key, made.text, reason)
        };
        Arc::clone(&made.value).downcast().map(Some).map_err(|_| other())
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
        self.number_of(key, "number", |form| matches!(form, Form::Number | Form::OneOf(_)))
    }

    /// Returns the port under this key.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the kind has no port of this key.
    pub fn port(&self, key: &str) -> Result<u16, ConfigError> {
        let port = self.number_of(key, "port", |form| form == Form::Port)?;
        u16::try_from(port).map_err(|error| ConfigError::new(ConfigErrorKind::OutOfRange, key, port, error))
    }

    /// Returns the duration under this key.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the kind has no duration of this key.
    pub fn duration(&self, key: &str) -> Result<Duration, ConfigError> {
        self.number_of(key, "duration", |form| form == Form::Duration).map(Duration::from_millis)
    }

    /// Returns the size under this key, in bytes.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the kind has no size of this key.
    pub fn size(&self, key: &str) -> Result<usize, ConfigError> {
        let bytes = self.number_of(key, "size", |form| form == Form::Size)?;
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
            && self.table.iter().all(|setting| match (self.given_for(setting), other.given_for(setting)) {
                (Some(one), Some(other)) => one == other,
                _ => self.value(setting) == other.value(setting),
            })
    }
}
