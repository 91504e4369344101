//! Wake-ups: those that a transition requests, and a limiter that counts notified workers.

use std::task::Waker;

/// The workers that a transition wakes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Wake {
    #[default]
    None,
    One,
    All,
}

/// The wake-ups of a transition, which the inbox sends after it has released the lock.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    /// Workers that wait for an event.
    pub(super) workers: Wake,
    /// `true` if there are wakers of publishers whose wait has ended.
    has_publishers: bool,
    /// The inbox has no pending events any more.
    pub(super) at_rest: bool,
    /// An event was scheduled, so the clock of the process has another time to wait for.
    pub(super) schedule: bool,
    publishers: Wakers,
}

/// The wakers of publishers whose wait has ended.
#[derive(Debug, Default)]
pub(super) enum Wakers {
    #[default]
    None,
    /// The usual case, which allocates nothing.
    One(Waker),
    Many(Vec<Waker>),
}

impl Wakes {
    /// Returns `true` if a wake-up is due. Most transitions of a busy inbox have none.
    #[inline(always)]
    pub(super) fn any(&self) -> bool {
        let Wakes { workers, has_publishers, at_rest, schedule, .. } = *self;
        (workers as u8 | u8::from(has_publishers) | u8::from(at_rest) | u8::from(schedule)) != 0
    }

    /// Adds a worker, unless all are woken.
    #[inline(always)]
    pub(super) fn add_worker(&mut self, due: bool) {
        if due && self.workers == Wake::None {
            self.workers = Wake::One;
        }
    }

    pub(super) fn add_publisher(&mut self, waker: Waker) {
        self.has_publishers = true;
        self.publishers = match std::mem::take(&mut self.publishers) {
            Wakers::None => Wakers::One(waker),
            Wakers::One(first) => Wakers::Many(vec![first, waker]),
            Wakers::Many(mut wakers) => {
                wakers.push(waker);
                Wakers::Many(wakers)
            }
        };
    }

    pub(super) fn wake_publishers(self) {
        match self.publishers {
            Wakers::None => {}
            Wakers::One(waker) => waker.wake(),
            Wakers::Many(wakers) => wakers.into_iter().for_each(Waker::wake),
        }
    }
}

/// Counts the tasks that wait for the same condition, and the notifications sent to them.
///
/// The lock of the inbox guards the counts. So a push or a take sees every waiter that registered before it, and a
/// waiter that registers after it sees its change.
#[derive(Debug)]
pub(super) struct WakeLimiter {
    /// Tasks that wait.
    waiting: u32,
    /// Waiting tasks that were notified and have not unregistered yet.
    notified: u32,
    /// The maximum of `notified`.
    limit: u32,
}

impl WakeLimiter {
    /// Returns a limiter without waiters, which notifies at most `limit` tasks at once.
    pub(super) fn new(limit: u32) -> WakeLimiter {
        WakeLimiter { waiting: 0, notified: 0, limit }
    }

    /// Returns `true` if a waiting task was not notified, and the limit allows one more notification.
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

    /// Registers a waiting task.
    pub(super) fn register(&mut self) {
        self.waiting += 1;
    }

    /// Unregisters a task, and assumes that it had been notified. If it had not, a later push wakes one worker too
    /// many. Assuming the opposite could lose a wake-up.
    pub(super) fn unregister(&mut self) {
        self.waiting -= 1;
        self.notified = self.notified.saturating_sub(1).min(self.waiting);
    }
}
