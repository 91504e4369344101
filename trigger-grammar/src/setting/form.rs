//! What a setting takes, and the check of a text.

use super::{Choice, same};
use crate::{Fault, FaultKind, host, network, path, rate, topic};

/// What a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// Any text.
    Text,
    /// A text that is not empty.
    Name,
    /// A whole number, 0 or more.
    Number,
    /// A duration with its unit, such as `"30s"`.
    Duration,
    /// A size, such as `"1MiB"`, or a number of bytes: at least 1 byte.
    Size,
    /// A port; 0 lets the system pick one.
    Port,
    /// An IP address or the name of a host.
    Host,
    /// The path of a webhook.
    Path,
    /// A topic without wildcards.
    Topic,
    /// A topic pattern.
    Pattern,
    /// The name of another process of the runtime, which must exist.
    Process,
    /// `true` or `false`.
    Flag,
    /// An IP address, or a network such as `10.0.0.0/8`.
    Network,
    /// A rate, such as `50/s`.
    Rate,
    /// One of these whole numbers.
    OneOf(&'static [u64]),
    /// A list of some of these words.
    Words(&'static [&'static str]),
    /// A list of values of one form. A value alone is a list of one.
    List(&'static Form),
    /// One of several names, each with keys of its own.
    Choice(&'static [Choice]),
}

impl Form {
    /// Returns the form of one value of a list.
    pub const fn element(self) -> Option<Form> {
        match self {
            Form::List(of) => Some(*of),
            Form::Words(_) => Some(self),
            _ => None,
        }
    }

    /// Checks a text that is a value of this form. A number, a port, a size or a duration is not a text.
    ///
    /// # Errors
    ///
    /// The first [`Fault`] of the text.
    pub fn check(self, text: &str) -> Result<(), Fault> {
        match self {
            Form::Topic => topic::check_topic(text),
            Form::Pattern => topic::check_pattern(text),
            Form::Path => path::check_path(text),
            Form::Host => host::check_host(text),
            Form::Network => network::check_network(text),
            Form::Rate => match rate::parse_rate(text) {
                Ok(_) => Ok(()),
                Err(fault) => Err(fault),
            },
            Form::Name | Form::Process => check_name(text),
            // The form of one of its words.
            Form::Words(words) => check_word(text, words),
            Form::Text
            | Form::Number
            | Form::Duration
            | Form::Size
            | Form::Port
            | Form::Flag
            | Form::OneOf(_)
            | Form::List(_)
            | Form::Choice(_) => Ok(()),
        }
    }
}

/// Checks a name, which may be any text that is not empty.
///
/// # Errors
///
/// A [`Fault`] if the text is empty.
pub const fn check_name(text: &str) -> Result<(), Fault> {
    if text.is_empty() {
        return Err(Fault::new(
            FaultKind::Empty,
            0,
            0,
            "the name is empty",
            "give a name, or leave the key out",
        ));
    }
    Ok(())
}

/// Checks that a text is one of these words.
///
/// # Errors
///
/// A [`Fault`] if it is not.
pub const fn check_word(text: &str, words: &[&str]) -> Result<(), Fault> {
    let mut at = 0;
    while at < words.len() {
        if same(words[at], text) {
            return Ok(());
        }
        at += 1;
    }
    Err(Fault::new(
        FaultKind::UnknownWord,
        0,
        text.len(),
        "the key does not take this word",
        "use one of its words",
    ))
}
