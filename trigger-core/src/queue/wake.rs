//! The wake-ups of a transition.

use std::task::Waker;

/// The wake-ups of a transition, which the inbox sends after it has released the lock. The wakers are elsewhere, so that these
/// flags share a line of the cache with the lock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wakes {
    /// `true` if there are wakers.
    has_wakers: bool,
    /// The inbox has no pending events any more.
    pub(super) at_rest: bool,
    /// An event was scheduled, so the clock of the process has another time to wait for.
    pub(super) schedule: bool,
    /// The number of workers to make.
    pub(super) new_workers: u32,
}

impl Wakes {
    /// Returns `true` if a wake-up is due. Most transitions of a busy inbox have none.
    #[inline(always)]
    pub(super) fn any(&self) -> bool {
        let Wakes { has_wakers, at_rest, schedule, new_workers } = *self;
        has_wakers | at_rest | schedule | (new_workers > 0)
    }

    pub(super) fn add(&mut self, waker: Waker, wakers: &mut Wakers) {
        self.has_wakers = true;
        wakers.add(waker);
    }
}

/// The wakers of workers, and of publishers whose wait has ended.
#[derive(Debug, Default)]
pub(super) enum Wakers {
    #[default]
    None,
    /// The usual cases, which allocate nothing.
    One(Waker),
    Two(Waker, Waker),
    Many(Vec<Waker>),
}

impl Wakers {
    fn add(&mut self, waker: Waker) {
        *self = match std::mem::take(self) {
            Wakers::None => Wakers::One(waker),
            Wakers::One(first) => Wakers::Two(first, waker),
            Wakers::Two(first, second) => Wakers::Many(vec![first, second, waker]),
            Wakers::Many(mut wakers) => {
                wakers.push(waker);
                Wakers::Many(wakers)
            }
        };
    }

    pub(super) fn wake(self) {
        match self {
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
