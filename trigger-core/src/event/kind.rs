//! The kind of a trigger: a name.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use trigger_grammar::setting::same;

/// The kind of a trigger, and so of the source of its events: a name such as `event` or `webhook`.
///
/// Kinds compare by their names. A source of another crate has a kind of its own, so a `match` over kinds is never
/// complete.
///
/// ```
/// # use trigger_core::TriggerKind;
/// const TICKER: TriggerKind = TriggerKind::new("ticker", "a tick");
/// assert_eq!((TICKER.as_str(), TriggerKind::DeadLetter.as_str()), ("ticker", "dead_letter"));
/// ```
#[derive(Clone, Copy)]
pub struct TriggerKind {
    name: &'static str,
    event: &'static str,
}

#[expect(non_upper_case_globals, reason = "they were the variants of an enum, and read as such")]
impl TriggerKind {
    /// The event bus.
    pub const Event: TriggerKind = TriggerKind::new("event", "an event");
    /// The message broker.
    pub const Message: TriggerKind = TriggerKind::new("message", "a message");
    /// An HTTP request.
    pub const Webhook: TriggerKind = TriggerKind::new("webhook", "a webhook request");
    /// An event that was dead-lettered.
    pub const DeadLetter: TriggerKind = TriggerKind::new("dead_letter", "a dead letter");
    /// A trigger that the program brought itself.
    pub const Custom: TriggerKind = TriggerKind::new("custom", "an event of a custom trigger");
}

impl TriggerKind {
    /// Returns the kind of this name, for a source of another crate. `event` is one of its events with an article, such as
    /// "a tick".
    pub const fn new(name: &'static str, event: &'static str) -> TriggerKind {
        TriggerKind { name, event }
    }

    /// Returns the name, as in ids, JSON and configuration.
    pub const fn as_str(self) -> &'static str {
        self.name
    }

    /// Returns one of its events with an article, for people.
    pub(crate) const fn event(self) -> &'static str {
        self.event
    }

    /// Compares by name, also in const evaluation.
    pub(crate) const fn is(self, other: TriggerKind) -> bool {
        same(self.name, other.name)
    }
}

impl PartialEq for TriggerKind {
    fn eq(&self, other: &TriggerKind) -> bool {
        self.name == other.name
    }
}

impl Eq for TriggerKind {}

impl Hash for TriggerKind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
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
