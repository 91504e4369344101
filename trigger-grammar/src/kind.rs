//! The kinds of triggers that have an attribute of their own, as data: what the macros and the runtime both know of them.

use crate::path;
use crate::setting::{Form, Setting, Value, is_every_address, same};

mod webhook;

pub use webhook::WEBHOOK;

/// A kind of trigger: the name, the attribute, and the rules of its settings.
#[derive(Debug)]
pub struct Kind {
    /// The `type` of its triggers in a configuration.
    pub name: &'static str,
    /// The name of its attribute.
    pub attribute: &'static str,
    /// The settings. The first is what the trigger listens to. In the attribute it has no key.
    pub settings: &'static [Setting],
    /// What only one trigger can have.
    pub claims: ClaimedKeys,
    /// The names of the overflow policies that it refuses, and why.
    pub refuses: &'static [(&'static str, &'static str)],
    /// The key of the size of its largest body. `queue_bytes` is at least this size.
    pub largest_body: Option<&'static str>,
}

/// Events of the bus.
pub const EVENT: Kind = Kind {
    name: "event",
    attribute: "on_event",
    settings: &[
        Setting::topic("event_type", "event type").aliases(&["type", "topic", "pattern"]),
        Setting::name("event_source", "source of the events")
            .optional("every source")
            .in_attribute("source")
            .aliases(&["source_filter"]),
    ],
    claims: ClaimedKeys::of_process(&["event_type", "event_source"]),
    refuses: &[],
    largest_body: None,
};

/// Messages of the broker.
pub const MESSAGE: Kind = Kind {
    name: "message",
    attribute: "on_message",
    settings: &[Setting::pattern("topic", "topic pattern").aliases(&["pattern", "type", "event_type"])],
    claims: ClaimedKeys::of_process(&["topic"]),
    refuses: &[],
    largest_body: None,
};

/// Dead letters.
pub const DEAD_LETTER: Kind = Kind {
    name: "dead_letter",
    attribute: "on_dead_letter",
    settings: &[Setting::process("process", "process name").optional("every process").aliases(&[
        "process_name",
        "of",
        "from",
    ])],
    claims: ClaimedKeys::of_process(&["process"]),
    refuses: &[
        ("wait", "a dead letter has no publisher that could wait; use `drop_newest` or `drop_oldest`"),
        ("reject", "a dead letter has no publisher that could be told; use `drop_newest` or `drop_oldest`"),
    ],
    largest_body: None,
};

/// Every kind that has an attribute.
pub const KINDS: &[&Kind] = &[&EVENT, &MESSAGE, &WEBHOOK, &DEAD_LETTER];

impl Kind {
    /// Returns the first setting: what the trigger listens to.
    pub const fn first(&self) -> &'static Setting {
        &self.settings[0]
    }
}

/// The settings of a kind whose values only one trigger can have, such as the path and the port of a webhook.
///
/// ```
/// # use trigger_grammar::kind::ClaimedKeys;
/// const FOLDER: ClaimedKeys = ClaimedKeys::of_runtime(&["folder"]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ClaimedKeys {
    keys: &'static [&'static str],
    is_of_runtime: bool,
    /// The keys of the host and of the port.
    address: Option<(&'static str, &'static str)>,
    /// The key of the flag with which a trigger has no address.
    detached: Option<&'static str>,
}

/// The values of a trigger, by the keys of its kind.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    /// The settings of the kind.
    pub settings: &'static [Setting],
    /// The values that the trigger has.
    pub given: &'a [(&'static str, Value<'a>)],
}

impl ClaimedKeys {
    /// No claim: no trigger excludes another one.
    pub const NOTHING: ClaimedKeys = ClaimedKeys::of(&[], false);

    const fn of(keys: &'static [&'static str], is_of_runtime: bool) -> ClaimedKeys {
        ClaimedKeys { keys, is_of_runtime, address: None, detached: None }
    }

    /// Returns a claim that two triggers of one process exclude each other if they have the same values of these keys, as
    /// each event would arrive twice.
    pub const fn of_process(keys: &'static [&'static str]) -> ClaimedKeys {
        ClaimedKeys::of(keys, false)
    }

    /// Returns a claim that two triggers of one runtime exclude each other if they have the same values of these keys.
    pub const fn of_runtime(keys: &'static [&'static str]) -> ClaimedKeys {
        ClaimedKeys::of(keys, true)
    }

    /// Adds the keys of an address. Two triggers exclude each other if they also have the same host, or if one of the hosts
    /// is every address. Port 0 is a free port for each host.
    pub const fn on_host(mut self, host: &'static str, port: &'static str) -> ClaimedKeys {
        self.address = Some((host, port));
        self
    }

    /// Sets the flag of a trigger that has no address, whatever its host and port are. It excludes only other ones without an
    /// address.
    pub const fn detached_by(mut self, flag: &'static str) -> ClaimedKeys {
        self.detached = Some(flag);
        self
    }

    /// Returns `true` if a trigger of the kind has no address.
    pub const fn is_detached(&self, values: &Values<'_>) -> bool {
        match self.detached {
            Some(flag) => matches!(values.get(flag), Some(Value::Flag(true))),
            None => false,
        }
    }

    /// Returns `true` if a trigger claims the value of this key: it is not the port of a trigger without an address.
    pub const fn counts(&self, key: &str, values: &Values<'_>) -> bool {
        match self.address {
            Some((_, port)) => !(same(port, key) && self.is_detached(values)),
            None => true,
        }
    }

    /// Returns the flag of a trigger that has no address.
    pub const fn detached(&self) -> Option<&'static str> {
        self.detached
    }

    /// Returns the keys, without that of the host.
    pub const fn keys(&self) -> &'static [&'static str] {
        self.keys
    }

    /// Returns `true` if there is no claim.
    pub const fn is_nothing(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns `true` if the claim is for the whole runtime.
    pub const fn is_of_runtime(&self) -> bool {
        self.is_of_runtime
    }

    /// Returns the keys of the host and of the port.
    pub const fn address(&self) -> Option<(&'static str, &'static str)> {
        self.address
    }

    /// Returns `true` if two triggers of the kind claim the same. Two paths are the same if they match the same requests,
    /// whatever the names of their captures are.
    pub const fn exclude(&self, one: &Values<'_>, other: &Values<'_>) -> bool {
        let is_detached = self.is_detached(one);
        if self.is_nothing() || is_detached != self.is_detached(other) {
            return false;
        }
        let mut at = 0;
        while at < self.keys.len() {
            let key = self.keys[at];
            let (value, other_value) = (one.get(key), other.get(key));
            let is_same =
                same_value(value, other_value) || (one.is_path(key) && matches_same(value, other_value));
            if !is_same && self.counts(key, one) {
                return false;
            }
            at += 1;
        }
        let Some((host, port)) = self.address else { return true };
        if is_detached || same_value(one.get(host), other.get(host)) {
            return true;
        }
        let is_every = one.is_every_address(host) || other.is_every_address(host);
        is_every && !matches!(one.get(port), Some(Value::Number(0)))
    }
}

