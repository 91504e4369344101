//! Sources behind a pointer, and the sources of configurations.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use super::polled::{CUSTOM, Polled};
use super::{SourceContext, TriggerSource};
use crate::declare::{BoxSource, SourceKind, TriggerConfig};
use crate::event::error::{ConfigError, ConfigErrorKind};
use crate::observe::status::TriggerStatus;
use crate::panic::{CatchUnwind, guard};
use crate::secrets::Secrets;
use crate::source::trigger::{Trigger, TriggerError};
use crate::task::BoxFuture;

/// [`TriggerSource`] behind a pointer.
pub(crate) trait AnySource: Send + Sync + 'static {
    fn check(&self, secrets: &Secrets) -> Vec<String>;
    fn bind<'a>(&'a self, cx: &'a SourceContext) -> BoxFuture<'a, Result<(), TriggerError>>;
    fn open<'a>(&'a self, cx: &'a SourceContext) -> BoxFuture<'a, Result<(), TriggerError>>;
    fn accept(&self, cx: &SourceContext);
    fn refuse(&self) -> BoxFuture<'_, Result<(), String>>;
    fn close(&self) -> BoxFuture<'_, Result<(), String>>;
    fn left(&self) -> usize;
    fn status(&self, status: &mut TriggerStatus);
    fn local_addr(&self) -> Option<SocketAddr>;
}

/// A panic of the source keeps nothing else from its end: that of `refuse` and `close` is returned, others are as if the
/// source knew nothing.
impl<S: TriggerSource> AnySource for S {
    fn check(&self, secrets: &Secrets) -> Vec<String> {
        // The message of a panic may quote a secret.
        let check = guard(|| TriggerSource::check(self, secrets));
        check.unwrap_or_else(|_| vec!["the check of its source panicked".to_owned()])
    }

    fn bind<'a>(&'a self, cx: &'a SourceContext) -> BoxFuture<'a, Result<(), TriggerError>> {
        // Not called before it is polled, where a panic is caught.
        Box::pin(async move { TriggerSource::bind(self, cx).await })
    }

    fn open<'a>(&'a self, cx: &'a SourceContext) -> BoxFuture<'a, Result<(), TriggerError>> {
        Box::pin(async move { TriggerSource::open(self, cx).await })
    }

    fn accept(&self, cx: &SourceContext) {
        TriggerSource::accept(self, cx);
    }

    fn refuse(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(CatchUnwind::new(Box::pin(async move { TriggerSource::refuse(self).await })))
    }

    fn close(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(CatchUnwind::new(Box::pin(async move { TriggerSource::close(self).await })))
    }

    fn left(&self) -> usize {
        guard(|| TriggerSource::left(self)).unwrap_or_default()
    }

    fn status(&self, status: &mut TriggerStatus) {
        // A status that the source has changed in part says more than none.
        let _ = guard(|| TriggerSource::status(self, status));
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        guard(|| TriggerSource::local_addr(self)).unwrap_or_default()
    }
}

/// A source in a configuration, which knows it as `Any`.
struct Erased(Arc<dyn AnySource>);

impl BoxSource {
    /// Puts a source behind a pointer, for the [settings](SourceKind::settings) of its kind.
    pub fn new(source: impl TriggerSource) -> BoxSource {
        BoxSource {
            pattern: source.pattern().into_owned(),
            id: source.default_id(),
            description: source.description().into_owned(),
            claims: source.claims(),
            source: Arc::new(Erased(Arc::new(source))),
        }
    }

    pub(super) fn into_any(self) -> Arc<dyn AnySource> {
        match self.source.downcast_ref::<Erased>() {
            Some(Erased(source)) => Arc::clone(source),
            None => Arc::new(NoSource),
        }
    }
}

impl TriggerConfig {
    /// Returns a trigger whose events come from this source. Its defaults are those of the [`SourceKind`].
    ///
    /// A clone has the same source, which only one process can have.
    ///
    /// ```
    /// # use std::borrow::Cow;
    /// # use trigger_core::{ProcessConfig, SourceContext, SourceKind, TriggerConfig, TriggerSource};
    /// # static TICKER: SourceKind = SourceKind::new("ticker", "a tick");
    /// # struct Ticker;
    /// # impl TriggerSource for Ticker {
    /// #     fn kind(&self) -> &'static SourceKind { &TICKER }
    /// #     fn pattern(&self) -> Cow<'_, str> { "1s".into() }
    /// #     fn accept(&self, _: &SourceContext) {}
    /// # }
    /// let config = ProcessConfig::new().trigger(TriggerConfig::custom(Ticker).queue(10));
    /// ```
    pub fn custom(source: impl TriggerSource) -> TriggerConfig {
        TriggerConfig::of_source(source.kind(), BoxSource::new(source))
    }

    /// Returns the trigger of a source that could not be made. The error is its fault, so it never starts.
    pub(crate) fn without_source(text: &str, error: impl fmt::Display) -> TriggerConfig {
        let reason = format!("it could not be made: {error}");
        let fault = ConfigError::new(ConfigErrorKind::Invalid, "on_source", text, reason);
        TriggerConfig::custom(NoSource).with_fault(fault)
    }

    /// Returns the trigger of a [`Trigger`]. Its queue has one event: the one that is on its way to a worker.
    pub(crate) fn polled(trigger: impl Trigger) -> TriggerConfig {
        TriggerConfig::custom(Polled::new(trigger))
    }
}

/// Returns what keeps the source of a trigger from starting.
pub(crate) fn problems(config: &TriggerConfig, secrets: &Secrets) -> Vec<String> {
    source(config).check(secrets)
}

/// Returns the source of a trigger.
pub(super) fn source(config: &TriggerConfig) -> Arc<dyn AnySource> {
    config
        .made()
        .map_or_else(|_| Arc::new(NoSource) as Arc<dyn AnySource>, |source| source.clone().into_any())
}

/// The place of a source that could not be made. Its configuration has the fault, so it never starts.
struct NoSource;

impl TriggerSource for NoSource {
    fn kind(&self) -> &'static SourceKind {
        &CUSTOM
    }

    fn pattern(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn accept(&self, _: &SourceContext) {}
}

impl fmt::Debug for dyn AnySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TriggerSource")
    }
}
