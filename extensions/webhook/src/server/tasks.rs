//! The tasks of a server: the only file of the webhook that spawns.

use std::fmt;
use std::future::Future;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tasks of one server. They outlive [`refuse`](trigger_core::TriggerSource::refuse), because a request that arrives after it is
/// answered 503. When the server is dropped, their stop token is cancelled.
#[derive(Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Spawns a future on the current tokio runtime.
    #[expect(clippy::disallowed_methods, reason = "the server owns its tasks, and waits for them in `ended`")]
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(future);
    }

    /// Returns the token whose cancellation asks the tasks to stop.
    pub(crate) fn stop_token(&self) -> &CancellationToken {
        &self.stop
    }

    /// Returns the number of tasks that have not ended.
    pub(crate) fn running(&self) -> usize {
        self.tracker.len()
    }

    /// Waits until every task has ended.
    pub(crate) async fn ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("running", &self.running()).finish_non_exhaustive()
    }
}
