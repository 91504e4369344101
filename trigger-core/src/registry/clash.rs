//! Claims that must be unique: the name of a process, the path of a webhook, a trigger of one process. They are
//! compared in const evaluation for `handlers![..]`, and at start for every declaration of a runtime.

use std::fmt;

use trigger_grammar::const_string::ConstString;

use super::record::{Site, SourceRecord};
use crate::event::TriggerKind;

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
    Source(&'a SourceRecord<'a>, Takes<'a>),
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
            // Without its host, because a claim to every address excludes all others.
            Thing::Source(SourceRecord::Webhook { path, port, .. }, _) => hash(*port as u64, path),
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
                let is_webhook = matches!(source, SourceRecord::Webhook { .. });
                (is_webhook || (self.process == other.process && takes.same(other_takes)))
                    && is_same_source(source, other_source)
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

/// Returns `true` if two triggers have the same source. In one process, each event would arrive twice. Of two webhooks,
/// one would get no request.
const fn is_same_source(a: &SourceRecord<'_>, b: &SourceRecord<'_>) -> bool {
    use SourceRecord::{DeadLetter, Event, Message, Webhook};
    match (a, b) {
        (Event { event_type: a, source: from_a }, Event { event_type: b, source: from_b }) => {
            same(a, b) && same_option(*from_a, *from_b)
        }
        (Message { pattern: a }, Message { pattern: b }) => same(a, b),
        (DeadLetter { process: a }, DeadLetter { process: b }) => same_option(*a, *b),
        (
            Webhook { path: a, port: port_a, host: host_a, .. },
            Webhook { path: b, port: port_b, host: host_b, .. },
        ) => {
            // Port 0 assigns a free port for each host.
            let every = *port_a != 0 && (is_every_address(host_a) || is_every_address(host_b));
            *port_a == *port_b && same(a, b) && (every || same(host_a, host_b))
        }
        _ => false,
    }
}

const fn same_option(a: Option<&str>, b: Option<&str>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same(a, b),
        (None, None) => true,
        _ => false,
    }
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

/// Returns the kind and the pattern of a source, as [`TriggerConfig`](crate::TriggerConfig) does.
const fn kind_and_pattern<'a>(source: &SourceRecord<'a>) -> (TriggerKind, &'a str) {
    match *source {
        SourceRecord::Event { event_type, .. } => (TriggerKind::Event, event_type),
        SourceRecord::Message { pattern } => (TriggerKind::Message, pattern),
        SourceRecord::Webhook { path, .. } => (TriggerKind::Webhook, path),
        SourceRecord::DeadLetter { process: None } => (TriggerKind::DeadLetter, "*"),
        SourceRecord::DeadLetter { process: Some(process) } => (TriggerKind::DeadLetter, process),
        SourceRecord::Custom(_) => (TriggerKind::Custom, ""),
    }
}

/// Returns `true` if a server on this host listens on every address.
const fn is_every_address(host: &str) -> bool {
    same(host, "0.0.0.0") || same(host, "::")
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
            Thing::Source(SourceRecord::Webhook { path, port, host, .. }, _) => {
                message.push("the path ").push(path).push(" of ");
                show_address(&mut message, host, *port);
                self.first.show(message.push(" is taken by "));
                if let Thing::Source(SourceRecord::Webhook { host: taken, .. }, _) = self.first.thing
                    && !same(host, taken)
                {
                    show_address(message.push(" on "), taken, *port);
                    let every = if is_every_address(host) { host } else { taken };
                    message.push(", and ").push(every).push(" is every address");
                }
            }
            Thing::Source(source, _) => {
                let (kind, pattern) = kind_and_pattern(source);
                message.push("the ").push(kind.as_str()).push(" trigger `").push(pattern);
                message.push("` is declared twice, so each would arrive twice");
            }
        }
        message
    }
}

const fn show_address(message: &mut ConstString, host: &str, port: u16) {
    message.push(host).push(":").number(port as u64);
}

/// The name of a process: any text, or the path of a handler.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProcessName<'a> {
    /// The part before the last `::`, or an empty text.
    module: &'a str,
    name: &'a str,
}

impl<'a> ProcessName<'a> {
    pub(super) const fn new(module: &'a str, name: &'a str) -> ProcessName<'a> {
        ProcessName { module, name }
    }

    const fn read(text: &'a str) -> ProcessName<'a> {
        let mut bytes = text.as_bytes();
        while let &[ref before @ .., last] = bytes {
            if last == b':'
                && let &[ref module @ .., b':'] = before
                && !module.is_empty()
            {
                let (module, _) = text.split_at(module.len());
                return ProcessName::new(module, text.split_at(bytes.len()).1);
            }
            bytes = before;
        }
        ProcessName::new("", text)
    }

    const fn separator(&self) -> &'static str {
        if self.module.is_empty() { "" } else { "::" }
    }

    const fn show(&self, message: &mut ConstString) {
        message.push(self.module).push(self.separator()).push(self.name);
    }

    const fn hash(&self) -> u64 {
        hash(hash(0, self.module), self.name)
    }

    const fn is(&self, other: &ProcessName<'_>) -> bool {
        same(self.name, other.name) && same(self.module, other.module)
    }
}

impl fmt::Display for ProcessName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.module, self.separator(), self.name)
    }
}

/// Continues a hash with a text. Const evaluation takes about a microsecond for each step. So it reads sixteen bytes at
/// a time, and the last sixteen overlap the ones before.
const fn hash(mut hash: u64, text: &str) -> u64 {
    let mut bytes = text.as_bytes();
    while let &[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ref rest @ ..] = bytes {
        hash = mix(hash, u128::from_ne_bytes([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]));
        bytes = rest;
    }
    if let &[.., a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = text.as_bytes() {
        return mix(hash, u128::from_ne_bytes([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]));
    }
    if let &[a, b, c, d, e, f, g, h, ref rest @ ..] = bytes {
        hash = mix(hash, u64::from_ne_bytes([a, b, c, d, e, f, g, h]) as u128);
        bytes = rest;
    }
    while let &[a, ref rest @ ..] = bytes {
        hash = mix(hash, a as u128);
        bytes = rest;
    }
    hash
}

/// Mixes a word into a hash. The remainder by a prime depends on every bit, and the product spreads each of them.
const fn mix(hash: u64, word: u128) -> u64 {
    const PRIME: u128 = 0xffff_ffff_ffff_ffc5;
    const ODD: u128 = 0x9e37_79b9_7f4a_7c15;
    let product = (word ^ (hash as u128) << 61) % PRIME * ODD;
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::hash;

    #[test]
    fn hashes_of_names_that_differ_in_a_few_digits_are_spread() {
        for (before, after) in
            [("", ""), ("process-number-", ""), ("/api/v1/", "/orders/of/a/day"), ("shop_", "::")]
        {
            let slot = |number| hash(0, &format!("{before}{number:04}{after}")) % 8192;
            let taken: HashSet<u64> = (0..4096).map(slot).collect();
            // A random hash would give 3223 on average.
            assert!(taken.len() > 3000, "{before}0000{after}: {}", taken.len());
        }
    }
}
