//! The value of a setting.

use std::any::Any;
use std::fmt;

/// The value of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A text.
    Text(&'a str),
    /// A number, a port, a size in bytes, or a duration in milliseconds.
    Number(u64),
    /// `true` or `false`.
    Flag(bool),
    /// The values of a list.
    List(&'a [Value<'a>]),
    /// The name of a [`Choice`](super::Choice), with the values of its keys.
    Choice(&'a str, &'a [(&'static str, Value<'a>)]),
    /// A value that the program makes.
    Code(Code),
}

/// A value that the program makes, such as a verifier of signatures: the fn that makes it, and its source text.
#[derive(Clone, Copy)]
pub struct Code {
    make: fn() -> Box<dyn Any + Send + Sync>,
    text: &'static str,
}

impl Code {
    /// Returns a value that this fn makes. The text is for people.
    pub const fn new(make: fn() -> Box<dyn Any + Send + Sync>, text: &'static str) -> Code {
        Code { make, text }
    }

    /// Makes the value.
    pub fn make(&self) -> Box<dyn Any + Send + Sync> {
        (self.make)()
    }

    /// Returns the source text.
    pub const fn text(&self) -> &'static str {
        self.text
    }
}

/// Compares the source texts, because the address of a fn is not unique.
impl PartialEq for Code {
    fn eq(&self, other: &Code) -> bool {
        self.text == other.text
    }
}

impl Eq for Code {}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({})", self.text)
    }
}
