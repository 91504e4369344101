//! The only place that spawns tasks, so that every task has an owner that can wait for it and end it.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{FuturesOrdered, StreamExt as _};
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, coop};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A future behind a pointer.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Polls all futures at once, and returns their outputs in the order of the futures. It is for a few futures.
pub(crate) async fn all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    futures.into_iter().collect::<FuturesOrdered<_>>().collect().await
}

/// As [`all`], for any number of futures, such as one for each process. Each is moved once more, and its polls stay within
/// the budget of the task.
///
/// It takes a list, because with an iterator the compiler cannot prove that the future of a drain is `Send`.
pub(crate) async fn all_of_many<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let futures: Vec<_> = futures.into_iter().map(within_budget).collect();
    all(futures).await
}

/// Polls the future only while the task has budget left. Otherwise it wakes itself at once, so that `FuturesOrdered` ends
/// its round. A future that meets the end of the budget by itself is woken after the round, which would then poll all
/// futures in vain: a quadratic number of polls.
async fn within_budget<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let poll = |cx: &mut Context<'_>| {
        if coop::has_budget_remaining() {
            return future.as_mut().poll(cx);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    };
    poll_fn(poll).await
}

/// Runs a closure on a new thread.
#[cfg(feature = "main")]
pub(crate) fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)
}

/// Returns the number of threads of the current tokio runtime.
pub(crate) fn threads() -> usize {
    tokio::runtime::Handle::try_current().map_or(1, |handle| handle.metrics().num_workers())
}

tokio::task_local! {
    /// The address of what waits for the end of the future that is polled.
    static OWNER: usize;
}

/// Polls a future for whose end the owner at this address waits.
pub(crate) fn owned_by<F: Future>(owner: usize, future: F) -> impl Future<Output = F::Output> {
    OWNER.scope(owner, future)
}

/// Returns `true` inside of a future for whose end the owner at this address waits.
pub(crate) fn is_owned_by(owner: usize) -> bool {
    OWNER.try_with(|current| *current == owner).unwrap_or(false)
}

/// Tasks with one owner. When the owner is dropped, their stop token is cancelled.
#[derive(Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    stop: Mutex<CancellationToken>,
}

impl Tasks {
    /// Spawns a future on the current tokio runtime.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.tracker.spawn(future).abort_handle()
    }

    /// Spawns a future on this tokio runtime, from any thread.
    pub(crate) fn spawn_on(
        &self,
        runtime: &Handle,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> AbortHandle {
        self.tracker.spawn_on(future, runtime).abort_handle()
    }

    /// Returns the token whose cancellation asks the tasks to stop.
    pub(crate) fn stop_token(&self) -> CancellationToken {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces a stop token that was cancelled, for the tasks of a new start.
    pub(crate) fn renew(&self) {
        let mut stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner);
        if stop.is_cancelled() {
            *stop = CancellationToken::new();
        }
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

    /// Waits until every task has ended, or until the limit. Returns `true` if every task has ended.
    pub(crate) async fn ended_within(&self, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.ended()).await.is_ok()
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.stop_token().cancel();
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("running", &self.running()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// The budget of a task is far below the number of futures.
    #[tokio::test]
    async fn number_of_polls_is_proportional_to_the_number_of_futures() {
        const FUTURES: usize = 10_000;
        let polls = Cell::new(0);
        let future = |number| {
            let polls = &polls;
            async move {
                let mut waits = pin!(async {
                    coop::consume_budget().await;
                    coop::consume_budget().await;
                });
                let counted = |cx: &mut Context<'_>| {
                    polls.set(polls.get() + 1);
                    waits.as_mut().poll(cx)
                };
                poll_fn(counted).await;
                number
            }
        };
        let outputs = all_of_many((0..FUTURES).map(future).collect()).await;
        assert_eq!(outputs, (0..FUTURES).collect::<Vec<_>>());
        assert!(polls.get() < 2 * FUTURES, "{} polls", polls.get());
    }
}
