//! Handlers that are async fns and closures.

use std::future::Future;

use super::{Argument, Context, FromTrigger, Rejection};
use crate::process::outcome::IntoOutcome;

/// An async fn or closure with up to 8 arguments that implement [`FromTrigger`], and a return type that implements
/// [`IntoOutcome`]. It is called once for each event, so a closure must not move away what it has captured. Captures of
/// a topic are available only with the attributes.
///
/// `Args` is the tuple of the argument types, which the compiler infers.
///
/// ```
/// # use trigger_core::{Builder, Handler, ProcessConfig, Runtime, Text, TriggerConfig};
/// /// Adds a process for the errors of a pipeline.
/// fn on_errors<Args>(builder: Builder, handler: impl Handler<Args>) -> Builder {
///     let config = ProcessConfig::new().trigger(TriggerConfig::event("pipeline.error"));
///     builder.process("errors", config, handler)
/// }
///
/// let builder = on_errors(Runtime::builder(), |error: Text| async move { println!("{error}") });
/// assert!(builder.check().is_ok());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler",
    label = "not an async fn or closure over extractors",
    note = "a handler is an async fn or a closure that returns a future, with up to 8 arguments that each implement \
            `FromTrigger`, such as `|event: TriggerEvent| async move {{ .. }}`",
    note = "a closure is called once for each event, so it is no handler if it moves a captured value away (`FnOnce`): clone \
            the value in the closure, as in `move |event: TriggerEvent| {{ let db = db.clone(); async move {{ .. }} }}`, \
            or take it as a `State<T>` argument"
)]
pub trait Handler<Args>: Send + Sync + 'static {
    /// The future of one call.
    type Future: Future<Output: IntoOutcome> + Send + 'static;

    /// Makes the arguments and calls the handler.
    ///
    /// # Errors
    ///
    /// The [`Rejection`] of the first argument that cannot be made.
    fn call(&self, cx: &Context<'_>) -> Result<Self::Future, Rejection>;

    /// Returns the arguments, in order.
    #[doc(hidden)]
    fn arguments() -> Vec<Argument> {
        Vec::new()
    }
}

/// One impl for all numbers of arguments. With one impl the compiler does not search for another, and reports the bound
/// that is not met.
impl<F, Args> Handler<Args> for F
where
    F: CalledForEachEvent<Args> + Send + Sync + 'static,
    Args: Arguments,
    F::Future: Future<Output: IntoOutcome> + Send + 'static,
{
    type Future = F::Future;

    fn call(&self, cx: &Context<'_>) -> Result<F::Future, Rejection> {
        Ok(self.call_with(Args::from_trigger(cx)?))
    }

    fn arguments() -> Vec<Argument> {
        Args::list()
    }
}

/// An fn or a closure that takes the arguments of a tuple, and can be called for each event.
#[doc(hidden)]
pub trait CalledForEachEvent<Args> {
    /// What one call returns.
    type Future;

    /// Calls it.
    fn call_with(&self, args: Args) -> Self::Future;
}

/// The arguments of a handler, as a tuple.
#[doc(hidden)]
pub trait Arguments: Sized {
    /// Makes the arguments, in order.
    ///
    /// # Errors
    ///
    /// The [`Rejection`] of the first argument that cannot be made.
    fn from_trigger(cx: &Context<'_>) -> Result<Self, Rejection>;

    /// Returns their descriptions.
    fn list() -> Vec<Argument>;
}

macro_rules! impl_handler {
    ($($arg:ident = $name:literal),*) => {
        #[diagnostic::do_not_recommend]
        impl<F, Fut, $($arg,)*> CalledForEachEvent<($($arg,)*)> for F
        where
            F: Fn($($arg),*) -> Fut,
        {
            type Future = Fut;

            #[allow(non_snake_case, reason = "an argument is named after its type")]
            fn call_with(&self, ($($arg,)*): ($($arg,)*)) -> Fut {
                self($($arg),*)
            }
        }

        impl<$($arg: FromTrigger,)*> Arguments for ($($arg,)*) {
            fn from_trigger(_cx: &Context<'_>) -> Result<Self, Rejection> {
                Ok(($($arg::from_trigger(_cx).map_err(|rejection| rejection.of($name))?,)*))
            }

            fn list() -> Vec<Argument> {
                vec![$(Argument::of::<$arg>($name)),*]
            }
        }
    };
}

impl_handler!();
impl_handler!(A1 = "1");
impl_handler!(A1 = "1", A2 = "2");
impl_handler!(A1 = "1", A2 = "2", A3 = "3");
impl_handler!(A1 = "1", A2 = "2", A3 = "3", A4 = "4");
impl_handler!(A1 = "1", A2 = "2", A3 = "3", A4 = "4", A5 = "5");
impl_handler!(A1 = "1", A2 = "2", A3 = "3", A4 = "4", A5 = "5", A6 = "6");
impl_handler!(A1 = "1", A2 = "2", A3 = "3", A4 = "4", A5 = "5", A6 = "6", A7 = "7");
impl_handler!(A1 = "1", A2 = "2", A3 = "3", A4 = "4", A5 = "5", A6 = "6", A7 = "7", A8 = "8");
