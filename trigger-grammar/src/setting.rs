//! The settings of a kind of trigger as data: each key once, with its form, its default and its text.
//!
//! The macros read the tables of the kinds in [`kind`](crate::kind), and the runtime reads those of every kind.

use crate::{duration, path, rate, size, topic};

mod choice;
mod compare;
mod form;
mod value;

pub use choice::Choice;
pub use compare::{is_every_address, same};
pub use form::{Form, check_name, check_word};
pub use value::{Code, Value};

/// One setting of a kind of source: a key of its triggers in a configuration.
///
/// A default is written as in a file. The compiler checks it where the setting is a constant.
///
/// ```
/// # use trigger_grammar::setting::Setting;
/// const EVERY: Setting = Setting::duration("every", "the time between two looks").default("30s");
/// assert_eq!((EVERY.key(), EVERY.about()), ("every", "the time between two looks"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    key: &'static str,
    form: Form,
    about: &'static str,
    example: &'static str,
    default: Option<&'static str>,
    absent: Option<&'static str>,
    attribute: Option<&'static str>,
    aliases: &'static [&'static str],
    tag: &'static str,
    code: Option<&'static str>,
    range: Option<(u64, u64)>,
}

/// The words of other programs for the keys of every trigger and of a process, for an error that suggests the key.
pub const OTHER_NAMES: &[(&str, &str)] = &[
    ("capacity", "queue"),
    ("trigger_id", "id"),
    ("max_concurrency", "concurrency"),
    ("workers", "concurrency"),
    ("deadline", "timeout"),
    ("time_limit", "timeout"),
    ("retries", "retry"),
    ("max_retries", "retry"),
    ("attempts", "retry"),
    ("max_attempts", "retry"),
    ("retry_delay", "backoff"),
    ("ordered_by", "key"),
    ("partition_key", "key"),
    ("condition", "filter"),
    ("predicate", "filter"),
    ("when", "filter"),
];

impl Setting {
    const fn new(key: &'static str, form: Form, about: &'static str, example: &'static str) -> Setting {
        let (default, absent, attribute, code, range) = (None, None, None, None, None);
        Setting {
            key,
            form,
            about,
            example,
            default,
            absent,
            attribute,
            aliases: &[],
            tag: "type",
            code,
            range,
        }
    }

    /// Returns a setting that takes a text. `about` says what the value is, such as "the name of the feed".
    pub const fn text(key: &'static str, about: &'static str) -> Setting {
        Setting::new(key, Form::Text, about, "\"..\"")
    }

    /// Returns a setting that takes a text that is not empty.
    pub const fn name(key: &'static str, about: &'static str) -> Setting {
        Setting::new(key, Form::Name, about, "\"..\"")
    }

    /// Returns a setting that takes a whole number, 0 or more.
    pub const fn number(key: &'static str, about: &'static str) -> Setting {
        Setting::new(key, Form::Number, about, "5")
    }

    /// Returns a setting that takes a duration with its unit, such as `"30s"`.
    pub const fn duration(key: &'static str, about: &'static str) -> Setting {
        Setting::new(key, Form::Duration, about, "\"30s\"")
    }

    /// Returns a setting that takes a size, such as `"1MiB"`, or a number of bytes: at least 1 byte.
    pub const fn size(key: &'static str, about: &'static str) -> Setting {
        Setting::new(key, Form::Size, about, "\"1MiB\"")
    }

    /// Returns a setting that takes a port. With 0 the system picks one.
    pub const fn port(key: &'static str, about: &'static str) -> Setting {
        Setting::new(key, Form::Port, about, "9090")
    }

    /// Returns a setting that takes an IP address or the name of a host.
    pub const fn host(key: &'static str, about: &'static str) -> Setting {
        Setting::new(key, Form::Host, about, "\"127.0.0.1\"")
    }

    /// Returns a setting that takes the path of a webhook.
    pub const fn path(key: &'static str, about: &'static str) -> Setting {
        Setting::new(key, Form::Path, about, "\"/events\"")
    }

    /// Returns a setting that takes a topic without wildcards.
    pub const fn topic(key: &'static str, about: &'static str) -> Setting {
        Setting::new(key, Form::Topic, about, "\"order.paid\"")
    }

    /// Returns a setting that takes a topic pattern.
    pub const fn pattern(key: &'static str, about: &'static str) -> Setting {
        Setting::new(key, Form::Pattern, about, "\"reports.*\"")
    }

