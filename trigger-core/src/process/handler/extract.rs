//! The types that a handler can take as arguments.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use super::{Context, FromTrigger, Needs, Rejection};
use crate::event::{EventId, TriggerEvent};

/// The body of the event, decoded from JSON: the data of an event, the content of a message, the body of a request.
///
/// It is decoded directly from the bytes, without an intermediate [`Value`](serde_json::Value).
///
/// An `Option<Json<T>>` is `None` if there is no value to decode: the body is empty or whitespace, or it is `null` and `T`
/// does not decode from `null`. Any other body that does not decode is malformed.
///
/// ```
/// # use trigger_core::{Context, FromTrigger, Json, Rejection, TriggerEvent};
/// #[derive(serde::Deserialize)]
/// struct Order { id: u64 }
///
/// async fn ship(Json(order): Json<Order>) {
///     println!("shipping {}", order.id);
/// }
/// # drop(ship(Json(Order { id: 7 })));
///
/// let event = TriggerEvent::new("orders", r#"{"id": 7}"#, Default::default());
/// let order = Json::<Order>::from_trigger(&Context::new(&event))?;
/// assert_eq!(order.id, 7);
/// # Ok::<(), Rejection>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromTrigger for Json<T> {
    fn from_trigger(cx: &Context<'_>) -> Result<Json<T>, Rejection> {
        serde_json::from_slice(cx.event.raw()).map(Json).map_err(|error| not_json(cx.event, &error))
    }
}

/// Returns the rejection of a body that does not decode. A body without a value is absent, not malformed. Published data
/// that is a string with JSON in it was encoded twice.
#[cold]
fn not_json(event: &TriggerEvent, error: &serde_json::Error) -> Rejection {
    match event.raw().trim_ascii() {
        b"" => return Rejection::absent(format!("the body is empty, and it needs JSON: {error}")),
        b"null" => return Rejection::absent(format!("the body is `null`: {error}")),
        _ => {}
    }
    let text =
        if event.frame.form.text_is_json { serde_json::from_slice::<String>(event.raw()).ok() } else { None };
    let is_json = |text: String| {
        text.trim_start().starts_with(['{', '['])
            && serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok()
    };
    let hint = if text.is_some_and(is_json) {
        "; the body is a string that holds JSON, so it was encoded twice: publish it with `emit_raw` or `publish_raw`"
    } else {
        ""
    };
    Rejection::invalid(format!("not the JSON it needs: {error}{hint}"))
}

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The body of the event as text.
///
/// For an event or a message that is a JSON string, this is the content of the string. Otherwise it is the text of the
/// body. A body that is not UTF-8 is rejected. An empty body is an empty text, also in an `Option<Text>`.
///
/// ```
/// # use trigger_core::{Context, FromTrigger, Rejection, Text, TriggerEvent};
/// let event = TriggerEvent::new("notes", "all well", Default::default());
/// assert_eq!(&*Text::from_trigger(&Context::new(&event))?, "all well");
/// # Ok::<(), Rejection>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(pub String);

impl FromTrigger for Text {
    fn from_trigger(cx: &Context<'_>) -> Result<Text, Rejection> {
        let raw = cx.event.raw();
        if cx.event.frame.form.text_is_json
            && raw.first() == Some(&b'"')
            && let Ok(text) = serde_json::from_slice(raw)
        {
            return Ok(Text(text));
        }
        let text = str::from_utf8(raw).map_err(|error| Rejection::invalid(format!("not text: {error}")))?;
        Ok(Text(text.to_owned()))
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value that was set on the builder by `state(..)`. Each call of a handler gets a clone.
///
/// If the builder has no value of the type, the runtime does not start.
///
/// ```
/// # use trigger_core::{ProcessConfig, Runtime, State, Text, TriggerConfig};
/// # async fn example() -> trigger_core::Result {
/// #[derive(Clone)]
/// struct Office { city: &'static str }
///
/// let config = ProcessConfig::new().trigger(TriggerConfig::event("mail"));
/// let runtime = Runtime::builder()
///     .state(Office { city: "Oslo" })
///     .process("mail", config, |State(office): State<Office>, text: Text| async move {
///         println!("{}: {text}", office.city);
///     })
///     .start()
///     .await?;
/// # runtime.shutdown().await;
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State<T>(pub T);

impl<T: Clone + Send + Sync + 'static> FromTrigger for State<T> {
    fn from_trigger(cx: &Context<'_>) -> Result<State<T>, Rejection> {
        let missing = || Rejection::absent(format!("no state of type `{}`", std::any::type_name::<T>()));
        cx.env.provided.get().map(State).ok_or_else(missing)
    }

    fn needs(needs: &mut Needs) {
        needs.state::<T>();
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The number of this attempt, and the error of the previous one.
///
/// ```
/// # use trigger_core::{Attempt, Result};
/// async fn charge(attempt: Attempt) -> Result {
///     if let Some(error) = attempt.last_error() {
///         println!("attempt {}, after: {error}", attempt.number());
///     }
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    number: u32,
    last_error: Option<Arc<str>>,
}

impl Attempt {
    /// Returns an attempt for the test of a handler. Numbers begin with 1, and the first attempt has no last error.
    ///
    /// ```
    /// # use trigger_core::{Attempt, Outcome};
    /// async fn charge(attempt: Attempt) -> Outcome {
    ///     if attempt.number() > 3 { Outcome::reject("the bank is closed") } else { Outcome::Done }
    /// }
    /// # async fn test() {
    /// assert_eq!(charge(Attempt::new(1, None)).await, Outcome::Done);
    /// assert_ne!(charge(Attempt::new(4, Some("timed out"))).await, Outcome::Done);
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test());
    /// ```
    pub fn new(number: u32, last_error: Option<&str>) -> Attempt {
        Attempt::of(number, last_error.map(Arc::from))
    }

    #[inline]
    pub(crate) fn of(number: u32, last_error: Option<Arc<str>>) -> Attempt {
        Attempt { number, last_error }
    }

    /// Returns the number of the attempt, from 1.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Returns the error, the panic or the timeout of the previous attempt. `None` in the first attempt.
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }
}

