//! Keys: what the events have in common that are to be handled in order.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::closure::Closure;
use crate::event::TriggerEvent;

/// What the events of a process have in common that must not overtake each other.
///
/// Events with one key are handled one at a time, in the order they came, also while one of them waits for a retry;
/// events with different keys, and those without a key, are on their own.
///
/// ```
/// # use trigger_core::{Key, ProcessConfig};
/// # #[derive(serde::Deserialize)]
/// # struct Order { customer: String }
/// let config = ProcessConfig::new().concurrency(8).key(Key::of(|order: &Order| order.customer.clone()));
/// # drop(config);
/// ```
///
/// A key is made where the event is published, on every event, so it should be cheap. It is kept as a hash of 64 bits:
/// two keys that share one would merely wait for each other.
/// Two keys are equal if their pointers or the texts of their closures are, or if one is a clone of the other.
#[derive(Clone, PartialEq)]
pub struct Key(Made);

/// How a key is made: as a hash.
#[derive(Clone, PartialEq)]
enum Made {
    By(Closure<u64>),
    At(Arc<str>),
}

impl Key {
    /// The key that a function makes from the body of an event, decoded from JSON; a body that is no `T` has none. A
    /// function of a [`TriggerEvent`] gets the event as it is.
    ///
    /// ```
    /// # use trigger_core::{Key, TriggerEvent};
    /// let by_trigger = Key::of(|event: &TriggerEvent| event.trigger_id().to_owned());
    /// # drop(by_trigger);
    /// ```
    pub fn of<T, K>(key: impl Fn(&T) -> K + Send + Sync + 'static) -> Key
    where
        T: DeserializeOwned + 'static,
        K: Hash,
    {
        Key(Made::By(Closure::of(move |body: &T| hash(&key(body)))))
    }

    /// The key that stands at one place of the body, given as a JSON Pointer (RFC 6901) such as `/customer/id`. A body
    /// that is no JSON, or has nothing or `null` there, has none.
    ///
    /// A pointer begins with `/`; a process refuses to start with one that does not.
    pub fn pointer(pointer: &str) -> Key {
        Key(Made::At(pointer.into()))
    }

    /// The key of a declaration.
    pub(crate) fn written(key: fn(&TriggerEvent) -> Option<u64>, text: &'static str) -> Key {
        Key(Made::By(Closure::written(key, text)))
    }

    /// The key of the event, as a hash; nothing for an event without one. It runs code of the user's, which may panic.
    pub(crate) fn lane(&self, event: &TriggerEvent) -> Option<u64> {
        match &self.0 {
            Made::By(key) => key.call(event),
            Made::At(pointer) => {
                let body: Value = serde_json::from_slice(event.raw()).ok()?;
                body.pointer(pointer).filter(|found| !found.is_null()).map(hash)
            }
        }
    }

    /// The pointer and what is wrong with it.
    pub(crate) fn fault(&self) -> Option<(&str, String)> {
        let Made::At(pointer) = &self.0 else { return None };
        let fault = if pointer.is_empty() {
            "name a value of the body, such as `/customer`".to_owned()
        } else if !pointer.starts_with('/') {
            format!("a pointer into the body begins with `/`: write `/{pointer}`")
        } else if pointer.split('~').skip(1).any(|escaped| !escaped.starts_with(['0', '1'])) {
            "a pointer into the body has `~0` for `~`, and `~1` for a `/` that is part of a name".to_owned()
        } else {
            return None;
        };
        Some((pointer, fault))
    }
}

/// The hash of a key, the same wherever the runtime makes it.
pub(crate) fn hash<K: Hash + ?Sized>(key: &K) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// The closure, which begins with `|`, or the pointer, which begins with `/`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Made::By(key) => key.fmt(f),
            Made::At(pointer) => f.write_str(pointer),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Map;

    use super::*;

    #[derive(Deserialize)]
    struct Order {
        customer: String,
    }

    fn event(body: &'static str) -> TriggerEvent {
        TriggerEvent::new("test", body, Map::new())
    }

    #[test]
    fn events_that_share_what_the_function_reads_have_one_key() {
        let key = Key::of(|order: &Order| order.customer.clone());
        let one = key.lane(&event(r#"{"customer": "ada", "n": 1}"#));
        assert!(one.is_some());
        assert_eq!(one, key.lane(&event(r#"{"n": 2, "customer": "ada"}"#)));
        assert_ne!(one, key.lane(&event(r#"{"customer": "bob"}"#)));
        assert_eq!(key.lane(&event("{}")), None, "no order");
        assert_eq!(key.lane(&event("ada")), None, "no JSON");
    }

    #[test]
    fn function_of_an_event_gets_the_event() {
        let key = Key::of(|event: &TriggerEvent| event.raw().len());
        assert_eq!(key.lane(&event("no JSON")), Some(hash(&7_usize)));
    }

    #[test]
    fn pointer_names_a_value_of_the_body() {
        let key = Key::pointer("/customer/id");
        let one = key.lane(&event(r#"{"customer": {"id": {"a": 1, "b": 2}}}"#));
        assert!(one.is_some());
        assert_eq!(one, key.lane(&event(r#"{"n": 7, "customer": {"id": {"b": 2, "a": 1}}}"#)));
        assert_ne!(one, key.lane(&event(r#"{"customer": {"id": {"a": 1}}}"#)));
        for body in ["no JSON", "{}", r#"{"customer": 7}"#, r#"{"customer": {"id": null}}"#] {
            assert_eq!(key.lane(&event(body)), None, "{body}");
        }
        let escaped = Key::pointer("/a~1b/0");
        assert!(escaped.fault().is_none() && escaped.lane(&event(r#"{"a/b": [1]}"#)).is_some());
    }

    #[test]
    fn wrong_pointers_are_told_with_the_right_form() {
        for (pointer, part) in
            [("", "`/customer`"), ("customer/id", "`/customer/id`"), ("/a~b", "`~0`"), ("/a~", "`~0`")]
        {
            let key = Key::pointer(pointer);
            let (told, fault) = key.fault().expect(pointer);
            assert!(told == pointer && fault.contains(part), "{fault}");
        }
    }

    #[test]
    fn keys_are_equal_where_they_are_known_to_be() {
        let key = Key::of(|order: &Order| order.customer.clone());
        assert_eq!(key, key.clone());
        assert_ne!(key, Key::of(|order: &Order| order.customer.clone()));
        assert_ne!(key, Key::pointer("/customer"));
        assert_eq!(Key::pointer("/customer"), Key::pointer("/customer"));
        assert_ne!(Key::pointer("/customer"), Key::pointer("/order"));
    }
}