    /// Returns a setting that takes the name of another process of the runtime. A start refuses a process that does not
    /// exist.
    pub const fn process(key: &'static str, about: &'static str) -> Setting {
        Setting::new(key, Form::Process, about, "\"orders\"")
    }

    /// Returns a setting that is `true` or `false`. A trigger without the key has `false`. An attribute may have the key alone
    /// for `true`.
    pub const fn flag(key: &'static str, about: &'static str) -> Setting {
        Setting::new(key, Form::Flag, about, "true").optional("`false`")
    }

    /// Returns a setting that takes one of these whole numbers.
    pub const fn one_of(key: &'static str, about: &'static str, numbers: &'static [u64]) -> Setting {
        Setting::new(key, Form::OneOf(numbers), about, "5")
    }

    /// Returns a setting that takes a list of texts that are not empty. One text alone is a list of one. A list has no
    /// default, but may be [optional](Self::optional).
    pub const fn names(key: &'static str, about: &'static str) -> Setting {
        Setting::new(key, Form::List(&Form::Name), about, "[\"..\"]")
    }

    /// Returns a setting that takes a list of hosts, as [`names`](Self::names) takes texts.
    pub const fn hosts(key: &'static str, about: &'static str) -> Setting {
        Setting::new(key, Form::List(&Form::Host), about, "[\"hooks.example.com\"]")
    }

    /// Returns a setting that takes a list of IP addresses and networks, as [`names`](Self::names) takes texts.
    pub const fn networks(key: &'static str, about: &'static str) -> Setting {
        Setting::new(key, Form::List(&Form::Network), about, "[\"10.0.0.0/8\"]")
    }

    /// Returns a setting that takes a rate, such as `"50/s"`.
    pub const fn rate(key: &'static str, about: &'static str) -> Setting {
        Setting::new(key, Form::Rate, about, "\"50/s\"")
    }

