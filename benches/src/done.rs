//! A countdown that notifies the sender when all events are handled. Every measured side uses it, at the same cost.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Notify;

/// The number of events that are not handled yet.
#[derive(Debug)]
pub struct Done {
    left: AtomicU32,
    all: Notify,
}

impl Done {
    /// Returns a countdown at zero.
    pub const fn new() -> Done {
        Done { left: AtomicU32::new(0), all: Notify::const_new() }
    }

    /// Sets the number of expected events.
    pub fn expect(&self, events: u32) {
        self.left.store(events, Ordering::Relaxed);
    }

    /// Counts one event as handled.
    pub fn one(&self) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.all.notify_one();
        }
    }

    /// Waits until all expected events are handled.
    pub async fn all(&self) {
        self.all.notified().await;
    }
}

impl Default for Done {
    fn default() -> Done {
        Done::new()
    }
}
