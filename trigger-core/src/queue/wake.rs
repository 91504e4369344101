//! Wake-ups: which ones a transition asks for, and how many waiting tasks have one on its way.

/// Whom a transition wakes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Wake {
    #[default]
    None,
    One,
    All,
}

/// Wake-ups to send after the lock is released.
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub(super) struct Wakes {
    /// Workers that wait for an event.
    pub(super) workers: Wake,
    /// Publishers that wait for capacity in the queue that the transition was about.
    pub(super) publishers: Wake,
    /// The inbox has no pending events any more.
    pub(super) at_rest: bool,
}

impl Wakes {
    /// Returns `true` if a wake-up is due. Most transitions of a busy inbox have none.
    #[inline(always)]
    pub(super) fn any(&self) -> bool {
        let Wakes { workers, publishers, at_rest } = *self;
        (workers as u8 | publishers as u8 | u8::from(at_rest)) != 0
    }
}

impl Wake {
    pub(super) fn one(due: bool) -> Wake {
        if due { Wake::One } else { Wake::None }
    }
}

/// Counts tasks that wait for one thing, and those of them that a notification is on its way to.
///
/// The counts are kept under the lock of the inbox. A push or a take therefore sees every waiter that registered before
/// it, and a waiter that registers after it sees what it changed.
#[derive(Debug)]
pub(super) struct WakeLimiter {
    /// Tasks that wait.
    waiting: u32,
    /// Those of them that were notified and have not come back yet.
    notified: u32,
    /// The most that are notified at once.
    limit: u32,
}

impl WakeLimiter {
    /// Nobody waits yet; at most `limit` tasks are notified at once.
    pub(super) fn new(limit: u32) -> WakeLimiter {
        WakeLimiter { waiting: 0, notified: 0, limit }
    }

    /// Returns `true` if a task waits that was not notified, and one more may be.
    pub(super) fn can_notify(&self) -> bool {
        self.notified < self.waiting.min(self.limit)
    }

    /// Counts a notification, and returns `true` if the caller must send it.
    #[inline]
    pub(super) fn notify(&mut self) -> bool {
        let due = self.can_notify();
        self.notified += u32::from(due);
        due
    }

    /// Registers a task that waits from now on.
    pub(super) fn register(&mut self) {
        self.waiting += 1;
    }

    /// Unregisters a task, and assumes that it had been notified. If it had not, a later push wakes one worker too many.
    /// Assuming the opposite could lose a wake-up.
    pub(super) fn unregister(&mut self) {
        self.waiting -= 1;
        self.notified = self.notified.saturating_sub(1).min(self.waiting);
    }
}
