//! Handlers, and the extraction of their arguments from an event.

use std::any::{Any, TypeId, type_name};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::clock::SharedClock;
use crate::event::names::named;
use crate::event::{TriggerEvent, TriggerKind, printable};

mod argument;
mod extract;
mod function;
mod slot;

pub use argument::Argument;
pub use extract::{Attempt, Json, Shutdown, State, Text};
pub use function::Handler;
pub(crate) use slot::NewSlot;
pub use slot::{HandlerResult, HandlerSlot, new_slot, run};

/// A type that can be an argument of a handler. It is made from the event, the attempt, and values of the runtime.
///
/// The framework implements it for
/// `TriggerEvent`, [`Json<T>`], [`Text`], `Bytes`, [`State<T>`], `EventBus`, `MessageBroker`, `Topic`, `Source`,
/// `Sender`, `EventId`, `Headers`, `Query<T>`, `Form<T>`, `CloudEvent<T>`, [`Attempt`], [`Shutdown`], `DeadLetter`,
/// `DeadLetters`, `RuntimeHandle`, and `Option<X>` and `Result<X, _>` of these. Implement it for your own type to share an
/// extraction between handlers:
///
/// ```
/// # use trigger_core::{Context, FromTrigger, Rejection, Sender};
/// struct Team(String);
///
/// impl FromTrigger for Team {
///     fn from_trigger(cx: &Context<'_>) -> Result<Team, Rejection> {
///         let Sender(sender) = Sender::from_trigger(cx)?;
///         let (team, _) = sender.split_once('/').ok_or_else(|| Rejection::invalid("no team in the sender"))?;
///         Ok(Team(team.to_owned()))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a handler",
    label = "not made from an event",
    note = "if `{Self}` is data in the body of the event, take `Json<{Self}>`, which decodes it by `serde::Deserialize`",
    note = "the arguments are `TriggerEvent`, `Json<T>`, `Text`, `Bytes`, `State<T>`, `EventBus`, `MessageBroker`, \
            `Topic`, `Source`, `Sender`, `EventId`, `Headers`, `Query<T>`, `Form<T>`, `CloudEvent<T>`, `Attempt`, \
            `Shutdown`, `DeadLetter`, `DeadLetters`, `RuntimeHandle`, `Option<X>` or `Result<X, _>` of these, and every \
            type of yours that implements `FromTrigger`",
    note = "these are types of `triggers`: a `Json` or `State` of another crate is another type, so write `triggers::Json`",
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

    /// The kinds of trigger that can provide the argument. If a handler has a trigger of another kind, the argument is
    /// refused: by the compiler for a handler with attributes, otherwise at start. The default is `None`, every kind. A
    /// dead letter provides the same arguments as its event.
    ///
    /// An argument that is made from another one has the same kinds: `const AVAILABLE_FOR: Option<&'static
    /// [TriggerKind]> = Headers::AVAILABLE_FOR;`.
    const AVAILABLE_FOR: Option<&'static [TriggerKind]> = None;

    /// Adds the values that the runtime must have at start to make the argument. The default adds none.
    ///
    /// An argument that is made from a [`State<T>`] passes its needs on. Otherwise a missing state is found only at the
    /// first event: `fn needs(needs: &mut Needs) { State::<Database>::needs(needs) }`.
    fn needs(_needs: &mut Needs) {}
}

/// Why an argument could not be made from an event.
///
/// ```
/// # use trigger_core::{Rejection, RejectionKind};
/// let rejection = Rejection::invalid("no team in the sender");
/// assert_eq!((rejection.kind(), rejection.to_string()), (RejectionKind::Invalid, "no team in the sender".to_owned()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    argument: Option<&'static str>,
    kind: RejectionKind,
    message: String,
}

/// The kind of a rejection: the data of the argument is absent or invalid. Its text is its name in JSON, such as
/// `absent`.
///
/// ```
/// # use trigger_core::{Rejection, RejectionKind};
/// assert_eq!(Rejection::absent("no sender").kind(), RejectionKind::Absent);
/// assert_eq!(RejectionKind::Absent.to_string(), "absent");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectionKind {
    /// The event does not have the data. An `Option` of the argument is `None`.
    Absent,
    /// The event has the data, and it is malformed.
    Invalid,
}

