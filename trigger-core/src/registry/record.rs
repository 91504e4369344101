//! The records that attributes write: plain data, made in const evaluation.

use std::fmt;
use std::time::Duration;

use crate::config::{ProcessConfig, SourceConfig, TriggerConfig};
use crate::event::{TriggerEvent, TriggerKind};
use crate::filter::Filter;
use crate::handler::{Argument, FromTrigger, HandlerSlot};
use crate::key::Key;
use crate::policy::{self, Backoff, Overflow};
use crate::registry::clash::Takes;
use crate::registry::{Location, ProcessName};

/// A handler as its attributes declare it: what `handlers![..]` lists. Only the attributes make one.
pub struct HandlerRecord {
    /// What it is and where it stands.
    #[doc(hidden)]
    pub site: Site<'static>,
    /// How it runs.
    #[doc(hidden)]
    pub process: ProcessRecord,
    /// What starts it.
    #[doc(hidden)]
    pub triggers: &'static [TriggerRecord],
    /// What it takes.
    #[doc(hidden)]
    pub arguments: &'static [Argument],
    /// Makes what a worker runs it in.
    #[doc(hidden)]
    pub call: fn() -> Box<dyn HandlerSlot>,
}

/// What a declaration is of, and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The name of the fn.
    pub(super) name: &'a str,
    /// The module it is in; empty for a closure.
    pub(super) module: &'static str,
    pub(super) location: Location,
}

impl<'a> Site<'a> {
    /// The place of the caller.
    #[track_caller]
    pub const fn new(name: &'a str, module: &'static str) -> Site<'a> {
        Site { name, module, location: Location::caller() }
    }

    /// Where it belongs in a list: by its place, and by its name where a macro has made several in one place.
    pub(crate) fn order(&self) -> (Location, &'a str) {
        (self.location, self.name)
    }

    /// The handler by its full path.
    pub(super) const fn path(&self) -> ProcessName<'a> {
        ProcessName::new(self.module, self.name)
    }
}

impl HandlerRecord {
    /// The same as configuration.
    pub(super) fn config(&self) -> ProcessConfig {
        self.process.config(self.triggers.iter().map(TriggerRecord::config).collect())
    }
}

impl fmt::Debug for HandlerRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Site { name, module, location } = self.site;
        write!(f, "{module}::{name} ({location})")
    }
}

