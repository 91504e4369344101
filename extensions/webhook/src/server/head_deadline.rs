//! The time limit of a request head, which is also the limit of an idle connection.
//!
//! hyper has such a limit, but creates and drops a timer for each head: 9 % of the instructions of a request, and one
//! allocation. Here a connection has one timer. A request moves only the deadline. When the timer fires early, it is
//! set to the current deadline.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::server::settings::Limits;

/// The deadline of the next head of a connection.
#[derive(Debug)]
pub(crate) struct HeadDeadline {
    limit: Duration,
    /// The time at which the connection began.
    began: Instant,
    state: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: State,
    /// Wakes the task of the connection when it is evicted. It costs less than a `Notify`, which is polled for each request.
    waker: Option<Waker>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// A head is awaited until then.
    Until(Instant),
    /// A request is read or answered.
    Stopped,
    /// The connection makes way for another one.
    Evicted,
}

/// Why a connection without a whole head ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Late {
    Timeout,
    Evicted,
}

impl HeadDeadline {
    /// Returns a deadline that runs for the first head of a connection.
    pub(crate) fn new(limit: Duration) -> HeadDeadline {
        let began = Instant::now();
        let state = Mutex::new(Inner { state: State::Until(began + limit), waker: None });
        HeadDeadline { limit, began, state }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the deadline of the next head, after a request was answered. Returns `true` if the connection is older than
    /// [`Limits::LIFETIME`].
    pub(crate) fn start(&self) -> bool {
        let now = Instant::now();
        self.inner().state = State::Until(now + self.limit);
        now >= self.began + Limits::LIFETIME
    }

    /// Stops the deadline, after a head has arrived.
    pub(crate) fn stop(&self) {
        self.inner().state = State::Stopped;
    }

    /// Ends the connection, unless its head arrives before the connection notices it.
    pub(crate) fn evict(&self) {
        let waker = {
            let mut inner = self.inner();
            inner.state = State::Evicted;
            inner.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits until the deadline of a head has passed, or the connection was evicted. Only one task may wait.
    pub(crate) async fn passed(&self) -> Late {
        let mut timer = pin!(sleep_until(self.began + self.limit));
        poll_fn(|cx| {
            if self.is_evicted(cx) {
                return Poll::Ready(Late::Evicted);
            }
            while timer.as_mut().poll(cx).is_ready() {
                let now = Instant::now();
                let check_at = match self.inner().state {
                    State::Evicted => return Poll::Ready(Late::Evicted),
                    State::Until(deadline) if deadline <= now => return Poll::Ready(Late::Timeout),
                    State::Until(deadline) => deadline,
                    // The next deadline starts later than now, so it is after this instant.
                    State::Stopped => now + self.limit,
                };
                timer.as_mut().reset(check_at);
            }
            Poll::Pending
        })
        .await
    }

    /// Returns `true` if the connection was evicted. Otherwise the eviction wakes the task.
    fn is_evicted(&self, cx: &Context<'_>) -> bool {
        let mut inner = self.inner();
        if !inner.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            inner.waker = Some(cx.waker().clone());
        }
        matches!(inner.state, State::Evicted)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{sleep, timeout};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn each_head_has_the_full_time_limit() {
        let (deadline, began) = (HeadDeadline::new(LIMIT), Instant::now());
        let requests = async {
            for arrives_after in [9, 0, 9] {
                sleep(Duration::from_secs(arrives_after)).await;
                deadline.stop();
                // The body and the answer take longer than a head may.
                sleep(2 * LIMIT).await;
                deadline.start();
            }
        };
        let late = async {
            assert_eq!(deadline.passed().await, Late::Timeout);
            began.elapsed()
        };
        let (late, ()) = tokio::join!(late, requests);
        assert_eq!(late, Duration::from_secs(18) + 7 * LIMIT);
        assert!(timeout(LIMIT, HeadDeadline::new(LIMIT).passed()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn eviction_ends_a_connection_at_once_unless_its_head_arrives() {
        let deadline = HeadDeadline::new(LIMIT);
        let mut passed = Box::pin(deadline.passed());
        assert!(timeout(Duration::from_secs(1), passed.as_mut()).await.is_err());
        deadline.evict();
        deadline.stop();
        assert!(timeout(Duration::from_secs(60), passed.as_mut()).await.is_err(), "the head has arrived");
        deadline.start();
        deadline.evict();
        assert_eq!(timeout(Duration::ZERO, passed).await, Ok(Late::Evicted));
    }
}
