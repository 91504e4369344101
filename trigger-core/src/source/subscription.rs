//! The sources of the bus and of the broker: subscriptions.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use super::{SourceContext, TriggerSource};
use crate::declare::SourceKind;
use crate::event::TriggerKind;
use crate::event::topic::{Topic, TopicPattern};
use crate::process::handler::{Context, FromTrigger, Rejection};
use crate::source::routes::{Routes, Subscription};
use crate::source::trigger::TriggerError;

/// Events of one type from the bus, or messages of one pattern from the broker.
pub(super) struct SubscriptionSource {
    kind: &'static SourceKind,
    pattern: String,
    /// Only events of this source.
    source: Option<Arc<str>>,
    /// Returns the routes of the bus or of the broker.
    routes: fn(&SourceContext) -> &Arc<Routes>,
    subscribed: Mutex<Option<Subscribed>>,
}

/// A subscription that is in the routes.
struct Subscribed {
    routes: Arc<Routes>,
    pattern: TopicPattern,
    number: u64,
}

impl SubscriptionSource {
    pub(super) fn new(
        kind: &'static SourceKind,
        pattern: &str,
        source: Option<&str>,
        routes: fn(&SourceContext) -> &Arc<Routes>,
    ) -> SubscriptionSource {
        let (pattern, source) = (pattern.to_owned(), source.map(Arc::from));
        SubscriptionSource { kind, pattern, source, routes, subscribed: Mutex::default() }
    }

    fn subscribe(&self, cx: &SourceContext) {
        let mut subscribed = self.subscribed.lock().unwrap_or_else(PoisonError::into_inner);
        // The runtime has refused an invalid pattern.
        let Ok(pattern) = TopicPattern::parse(&self.pattern) else { return };
        if subscribed.is_some() {
            return;
        }
        let routes = Arc::clone((self.routes)(cx));
        let number = routes.subscribe(&pattern, Subscription::new(cx.sink().clone(), self.source.clone()));
        *subscribed = Some(Subscribed { routes, pattern, number });
    }

    fn unsubscribe(&self) {
        let subscribed = self.subscribed.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Subscribed { routes, pattern, number }) = subscribed {
            routes.unsubscribe(&pattern, number);
        }
    }
}

impl TriggerSource for SubscriptionSource {
    fn kind(&self) -> &'static SourceKind {
        self.kind
    }

    fn pattern(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.pattern)
    }

    fn description(&self) -> Cow<'_, str> {
        match &self.source {
            Some(source) => format!("{} from {source}", self.pattern).into(),
            None => self.pattern(),
        }
    }

    async fn open(&self, cx: &SourceContext) -> Result<(), TriggerError> {
        self.subscribe(cx);
        Ok(())
    }

    fn accept(&self, _: &SourceContext) {}

    async fn close(&self) {
        self.unsubscribe();
    }
}

/// A trigger that nobody holds any more is not published to.
impl Drop for SubscriptionSource {
    fn drop(&mut self) {
        self.unsubscribe();
    }
}

/// The topic of a message, or the type of an event.
impl FromTrigger for Topic {
    const AVAILABLE_FOR: Option<&'static [TriggerKind]> = Some(&[TriggerKind::Event, TriggerKind::Message]);

    fn from_trigger(cx: &Context<'_>) -> Result<Topic, Rejection> {
        cx.event.topic().ok_or_else(|| Rejection::absent("only a message and an event have a topic"))
    }
}