named!(RejectionKind as "kind" {
    Absent = "absent",
    Invalid = "invalid",
});

impl Rejection {
    /// Returns a rejection because the event does not have the data. An `Option` of the argument is `None`.
    pub fn absent(message: impl Into<String>) -> Rejection {
        Rejection { argument: None, kind: RejectionKind::Absent, message: message.into() }
    }

    /// Returns a rejection because the event has the data, and it is malformed.
    pub fn invalid(message: impl Into<String>) -> Rejection {
        Rejection { argument: None, kind: RejectionKind::Invalid, message: message.into() }
    }

    /// Returns the kind of the rejection.
    pub fn kind(&self) -> RejectionKind {
        self.kind
    }

    /// Returns `true` if the kind is [`RejectionKind::Absent`].
    pub fn is_absent(&self) -> bool {
        self.kind == RejectionKind::Absent
    }

    /// Sets the name of the argument, unless it is set.
    pub(crate) fn of(mut self, argument: &'static str) -> Rejection {
        self.argument.get_or_insert(argument);
        self
    }
}

/// The message often quotes the event. So its control characters are escaped, and it has at most 1 KiB.
impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match self.argument {
            Some(argument) => printable(format!("argument `{argument}`: {}", self.message)),
            None => printable(&*self.message),
        })
    }
}

impl std::error::Error for Rejection {}

/// The input of [`FromTrigger`]: the event, the attempt, and the values of the runtime.
///
/// The runtime creates one for each attempt. [`new`](Self::new) creates one for the test of a [`FromTrigger`]:
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
    /// Returns a context for a test: the first attempt at this event, without state, bus and broker.
    pub fn new(event: &'a TriggerEvent) -> Context<'a> {
        Context { event, attempt: Attempt::new(1, None), env: Surroundings::Own(Box::default()) }
    }

    /// Returns the context of an attempt in a runtime.
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

    /// Adds a value by its type. Has an effect only on a context from [`new`](Self::new).
    pub(crate) fn provide<T: Send + Sync + 'static>(mut self, value: T) -> Context<'a> {
        if let Surroundings::Own(env) = &mut self.env {
            env.provided.insert(value);
        }
        self
    }

    /// Returns the event of this attempt.
    pub fn event(&self) -> &TriggerEvent {
        self.event
    }

    /// Returns what the pattern of the event captured under this name: a token of the topic, or a segment of the path of a
    /// webhook request, percent-decoded.
    ///
    /// The event of a request keeps its captures as a dead letter, for a handler of dead letters, and as JSON. An event of the
    /// broker has them only in the handler of its own trigger.
    ///
    /// ```
    /// # use trigger_core::{Context, Draft, SourceKind, TriggerEvent};
    /// # static REQUEST: SourceKind = SourceKind::new("request", "a request");
    /// let draft = Draft::new("/hooks/acme%20inc", "{}").route("/hooks/{tenant}");
    /// let event = TriggerEvent::from_draft(&REQUEST, "hooks", draft);
    /// assert_eq!(Context::new(&event).capture("tenant").as_deref(), Some("acme inc"));
    /// ```
    pub fn capture(&self, name: &str) -> Option<Cow<'_, str>> {
        self.event.capture(name)
    }
}

/// The environment of a context: shared by the runtime, or owned in a test.
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

/// The values that a runtime provides to all its handlers.
#[derive(Debug, Default)]
pub(crate) struct Env {
    pub(crate) provided: Extensions,
    pub(crate) shutdown: CancellationToken,
    pub(crate) clock: SharedClock,
}

/// Values by type: the program's state, the bus, the broker, the dead letters and the handle.
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

/// The values that the runtime must have at start to make an argument: see [`FromTrigger::needs`].
#[derive(Debug, Default)]
pub struct Needs {
    pub(crate) states: Vec<StateNeed>,
}

/// A `State<T>` that an argument needs.
#[derive(Debug)]
pub(crate) struct StateNeed {
    pub(crate) type_id: TypeId,
    pub(crate) type_name: &'static str,
}

impl Needs {
    /// Adds the need for a value of this type, set on the builder by `state(..)`.
    pub(crate) fn state<T: 'static>(&mut self) {
        self.states.push(StateNeed { type_id: TypeId::of::<T>(), type_name: type_name::<T>() });
    }
}
