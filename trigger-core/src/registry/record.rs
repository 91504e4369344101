//! The records that attributes write: plain data, made in const evaluation.

use std::fmt;
use std::time::Duration;

use trigger_grammar::const_string::ConstString;
use trigger_grammar::setting::Value;

use crate::declare::filter::Filter;
use crate::declare::key::Key;
use crate::declare::policy::{self, Backoff, Overflow};
use crate::declare::{ProcessConfig, SourceKind, TriggerConfig};
use crate::event::TriggerEvent;
use crate::process::handler::{Argument, FromTrigger, HandlerSlot};
use crate::registry::clash::{Listens, Takes};
use crate::registry::site::Site;
use crate::source::CUSTOM;

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

/// An attribute that declares a trigger, as data.
///
/// The macro has checked every literal. [`const_checks`](super::const_checks) check the values of constants.
#[derive(Clone, Copy, Debug)]
pub struct TriggerRecord {
    /// Its kind, and the values of the settings of its kind.
    pub(super) listens: Listens<'static>,
    /// Makes the trigger of `#[on_source(EXPR)]`, without its settings.
    make: Option<fn() -> TriggerConfig>,
    id: Option<&'static str>,
    queue: Option<usize>,
    queue_bytes: Option<usize>,
    overflow: Option<Overflow>,
    filter: Option<Written<bool>>,
}

impl TriggerRecord {
    /// Returns a trigger of this kind with these settings.
    ///
    /// # Panics
    ///
    /// If the program has no source of this kind. In const evaluation, that is an error of the compiler.
    #[track_caller]
    pub const fn new(
        kind: &'static SourceKind,
        settings: &'static [(&'static str, Value<'static>)],
    ) -> TriggerRecord {
        if let Some(missing) = kind.missing {
            ConstString::new().push(missing).panic();
        }
        TriggerRecord {
            listens: Listens { kind, given: settings },
            make: None,
            id: None,
            queue: None,
            queue_bytes: None,
            overflow: None,
            filter: None,
        }
    }

    /// Returns a trigger whose source is made by this fn.
    pub const fn source_of(make: fn() -> TriggerConfig) -> TriggerRecord {
        TriggerRecord { make: Some(make), ..TriggerRecord::new(&CUSTOM, &[]) }
    }

    pub(super) const fn takes(&self) -> Takes<'static> {
        match self.filter {
            None => Takes::Every,
            Some((_, text)) => Takes::Those(text),
        }
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
        let mut config = match self.make {
            Some(make) => make(),
            None => {
                let start = TriggerConfig::of(self.listens.kind);
                self.listens.given.iter().fold(start, |config, (key, value)| config.with_value(key, *value))
            }
        };
        config.id = self.id.map(str::to_owned);
        config.queue = self.queue;
        config.queue_bytes = self.queue_bytes;
        config.overflow = self.overflow;
        config.filter = self.filter.map(|(takes, text)| Filter::written(takes, text));
        config
    }
}

/// Returns an argument that is made from the event, of a handler with triggers of these kinds.
#[track_caller]
pub const fn argument<T: FromTrigger>(name: &'static str, kinds: &[&SourceKind]) -> Argument {
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
    use crate::source::{EVENT, MESSAGE};

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

        const EVENT_OF: TriggerRecord = TriggerRecord::new(
            &EVENT,
            &[("event_type", Value::Text("a")), ("event_source", Value::Text("b"))],
        );
        const MESSAGE_OF: TriggerRecord = TriggerRecord::new(&MESSAGE, &[("topic", Value::Text("a.*"))]);
        for (record, config) in [
            (EVENT_OF.queue_bytes(7), TriggerConfig::event("a").source("b").queue_bytes(7)),
            (MESSAGE_OF, TriggerConfig::message("a.*")),
        ] {
            assert_eq!(record.config(), config);
        }
    }
}
