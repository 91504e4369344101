//! Events of the bus.

use std::ops::Deref;

use trigger_grammar::kind;

use super::subscription::SubscriptionSource;
use crate::declare::{BoxSource, SourceKind, TriggerConfig};
use crate::event::{EVENT_FORM, SOURCE, TriggerKind};
use crate::process::handler::{Context, FromTrigger, Rejection};

/// Events of one type, from every source or from one.
pub static EVENT: SourceKind = SourceKind::of(EVENT_FORM)
    .settings(kind::EVENT.settings, |settings| {
        let (event_type, source) = (settings.text("event_type")?, settings.optional_text("event_source")?);
        Ok(BoxSource::new(SubscriptionSource::new(&EVENT, event_type, source, |cx| cx.bus().routes())))
    })
    .claims(kind::EVENT.claims);

impl TriggerConfig {
    /// Returns a trigger for events of this type, from every source.
    pub fn event(event_type: impl Into<String>) -> TriggerConfig {
        TriggerConfig::of(&EVENT).setting("event_type", event_type.into())
    }

    /// Takes only events of this source. For event triggers.
    pub fn source(self, source: impl Into<String>) -> TriggerConfig {
        self.setting("event_source", source.into())
    }
}

/// The source of an event, set by its publisher.
///
/// ```
/// # use trigger_core::Source;
/// async fn log(source: Option<Source>) {
///     println!("{}", source.map_or("unknown".to_owned(), |source| source.0));
/// }
/// # drop(log(None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source(pub String);

impl FromTrigger for Source {
    const AVAILABLE_FOR: Option<&'static [TriggerKind]> = Some(&[TriggerKind::Event]);

    fn from_trigger(cx: &Context<'_>) -> Result<Source, Rejection> {
        let source = cx.event.frame.attribute(SOURCE);
        source
            .map(|source| Source(source.to_owned()))
            .ok_or_else(|| Rejection::absent("the event has no source"))
    }
}

impl Deref for Source {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}