    /// Returns a setting that takes a list of some of these words, as [`names`](Self::names) takes texts.
    pub const fn words(key: &'static str, about: &'static str, words: &'static [&'static str]) -> Setting {
        Setting::new(key, Form::Words(words), about, "[\"..\"]")
    }

    /// Returns a setting that takes one of several names, each with keys of its own. It has no default, but may be
    /// [optional](Self::optional).
    pub const fn choice(key: &'static str, about: &'static str, choices: &'static [Choice]) -> Setting {
        Setting::new(key, Form::Choice(choices), about, "{ type = \"..\" }")
    }

    /// Sets the value of a trigger that does not have the key. Without a default, a trigger must have the key.
    ///
    /// # Panics
    ///
    /// If the setting does not take this value. In a constant, that is an error of the compiler.
    pub const fn default(mut self, value: &'static str) -> Setting {
        self.default = Some(value);
        let valid = match self.form {
            Form::Topic => topic::check_topic(value).is_ok(),
            Form::Pattern => topic::check_pattern(value).is_ok(),
            Form::Path => path::check_path(value).is_ok(),
            Form::Name | Form::Process => !value.is_empty(),
            // `check_host` is not const. A test checks the hosts of the tables.
            Form::Text | Form::Host | Form::Network => true,
            Form::Rate => rate::parse_rate(value).is_ok(),
            Form::Choice(_) | Form::List(_) | Form::Words(_) => false,
            Form::Number | Form::Duration | Form::Size | Form::Port | Form::Flag | Form::OneOf(_) => {
                self.default_value().is_some()
            }
        };
        assert!(valid, "the default of a setting is not what the setting takes");
        self
    }

    /// Makes the key optional. `absent` says what a trigger without it takes, such as "every source".
    pub const fn optional(mut self, absent: &'static str) -> Setting {
        self.absent = Some(absent);
        self
    }

    /// Sets the key of the attribute, where it differs from the key of a configuration.
    pub const fn in_attribute(mut self, key: &'static str) -> Setting {
        self.attribute = Some(key);
        self
    }

    /// Sets names that users of other programs write for the key. An error about one of them suggests the key.
    pub const fn aliases(mut self, names: &'static [&'static str]) -> Setting {
        self.aliases = names;
        self
    }

    /// Sets the key with the name of a choice in a configuration. The default is `type`.
    pub const fn tag(mut self, key: &'static str) -> Setting {
        self.tag = key;
        self
    }

    /// Lets an attribute have a value that the program makes. `what` says what it is, such as "a `Verifier`". A
    /// configuration cannot have one.
    pub const fn or_code(mut self, what: &'static str) -> Setting {
        self.code = Some(what);
        self
    }

    /// Sets a value as a file has it, for errors.
    pub const fn such_as(mut self, example: &'static str) -> Setting {
        self.example = example;
        self
    }

    /// Bounds a number, a size or a duration: both bounds are allowed. They are written as in a file.
    ///
    /// # Panics
    ///
    /// If the setting does not take the bounds. In a constant, that is an error of the compiler.
    pub const fn between(mut self, least: &'static str, most: &'static str) -> Setting {
        match (self.parsed(least), self.parsed(most)) {
            (Some(Value::Number(least)), Some(Value::Number(most))) => self.range = Some((least, most)),
            _ => panic!("the bounds of a setting are not what the setting takes"),
        }
        self
    }

    /// Returns the rule that a number breaks, or `None` if the setting takes it.
    pub fn out_of_range(&self, number: u64) -> Option<String> {
        let (least, most) = self.range.filter(|(least, most)| number < *least || number > *most)?;
        let shown = |number: u64| match self.form {
            Form::Duration => duration::show_duration(number),
            Form::Size => size::show_size(number),
            _ => number.to_string(),
        };
        Some(format!("use {} to {}", shown(least), shown(most)))
    }

    /// Returns the key with the name of a choice in a configuration.
    pub const fn tag_key(&self) -> &'static str {
        self.tag
    }

    /// Returns what a value that the program makes is, if the setting takes one.
    pub const fn code(&self) -> Option<&'static str> {
        self.code
    }

    /// Returns the key of a configuration.
    pub const fn key(&self) -> &'static str {
        self.key
    }

    /// Returns the key of the attribute.
    pub const fn attribute_key(&self) -> &'static str {
        match self.attribute {
            Some(key) => key,
            None => self.key,
        }
    }

    /// Returns what the value is, in words.
    pub const fn about(&self) -> &'static str {
        self.about
    }

    /// Returns what the setting takes.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// Returns a value as a file has it.
    pub const fn example(&self) -> &'static str {
        self.example
    }

    /// Returns what a trigger without the key takes, if the key is optional.
    pub const fn absent(&self) -> Option<&'static str> {
        self.absent
    }

    /// Returns the names that users of other programs write for the key.
    pub const fn other_names(&self) -> &'static [&'static str] {
        self.aliases
    }

    /// Returns the default, parsed.
    pub const fn default_value(&self) -> Option<Value<'static>> {
        match self.default {
            Some(text) => self.parsed(text),
            None => None,
        }
    }

    const fn parsed(&self, text: &'static str) -> Option<Value<'static>> {
        let number = match self.form {
            Form::Flag => return flag(text),
            Form::Number => digits(text),
            Form::OneOf(numbers) => match digits(text) {
                Some(number) if has(numbers, number) => Some(number),
                _ => None,
            },
            Form::Port => match digits(text) {
                Some(port) if port <= u16::MAX as u64 => Some(port),
                _ => None,
            },
            Form::Duration => match duration::parse_duration(text) {
                Ok(milliseconds) => Some(milliseconds),
                Err(_) => None,
            },
            Form::Size => match size::parse_size(text) {
                Ok(bytes) => Some(bytes),
                Err(_) => None,
            },
            _ => return Some(Value::Text(text)),
        };
        match number {
            Some(number) => Some(Value::Number(number)),
            None => None,
        }
    }
}

const fn flag(text: &str) -> Option<Value<'static>> {
    if same(text, "true") {
        return Some(Value::Flag(true));
    }
    if same(text, "false") { Some(Value::Flag(false)) } else { None }
}

const fn has(numbers: &[u64], number: u64) -> bool {
    let mut at = 0;
    while at < numbers.len() {
        if numbers[at] == number {
            return true;
        }
        at += 1;
    }
    false
}

/// Reads a whole number. It is `const`, as `str::parse` is not.
const fn digits(text: &str) -> Option<u64> {
    let mut bytes = text.as_bytes();
    let mut number: u64 = 0;
    if bytes.is_empty() {
        return None;
    }
    while let &[digit @ b'0'..=b'9', ref rest @ ..] = bytes {
        let Some(tens) = number.checked_mul(10) else { return None };
        let Some(sum) = tens.checked_add((digit - b'0') as u64) else { return None };
        number = sum;
        bytes = rest;
    }
    if bytes.is_empty() { Some(number) } else { None }
}
