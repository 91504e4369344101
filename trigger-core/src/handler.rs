//! Handlers: they make their arguments from an event, and run.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::clock::SharedClock;
use crate::event::{TriggerEvent, TriggerKind};
use crate::names::named;
use crate::outcome::IntoOutcome;

mod argument;
mod extract;
mod slot;

pub use argument::Argument;
pub use extract::{Attempt, Json, Query, Sender, Shutdown, Source, State, Text};
pub(crate) use slot::NewSlot;
pub use slot::{HandlerResult, HandlerSlot, new_slot, run};

/// A type that can be an argument of a handler: it is made from the event and its surroundings.
///
/// The framework implements it for
/// `TriggerEvent`, [`Json<T>`], [`Text`], `Bytes`, [`State<T>`], `EventBus`, `MessageBroker`, `Topic`, [`Source`],
/// [`Sender`], `EventId`, `Headers`, [`Query<T>`], [`Attempt`], [`Shutdown`], `DeadLetter`, `DeadLetters`, and `Option<X>`
/// and `Result<X, _>` of these. Implement it for a type of your own to name what several handlers do with an event:
///
/// ```
/// # use trigger_core::{Context, FromTrigger, Headers, Rejection};
/// struct DeliveryId(String);
///
/// impl FromTrigger for DeliveryId {
///     fn from_trigger(cx: &Context<'_>) -> Result<DeliveryId, Rejection> {
///         let headers = Headers::from_trigger(cx)?;
///         let id = headers.get("x-github-delivery").ok_or_else(|| Rejection::absent("no delivery id"))?;
///         Ok(DeliveryId(id.to_owned()))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a handler",
    label = "not made from an event",
    note = "the arguments are `TriggerEvent`, `Json<T>`, `Text`, `Bytes`, `State<T>`, `EventBus`, `MessageBroker`, \
            `Topic`, `Source`, `Sender`, `EventId`, `Headers`, `Query<T>`, `Attempt`, `Shutdown`, `DeadLetter`, \
            `DeadLetters`, and `Option<X>` or `Result<X, _>` of these; for data of your own take `Json<T>`, or implement `FromTrigger` for the type",
    note = "an argument named after a `{{capture}}` of a pattern that is written in the attribute may be any type \
            with `FromStr`"
)]
pub trait FromTrigger: Sized {
    /// Makes the argument. It runs on every attempt and must not block.
    ///
    /// # Errors
    ///
    /// A [`Rejection`]: the event is then dead-lettered at once, with its raw bytes, unless the argument is an
    /// `Option` or a `Result`.
    fn from_trigger(cx: &Context<'_>) -> Result<Self, Rejection>;

    /// The kinds of trigger that have it. If a handler has a trigger of another kind, the argument is refused: by the
    /// compiler for a handler with attributes, else at start. The default is `None`, every kind. A dead letter has what its event
    /// had.
    ///
    /// An argument that is made from another one takes its kinds: `const AVAILABLE_FOR: Option<&'static [TriggerKind]> =
    /// Headers::AVAILABLE_FOR;`.
    const AVAILABLE_FOR: Option<&'static [TriggerKind]> = None;

    /// Names what the runtime must have at start so that the argument can be made. The default is nothing.
    ///
    /// An argument that is made from a [`State<T>`] passes its needs on. Otherwise a missing state is found only when an
    /// event comes: `fn needs(needs: &mut Needs) { State::<Database>::needs(needs) }`.
    fn needs(_needs: &mut Needs) {}
}

/// Why an argument could not be made from an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    argument: Option<&'static str>,
    kind: RejectionKind,
    message: String,
}

/// Whether the event lacks what an argument is made from, or has it malformed. As text it is its name in JSON, such as
/// `absent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectionKind {
    /// The event does not have it. An `Option` of the argument is `None`.
    Absent,
    /// The event has it, and it is malformed.
    Invalid,
}

