//! What keeps a runtime from starting, as its start tells it.

use std::fmt;

use super::{Declaration, Location};

/// One thing that keeps a runtime from starting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    handler: Option<String>,
    location: Option<Location>,
    message: String,
}

impl Problem {
    /// A problem of the program as a whole.
    pub(crate) fn general(message: impl Into<String>) -> Problem {
        Problem { handler: None, location: None, message: message.into() }
    }

    pub(crate) fn of(declaration: &Declaration, message: impl Into<String>) -> Problem {
        Problem::at(declaration.path(), declaration.location, message)
    }

    pub(crate) fn at(handler: String, location: Location, message: impl Into<String>) -> Problem {
        Problem { handler: Some(handler), location: Some(location), message: message.into() }
    }

    /// The handler it is about.
    pub fn handler(&self) -> Option<&str> {
        self.handler.as_deref()
    }

    /// Where that was declared, as `file:line`.
    pub fn location(&self) -> Option<String> {
        self.location.map(|location| location.to_string())
    }

    /// Where it belongs in a list; those of the whole program come last.
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
