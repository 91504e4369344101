//! The quick intake of a queue: events that publishers add under a second lock, without the lock of the inbox.
//!
//! The inbox grants capacity to the intake while a push has nothing else to do than to append its event. It grants and
//! revokes under its own lock, which is always acquired first. So a transition that has merged the intake sees an exact
//! account, and no event follows until the next grant.

use std::collections::VecDeque;
use std::sync::PoisonError;

use super::item::Item;
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering};

#[derive(Debug, Default)]
pub(super) struct Intake {
    /// `true` while the intake has a grant. It is exact under the lock of the inbox. To a publisher it is a hint: with
    /// an outdated value the publisher acquires one of the two locks in vain, and nothing else.
    granted: AtomicBool,
    incoming: Mutex<Incoming>,
}

/// The events of an intake, and the capacity that is left of its grant.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    capacity: Capacity,
    /// The size of the bodies of `events`.
    pub(super) bytes: usize,
    pub(super) events: VecDeque<Item>,
}

/// A number of events, and a size of their bodies in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Capacity {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

impl Intake {
    #[inline(always)]
    pub(super) fn is_granted(&self) -> bool {
        self.granted.load(Ordering::Relaxed)
    }

    /// Locks the intake.
    #[inline(always)]
    pub(super) fn incoming(&self) -> MutexGuard<'_, Incoming> {
        self.incoming.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends an event.
    ///
    /// # Errors
    ///
    /// The event, if the grant has no capacity for it.
    #[inline(always)]
    pub(super) fn push(&self, item: Item) -> Result<(), Item> {
        if !self.is_granted() {
            return Err(item);
        }
        let bytes = item.bytes();
        let mut incoming = self.incoming();
        let Capacity { events: free, bytes: free_bytes } = incoming.capacity;
        if free == 0 || free_bytes < bytes {
            return Err(item);
        }
        incoming.capacity = Capacity { events: free - 1, bytes: free_bytes - bytes };
        incoming.bytes += bytes;
        incoming.events.push_back(item);
        Ok(())
    }

    /// Replaces the grant. The caller holds the lock of the inbox. A capacity without events revokes the grant.
    #[inline(always)]
    pub(super) fn grant(&self, incoming: &mut Incoming, capacity: Capacity) {
        incoming.capacity = capacity;
        self.granted.store(capacity.events > 0, Ordering::Relaxed);
    }
}