named!(RejectionKind as "kind" {
    Absent = "absent",
    Invalid = "invalid",
});

impl Rejection {
    /// The event does not have what the argument is made from. An `Option` of the argument is `None`.
    pub fn absent(message: impl Into<String>) -> Rejection {
        Rejection { argument: None, kind: RejectionKind::Absent, message: message.into() }
    }

    /// The event has what the argument is made from, and it is malformed.
    pub fn invalid(message: impl Into<String>) -> Rejection {
        Rejection { argument: None, kind: RejectionKind::Invalid, message: message.into() }
    }

    /// Whether the event lacks it, or has it malformed.
    pub fn kind(&self) -> RejectionKind {
        self.kind
    }

    /// Returns `true` if the kind is [`RejectionKind::Absent`].
    pub fn is_absent(&self) -> bool {
        self.kind == RejectionKind::Absent
    }

    /// Names the argument, unless that was done before.
    pub(crate) fn of(mut self, argument: &'static str) -> Rejection {
        self.argument.get_or_insert(argument);
        self
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.argument {
            Some(argument) => write!(f, "argument `{argument}`: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Rejection {}

/// What arguments are made from: the event, the attempt, and what the runtime provides.
///
/// The runtime makes one for each attempt. [`new`](Self::new) makes one for the test of a [`FromTrigger`]:
///
/// ```
/// # use trigger_core::{Context, FromTrigger, Needs, Rejection, State, Text, TriggerEvent};
/// struct Greeting(String);
///
/// impl FromTrigger for Greeting {
///     fn from_trigger(cx: &Context<'_>) -> Result<Greeting, Rejection> {
///         let (State(prefix), name) = (State::<String>::from_trigger(cx)?, Text::from_trigger(cx)?);
///         Ok(Greeting(format!("{prefix} {name}")))
///     }
///
///     fn needs(needs: &mut Needs) {
///         State::<String>::needs(needs);
///     }
/// }
///
/// let event = TriggerEvent::new("names", "Ada", Default::default());
/// let greeting = Greeting::from_trigger(&Context::new(&event).state("hello".to_owned()))?;
/// assert_eq!(greeting.0, "hello Ada");
/// assert!(Greeting::from_trigger(&Context::new(&event)).is_err_and(|rejection| rejection.is_absent()));
/// # Ok::<(), Rejection>(())
/// ```
#[derive(Debug)]
pub struct Context<'a> {
    pub(crate) event: &'a TriggerEvent,
    pub(crate) attempt: Attempt,
    pub(crate) env: Surroundings<'a>,
}

impl<'a> Context<'a> {
    /// A context for a test: the first attempt at this event, without a state, a bus or a broker.
    pub fn new(event: &'a TriggerEvent) -> Context<'a> {
        Context { event, attempt: Attempt::new(1, None), env: Surroundings::Own(Box::default()) }
    }

    /// The context of an attempt in a runtime.
    #[inline]
    pub(crate) fn of(event: &'a TriggerEvent, attempt: Attempt, env: &'a Env) -> Context<'a> {
        Context { event, attempt, env: Surroundings::Shared(env) }
    }

    /// Sets the attempt.
    pub fn attempt(mut self, attempt: Attempt) -> Context<'a> {
        self.attempt = attempt;
        self
    }

    /// Adds a value for arguments of the type [`State<T>`]. A value of the same type is replaced.
    pub fn state<T: Clone + Send + Sync + 'static>(self, state: T) -> Context<'a> {
        self.provide(state)
    }

    /// Sets the value for arguments of the type [`Shutdown`].
    pub fn shutdown(mut self, shutdown: Shutdown) -> Context<'a> {
        if let Surroundings::Own(env) = &mut self.env {
            env.shutdown = shutdown.into();
        }
        self
    }

    /// Adds a value by its type. Only [`new`](Self::new) makes a context that can be added to.
    pub(crate) fn provide<T: Send + Sync + 'static>(mut self, value: T) -> Context<'a> {
        if let Surroundings::Own(env) = &mut self.env {
            env.provided.insert(value);
        }
        self
    }

    /// The event that is being handled.
    pub fn event(&self) -> &TriggerEvent {
        self.event
    }

    /// What the pattern of the trigger captured under this name.
    pub fn capture(&self, name: &str) -> Option<&str> {
        self.event.capture(name)
    }
}

/// What a context provides: that of the runtime, or, in a test, its own.
#[derive(Debug)]
pub(crate) enum Surroundings<'a> {
    Shared(&'a Env),
    Own(Box<Env>),
}

impl Deref for Surroundings<'_> {
    type Target = Env;

