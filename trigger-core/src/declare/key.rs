//! Keys: events of a process with the same key are handled in order.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::declare::closure::Closure;
use crate::event::TriggerEvent;

/// The function that assigns a key to each event of a process.
///
/// Events with the same key are handled one at a time, in the order of their arrival. While one of them waits for a
/// retry, the next ones wait too. Events with different keys, and events without a key, do not affect each other.
///
/// ```
/// # use trigger_core::{Key, ProcessConfig};
/// # #[derive(serde::Deserialize)]
/// # struct Order { customer: String }
/// let config = ProcessConfig::new().concurrency(8).key(Key::of(|order: &Order| order.customer.clone()));
/// # drop(config);
/// ```
///
/// The publisher computes the key of every event, so it should be cheap. The runtime keeps it as a 64-bit hash. Events
/// whose keys differ but have the same hash are handled one at a time too, which is harmless.
///
/// Two `Key`s are equal if their pointers or the texts of their closures are equal, or if one is a clone of the other.
#[derive(Clone, PartialEq)]
pub struct Key(Made);

/// The two ways to compute the hash of a key.
#[derive(Clone, PartialEq)]
enum Made {
    /// By a closure.
    By(Closure<u64>),
    /// From the value at a JSON Pointer into the body.
    At(Arc<str>),
}

impl Key {
    /// Returns a key that a function computes from the body of an event, decoded from JSON. An event whose body does not
    /// decode as `T` has no key. A function of a [`TriggerEvent`] gets the event itself.
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

    /// Returns a key that is the value at a JSON Pointer (RFC 6901) into the body, such as `/customer/id`. An event has
    /// no key if its body is not JSON, or has no value or `null` there.
    ///
    /// A pointer begins with `/`, otherwise the process does not start.
    pub fn pointer(pointer: &str) -> Key {
        Key(Made::At(pointer.into()))
    }

    /// Returns the key of an attribute.
    pub(crate) fn written(key: fn(&TriggerEvent) -> Option<u64>, text: &'static str) -> Key {
        Key(Made::By(Closure::written(key, text)))
    }

    /// Returns the hash of the event's key; `None` if the event has no key. It runs user code, which may panic.
    pub(crate) fn lane(&self, event: &TriggerEvent) -> Option<u64> {
        match &self.0 {
            Made::By(key) => key.call(event),
            Made::At(pointer) => {
                let body: Value = serde_json::from_slice(event.raw()).ok()?;
                body.pointer(pointer).filter(|found| !found.is_null()).map(hash)
            }
        }
    }

    /// Returns the pointer; `None` for a closure.
    pub(crate) fn as_pointer(&self) -> Option<&str> {
        match &self.0 {
            Made::By(_) => None,
            Made::At(pointer) => Some(pointer),
        }
    }

    /// Returns the pointer and its fault; `None` if the key is valid.
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

/// Returns the hash of a key. Equal keys have equal hashes within one program.
pub(crate) fn hash<K: Hash + ?Sized>(key: &K) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// Shows the closure, which begins with `|`, or the pointer, which begins with `/`.
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
    fn events_have_the_same_key_if_the_function_returns_the_same_value() {
        let key = Key::of(|order: &Order| order.customer.clone());
        let one = key.lane(&event(r#"{"customer": "ada", "n": 1}"#));
        assert!(one.is_some());
        assert_eq!(one, key.lane(&event(r#"{"n": 2, "customer": "ada"}"#)));
        assert_ne!(one, key.lane(&event(r#"{"customer": "bob"}"#)));
        assert_eq!(key.lane(&event("{}")), None, "not an order");
        assert_eq!(key.lane(&event("ada")), None, "not JSON");
    }

    #[test]
    fn function_of_an_event_gets_the_event() {
        let key = Key::of(|event: &TriggerEvent| event.raw().len());
        assert_eq!(key.lane(&event("no JSON")), Some(hash(&7_usize)));
    }

    #[test]
    fn pointer_selects_a_value_of_the_body() {
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
    fn invalid_pointer_is_reported_with_the_right_form() {
        for (pointer, part) in
            [("", "`/customer`"), ("customer/id", "`/customer/id`"), ("/a~b", "`~0`"), ("/a~", "`~0`")]
        {
            let key = Key::pointer(pointer);
            let (reported, fault) = key.fault().expect(pointer);
            assert!(reported == pointer && fault.contains(part), "{fault}");
        }
    }

    #[test]
    fn keys_are_equal_if_cloned_or_of_the_same_pointer() {
        let key = Key::of(|order: &Order| order.customer.clone());
        assert_eq!(key, key.clone());
        assert_ne!(key, Key::of(|order: &Order| order.customer.clone()));
        assert_ne!(key, Key::pointer("/customer"));
        assert_eq!(Key::pointer("/customer"), Key::pointer("/customer"));
        assert_ne!(Key::pointer("/customer"), Key::pointer("/order"));
    }
}