impl FromTrigger for Attempt {
    fn from_trigger(cx: &Context<'_>) -> Result<Attempt, Rejection> {
        Ok(cx.attempt.clone())
    }
}

/// Signals that the runtime is draining, so that a handler can end long work before the deadline.
///
/// ```
/// # use std::time::Duration;
/// # use trigger_core::Shutdown;
/// async fn copy(shutdown: Shutdown) {
///     tokio::select! {
///         _ = shutdown.cancelled() => println!("ends early"),
///         _ = tokio::time::sleep(Duration::from_secs(600)) => println!("copied"),
///     }
/// }
/// # let (begin, shutdown) = Shutdown::manual();
/// # begin();
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(copy(shutdown));
/// ```
#[derive(Clone, Debug)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// Returns a shutdown for the test of a handler, and the function that begins it.
    ///
    /// ```
    /// # use trigger_core::Shutdown;
    /// async fn copy(shutdown: Shutdown) -> &'static str {
    ///     if shutdown.is_cancelled() { "stopped" } else { "copied" }
    /// }
    /// # async fn test() {
    /// let (begin, shutdown) = Shutdown::manual();
    /// assert_eq!(copy(shutdown.clone()).await, "copied");
    /// begin();
    /// assert_eq!(copy(shutdown).await, "stopped");
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test());
    /// ```
    pub fn manual() -> (impl FnOnce() + Send + Sync + 'static, Shutdown) {
        let token = CancellationToken::new();
        let shutdown = Shutdown(token.clone());
        (move || token.cancel(), shutdown)
    }

    /// Waits until the runtime drains.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub fn cancelled(&self) -> WaitForCancellationFuture<'_> {
        self.0.cancelled()
    }

    /// Returns `true` once the runtime drains.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

impl From<Shutdown> for CancellationToken {
    fn from(Shutdown(token): Shutdown) -> CancellationToken {
        token
    }
}

impl FromTrigger for Shutdown {
    fn from_trigger(cx: &Context<'_>) -> Result<Shutdown, Rejection> {
        Ok(Shutdown(cx.env.shutdown.clone()))
    }
}

impl FromTrigger for TriggerEvent {
    fn from_trigger(cx: &Context<'_>) -> Result<TriggerEvent, Rejection> {
        Ok(cx.event.clone())
    }
}

impl FromTrigger for Bytes {
    fn from_trigger(cx: &Context<'_>) -> Result<Bytes, Rejection> {
        Ok(cx.event.raw().clone())
    }
}

impl FromTrigger for EventId {
    fn from_trigger(cx: &Context<'_>) -> Result<EventId, Rejection> {
        Ok(cx.event.id())
    }
}

/// `None` if the event does not have the data. An event with malformed data is dead-lettered.
impl<X: FromTrigger> FromTrigger for Option<X> {
    fn from_trigger(cx: &Context<'_>) -> Result<Option<X>, Rejection> {
        match X::from_trigger(cx) {
            Ok(value) => Ok(Some(value)),
            Err(rejection) if rejection.is_absent() => Ok(None),
            Err(rejection) => Err(rejection),
        }
    }
}

/// Passes the rejection of the argument on to the handler.
impl<X: FromTrigger, E: From<Rejection>> FromTrigger for Result<X, E> {
    fn from_trigger(cx: &Context<'_>) -> Result<Result<X, E>, Rejection> {
        Ok(X::from_trigger(cx).map_err(E::from))
    }
}
