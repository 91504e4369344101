//! A problem that keeps a runtime from starting.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Declaration, Location};

/// A problem that keeps a runtime from starting.
///
/// It serializes as `{handler, location, message}`; the first two are `null` for a problem of the whole program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    handler: Option<String>,
    #[serde(serialize_with = "shown")]
    location: Option<Location>,
    message: String,
}

impl Problem {
    /// A problem of the whole program.
    pub(crate) fn general(message: impl Into<String>) -> Problem {
        Problem { handler: None, location: None, message: message.into() }
    }

    /// A problem of one handler.
    pub(crate) fn of(declaration: &Declaration, message: impl Into<String>) -> Problem {
        Problem::at(declaration.path(), declaration.location, message)
    }

    /// A problem of the handler that is declared there.
    pub(crate) fn at(handler: String, location: Location, message: impl Into<String>) -> Problem {
        Problem { handler: Some(handler), location: Some(location), message: message.into() }
    }

    /// The path of the handler.
    pub fn handler(&self) -> Option<&str> {
        self.handler.as_deref()
    }

    /// The place of its declaration, as `file:line`.
    pub fn location(&self) -> Option<String> {
        self.location.map(|location| location.to_string())
    }

    /// The key by which problems are sorted. Those of the whole program come last.
    pub(crate) fn place(&self) -> (bool, Option<Location>) {
        (self.location.is_none(), self.location)
    }

    /// What is wrong, and the right form.
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
