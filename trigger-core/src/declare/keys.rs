//! The keys of a trigger in a configuration.

use serde_json::Value;
use trigger_grammar::hint;
use trigger_grammar::kind::KINDS;
use trigger_grammar::setting::{Form, OTHER_NAMES, Setting};

use super::kind::SourceKind;
use crate::event::error::{ConfigError, ConfigErrorKind};

/// The keys of every trigger, in addition to the keys of its kind.
const TRIGGER_KEYS: &[&str] = &["id", "queue", "queue_bytes", "overflow"];

/// Returns the keys of a trigger of this kind.
pub(crate) fn keys_of(kind: &SourceKind) -> Vec<&'static str> {
    let own = kind.settings.iter().map(Setting::key);
    ["type"].into_iter().chain(own).chain(TRIGGER_KEYS.iter().copied()).collect()
}

impl SourceKind {
    /// Returns a key of its settings that every trigger has, or that the kind has twice.
    pub(crate) fn repeated_key(&self) -> Option<&'static str> {
        let mut seen = ["type"].iter().chain(TRIGGER_KEYS).copied().collect::<Vec<_>>();
        self.settings.iter().map(Setting::key).find(|key| {
            let repeated = seen.contains(key);
            seen.push(key);
            repeated
        })
    }
}

impl SourceKind {
    /// Returns a key that its claims or its largest body name, and that is no setting which can be compared.
    pub(crate) fn undeclared_key(&self) -> Option<&'static str> {
        let (host, port) = self.claims.address().unzip();
        let of_claims =
            self.claims.keys().iter().copied().chain(host).chain(port).chain(self.claims.detached());
        let named = of_claims.chain(self.largest_body);
        let is_plain = |setting: &Setting| {
            !matches!(setting.form(), Form::Choice(_)) && setting.form().element().is_none()
        };
        named.into_iter().find(|key| !self.setting(key).is_some_and(is_plain))
    }
}

/// Returns the error for a key that is no setting of the kind of a trigger. `is_made` is `true` if the program has made the
/// source, which then has no settings here.
pub(super) fn no_setting(kind: &SourceKind, is_made: bool, key: &str, value: &Value) -> ConfigError {
    let own = kind.kind();
    let error = |kind, reason| ConfigError::new(kind, key, shown(value), reason);
    if TRIGGER_KEYS.contains(&key) {
        let reason =
            format!("every trigger has it: use the method `{key}(..)`, and `setting` for the keys of a kind");
        return error(ConfigErrorKind::Misplaced, reason);
    }
    let has_key = |settings: &[Setting]| settings.iter().any(|setting| setting.key() == key);
    if let Some(owner) = KINDS.iter().find(|kind| kind.name != own.as_str() && has_key(kind.settings)) {
        let reason = format!("it belongs to `type = \"{}\"`, and this trigger is `{own}`", owner.name);
        return error(ConfigErrorKind::Misplaced, reason);
    }
    if is_made {
        let reason = "the program has made the source of this trigger, so set it where the source is made";
        return error(ConfigErrorKind::Misplaced, reason.to_owned());
    }
    let known: Vec<_> = kind.settings.iter().map(Setting::key).collect();
    unknown_key(key, value, &known, &format!("a trigger of type `{own}`"))
}

/// Returns the error for a required key that a trigger does not have.
pub(super) fn missing(setting: &Setting) -> ConfigError {
    let (key, about, example) = (setting.key(), setting.about(), setting.example());
    let reason = format!("missing: {about}; such as `{key} = {example}`");
    ConfigError::new(ConfigErrorKind::Missing, key, "", reason)
}

/// Returns the error for a key that is not known.
pub(crate) fn unknown_key(key: &str, value: &Value, known: &[&str], what: &str) -> ConfigError {
    // `port` instead of `webhook_port` is as likely as a typo.
    let longer = known.iter().find(|known| known.ends_with(&format!("_{key}"))).copied();
    let nearest = longer.or_else(|| meant(key, known.iter().copied()));
    let hint = nearest.map(|known| format!("did you mean `{known}`? ")).unwrap_or_default();
    let reason = format!("unknown key; {hint}the keys of {what} are: {}", known.join(", "));
    ConfigError::new(ConfigErrorKind::UnknownKey, key, shown(value), reason)
}

/// Returns the known key that was meant: that of a word of another program, or the nearest one.
pub(crate) fn meant<'a>(key: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let other = OTHER_NAMES.iter().find(|(other, _)| *other == key);
    let other = other.and_then(|(_, meant)| known.clone().find(|known| known == meant));
    other.or_else(|| hint::did_you_mean(key, known))
}

/// Returns a value as text, without the quotes of a string.
pub(crate) fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
