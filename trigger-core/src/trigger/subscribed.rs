//! What the triggers of the bus and of the broker have in common: a subscription that fills a queue.

use std::sync::{Arc, Mutex, PoisonError};

use crate::config::{SourceConfig, TriggerConfig};
use crate::routes::{Routes, Subscription};
use crate::topic::TopicPattern;
use crate::trigger::{Intake, TriggerError, Wiring};

#[derive(Debug)]
pub(super) struct Subscribed {
    routes: Arc<Routes>,
    pub(super) intake: Arc<Intake>,
    /// The pattern and the number of the subscription, while there is one.
    subscription: Mutex<Option<(TopicPattern, u64)>>,
}

impl Subscribed {
    pub(super) fn new(routes: Arc<Routes>, config: TriggerConfig, wiring: &Wiring) -> Subscribed {
        Subscribed { routes, intake: Arc::new(Intake::new(config, wiring)), subscription: Mutex::default() }
    }

    /// The same trigger with other settings, not started, with an empty queue.
    pub(super) fn with(&self, change: impl FnOnce(TriggerConfig) -> TriggerConfig) -> Subscribed {
        let config = change(self.intake.config.clone());
        let wiring = Wiring::alone(&config);
        Subscribed::new(Arc::clone(&self.routes), config, &wiring)
    }

    pub(super) fn start(&self) -> Result<(), TriggerError> {
        let mut subscription = self.subscription.lock().unwrap_or_else(PoisonError::into_inner);
        if subscription.is_some() {
            return Ok(());
        }
        let config = &self.intake.config;
        config.validate()?;
        let Ok(pattern) = TopicPattern::parse(config.pattern()) else { return Ok(()) };
        let source = match &config.source {
            SourceConfig::Event { source, .. } => source.as_deref().map(Arc::from),
            _ => None,
        };
        self.intake.queue.open();
        let number = self.routes.subscribe(&pattern, Subscription::new(Arc::clone(&self.intake), source));
        *subscription = Some((pattern, number));
        Ok(())
    }

    pub(super) fn stop(&self) {
        let mut subscription = self.subscription.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((pattern, number)) = subscription.take() {
            self.routes.unsubscribe(&pattern, number);
            self.intake.queue.close();
        }
    }
}

/// A trigger that nobody holds any more is not published to.
impl Drop for Subscribed {
    fn drop(&mut self) {
        self.stop();
    }
}
