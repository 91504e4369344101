//! The attributes of a handler, and the keys of each.
//!
//! The keys of a kind of trigger are the settings of its table in `trigger_grammar::kind`, so this file names no kind.

use syn::Path;
use trigger_grammar::kind::{KINDS, Kind};
use trigger_grammar::setting::{Form, OTHER_NAMES, Setting};
use trigger_grammar::{bounds, hint};

use crate::closure::Purpose;
use crate::value::Takes;

/// An attribute of a handler.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Attribute {
    /// One that declares a trigger of this kind.
    Trigger(&'static Kind),
    /// `#[on_source]`. The kind of its source is known when its expression runs.
    Source,
    /// `#[process]`.
    Process,
}

impl PartialEq for Attribute {
    fn eq(&self, other: &Attribute) -> bool {
        self.name() == other.name()
    }
}

/// A key of an attribute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) takes: Takes,
    /// The setting of its kind of trigger, or `None` for a key that every trigger or the process has.
    pub(crate) setting: Option<&'static Setting>,
}

const fn common(name: &'static str, takes: Takes) -> Key {
    Key { name, takes, setting: None }
}

/// The keys of every trigger, in addition to the settings of its kind.
const TRIGGER: &[Key] = &[
    common("id", Takes::Text),
    common("queue", Takes::Count(bounds::QUEUE)),
    common("queue_bytes", Takes::Setting(Form::Size)),
    common("overflow", Takes::Overflow),
    common("filter", Takes::Closure(Purpose::Filter)),
];

const PROCESS: &[Key] = &[
    common("name", Takes::Text),
    common("concurrency", Takes::Count(bounds::CONCURRENCY)),
    common("timeout", Takes::Timeout),
    common("retry", Takes::Number),
    common("backoff", Takes::Range),
    common("key", Takes::Closure(Purpose::Key)),
];

impl Attribute {
    fn all() -> impl Iterator<Item = Attribute> {
        let triggers = KINDS.iter().map(|kind| Attribute::Trigger(kind));
        triggers.chain([Attribute::Source, Attribute::Process])
    }

    /// Returns the attribute that a path names. Compares its last segment alone, so that `triggers::on_event` counts.
    pub(crate) fn of(path: &Path) -> Option<Attribute> {
        let last = &path.segments.last()?.ident;
        Attribute::all().find(|attribute| last == attribute.name())
    }

    /// Returns the name of the attribute.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Attribute::Trigger(kind) => kind.attribute,
            Attribute::Source => "on_source",
            Attribute::Process => "process",
        }
    }

    /// Returns the attribute as a user writes it.
    pub(crate) fn shown(self) -> String {
        format!("`#[{}]`", self.name())
    }

    /// Returns what stands first in its list, without a key, and an example of it.
    pub(crate) fn first(self) -> Option<(&'static str, &'static str)> {
        match self {
            Attribute::Trigger(kind) => Some((kind.first().about(), kind.first().example())),
            Attribute::Source => Some(("source", "Ticker::every(SECOND)")),
            Attribute::Process => None,
        }
    }

    /// Returns `true` if the list needs a first value.
    pub(crate) fn needs_first(self) -> bool {
        match self {
            Attribute::Trigger(kind) => kind.first().absent().is_none(),
            Attribute::Source => true,
            Attribute::Process => false,
        }
    }

    /// Returns `true` if the first value has this name in programs where it has a key.
    pub(crate) fn is_name_of_first(self, name: &str) -> bool {
        match self {
            Attribute::Trigger(kind) => {
                kind.first().key() == name || kind.first().other_names().contains(&name)
            }
            Attribute::Source => ["source", "from"].contains(&name),
            Attribute::Process => false,
        }
    }

    pub(crate) fn keys(self) -> impl Iterator<Item = Key> {
        let (settings, common) = match self {
            Attribute::Trigger(kind) => (kind.settings.get(1..).unwrap_or_default(), TRIGGER),
            Attribute::Source => (&[][..], TRIGGER),
            Attribute::Process => (&[][..], PROCESS),
        };
        let own = settings.iter().map(|setting| Key {
            name: setting.attribute_key(),
            takes: Takes::Setting(setting.form()),
            setting: Some(setting),
        });
        own.chain(common.iter().copied())
    }

    /// Returns the keys, for a message.
    pub(crate) fn keys_shown(self) -> String {
        let names: Vec<&str> = self.keys().map(|key| key.name).chain(["crate"]).collect();
        format!("the keys here are: {}", names.join(", "))
    }

    /// Returns the message about a key that this attribute does not have.
    pub(crate) fn unknown_key(self, name: &str) -> String {
        let keys = self.keys_shown();
        if let Some(homes) = homes(name) {
            return format!("`{name}` belongs to {homes}\n  {keys}");
        }
        if let Some((what, example)) = self.first()
            && self.is_name_of_first(name)
        {
            let attribute = self.name();
            return format!("the {what} comes first, without a key: `#[{attribute}({example})]`\n  {keys}");
        }
        let every = || Attribute::all().flat_map(Attribute::keys).map(|key| key.name);
        let near = other_name(name)
            .or_else(|| hint::did_you_mean(name, self.keys().map(|key| key.name)))
            .or_else(|| hint::did_you_mean(name, every()));
        let Some(near) = near else { return format!("unknown key `{name}`\n  {keys}") };
        let elsewhere = match homes(near) {
            Some(homes) if !self.keys().any(|key| key.name == near) => format!(", which belongs to {homes}"),
            _ => String::new(),
        };
        format!("unknown key `{name}`; did you mean `{near}`{elsewhere}?\n  {keys}")
    }
}

/// Returns the key that has this name in a configuration or in another program.
fn other_name(name: &str) -> Option<&'static str> {
    let is_meant = |setting: &&Setting| setting.key() == name || setting.other_names().contains(&name);
    let of_kinds = || KINDS.iter().flat_map(|kind| kind.settings.iter().skip(1));
    let common = OTHER_NAMES.iter().find(|(other, _)| *other == name).map(|(_, key)| *key);
    common.or_else(|| of_kinds().find(is_meant).map(Setting::attribute_key))
}

/// Returns the attributes that have this key, or `None` if there is no such key.
fn homes(name: &str) -> Option<String> {
    let homes = Attribute::all().filter(|attribute| attribute.keys().any(|key| key.name == name));
    let names: Vec<String> = homes.map(Attribute::shown).collect();
    Some(match names.split_last()? {
        (last, []) => last.clone(),
        (last, rest) => format!("{} and {last}", rest.join(", ")),
    })
}
