//! What a runtime knows of the arguments of a handler before the first event.

use std::any::type_name;
use std::fmt;

use trigger_grammar::message::Message;

use super::{FromTrigger, Needs};
use crate::event::TriggerKind;

/// One argument of a handler.
#[derive(Clone, Copy)]
pub struct Argument {
    /// Its name; in a closure, its position.
    pub(crate) name: &'static str,
    /// The kinds of trigger that have it.
    given_by: &'static [TriggerKind],
    type_name: fn() -> &'static str,
    needs: fn(&mut Needs),
}

impl Argument {
    /// An argument that is made from the event.
    pub(crate) const fn of<T: FromTrigger>(name: &'static str) -> Argument {
        Argument { name, given_by: T::GIVEN_BY, type_name: type_name::<T>, needs: T::needs }
    }

    /// An argument that is read from the topic. Which triggers capture it is known to the macro.
    pub const fn capture<T>(name: &'static str) -> Argument {
        Argument { name, given_by: TriggerKind::ALL, type_name: type_name::<T>, needs: |_| {} }
    }

    /// What it needs to be there at start.
    pub(crate) fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        (self.needs)(&mut needs);
        needs
    }

    /// Why a trigger of this kind cannot give it, if so.
    pub(crate) const fn fault(&self, kind: TriggerKind) -> Option<Message> {
        if matches!(kind, TriggerKind::DeadLetter) || contains(self.given_by, kind) {
            return None;
        }
        let mut message = Message::new();
        message.push("argument `").push(self.name).push("` comes only with ");
        let mut at = 0;
        while at < self.given_by.len() {
            message.push(if at == 0 { "" } else { " or " }).push(brings(self.given_by[at]));
            at += 1;
        }
        message.push(", not with ").push(brings(kind)).push("; make it an `Option`, or leave it out");
        Some(message)
    }
}

const fn contains(kinds: &[TriggerKind], wanted: TriggerKind) -> bool {
    let mut at = 0;
    while at < kinds.len() {
        if kinds[at] as u8 == wanted as u8 {
            return true;
        }
        at += 1;
    }
    false
}

/// What comes through a trigger of this kind.
const fn brings(kind: TriggerKind) -> &'static str {
    match kind {
        TriggerKind::Event => "an event",
        TriggerKind::Message => "a message",
        TriggerKind::Webhook => "a webhook request",
        TriggerKind::DeadLetter => "a dead letter",
        TriggerKind::Custom => "an event of a custom trigger",
    }
}

/// `name: Type`
impl fmt::Debug for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, (self.type_name)())
    }
}
