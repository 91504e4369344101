//! The description of a handler's arguments, which the checks at start use.

use std::any::type_name;
use std::fmt;

use trigger_grammar::const_string::ConstString;

use super::{FromTrigger, Needs};
use crate::declare::SourceKind;
use crate::event::TriggerKind;

/// One argument of a handler.
#[derive(Clone, Copy)]
pub struct Argument {
    /// Its name. In a closure, its position.
    pub(crate) name: &'static str,
    /// The kinds of trigger that provide it; `None` for every kind.
    available_for: Option<&'static [TriggerKind]>,
    type_name: fn() -> &'static str,
    needs: fn(&mut Needs),
}

impl Argument {
    /// Returns an argument that is made from the event.
    pub(crate) const fn of<T: FromTrigger>(name: &'static str) -> Argument {
        Argument { name, available_for: T::AVAILABLE_FOR, type_name: type_name::<T>, needs: T::needs }
    }

    /// Returns an argument that is parsed from the topic or the path. The macro knows which triggers capture it.
    pub const fn capture<T>(name: &'static str) -> Argument {
        Argument { name, available_for: None, type_name: type_name::<T>, needs: |_| {} }
    }

    /// Returns its type, without paths.
    pub(crate) fn type_name(&self) -> String {
        without_paths((self.type_name)())
    }

    /// Returns the values that it needs at start.
    pub(crate) fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        (self.needs)(&mut needs);
        needs
    }

    /// Returns the reason why a trigger of this kind cannot provide it, or `None` if it can.
    pub(crate) const fn fault(&self, source: &SourceKind) -> Option<ConstString> {
        let Some(kinds) = self.available_for else { return None };
        if source.relays || contains(kinds, source.kind()) {
            return None;
        }
        let mut message = ConstString::new();
        message.push("argument `").push(self.name).push("` comes only with ");
        let mut at = 0;
        while at < kinds.len() {
            message.push(if at == 0 { "" } else { " or " }).push(kinds[at].event());
            at += 1;
        }
        message
            .push(", not with ")
            .push(source.kind().event())
            .push("; make it an `Option`, or leave it out");
        Some(message)
    }
}

const fn contains(kinds: &[TriggerKind], wanted: TriggerKind) -> bool {
    let mut at = 0;
    while at < kinds.len() {
        if kinds[at].is(wanted) {
            return true;
        }
        at += 1;
    }
    false
}

/// `name: Type`
impl fmt::Debug for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, (self.type_name)())
    }
}

/// Returns the name of a type as in source code, with only the last name of each path.
fn without_paths(full: &str) -> String {
    // The part before each `::` ends with a name to remove: of a module, or of the fn that contains the type.
    let in_name = |c: char| c.is_alphanumeric() || "_#{}".contains(c);
    let mut short = String::new();
    let mut parts = full.split("::").peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            short.push_str(part);
        } else if part.ends_with('>') {
            short.push_str(part);
            short.push_str("::");
        } else {
            short.push_str(part.trim_end_matches(in_name));
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_named_without_paths() {
        for (full, short) in [
            ("u8", "u8"),
            ("&str", "&str"),
            ("trigger_core::event::TriggerEvent", "TriggerEvent"),
            ("trigger_core::handler::extract::Json<shop::orders::Order>", "Json<Order>"),
            ("a::Option<a::State<(b::c::D, [e::F; 4])>>", "Option<State<(D, [F; 4])>>"),
            ("a::State<fn(b::C) -> d::E>", "State<fn(C) -> E>"),
            ("a::State<alloc::boxed::Box<dyn b::C + core::marker::Send>>", "State<Box<dyn C + Send>>"),
            ("shop::main::{{closure}}::Order", "Order"),
            ("a::State<shop::main::{{closure}}>", "State<{{closure}}>"),
            ("<a::B as c::D>::E", "<B as D>::E"),
            ("a::r#mod::Größe_2", "Größe_2"),
        ] {
            assert_eq!(without_paths(full), short, "{full}");
        }
        struct Inner;
        assert_eq!(without_paths(type_name::<Option<Vec<Inner>>>()), "Option<Vec<Inner>>");
    }
}
