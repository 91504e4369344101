//! The errors that belong to no one place: the box every handler error fits in, and a wrong setting.

use std::error::Error as StdError;
use std::fmt;
use std::ops::Deref;

/// A `Result` whose error is any error, for handlers and `main`.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Any error. `?` converts into it from every error type, from `String` and from `&str`.
///
/// ```
/// # use trigger_core::{Error, Result};
/// fn read() -> Result<u32> {
///     let text = std::str::from_utf8(b"12a")?;
///     if text.is_empty() {
///         return Err(Error::from("nothing there"));
///     }
///     Ok(text.parse()?)
/// }
/// assert_eq!(read().unwrap_err().to_string(), "invalid digit found in string");
/// ```
///
/// It does not implement [`std::error::Error`] itself, as no type that converts from all errors can; it
/// dereferences to one.
pub struct Error {
    error: Box<dyn StdError + Send + Sync>,
    permanent: bool,
}

impl Error {
    /// An error that no retry can mend: a handler that returns it is not called again for this event, whatever its
    /// `retry` says. The event is dead-lettered at once, as rejected.
    ///
    /// ```
    /// # use trigger_core::{Error, Result};
    /// fn iban(text: &str) -> Result<u64> {
    ///     text.parse().map_err(Error::permanent)
    /// }
    /// assert!(iban("none").unwrap_err().is_permanent());
    /// ```
    pub fn permanent(error: impl Into<Error>) -> Error {
        Error { permanent: true, ..error.into() }
    }

    /// Whether no retry can mend it.
    pub fn is_permanent(&self) -> bool {
        self.permanent
    }
}

impl<E: Into<Box<dyn StdError + Send + Sync>>> From<E> for Error {
    fn from(error: E) -> Error {
        Error { error: error.into(), permanent: false }
    }
}

impl Deref for Error {
    type Target = dyn StdError + Send + Sync + 'static;

    fn deref(&self) -> &Self::Target {
        &*self.error
    }
}

/// The error and, after `: `, each of its sources that says more.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.error.to_string();
        f.write_str(&said)?;
        let mut source = self.error.source();
        while let Some(error) = source {
            let text = error.to_string();
            if !said.contains(&text) {
                write!(f, ": {text}")?;
            }
            said = text;
            source = error.source();
        }
        Ok(())
    }
}

/// As `Display`, so that a `main` that returns it prints something a person can read.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A setting that cannot be used: which field, what it said, and the right form.
///
/// ```
/// # use trigger_core::TriggerConfig;
/// let error = TriggerConfig::webhook("events", 9090).validate().unwrap_err();
/// assert_eq!(error.field(), "webhook_path");
/// assert_eq!(error.value(), "events");
/// assert_eq!(
///     error.to_string(),
///     "field `webhook_path`: \"events\": a path begins with `/` (at byte 0): put a `/` in front",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    field: String,
    value: String,
    reason: String,
}

impl ConfigError {
    pub(crate) fn new(
        field: impl Into<String>,
        value: impl fmt::Display,
        reason: impl fmt::Display,
    ) -> ConfigError {
        ConfigError { field: field.into(), value: value.to_string(), reason: reason.to_string() }
    }

    /// The field, by its name in configuration.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What the field said.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The rule that was broken, and the right form.
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
