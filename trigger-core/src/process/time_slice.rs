//! The time for which a worker may keep its thread from other tasks while its handlers never wait.
//!
//! tokio's own budget is 128 events. A worker that yielded after 128 events would fall behind: before tokio polls it
//! again, each of a thousand connections may add a request. Its queue would be full although the handlers are fast. So
//! the slice is a time.

use tokio::task::yield_now;
use tokio::time::{Duration, Instant};

use crate::clock;

/// The longest slice. It may be exceeded by the handlers that run between two readings of the clock.
const LONGEST: Duration = Duration::from_millis(4);

/// The number of events between two readings of the clock.
const BETWEEN: u32 = 32;

/// The maximum number of events of one slice, also if they take less time.
const MOST: u32 = 2048;

/// The time slice of one worker.
#[derive(Debug, Default)]
pub(super) struct TimeSlice {
    events: u32,
    began: Option<Instant>,
    over: bool,
}

impl TimeSlice {
    /// Counts an event. Returns `true` if the slice ends with it.
    #[inline]
    pub(super) fn count(&mut self) -> bool {
        self.events += 1;
        if self.events.is_multiple_of(BETWEEN) {
            let now = clock::instant();
            let began = *self.began.get_or_insert(now);
            self.over = now - began > LONGEST || self.events >= MOST;
        }
        self.over
    }

    /// Yields to other tasks if the slice is over.
    pub(super) async fn yield_if_over(&mut self) {
        if self.over {
            self.restart();
            yield_now().await;
        }
    }

    /// Starts a new slice, because the worker waits or yields.
    pub(super) fn restart(&mut self) {
        *self = TimeSlice::default();
    }
}
