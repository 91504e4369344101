//! A kind of source as data: its settings, its claims, and the defaults of its queue.

use linkme::distributed_slice;
use serde_json::{Map, Value};
use trigger_grammar::bounds;
use trigger_grammar::kind::ClaimedKeys;
use trigger_grammar::setting::{Setting, same};

use super::made::BoxSource;
use super::settings::Settings;
use crate::declare::policy::Overflow;
use crate::event::error::ConfigError;
use crate::event::{EventForm, Frame, ReadJson, ReadMetadata, TriggerKind};

/// A kind of source, as a constant: its name, its settings, and the defaults of its queue.
///
/// ```
/// # use trigger_core::{Overflow, SourceKind};
/// static TICKER: SourceKind = SourceKind::new("ticker", "a tick").queue(10).overflow(Overflow::DropOldest);
/// assert_eq!(TICKER.kind().as_str(), "ticker");
/// ```
#[derive(Debug)]
pub struct SourceKind {
    pub(crate) form: EventForm,
    /// How many events may wait, unless the trigger says otherwise.
    pub(crate) queue: usize,
    /// What happens to an event if the queue is full, unless the trigger says otherwise.
    pub(crate) overflow: Overflow,
    pub(crate) shown_queue: ShownQueue,
    /// The keys of its triggers in a configuration. The first is what the source listens to.
    pub(crate) settings: &'static [Setting],
    /// Makes a source from them. `None` if a configuration cannot have such a trigger.
    pub(crate) make: Option<MakeSource>,
    /// The settings that only one trigger can have.
    pub(crate) claims: ClaimedKeys,
    /// The names of the overflow policies that a trigger cannot have, and why.
    pub(crate) refuses: &'static [(&'static str, &'static str)],
    /// The key of the size of its largest body.
    pub(crate) largest_body: Option<&'static str>,
    /// `true` if its events are those of other kinds.
    pub(crate) relays: bool,
    /// Why the program has no source of this kind.
    pub(crate) missing: Option<&'static str>,
}

/// Makes a source from the settings of its trigger.
pub(crate) type MakeSource = fn(&Settings) -> Result<BoxSource, ConfigError>;

/// How the description of a trigger shows its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShownQueue {
    /// By its capacity and its policy.
    Policy,
    /// By its capacity, and by a text in place of the default policy, which has no name for the trigger.
    Text(&'static str),
    /// Not at all: the source has a queue of its own.
    Hidden,
}