impl<'a> Values<'a> {
    /// Returns the value of a key: the value of the trigger, or else the default of the kind.
    pub const fn get(&self, key: &str) -> Option<Value<'a>> {
        let mut at = 0;
        while at < self.given.len() {
            let (given, value) = self.given[at];
            if same(given, key) {
                return Some(value);
            }
            at += 1;
        }
        let mut at = 0;
        while at < self.settings.len() {
            if same(self.settings[at].key(), key) {
                return self.settings[at].default_value();
            }
            at += 1;
        }
        None
    }

    /// Returns `true` if the values of the key are paths of webhooks.
    pub const fn is_path(&self, key: &str) -> bool {
        let mut at = 0;
        while at < self.settings.len() {
            if same(self.settings[at].key(), key) {
                return matches!(self.settings[at].form(), Form::Path);
            }
            at += 1;
        }
        false
    }

    const fn is_every_address(&self, host: &str) -> bool {
        match self.get(host) {
            Some(Value::Text(host)) => is_every_address(host),
            _ => false,
        }
    }
}

const fn same_value(one: Option<Value<'_>>, other: Option<Value<'_>>) -> bool {
    match (one, other) {
        (Some(Value::Text(one)), Some(Value::Text(other))) => same(one, other),
        (Some(Value::Number(one)), Some(Value::Number(other))) => one == other,
        (None, None) => true,
        _ => false,
    }
}

const fn matches_same(one: Option<Value<'_>>, other: Option<Value<'_>>) -> bool {
    match (one, other) {
        (Some(Value::Text(one)), Some(Value::Text(other))) => path::matches_same(one, other),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_each_key_once_and_valid_defaults() {
        for kind in KINDS {
            let mut keys: Vec<&str> = Vec::new();
            for setting in kind.settings {
                assert!(!keys.contains(&setting.key()), "{}", setting.key());
                keys.push(setting.key());
                if let Some(Value::Text(default)) = setting.default_value() {
                    assert_eq!(setting.form().check(default), Ok(()), "{default}");
                }
            }
            let (host, port) = kind.claims.address().unzip();
            let named = kind.claims.keys().iter().copied().chain(kind.largest_body).chain(host).chain(port);
            for key in named {
                assert!(keys.contains(&key), "{key} of {}", kind.name);
            }
        }
    }

    #[test]
    fn absent_key_has_the_default_of_the_table() {
        let values = |given| Values { settings: WEBHOOK.settings, given };
        let (empty, full) = (values(&[]), values(&[("webhook_port", Value::Number(9090))]));
        assert_eq!(empty.get("webhook_port"), Some(Value::Number(9090)));
        assert_eq!(empty.get("body_limit"), Some(Value::Number(1 << 20)));
        assert!(WEBHOOK.claims.exclude(&empty, &full));
        let source = Values { settings: EVENT.settings, given: &[] }.get("event_source");
        assert_eq!(source, None);
    }

    #[test]
    fn trigger_without_an_address_excludes_only_another_one_of_its_path() {
        const MOUNT: (&str, Value<'_>) = ("mount", Value::Flag(true));
        fn exclude(one: &[(&'static str, Value<'_>)], other: &[(&'static str, Value<'_>)]) -> bool {
            let settings = WEBHOOK.settings;
            let (one, other) = (Values { settings, given: one }, Values { settings, given: other });
            WEBHOOK.claims.exclude(&one, &other)
        }
        let port = ("webhook_port", Value::Number(8080));
        let host = ("webhook_host", Value::Text("127.0.0.1"));
        assert!(exclude(&[MOUNT], &[MOUNT]));
        assert!(exclude(&[MOUNT], &[MOUNT, port, host]));
        assert!(!exclude(&[MOUNT], &[]) && !exclude(&[], &[MOUNT]));
        assert!(exclude(&[("mount", Value::Flag(false))], &[]));
        assert!(!exclude(&[MOUNT], &[MOUNT, ("webhook_path", Value::Text("/other"))]));
    }

    #[test]
    fn texts_are_compared_in_full() {
        for length in [0, 1, 7, 8, 9, 16, 23] {
            let text = "x".repeat(length);
            assert!(same(&text, &text), "{length}");
            assert!(!same(&text, &format!("{text}x")), "{length}");
            for at in 0..length {
                let mut other = text.clone();
                other.replace_range(at..=at, "y");
                assert!(!same(&text, &other), "{at} of {length}");
            }
        }
    }
}
