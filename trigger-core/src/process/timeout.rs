//! The timer of a worker, for the timeout of its handlers.
//!
//! A worker has one timer, whose deadline moves with each handler that awaits. A new timer for each event would cost an
//! allocation and two locks. The timer stays armed after a handler has ended, and then wakes the idle worker once.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::coop;
use tokio::time::{Sleep, sleep_until};

use crate::clock::{self, Instant};

/// A timer that is made at its first use.
#[derive(Debug, Default)]
pub(super) struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Begins a time limit, which counts since this instant.
    pub(super) fn start(&mut self, since: Instant, limit: Duration) {
        let deadline = clock::after_instant(since, limit);
        match &mut self.0 {
            Some(sleep) => sleep.as_mut().reset(deadline),
            None => self.0 = Some(Box::pin(sleep_until(deadline))),
        }
    }

    /// Completes at the end of the time limit.
    pub(super) fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        let Some(sleep) = &mut self.0 else { return Poll::Pending };
        // A handler that has used up its tokio budget cannot postpone its own timeout.
        Pin::new(&mut coop::unconstrained(sleep.as_mut())).poll(task)
    }
}
