//! The time limit of a request head, which is also the limit of an idle connection.
//!
//! hyper has such a limit, but creates and drops a timer for each head: 9 % of the instructions of a request, and one
//! allocation. Here a connection has one timer. A request moves only the deadline. When the timer fires early, it is
//! set to the current deadline.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::settings::Limits;

/// The deadline of the next head of a connection.
#[derive(Debug)]
pub(super) struct HeadDeadline {
    limit: Duration,
    /// The time at which the connection began.
    began: Instant,
    state: Mutex<State>,
    evicted: Notify,
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
pub(super) enum Late {
    Timeout,
    Evicted,
}

impl HeadDeadline {
    /// Returns a deadline that runs for the first head of a connection.
    pub(super) fn new(limit: Duration) -> HeadDeadline {
        let began = Instant::now();
        HeadDeadline { limit, began, state: Mutex::new(State::Until(began + limit)), evicted: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the deadline of the next head, after a request was answered. Returns `true` if the connection is older than
    /// [`Limits::LIFETIME`].
    pub(super) fn start(&self) -> bool {
        let now = Instant::now();
        *self.state() = State::Until(now + self.limit);
        now >= self.began + Limits::LIFETIME
    }

    /// Stops the deadline, after a head has arrived.
    pub(super) fn stop(&self) {
        *self.state() = State::Stopped;
    }

    /// Ends the connection, unless its head arrives before the connection notices it.
    pub(super) fn evict(&self) {
        *self.state() = State::Evicted;
        self.evicted.notify_one();
    }

    /// Waits until the deadline of a head has passed, or the connection was evicted.
    pub(super) async fn passed(&self) -> Late {
        loop {
            let now = Instant::now();
            let check_at = match *self.state() {
                State::Evicted => return Late::Evicted,
                State::Until(deadline) if deadline <= now => return Late::Timeout,
                State::Until(deadline) => deadline,
                // The next deadline starts later than now, so it is after this instant.
                State::Stopped => now + self.limit,
            };
            tokio::select! {
                () = sleep_until(check_at) => {}
                () = self.evicted.notified() => {}
            }
        }
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
