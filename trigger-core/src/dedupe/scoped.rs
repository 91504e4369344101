//! The dedupe of a runtime in the scope of one trigger.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::{Claimed, Dedupe, DedupeCounts, DedupeError, DedupeId, MemoryDedupe};
use crate::clock::SharedClock;
use crate::panic::CatchUnwind;
use crate::store::StoreError;
use crate::task::BoxFuture;

/// The [`Dedupe`] of a runtime in the scope of one trigger, with the clock of the runtime. A source gets it from
/// [`SourceContext::dedupe`](crate::SourceContext::dedupe). A clone is a handle to the same ids.
///
/// ```
/// # use std::time::Duration;
/// # use trigger_core::{ScopedDedupe, SourceContext};
/// fn deliveries(cx: &SourceContext) -> ScopedDedupe {
///     cx.dedupe().window(Duration::from_secs(3600))
/// }
/// ```
#[derive(Clone)]
pub struct ScopedDedupe {
    dedupe: Arc<dyn Dedupe>,
    scope: Arc<str>,
    clock: SharedClock,
    window: Duration,
}

impl ScopedDedupe {
    pub(crate) fn new(dedupe: Arc<dyn Dedupe>, scope: Arc<str>, clock: SharedClock) -> ScopedDedupe {
        ScopedDedupe { dedupe, scope, clock, window: DedupeId::WINDOW }
    }

    /// Sets how long an accepted id is remembered. The default is 10 minutes.
    #[must_use]
    pub fn window(self, window: Duration) -> ScopedDedupe {
        ScopedDedupe { window, ..self }
    }

    /// Claims an id of the trigger now. While another claim of the id is in progress, it waits for the end of that claim.
    ///
    /// # Errors
    ///
    /// [`DedupeError`] if the id is empty or has more than 1024 bytes, or if the implementation fails or panics.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe. A future that is dropped leaves no claim behind.
    pub async fn claim(&self, id: &[u8]) -> Result<Claimed, DedupeError> {
        let id = DedupeId::new(&self.scope, id)?.window(self.window);
        let claim: BoxFuture<'_, Result<Claimed, StoreError>> =
            Box::pin(async move { self.dedupe.claim(id, self.clock.now()).await });
        let claimed = CatchUnwind::new(claim).await;
        let failed = |panic| Err(StoreError::new(format!("the claim of an id panicked: {panic}")));
        Ok(claimed.unwrap_or_else(failed)?)
    }
}

impl fmt::Debug for ScopedDedupe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ScopedDedupe");
        shown.field("scope", &self.scope).field("window", &self.window).finish_non_exhaustive()
    }
}

/// The dedupe of a runtime: the given one, or else one in memory that the first use makes. A clone is a handle to the same.
#[derive(Clone, Default)]
pub(crate) struct LazyDedupe(Arc<OnceLock<Arc<dyn Dedupe>>>);

impl LazyDedupe {
    pub(crate) fn of(given: Option<Arc<dyn Dedupe>>) -> LazyDedupe {
        LazyDedupe(Arc::new(given.map_or_else(OnceLock::new, OnceLock::from)))
    }

    pub(crate) fn get(&self) -> Arc<dyn Dedupe> {
        Arc::clone(self.0.get_or_init(|| Arc::new(MemoryDedupe::new())))
    }

    /// Returns the counts, or `None` if no source uses it yet.
    pub(crate) fn counts(&self) -> Option<DedupeCounts> {
        let dedupe = self.0.get()?;
        crate::panic::guard(|| dedupe.counts()).ok()
    }
}
