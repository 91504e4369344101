//! The kind of a trigger: a name.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The kind of a trigger, and so of the source of its events: a name such as `event` or `webhook`.
///
/// Kinds compare by their names. A source of another crate has a kind of its own, so a `match` over kinds is never
/// complete.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TriggerKind(&'static str);

#[expect(non_upper_case_globals, reason = "they were the variants of an enum, and read as such")]
impl TriggerKind {
    /// The event bus.
    pub const Event: TriggerKind = TriggerKind("event");
    /// The message broker.
    pub const Message: TriggerKind = TriggerKind("message");
    /// An HTTP request.
    pub const Webhook: TriggerKind = TriggerKind("webhook");
    /// An event that was dead-lettered.
    pub const DeadLetter: TriggerKind = TriggerKind("dead_letter");
    /// A trigger that the program brought itself.
    pub const Custom: TriggerKind = TriggerKind("custom");
}

impl TriggerKind {
    /// The kind of this name, for a source of another crate.
    pub const fn new(name: &'static str) -> TriggerKind {
        TriggerKind(name)
    }

    /// The name, as in ids, JSON and configuration.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// Compares by name, also in const evaluation.
    pub(crate) const fn is(self, other: TriggerKind) -> bool {
        let (a, b) = (self.0.as_bytes(), other.0.as_bytes());
        if a.len() != b.len() {
            return false;
        }
        let mut at = 0;
        while at < a.len() {
            if a[at] != b[at] {
                return false;
            }
            at += 1;
        }
        true
    }
}

impl fmt::Display for TriggerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for TriggerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for TriggerKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for TriggerKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TriggerKind, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
