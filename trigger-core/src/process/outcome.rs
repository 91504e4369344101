//! The result of one attempt at handling an event.

use std::time::Duration;

use crate::event::error::Error;

/// The result of one attempt, as the handler reports it.
///
/// A handler returns `()` (done), an `Outcome`, or a `Result` of either. An `Err` and a [`Retry`](Outcome::Retry) are
/// failed attempts. After a failed attempt the event is retried while the `retry` of the process allows it, and then
/// dead-lettered; the default is no retry. A [`Reject`](Outcome::Reject) and an [`Error::permanent`] dead-letter the
/// event at once.
///
/// ```
/// # use std::time::Duration;
/// # use trigger_core::{Outcome, Result};
/// async fn send(mail: String) -> Result<Outcome> {
///     if mail.is_empty() {
///         return Ok(Outcome::reject("an empty mail"));
///     }
///     Ok(if mail.contains("later") { Outcome::Retry(Duration::from_secs(60)) } else { Outcome::Done })
/// }
/// # drop(send(String::new()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum Outcome {
    /// The event was handled.
    Done,
    /// The event was not handled, and an attempt after this delay may succeed. It counts as a failed attempt. The delay
    /// replaces that of the backoff.
    Retry(Duration),
    /// The event can never be handled, for this reason.
    Reject(String),
}

impl Outcome {
    /// Returns a [`Reject`](Outcome::Reject) with this reason.
    pub fn reject(reason: impl Into<String>) -> Outcome {
        Outcome::Reject(reason.into())
    }
}

/// A return type of a handler: `()`, [`Outcome`], or a `Result` of these whose error converts into [`Error`].
///
/// ```
/// # use trigger_core::{IntoOutcome, Outcome};
/// assert_eq!(().into_outcome()?, Outcome::Done);
/// assert!(Err::<(), _>("the disk is full").into_outcome().is_err());
/// # Ok::<(), trigger_core::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned by a handler",
    label = "not an outcome",
    note = "a handler returns `()`, `Outcome`, or `Result<(), E>` or `Result<Outcome, E>` where `E` is any error",
    note = "a closure whose block never ends, such as a `loop`, returns `!`: write an `async fn` instead, which returns `()`"
)]
pub trait IntoOutcome {
    /// Converts the value into the outcome of the attempt.
    ///
    /// # Errors
    ///
    /// Returns the error that the handler returned.
    fn into_outcome(self) -> Result<Outcome, Error>;
}

impl IntoOutcome for () {
    fn into_outcome(self) -> Result<Outcome, Error> {
        Ok(Outcome::Done)
    }
}

impl IntoOutcome for Outcome {
    fn into_outcome(self) -> Result<Outcome, Error> {
        Ok(self)
    }
}

/// The error of a handler: any type that converts into [`Error`].
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a handler",
    label = "the error `{Self}` does not implement `std::error::Error`",
    note = "implement `std::error::Error` for `{Self}`, with `#[derive(thiserror::Error)]` or by hand, or convert it where the \
            handler returns it, such as `.map_err(|error| format!(\"{{error:?}}\"))?` in a `triggers::Result`"
)]
pub trait HandlerError: Into<Error> {}

#[diagnostic::do_not_recommend]
impl<E: Into<Error>> HandlerError for E {}

impl<T: IntoOutcome, E: HandlerError> IntoOutcome for Result<T, E> {
    fn into_outcome(self) -> Result<Outcome, Error> {
        self.map_err(Into::into)?.into_outcome()
    }
}
