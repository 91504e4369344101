//! Claims that must be unique: the name of a process, the path of a webhook, a trigger of one process. They are
//! compared in const evaluation for `handlers![..]`, and at start for every declaration of a runtime.

use trigger_grammar::const_string::ConstString;
use trigger_grammar::kind::Values;
use trigger_grammar::path;
use trigger_grammar::setting::{Form, Value, is_every_address, same};

use super::site::{ProcessName, Site, hash};
use crate::declare::SourceKind;

mod find;

pub(super) use find::clashes;
pub use find::{Claims, count};

/// A claim of one process to something that must be unique.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim<'a> {
    thing: Thing<'a>,
    /// The position of its process in the list.
    process: usize,
    site: &'a Site<'a>,
    hash: u64,
}

/// The object of a claim.
#[derive(Clone, Copy, Debug)]
pub(super) enum Thing<'a> {
    /// The name of a process, given or chosen by the runtime.
    Name(&'a str),
    /// The path of a handler whose process has no given name. The path may become the name.
    Path,
    /// The source of a trigger, and the events of it that the trigger takes.
    Source(&'a Listens<'a>, Takes<'a>),
}

/// What a trigger listens to: its kind, and the values of its settings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listens<'a> {
    pub(super) kind: &'static SourceKind,
    pub(super) given: &'a [(&'static str, Value<'a>)],
}

/// The events of its source that a trigger takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Takes<'a> {
    Every,
    /// The events that pass a filter with this text.
    Those(&'a str),
    /// The events that pass a filter without a text, which cannot be compared.
    Unknown,
}

impl<'a> Claim<'a> {
    pub(super) const fn new(process: usize, site: &'a Site<'a>, thing: Thing<'a>) -> Claim<'a> {
        let hash = match thing {
            Thing::Name(name) => ProcessName::read(name).hash(),
            Thing::Path => site.path().hash(),
            Thing::Source(listens, _) if listens.kind.claims.is_of_runtime() => listens.hash(),
            // It is compared only with the claims of its process.
            Thing::Source(..) => 0,
        };
        Claim { thing, process, site, hash }
    }

    /// Returns `true` if the two claims exclude each other.
    const fn excludes(&self, other: &Claim<'_>) -> bool {
        match (&self.thing, &other.thing) {
            (Thing::Name(_) | Thing::Path, Thing::Name(_) | Thing::Path) => {
                self.process_name().is(&other.process_name())
            }
            (Thing::Source(source, takes), Thing::Source(other_source, other_takes)) => {
                // A request goes to one webhook, whatever its filter takes.
                let is_exclusive = source.kind.claims.is_of_runtime();
                (is_exclusive || (self.process == other.process && takes.same(other_takes)))
                    && source.is(other_source)
            }
            _ => false,
        }
    }

    const fn process_name(&self) -> ProcessName<'a> {
        match self.thing {
            Thing::Name(name) => ProcessName::read(name),
            _ => self.site.path(),
        }
    }

    /// ``` `billing::bill` at src/lib.rs:12 ```
    const fn show(&self, message: &mut ConstString) {
        let location = self.site.location;
        self.site.path().show(message.push("`"));
        message.push("` at ").push(location.file).push(":").number(location.line as u64);
    }
}

impl Takes<'_> {
    const fn same(&self, other: &Takes<'_>) -> bool {
        match (self, other) {
            (Takes::Every, Takes::Every) => true,
            (Takes::Those(a), Takes::Those(b)) => same(a, b),
            _ => false,
        }
    }
}

