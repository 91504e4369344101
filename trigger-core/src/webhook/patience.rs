//! How long a client may still take over what it sends, be it a head or a body.
//!
//! A timer for each request would cost as much as reading its head. So a connection has one timer, which is not set anew
//! when a request says how long the next part may take: when it goes off, it looks whether the client has time left.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{BODY_TIMEOUT, HEAD_TIMEOUT};
use crate::clock;

/// The shorter one is how often a connection looks.
const _: () = assert!(HEAD_TIMEOUT.as_nanos() <= BODY_TIMEOUT.as_nanos());

/// The patience with one client. The connection and its request are of one task, so nobody needs to be woken.
#[derive(Debug)]
pub(super) struct Patience {
    began: Instant,
    /// When it ends, in nanoseconds since then.
    ends: AtomicU64,
    /// What the client is to do until then.
    phase: AtomicU64,
}

/// Why a body is not waited for any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// The client took too long.
    TimedOut,
    /// The server stops.
    Stopping,
}

const HEAD: u64 = 0;
const REQUEST: u64 = 1;
const BODY: u64 = 2;
const TIMED_OUT: u64 = 3;
const STOPPING: u64 = 4;

impl Patience {
    /// With the head of the first request.
    pub(super) fn new() -> Patience {
        let patience =
            Patience { began: clock::instant(), ends: AtomicU64::new(0), phase: AtomicU64::new(HEAD) };
        patience.of_head();
        patience
    }

    /// The head of a request is to come.
    pub(super) fn of_head(&self) {
        self.begin(HEAD, HEAD_TIMEOUT);
    }

    /// A request is answered, and nothing of the client is waited for.
    pub(super) fn of_request(&self) {
        self.enter(REQUEST);
    }

    /// More of the body of a request is waited for, all of which has the same time. Most bodies come with their heads, and
    /// cost no look at the clock.
    pub(super) fn of_body(&self) {
        if self.phase.load(Ordering::Relaxed) == REQUEST {
            self.begin(BODY, BODY_TIMEOUT);
        }
    }

    fn begin(&self, phase: u64, time: Duration) {
        let ends = self.began.elapsed() + time;
        self.ends.store(u64::try_from(ends.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.enter(phase);
    }

    fn enter(&self, phase: u64) {
        // Once the server stops there is no more time for a body.
        if self.phase.load(Ordering::Relaxed) != STOPPING {
            self.phase.store(phase, Ordering::Relaxed);
        }
    }

    /// Waits for no body any more, as the server stops.
    pub(super) fn give_up(&self) {
        self.phase.store(STOPPING, Ordering::Relaxed);
    }

    /// Why a body is not waited for any more, if so.
    pub(super) fn over(&self) -> Option<Over> {
        match self.phase.load(Ordering::Relaxed) {
            TIMED_OUT => Some(Over::TimedOut),
            STOPPING => Some(Over::Stopping),
            _ => None,
        }
    }

    /// Ends when a head has taken too long. With a body it is the request that has to answer.
    pub(super) async fn end(&self) {
        loop {
            if let Some(look) = self.look() {
                sleep_until(look).await;
                continue;
            }
            match self.phase.load(Ordering::Relaxed) {
                BODY => {
                    self.phase.store(TIMED_OUT, Ordering::Relaxed);
                    // The request is of this task, and looks as soon as that is polled again.
                    tokio::task::yield_now().await;
                }
                HEAD => return,
                _ => {}
            }
            // The request has been answered, or its event waits for room, for which the client can do nothing.
            sleep_until(clock::after(HEAD_TIMEOUT)).await;
        }
    }

    /// When to look again, while there is time left: no time that begins meanwhile ends before that.
    fn look(&self) -> Option<Instant> {
        let ends = self.began + Duration::from_nanos(self.ends.load(Ordering::Relaxed));
        (ends > clock::instant()).then(|| ends.min(clock::after(HEAD_TIMEOUT)))
    }
}
