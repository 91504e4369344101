//! Waits for a condition that no wake-up announces, and panics if it stays false.

use std::panic::Location;
use std::time::{Duration, Instant};

/// The longest wait for a condition that normally becomes true at once, with time for a busy machine. It is real time:
/// a paused clock stands still while a loop yields, and a number of yields says nothing about other threads.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Yields until the condition is true. Panics after [`TIME_LIMIT`], with `what` as the name of the condition.
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let waiting = Waiting::new(what);
    async move {
        while !condition() {
            waiting.check();
            tokio::task::yield_now().await;
        }
    }
}

/// Blocks the thread until the condition is true, with the limit of [`until`].
#[track_caller]
pub(crate) fn block_until(what: &str, mut condition: impl FnMut() -> bool) {
    let waiting = Waiting::new(what);
    while !condition() {
        waiting.check();
        std::thread::yield_now();
    }
}

struct Waiting<'a> {
    what: &'a str,
    place: &'static Location<'static>,
    began: Instant,
}

impl Waiting<'_> {
    #[track_caller]
    fn new(what: &str) -> Waiting<'_> {
        Waiting { what, place: Location::caller(), began: Instant::now() }
    }

    fn check(&self) {
        let Waiting { what, place, began } = self;
        assert!(began.elapsed() < TIME_LIMIT, "{place}: timed out after {TIME_LIMIT:?}, waiting for {what}");
    }
}
