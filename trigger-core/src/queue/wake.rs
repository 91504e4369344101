//! The wake-ups of a transition.

use std::task::Waker;

/// The wake-ups of a transition, which the inbox sends after it has released the lock.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    /// `true` if there are wakers.
    has_wakers: bool,
    /// The inbox has no pending events any more.
    pub(super) at_rest: bool,
    /// An event was scheduled, so the clock of the process has another time to wait for.
    pub(super) schedule: bool,
    /// The number of workers to make.
    pub(super) new_workers: u32,
    /// Of workers, and of publishers whose wait has ended.
    wakers: Wakers,
}

#[derive(Debug, Default)]
enum Wakers {
    #[default]
    None,
    /// The usual cases, which allocate nothing.
    One(Waker),
    Two(Waker, Waker),
    Many(Vec<Waker>),
}

impl Wakes {
    /// Returns `true` if a wake-up is due. Most transitions of a busy inbox have none.
    #[inline(always)]
    pub(super) fn any(&self) -> bool {
        let Wakes { has_wakers, at_rest, schedule, new_workers, .. } = *self;
        has_wakers | at_rest | schedule | (new_workers > 0)
    }

    pub(super) fn add(&mut self, waker: Waker) {
        self.has_wakers = true;
        self.wakers = match std::mem::take(&mut self.wakers) {
            Wakers::None => Wakers::One(waker),
            Wakers::One(first) => Wakers::Two(first, waker),
            Wakers::Two(first, second) => Wakers::Many(vec![first, second, waker]),
            Wakers::Many(mut wakers) => {
                wakers.push(waker);
                Wakers::Many(wakers)
            }
        };
    }

    /// Wakes the tasks.
    pub(super) fn wake(self) {
        match self.wakers {
            Wakers::None => {}
            Wakers::One(waker) => waker.wake(),
            Wakers::Two(first, second) => {
                first.wake();
                second.wake();
            }
            Wakers::Many(wakers) => wakers.into_iter().for_each(Waker::wake),
        }
    }
}