/// The kinds of sources of every crate that is linked into the program. Its name is unique, because all linked crates
/// share the sections of object files.
#[distributed_slice]
pub static TRIGGER_CORE_KINDS_V1: [&'static SourceKind];

impl SourceKind {
    /// Returns a kind whose payload is the body, and whose metadata are the attributes. `name` is the `type` of its
    /// triggers; `event` is one of its events with an article, such as "a tick".
    pub const fn new(name: &'static str, event: &'static str) -> SourceKind {
        SourceKind::of(EventForm::new(TriggerKind::new(name, event)))
    }

    pub(crate) const fn of(form: EventForm) -> SourceKind {
        SourceKind {
            form,
            queue: 100,
            overflow: Overflow::DropNewest,
            shown_queue: ShownQueue::Policy,
            settings: &[],
            make: None,
            claims: ClaimedKeys::NOTHING,
            refuses: &[],
            largest_body: None,
            relays: false,
            missing: None,
        }
    }

    /// Sets how many events may wait in the queue of a trigger that does not say it: at least 1. The default is 100.
    ///
    /// # Panics
    ///
    /// If the capacity is out of bounds. In a constant, that is an error of the compiler.
    ///
    /// ```compile_fail,E0080
    /// # use trigger_core::SourceKind;
    /// static TICKER: SourceKind = SourceKind::new("ticker", "a tick").queue(0);
    /// # fn main() {}
    /// ```
    pub const fn queue(mut self, capacity: usize) -> SourceKind {
        assert!(bounds::QUEUE.holds(capacity as u64), "the default capacity of a queue is 1 to 10,000,000");
        self.queue = capacity;
        self
    }

    /// Sets what happens to an event that finds the queue of a trigger full, if the trigger does not say it. The default is
    /// [`Overflow::DropNewest`].
    pub const fn overflow(mut self, overflow: Overflow) -> SourceKind {
        self.overflow = overflow;
        self
    }

    /// Sets the overflow policies that a trigger cannot have, by their names, each with the reason. If the default policy
    /// is among them, `when_full` describes it, such as "503 when full".
    ///
    /// # Panics
    ///
    /// If a name is not that of a policy. In a constant, that is an error of the compiler.
    pub const fn refuses(
        mut self,
        policies: &'static [(&'static str, &'static str)],
        when_full: Option<&'static str>,
    ) -> SourceKind {
        let mut at = 0;
        while at < policies.len() {
            let (name, _) = policies[at];
            let known = same(name, Overflow::DropNewest.as_str())
                || same(name, Overflow::DropOldest.as_str())
                || same(name, Overflow::Wait.as_str())
                || same(name, Overflow::Reject.as_str());
            assert!(known, "no overflow policy has this name");
            at += 1;
        }
        self.refuses = policies;
        if let Some(text) = when_full {
            self.shown_queue = ShownQueue::Text(text);
        }
        self
    }

    /// Lets a configuration have triggers of this kind, with these keys. `make` makes the source of such a trigger from
    /// their values. A check and a description call it too, also for texts that the check refuses, so it does no I/O and does
    /// not panic. The kind must be [linked](crate::source_kind).
    ///
    /// ```
    /// # use std::borrow::Cow;
    /// # use std::time::Duration;
    /// # use trigger_core::{BoxSource, Setting, SourceContext, SourceKind, TriggerConfig, TriggerSource, source_kind};
    /// source_kind! {
    ///     static TICKER: SourceKind = SourceKind::new("ticker", "a tick").settings(
    ///         &[Setting::duration("every", "the time between two ticks").default("1m")],
    ///         |settings| Ok(BoxSource::new(Ticker(settings.duration("every")?))),
    ///     );
    /// }
    ///
    /// struct Ticker(Duration);
    /// # impl TriggerSource for Ticker {
    /// #     fn kind(&self) -> &'static SourceKind { &TICKER }
    /// #     fn pattern(&self) -> Cow<'_, str> { format!("{:?}", self.0).into() }
    /// #     fn accept(&self, _: &SourceContext) {}
    /// # }
    ///
    /// # fn main() -> Result<(), serde_json::Error> {
    /// let config: TriggerConfig = serde_json::from_str(r#"{"type": "ticker", "every": "5s", "queue": 1}"#)?;
    /// assert_eq!(config, TriggerConfig::of(&TICKER).setting("every", "5s").queue(1));
    /// # Ok(())
    /// # }
    /// ```
    pub const fn settings(
        mut self,
        settings: &'static [Setting],
        make: fn(&Settings) -> Result<BoxSource, ConfigError>,
    ) -> SourceKind {
        self.settings = settings;
        self.make = Some(make);
        self
    }

    /// Sets the settings that only one trigger can have. They are compared when `handlers![..]` is compiled, and at the
    /// start. A source that knows its claims only when it is made has [`claims`](crate::TriggerSource::claims).
    pub const fn claims(mut self, claims: ClaimedKeys) -> SourceKind {
        self.claims = claims;
        self
    }

    /// Sets the key of the size of the largest body. The `queue_bytes` of a trigger must be at least this size.
    pub const fn largest_body(mut self, key: &'static str) -> SourceKind {
        self.largest_body = Some(key);
        self
    }

    /// Says that its events are events of other kinds, as dead letters are. Then a handler may take the arguments of every
    /// kind.
    pub const fn relays(mut self) -> SourceKind {
        self.relays = true;
        self
    }

    /// Sets how the metadata of an event are made, and how the name and the attributes of an event are read from its
    /// metadata in JSON. By default the metadata are the attributes.
    pub const fn metadata(
        mut self,
        write: fn(&Frame) -> Map<String, Value>,
        read: ReadMetadata,
    ) -> SourceKind {
        self.form.metadata = write;
        self.form.read = ReadJson::Metadata(read);
        self
    }

    /// Says why the program has no source of this kind.
    pub(super) const fn missing(mut self, why: &'static str) -> SourceKind {
        self.missing = Some(why);
        self
    }

    /// Returns the kind of its triggers.
    pub const fn kind(&self) -> TriggerKind {
        self.form.kind
    }

    /// Returns the form of its events.
    #[doc(hidden)]
    pub const fn form(&self) -> &EventForm {
        &self.form
    }

    /// Returns the setting with this key, which may be the key of the attribute.
    pub(crate) fn setting(&self, key: &str) -> Option<&'static Setting> {
        self.settings.iter().find(|setting| [setting.key(), setting.attribute_key()].contains(&key))
    }
}
