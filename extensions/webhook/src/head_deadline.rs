//! The time limit of a request head, which is also the limit of an idle connection.
//!
//! hyper has such a limit, but creates and drops a timer for each head: 9 % of the instructions of a request, and one
//! allocation. Here a connection has one timer. A request moves only the deadline. When the timer fires early, it is
//! set to the current deadline.

use std::sync::{Mutex, PoisonError};

use tokio::time::{Instant, sleep_until};

use super::HEAD_TIMEOUT;

/// The deadline of the next head of a connection; `None` while a request is read or answered.
#[derive(Debug)]
pub(super) struct HeadDeadline(Mutex<Option<Instant>>);

impl HeadDeadline {
    /// Returns a deadline that runs for the first head of a connection.
    pub(super) fn new() -> HeadDeadline {
        HeadDeadline(Mutex::new(Some(HeadDeadline::of_now())))
    }

    /// Returns the deadline of a head that begins now.
    fn of_now() -> Instant {
        Instant::now() + HEAD_TIMEOUT
    }

    /// Starts the deadline of the next head, after a request was answered.
    pub(super) fn start(&self) {
        self.set(Some(HeadDeadline::of_now()));
    }

    /// Stops the deadline, after a head has arrived.
    pub(super) fn stop(&self) {
        self.set(None);
    }

    fn set(&self, deadline: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = deadline;
    }

    /// Waits until the deadline of a head has passed.
    pub(super) async fn passed(&self) {
        loop {
            let deadline = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Without a deadline, the next one starts later than now, so it is after this instant.
            let check_at = deadline.unwrap_or_else(HeadDeadline::of_now);
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return;
            }
            sleep_until(check_at).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Duration, sleep, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_head_has_the_full_time_limit() {
        let (deadline, began) = (HeadDeadline::new(), Instant::now());
        let requests = async {
            for arrives_after in [9, 0, 9] {
                sleep(Duration::from_secs(arrives_after)).await;
                deadline.stop();
                // The body and the answer take longer than a head may.
                sleep(2 * HEAD_TIMEOUT).await;
                deadline.start();
            }
        };
        let late = async {
            deadline.passed().await;
            began.elapsed()
        };
        let (late, ()) = tokio::join!(late, requests);
        assert_eq!(late, Duration::from_secs(18) + 7 * HEAD_TIMEOUT);
        assert!(timeout(HEAD_TIMEOUT, HeadDeadline::new().passed()).await.is_ok());
    }
}
