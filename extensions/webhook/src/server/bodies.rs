//! The memory of the bodies that have begun and not ended, which all connections of a server share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The memory of all unfinished bodies of a server, in bytes.
#[derive(Debug, Default)]
pub(crate) struct Bodies(AtomicUsize);

impl Bodies {
    /// Adds bytes, unless the sum would be over the limit.
    fn add(&self, bytes: usize, limit: usize) -> bool {
        let sum = |now: usize| now.checked_add(bytes).filter(|sum| *sum <= limit);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).is_ok()
    }
}

/// The share of one unfinished body. It returns its bytes when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    all: Arc<Bodies>,
    bytes: usize,
    limit: usize,
}

impl Share {
    /// Returns an empty share. The limit is that of all bodies.
    pub(crate) fn new(all: &Arc<Bodies>, limit: usize) -> Share {
        Share { all: Arc::clone(all), bytes: 0, limit }
    }

    /// Grows the share to the memory of its body. Returns `false` if all bodies would be over their limit.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let granted = more == 0 || self.all.add(more, self.limit);
        if granted {
            self.bytes += more;
        }
        granted
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.all.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