/// A closure, and its text.
type Written<R> = (fn(&TriggerEvent) -> Option<R>, &'static str);

/// `#[process(..)]`, as data.
#[derive(Clone, Copy, Debug)]
pub struct ProcessRecord {
    pub(super) name: Option<&'static str>,
    concurrency: usize,
    /// In milliseconds.
    timeout: Option<u64>,
    retry: u32,
    /// The first and the longest, in milliseconds.
    backoff: Option<(u64, u64)>,
    key: Option<Written<u64>>,
}

impl ProcessRecord {
    /// The defaults.
    #[expect(clippy::new_without_default, reason = "made in statics, where `Default` cannot be called")]
    pub const fn new() -> ProcessRecord {
        ProcessRecord {
            name: None,
            concurrency: policy::CONCURRENCY,
            timeout: None,
            retry: policy::RETRY,
            backoff: None,
            key: None,
        }
    }

    /// Names the process.
    pub const fn name(mut self, name: &'static str) -> ProcessRecord {
        self.name = Some(name);
        self
    }

    /// How many events it handles at once.
    pub const fn concurrency(mut self, concurrency: usize) -> ProcessRecord {
        self.concurrency = concurrency;
        self
    }

    /// How long one attempt may take, in milliseconds.
    pub const fn timeout(mut self, milliseconds: u64) -> ProcessRecord {
        self.timeout = Some(milliseconds);
        self
    }

    /// How often an event is tried again.
    pub const fn retry(mut self, retry: u32) -> ProcessRecord {
        self.retry = retry;
        self
    }

    /// How long it waits before that: at first, and at most, in milliseconds.
    pub const fn backoff(mut self, range: (u64, u64)) -> ProcessRecord {
        self.backoff = Some(range);
        self
    }

    /// What the events have in common that are handled in order.
    pub const fn key(mut self, key: fn(&TriggerEvent) -> Option<u64>, text: &'static str) -> ProcessRecord {
        self.key = Some((key, text));
        self
    }

    fn config(&self, triggers: Vec<TriggerConfig>) -> ProcessConfig {
        ProcessConfig {
            triggers,
            concurrency: self.concurrency,
            timeout: self.timeout.map(Duration::from_millis),
            retry: self.retry,
            backoff: self
                .backoff
                .map_or_else(Backoff::default, |(first, cap)| Backoff::of_milliseconds(first, cap)),
            key: self.key.map(|(key, text)| Key::written(key, text)),
        }
    }
}

/// `#[on_event(..)]`, `#[on_message(..)]`, `#[on_webhook(..)]` or `#[on_dead_letter(..)]`, as data.
///
/// What a literal says, the macro has checked; what a `const` says is checked by [`const_checks`](super::const_checks).
#[derive(Clone, Copy, Debug)]
pub struct TriggerRecord {
    pub(super) source: SourceRecord<'static>,
    id: Option<&'static str>,
    queue: Option<usize>,
    queue_bytes: Option<usize>,
    overflow: Option<Overflow>,
    filter: Option<Written<bool>>,
}

/// What a trigger listens to.
#[derive(Clone, Copy, Debug)]
pub(super) enum SourceRecord<'a> {
    Event { event_type: &'a str, source: Option<&'a str> },
    Message { pattern: &'a str },
    Webhook { path: &'a str, port: u16, host: &'a str, body_limit: usize },
    DeadLetter { process: Option<&'a str> },
    Custom(MakeSource),
}

/// Makes the trigger of `#[on_source(EXPR)]`, without its settings.
type MakeSource = fn() -> TriggerConfig;

impl<'a> SourceRecord<'a> {
    /// The configuration, borrowed. A source of another kind claims nothing.
    pub(super) fn of(config: &'a SourceConfig) -> Option<SourceRecord<'a>> {
        Some(match config {
            SourceConfig::Event { event_type, source } => {
                SourceRecord::Event { event_type, source: source.as_deref() }
            }
            SourceConfig::Message { topic } => SourceRecord::Message { pattern: topic },
            SourceConfig::Webhook { path, port, host, body_limit } => {
                SourceRecord::Webhook { path, port: *port, host, body_limit: *body_limit }
            }
            SourceConfig::DeadLetter { process } => SourceRecord::DeadLetter { process: process.as_deref() },
            SourceConfig::Custom(_) => return None,
        })
    }
}

impl TriggerRecord {
    /// Events of this type.
    pub const fn event(event_type: &'static str) -> TriggerRecord {
        TriggerRecord::new(SourceRecord::Event { event_type, source: None })
    }

    /// Messages whose topic matches this pattern.
    pub const fn message(pattern: &'static str) -> TriggerRecord {
        TriggerRecord::new(SourceRecord::Message { pattern })
    }

    /// HTTP requests to this path.
    pub const fn webhook(path: &'static str) -> TriggerRecord {
        TriggerRecord::new(SourceRecord::Webhook {
            path,
            port: policy::WEBHOOK_PORT,
            host: policy::WEBHOOK_HOST,
            body_limit: policy::WEBHOOK_BODY,
        })
    }

    /// Dead letters of every process.
    pub const fn dead_letter() -> TriggerRecord {
        TriggerRecord::new(SourceRecord::DeadLetter { process: None })
    }

    /// Dead letters of this process.
    pub const fn dead_letter_of(process: &'static str) -> TriggerRecord {
        TriggerRecord::new(SourceRecord::DeadLetter { process: Some(process) })
    }

    /// Events of the source that this makes.
    pub const fn source_of(make: fn() -> TriggerConfig) -> TriggerRecord {
        TriggerRecord::new(SourceRecord::Custom(make))
    }

    pub(super) const fn takes(&self) -> Takes<'static> {
        match self.filter {
            None => Takes::Every,
            Some((_, text)) => Takes::Those(text),
        }
    }

    const fn new(source: SourceRecord<'static>) -> TriggerRecord {
        TriggerRecord { source, id: None, queue: None, queue_bytes: None, overflow: None, filter: None }
    }

    /// Events of this source only.
    pub const fn source(mut self, name: &'static str) -> TriggerRecord {
        if let SourceRecord::Event { source, .. } = &mut self.source {
            *source = Some(name);
        }
        self
    }

    /// The port to listen on.
    pub const fn port(mut self, number: u16) -> TriggerRecord {
        if let SourceRecord::Webhook { port, .. } = &mut self.source {
            *port = number;
        }
        self
    }

    /// The host to listen on.
    pub const fn host(mut self, name: &'static str) -> TriggerRecord {
        if let SourceRecord::Webhook { host, .. } = &mut self.source {
            *host = name;
        }
        self
    }

    /// The largest body, in bytes.
    pub const fn body_limit(mut self, bytes: usize) -> TriggerRecord {
        if let SourceRecord::Webhook { body_limit, .. } = &mut self.source {
            *body_limit = bytes;
        }
        self
    }

    /// The id of the trigger.
    pub const fn id(mut self, id: &'static str) -> TriggerRecord {
        self.id = Some(id);
        self
    }

    /// How many events may wait.
    pub const fn queue(mut self, capacity: usize) -> TriggerRecord {
        self.queue = Some(capacity);
        self
    }

    /// How many bytes may wait.
    pub const fn queue_bytes(mut self, bytes: usize) -> TriggerRecord {
        self.queue_bytes = Some(bytes);
        self
    }

    /// What happens when the queue is full.
    pub const fn overflow(mut self, overflow: Overflow) -> TriggerRecord {
        self.overflow = Some(overflow);
        self
    }

    /// Which of the events it takes.
    pub const fn filter(
        mut self,
        takes: fn(&TriggerEvent) -> Option<bool>,
        text: &'static str,
    ) -> TriggerRecord {
        self.filter = Some((takes, text));
        self
    }

    fn config(&self) -> TriggerConfig {
        let mut config = match self.source {
            SourceRecord::Event { event_type, source: None } => TriggerConfig::event(event_type),
            SourceRecord::Event { event_type, source: Some(name) } => {
                TriggerConfig::event(event_type).source(name)
            }
            SourceRecord::Message { pattern } => TriggerConfig::message(pattern),
            SourceRecord::Webhook { path, port, host, body_limit } => {
                TriggerConfig::webhook(path, port).host(host).body_limit(body_limit)
            }
            SourceRecord::DeadLetter { process: None } => TriggerConfig::dead_letter(),
            SourceRecord::DeadLetter { process: Some(name) } => TriggerConfig::dead_letter().process(name),
            SourceRecord::Custom(make) => make(),
        };
        config.id = self.id.map(str::to_owned);
        config.queue = self.queue;
        config.queue_bytes = self.queue_bytes;
        config.overflow = self.overflow;
        config.filter = self.filter.map(|(takes, text)| Filter::written(takes, text));
        config
    }
}

/// An argument that is made from the event, of a handler with triggers of these kinds.
#[track_caller]
pub const fn argument<T: FromTrigger>(name: &'static str, kinds: &[TriggerKind]) -> Argument {
    let argument = Argument::of::<T>(name);
    let mut at = 0;
    while at < kinds.len() {
        if let Some(fault) = argument.fault(kinds[at]) {
            fault.panic();
        }
        at += 1;
    }
    argument
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_say_what_the_configuration_says() {
        const PROCESS: ProcessRecord =
            ProcessRecord::new().concurrency(8).timeout(90_000).retry(5).backoff((1_000, 300_000));
        let expected = ProcessConfig::new()
            .concurrency(8)
            .timeout(Duration::from_secs(90))
            .retry(5)
            .backoff(Backoff::new(Duration::from_secs(1), Duration::from_secs(300)));
        assert_eq!(PROCESS.config(Vec::new()), expected);
        assert_eq!(ProcessRecord::new().config(Vec::new()), ProcessConfig::default());
        assert!(PROCESS.key(|_| Some(7), "|_| 7").config(Vec::new()).key.is_some());

        for (record, config) in [
            (TriggerRecord::dead_letter().queue_bytes(7), TriggerConfig::dead_letter().queue_bytes(7)),
            (TriggerRecord::dead_letter_of("orders"), TriggerConfig::dead_letter().process("orders")),
        ] {
            assert_eq!(record.config(), config);
        }
        let small = TriggerRecord::webhook("/e").queue_bytes(1000).config();
        assert_eq!(small.validate().expect_err("no room for a body").field(), "queue_bytes");
        let same = TriggerRecord::webhook("/e").queue_bytes(1000).body_limit(1000).config();
        assert_eq!(same.validate(), Ok(()));
    }
}
