//! How long a worker may keep its thread from other tasks, where its handlers never wait.
//!
//! tokio's own budget is 128 events. A worker that always gave way after so many would fall behind: while it waits for its
//! next turn, each of a thousand connections may bring a request, and its queue would be full although the handlers are
//! quick. So the turn is a time.

use tokio::task::yield_now;
use tokio::time::{Duration, Instant};

use crate::clock;

/// The longest turn, but for the handlers that are run between two looks at the clock.
const LONGEST: Duration = Duration::from_millis(4);

/// How many events are handled between two looks at the clock.
const BETWEEN: u32 = 32;

/// The most events of one turn, however quick.
const MOST: u32 = 2048;

/// The turn of one worker.
#[derive(Debug, Default)]
pub(super) struct Turn {
    events: u32,
    began: Option<Instant>,
    over: bool,
}

impl Turn {
    /// Counts an event. Says whether the turn is over with it.
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

    /// Lets other tasks run if the turn is over.
    pub(super) async fn give_way(&mut self) {
        if self.over {
            self.end();
            yield_now().await;
        }
    }

    /// The worker waits, or gives way.
    pub(super) fn end(&mut self) {
        *self = Turn::default();
    }
}
