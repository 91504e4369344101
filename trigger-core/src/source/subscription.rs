//! The sources of the bus and of the broker: subscriptions.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use super::{SourceContext, TriggerSource};
use crate::config::{SourceConfig, TriggerConfig};
use crate::event::{SourceKind, TriggerKind};
use crate::routes::{Routes, Subscription};
use crate::topic::TopicPattern;
use crate::trigger::TriggerError;

/// Events of one type from the bus, or messages of one pattern from the broker.
pub(crate) struct SubscriptionSource {
    kind: &'static SourceKind,
    pattern: String,
    /// Only events of this source.
    source: Option<Arc<str>>,
    subscribed: Mutex<Option<Subscribed>>,
}

/// A subscription that is in the routes.
struct Subscribed {
    routes: Arc<Routes>,
    pattern: TopicPattern,
    number: u64,
}

impl SubscriptionSource {
    pub(crate) fn new(config: &TriggerConfig) -> SubscriptionSource {
        let source = match &config.source {
            SourceConfig::Event { source, .. } => source.as_deref().map(Arc::from),
            _ => None,
        };
        let pattern = config.pattern().to_owned();
        SubscriptionSource { kind: config.source_kind(), pattern, source, subscribed: Mutex::default() }
    }

    pub(crate) fn subscribe(&self, cx: &SourceContext) {
        let mut subscribed = self.subscribed.lock().unwrap_or_else(PoisonError::into_inner);
        // The runtime has refused an invalid pattern.
        let Ok(pattern) = TopicPattern::parse(&self.pattern) else { return };
        if subscribed.is_some() {
            return;
        }
        let is_event = self.kind.kind() == TriggerKind::Event;
        let routes = Arc::clone(if is_event { cx.bus().routes() } else { cx.broker().routes() });
        let number = routes.subscribe(&pattern, Subscription::new(cx.sink().clone(), self.source.clone()));
        *subscribed = Some(Subscribed { routes, pattern, number });
    }

    pub(crate) fn unsubscribe(&self) {
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
