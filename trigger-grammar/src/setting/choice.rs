//! A setting that is one of several names.

use super::Setting;

/// One of the names that a setting takes, with keys of its own: `verify = hmac(env = "SECRET")` in an attribute, and
/// `verify = { type = "hmac", env = "SECRET" }` in a configuration.
///
/// ```
/// # use trigger_grammar::setting::{Choice, Setting};
/// const VERIFY: Setting = Setting::choice("verify", "proof of the sender", &[
///     Choice::new("hmac", &[Setting::name("env", "variable of the secret")]),
///     Choice::new("none", &[]),
/// ]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The name.
    pub name: &'static str,
    /// The keys.
    pub settings: &'static [Setting],
    /// Groups of keys, of each of which exactly one must be given.
    pub one_of: &'static [&'static [&'static str]],
    /// Keys that users write and that must not be there, each with the right form.
    pub never: &'static [(&'static str, &'static str)],
    /// `true` if an attribute has the value of the first key without the key, as in `header("X-Id")`.
    pub is_positional: bool,
}

impl Choice {
    /// Returns a choice of this name with these keys.
    pub const fn new(name: &'static str, settings: &'static [Setting]) -> Choice {
        Choice { name, settings, one_of: &[], never: &[], is_positional: false }
    }

    /// Requires exactly one key of each group. The keys are [optional](Setting::optional) by themselves.
    pub const fn one_of(mut self, groups: &'static [&'static [&'static str]]) -> Choice {
        self.one_of = groups;
        self
    }

    /// Refuses these keys, each with the right form for the error.
    pub const fn never(mut self, keys: &'static [(&'static str, &'static str)]) -> Choice {
        self.never = keys;
        self
    }

    /// Lets an attribute have the value of the first key without the key: `header("X-Id")`.
    pub const fn positional(mut self) -> Choice {
        self.is_positional = true;
        self
    }

    /// Returns the fault of the given keys: a group of which no key is given, or two.
    pub fn group_fault(&self, is_given: impl Fn(&str) -> bool) -> Option<String> {
        let shown = |keys: &[&str]| {
            let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
            keys.join(" or ")
        };
        self.one_of.iter().find_map(|group| match group.iter().filter(|key| is_given(key)).count() {
            0 => Some(format!("`{}` needs {}", self.name, shown(group))),
            1 => None,
            _ => Some(format!("`{}` takes {}, and not both", self.name, shown(group))),
        })
    }
}