    #[inline]
    fn deref(&self) -> &Env {
        match self {
            Surroundings::Shared(env) => env,
            Surroundings::Own(env) => env,
        }
    }
}

/// What a runtime provides to all its handlers.
#[derive(Debug, Default)]
pub(crate) struct Env {
    pub(crate) provided: Extensions,
    pub(crate) shutdown: CancellationToken,
    pub(crate) clock: SharedClock,
}

/// Values by type: the program's state, the bus and the broker.
#[derive(Default)]
pub(crate) struct Extensions(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Extensions {
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Arc::new(value));
    }

    pub(crate) fn get<T: Clone + 'static>(&self) -> Option<T> {
        self.0.get(&TypeId::of::<T>())?.downcast_ref::<T>().cloned()
    }

    pub(crate) fn has(&self, wanted: TypeId) -> bool {
        self.0.contains_key(&wanted)
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values", self.0.len())
    }
}

/// What the runtime must have at start so that an argument can be made.
#[derive(Debug, Default)]
pub struct Needs {
    pub(crate) states: Vec<StateNeed>,
}

/// A `State<T>` somewhere in an argument.
#[derive(Debug)]
pub(crate) struct StateNeed {
    pub(crate) type_id: TypeId,
    pub(crate) type_name: &'static str,
}

impl Needs {
    /// A value of this type, given to the builder by `state(..)`.
    pub(crate) fn state<T: 'static>(&mut self) {
        self.states.push(StateNeed { type_id: TypeId::of::<T>(), type_name: type_name::<T>() });
    }
}

/// An async fn or closure with up to 8 arguments that are each [`FromTrigger`] and a return that is [`IntoOutcome`]. It
/// takes no captures: those are named by attributes.
///
/// `Args` are the types of its arguments; the compiler finds them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler",
    label = "not an async fn or closure over extractors",
    note = "a handler is an async fn or a closure that returns a future, with up to 8 arguments that each implement \
            `FromTrigger`, such as `|event: TriggerEvent| async move {{ .. }}`"
)]
pub trait Handler<Args>: Send + Sync + 'static {
    /// The handler as it runs.
    type Future: Future<Output: IntoOutcome> + Send + 'static;

    /// Makes the arguments and calls.
    ///
    /// # Errors
    ///
    /// The [`Rejection`] of the first argument that could not be made.
    fn call(&self, cx: &Context<'_>) -> Result<Self::Future, Rejection>;

    /// The arguments, in order.
    #[doc(hidden)]
    fn arguments() -> Vec<Argument> {
        Vec::new()
    }
}

macro_rules! impl_handler {
    ($($arg:ident = $name:literal),*) => {
        #[diagnostic::do_not_recommend]
        impl<F, Fut, $($arg,)*> Handler<($($arg,)*)> for F
        where
            F: Fn($($arg),*) -> Fut + Send + Sync + 'static,
            Fut: Future + Send + 'static,
            Fut::Output: IntoOutcome,
            $($arg: FromTrigger,)*
        {
            type Future = Fut;

            fn call(&self, _cx: &Context<'_>) -> Result<Fut, Rejection> {
                Ok(self($($arg::from_trigger(_cx).map_err(|rejection| rejection.of($name))?),*))
            }

            fn arguments() -> Vec<Argument> {
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
