//! The errors that several modules share: the box for any error of a handler, and the error of an invalid setting.

use std::error::Error as StdError;
use std::fmt;
use std::ops::Deref;

mod config;

pub use config::{ConfigError, ConfigErrorKind};

type BoxedError = Box<dyn StdError + Send + Sync>;

/// A `Result` with any error, for handlers and `main`.
///
/// ```
/// # use trigger_core::Result;
/// async fn archive(text: String) -> Result {
///     let number: u64 = text.parse()?;
///     println!("{number}");
///     Ok(())
/// }
/// # drop(archive(String::new()));
/// ```
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// A box for any error. `?` converts every error type, `String` and `&str` into it.
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
/// It does not implement [`std::error::Error`], because a type that converts from every error cannot. It dereferences to
/// the error in the box. `?` converts it into a `Box<dyn std::error::Error>` and, with the feature `anyhow`, into an
/// `anyhow::Error`. [`into_boxed`](Self::into_boxed) returns a box that is `Send + Sync`.
///
/// ```
/// # fn start() -> trigger_core::Result { Ok(()) }
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     start()?;
///     Ok(())
/// }
/// ```
pub struct Error(BoxedError);

impl Error {
    /// Returns an error that no retry can fix. If a handler returns it, the event is dead-lettered at once as rejected,
    /// and the `retry` of the process does not apply.
    ///
    /// The error stays permanent as a source of another error, and through `anyhow` and its contexts.
    ///
    /// ```
    /// # use trigger_core::{Error, Result};
    /// fn iban(text: &str) -> Result<u64> {
    ///     text.parse().map_err(Error::permanent)
    /// }
    /// assert!(iban("none").unwrap_err().is_permanent());
    /// ```
    pub fn permanent(error: impl Into<Error>) -> Error {
        let Error(error) = error.into();
        match error.is::<Permanent>() {
            true => Error(error),
            false => Error(Box::new(Permanent(Mark(error)))),
        }
    }

    /// Returns `true` if [`permanent`](Self::permanent) made the error or one of its sources.
    pub fn is_permanent(&self) -> bool {
        chain(&*self.0).any(is_mark)
    }

    /// Converts the error into a box, for a function that returns one. A permanent error stays permanent.
    ///
    /// ```
    /// # use trigger_core::Error;
    /// fn ship(order: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    ///     if order.is_empty() {
    ///         return Err(Error::permanent("no order").into_boxed());
    ///     }
    ///     Ok(())
    /// }
    /// assert!(Error::from(ship("").unwrap_err()).is_permanent());
    /// ```
    pub fn into_boxed(self) -> Box<dyn StdError + Send + Sync> {
        self.0
    }
}

impl<E: Into<Box<dyn StdError + Send + Sync>>> From<E> for Error {
    fn from(error: E) -> Error {
        Error(error.into())
    }
}

impl From<Error> for Box<dyn StdError> {
    fn from(error: Error) -> Box<dyn StdError> {
        error.0
    }
}

/// Converts the box. `downcast_ref::<Box<dyn std::error::Error + Send + Sync>>()` of `anyhow` returns the original error.
#[cfg(feature = "anyhow")]
impl From<Error> for anyhow::Error {
    fn from(error: Error) -> anyhow::Error {
        anyhow::Error::from_boxed(error.0)
    }
}

impl Deref for Error {
    type Target = dyn StdError + Send + Sync + 'static;

    fn deref(&self) -> &Self::Target {
        match self.0.downcast_ref() {
            Some(Permanent(Mark(error))) => &**error,
            None => &*self.0,
        }
    }
}

/// Shows the error and, after `: `, each source whose text adds information.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        WithSources(&*self.0).fmt(f)
    }
}

/// Shows the same as `Display`, so that a `main` that returns the error prints a readable line.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A permanent error. It shows the wrapped error, and its source is the mark.
///
/// The mark is a source because wrappers such as `anyhow::Error::from_boxed`, `io::Error::other` and
/// `#[error(transparent)]` hide the type of the wrapped error but forward its source.
struct Permanent(Mark);

/// The mark of a permanent error in the chain of sources. Its source is that of the marked error.
struct Mark(BoxedError);

impl fmt::Display for Permanent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.0, f)
    }
}

impl fmt::Debug for Permanent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.0, f)
    }
}

impl StdError for Permanent {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the error is permanent, no retry follows")
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for Mark {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

fn is_mark(error: &(dyn StdError + 'static)) -> bool {
    error.is::<Mark>()
}

/// Returns the error and its sources.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// Shows an error and, after `: `, each source whose text is not part of the text before.
pub(crate) struct WithSources<'a>(pub(crate) &'a (dyn StdError + 'static));

impl fmt::Display for WithSources<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before: Option<String> = None;
        for error in chain(self.0).filter(|error| !is_mark(*error)) {
            let text = error.to_string();
            match &before {
                None => f.write_str(&text)?,
                Some(before) if !before.contains(&text) => write!(f, ": {text}")?,
                Some(_) => {}
            }
            before = Some(text);
        }
        Ok(())
    }
}
