//! How the one who sends learns that everything has been handled, at the same price for everyone who is measured.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Notify;

/// Counts down what is still to be handled.
#[derive(Debug)]
pub struct Done {
    left: AtomicU32,
    all: Notify,
}

impl Done {
    /// Nothing is expected.
    pub const fn new() -> Done {
        Done { left: AtomicU32::new(0), all: Notify::const_new() }
    }

    /// As many will be handled.
    pub fn expect(&self, events: u32) {
        self.left.store(events, Ordering::Relaxed);
    }

    /// One has been handled.
    pub fn one(&self) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.all.notify_one();
        }
    }

    /// Waits until all that were expected have been handled.
    pub async fn all(&self) {
        self.all.notified().await;
    }
}

impl Default for Done {
    fn default() -> Done {
        Done::new()
    }
}
