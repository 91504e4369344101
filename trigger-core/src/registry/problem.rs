//! The problems that prevent the start of a runtime.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Declaration, Location};
use crate::event::names::named;

/// A problem that prevents the start of a runtime.
///
/// It serializes as `{kind, handler, location, message}`. Handler and location are `null` for a problem of the whole
/// program.
///
/// ```
/// # use trigger_core::{ProblemKind, ProcessConfig, Runtime, State, TriggerConfig};
/// let config = ProcessConfig::new().trigger(TriggerConfig::event("mail"));
/// let error = Runtime::builder().process("mail", config, |_: State<String>| async {}).check().unwrap_err();
/// let problem = &error.problems()[0];
/// assert_eq!((problem.kind(), problem.handler()), (ProblemKind::MissingState, Some("mail")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    kind: ProblemKind,
    handler: Option<String>,
    #[serde(serialize_with = "shown")]
    location: Option<Location>,
    message: String,
}

/// The kind of a problem. Its text is its name in JSON, such as `missing_state`.
///
/// ```
/// # use trigger_core::{ProblemKind, Runtime};
/// let error = Runtime::builder().check().unwrap_err();
/// assert_eq!(error.problems()[0].kind(), ProblemKind::Empty);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A setting of a process or of a trigger is invalid.
    Config,
    /// A trigger of the handler cannot provide an argument.
    Argument,
    /// An argument needs a state, and the builder has none of its type.
    MissingState,
    /// Two declarations claim the same name, id, path or trigger.
    Conflict,
    /// A declaration names a process that does not exist, or its own process.
    UnknownProcess,
    /// The program has no handler, or a process has no trigger.
    Empty,
    /// A source cannot start, because something outside of the program is missing, such as a secret.
    Source,
    /// The server cannot listen on a port, or a path of it is taken.
    Bind,
    /// A trigger did not start for another reason.
    Trigger,
    /// The stored events could not be loaded.
    Store,
    /// An `on_start` hook failed.
    Hook,
    /// The runtime is ending.
    Ending,
    /// The tokio runtime lacks what the processes need.
    Tokio,
}

named!(ProblemKind as "kind" {
    Config = "config",
    Argument = "argument",
    MissingState = "missing_state",
    Conflict = "conflict",
    UnknownProcess = "unknown_process",
    Empty = "empty",
    Source = "source",
    Bind = "bind",
    Trigger = "trigger",
    Store = "store",
    Hook = "hook",
    Ending = "ending",
    Tokio = "tokio",
});

impl Problem {
    /// Returns a problem of the whole program.
    pub(crate) fn general(kind: ProblemKind, message: impl Into<String>) -> Problem {
        Problem { kind, handler: None, location: None, message: message.into() }
    }

    /// Returns a problem of one handler.
    pub(crate) fn of(declaration: &Declaration, kind: ProblemKind, message: impl Into<String>) -> Problem {
        let (handler, location) = (Some(declaration.path()), Some(declaration.location));
        Problem { kind, handler, location, message: message.into() }
    }

    /// Returns the kind of the problem.
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// Returns the path of the handler.
    pub fn handler(&self) -> Option<&str> {
        self.handler.as_deref()
    }

    /// Returns the place of its declaration, as `file:line`.
    pub fn location(&self) -> Option<String> {
        self.location.map(|location| location.to_string())
    }

    /// Returns the sort key of the problem. Problems of the whole program come last.
    pub(crate) fn place(&self) -> (bool, Option<Location>) {
        (self.location.is_none(), self.location)
    }

    /// Returns the fault and the right form.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(handler), Some(location)) = (&self.handler, &self.location) {
            write!(f, "`{handler}` at {location}: ")?;
        }
        f.write_str(&self.message)
    }
}

fn shown<S: Serializer>(location: &Option<Location>, serializer: S) -> Result<S::Ok, S::Error> {
    location.map(|location| location.to_string()).serialize(serializer)
}