impl<'a> Listens<'a> {
    const fn values(&self) -> Values<'a> {
        Values { settings: self.kind.settings, given: self.given }
    }

    /// Returns `true` if two triggers have the same source. In one process, each event would arrive twice. Of two triggers
    /// with an exclusive source, one would get nothing.
    const fn is(&self, other: &Listens<'_>) -> bool {
        self.kind.kind().is(other.kind.kind()) && self.kind.claims.exclude(&self.values(), &other.values())
    }

    /// Returns the hash of the claimed values, without the names of captures, which no request shows. It is without the host
    /// too, because a claim to every address excludes all others.
    const fn hash(&self) -> u64 {
        let mut hashed = 0;
        let mut at = 0;
        while at < self.kind.claims.keys().len() {
            let key = self.kind.claims.keys()[at];
            hashed = match self.values().get(key) {
                _ if !self.kind.claims.counts(key, &self.values()) => hashed,
                Some(Value::Text(text)) if path::has_captures(text) && self.values().is_path(key) => {
                    hash_path(hashed, text)
                }
                Some(Value::Text(text) | Value::Choice(text, _)) => hash(hashed, text),
                Some(Value::Number(number)) => hashed ^ number << 1,
                _ => hashed,
            };
            at += 1;
        }
        hashed
    }

    /// Returns `true` if the trigger has no address.
    const fn is_detached(&self) -> bool {
        self.kind.claims.is_detached(&self.values())
    }

    /// Returns the text of a value, for people.
    const fn text(&self, key: &str) -> &'a str {
        match self.values().get(key) {
            Some(Value::Text(text)) => text,
            _ => "*",
        }
    }

    /// Returns what the trigger listens to.
    const fn pattern(&self) -> &'a str {
        self.text(self.kind.settings[0].key())
    }

    /// ``` 127.0.0.1:9090 ```
    const fn show_address(&self, message: &mut ConstString) {
        let Some((host, port)) = self.kind.claims.address() else { return };
        message.push(self.text(host));
        if let Some(Value::Number(port)) = self.values().get(port) {
            message.push(":").number(port);
        }
    }
}

/// Continues a hash with the parts of a path between its captures.
const fn hash_path(mut hashed: u64, mut path: &str) -> u64 {
    while let Some((literal, rest)) = path::split_at_capture(path) {
        hashed = hash(hashed, literal);
        path = rest;
    }
    hash(hashed, path)
}

/// Two claims that exclude each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clash<'a> {
    /// The later claim. Its process has the problem.
    claim: Claim<'a>,
    first: Claim<'a>,
}

impl Clash<'_> {
    /// Returns the position of the process that has the problem.
    pub(super) const fn process(&self) -> usize {
        self.claim.process
    }

    /// Returns `true` if a handler is in the list twice, so that all its claims are repeated.
    const fn is_same_handler(&self) -> bool {
        let (own, first) = (self.claim.site, self.first.site);
        self.claim.process != self.first.process
            && !own.module.is_empty()
            && own.location.line == first.location.line
            && same(own.location.file, first.location.file)
            && own.path().is(&first.path())
    }

    /// Returns the fault, without the name of the handler.
    pub(super) const fn message(&self) -> ConstString {
        let mut message = ConstString::new();
        if self.is_same_handler() {
            message.push("it is listed twice");
            return message;
        }
        match self.claim.thing {
            Thing::Name(_) | Thing::Path => {
                self.claim.process_name().show(message.push("the process name `"));
                self.first.show(message.push("` is taken by "));
                // The attributes of such a handler have no name.
                if matches!((&self.claim.thing, &self.first.thing), (Thing::Path, _) | (_, Thing::Path)) {
                    message.push("; give each its own with `#[process(name = \"..\")]`");
                }
            }
            Thing::Source(source, _) if source.kind.claims.is_of_runtime() => {
                message.push("the ").push(source.kind.settings[0].about()).push(" ").push(source.pattern());
                if source.kind.claims.address().is_some() && !source.is_detached() {
                    source.show_address(message.push(" of "));
                }
                self.first.show(message.push(" is taken by "));
                self.show_other_path(source, &mut message);
                self.show_other_host(source, &mut message);
            }
            Thing::Source(source, _) => {
                message
                    .push("the ")
                    .push(source.kind.kind().as_str())
                    .push(" trigger `")
                    .push(source.pattern());
                message.push("` is declared twice, so each would arrive twice");
            }
        }
        message
    }

    /// Shows the path of the first claim if its captures have other names.
    const fn show_other_path(&self, source: &Listens<'_>, message: &mut ConstString) {
        let Thing::Source(first, _) = self.first.thing else { return };
        let is_path = matches!(source.kind.settings[0].form(), Form::Path);
        if is_path && !same(source.pattern(), first.pattern()) {
            message.push(" as ").push(first.pattern()).push(", which matches the same requests");
        }
    }

    /// Shows the address of the first claim if its host is another one.
    const fn show_other_host(&self, source: &Listens<'_>, message: &mut ConstString) {
        let (Thing::Source(first, _), Some((host, _))) = (self.first.thing, source.kind.claims.address())
        else {
            return;
        };
        let (host, taken) = (source.text(host), first.text(host));
        if !source.is_detached() && !same(host, taken) {
            first.show_address(message.push(" on "));
            let every = if is_every_address(host) { host } else { taken };
            message.push(", and ").push(every).push(" is every address");
        }
    }
}
