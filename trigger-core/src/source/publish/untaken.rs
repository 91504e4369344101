//! A publication that no trigger takes. It is counted and logged, so that a typo in a name is found.

use std::fmt::{self, Display};

use tracing::Level;

use super::{Channel, Publication};
use crate::event::{Frame, SOURCE, printable};
use crate::source::routes::{Snapshot, Subscription, VISITS, typo};

impl Publication<'_> {
    /// Counts and logs a publication that matches no subscription, or only subscriptions to other sources. `exactly` are
    /// the subscriptions of exactly this name.
    ///
    /// The search for the nearest pattern costs nothing while lines at `debug` are not logged.
    #[cold]
    pub(super) fn note_untaken(&self, routes: &Snapshot, exactly: &[Subscription], frame: &Frame) {
        let mut is_matched = !exactly.is_empty();
        routes.by_pattern(self.name, |_| is_matched = true);
        if !is_matched {
            self.routes.count_unmatched();
        }
        let (name, what) = (self.name, self.by.noun());
        if tracing::enabled!(Level::INFO) {
            self.routes.untaken.log(name, || {
                tracing::info!("no trigger takes the {what} `{name}`; each one is logged at `debug`, with the nearest pattern");
            });
        }
        if tracing::enabled!(Level::DEBUG) {
            let event = frame.id();
            let why: &dyn Display = match is_matched {
                true => &OtherSource::of(exactly, frame),
                false => &Hint(routes.nearest(name)),
            };
            tracing::debug!(%event, "no trigger takes the {what} `{name}`{why}");
        }
    }
}

impl Channel {
    /// Returns what is published through the handle.
    fn noun(self) -> &'static str {
        match self {
            Channel::Bus => "event",
            Channel::Broker => "message",
        }
    }
}

/// The end of the line about a name that no pattern matches.
struct Hint<T>(Option<T>);

impl<T: Display> Display for Hint<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|nearest| write!(f, ": {nearest}"))
    }
}

/// The end of the line about an event that triggers take from other sources.
struct OtherSource<'a> {
    /// The source of the event.
    source: Option<&'a str>,
    /// The trigger whose source is the nearest one.
    trigger: Option<&'a Subscription>,
}

impl<'a> OtherSource<'a> {
    fn of(exactly: &'a [Subscription], frame: &'a Frame) -> OtherSource<'a> {
        let source = frame.attribute(SOURCE);
        let others = || exactly.iter().take(VISITS);
        let near = |subscription: &&Subscription| typo(source?, subscription.only_source()?);
        let near = others().filter(|other| near(other).is_some()).min_by_key(near);
        OtherSource { source, trigger: near.or_else(|| others().next()) }
    }
}

impl Display for OtherSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            Some(source) => write!(f, ": it is from `{}`", printable(source))?,
            None => f.write_str(": it is without a source")?,
        }
        let Some(trigger) = self.trigger else { return Ok(()) };
        let (id, taken) = (trigger.sink.trigger_id(), trigger.only_source().unwrap_or_default());
        write!(f, "; the trigger `{id}` takes only those from `{taken}`")
    }
}
