//! Waits for a condition that nothing notifies, and fails if it does not come true.

use std::panic::Location;
use std::time::{Duration, Instant};

/// How long a test waits for what comes at once, also on a busy machine. On the machine's clock: it bounds a loop that
/// yields, during which a paused clock stands still and a number of yields says nothing about other threads.
pub(crate) const GIVES_UP: Duration = Duration::from_secs(30);

/// Yields until the condition is true. `what` names it in the panic of [`GIVES_UP`].
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

/// As [`until`], on a thread that it blocks.
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
        assert!(began.elapsed() < GIVES_UP, "{place}: waited {GIVES_UP:?} in vain for {what}");
    }
}
