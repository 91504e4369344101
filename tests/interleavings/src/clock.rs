//! A virtual clock. It advances only when a timer would otherwise wait.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::sync::{AtomicUsize, Ordering};

/// Milliseconds since the model began.
pub(crate) type Instant = usize;

loom::lazy_static! {
    static ref NOW: AtomicUsize = AtomicUsize::new(0);
}

pub(crate) fn instant() -> Instant {
    NOW.load(Ordering::Acquire)
}

pub(crate) fn after(time: Duration) -> Instant {
    instant() + usize::try_from(time.as_millis()).unwrap_or(usize::MAX)
}

/// Polls the future once. If it is pending, advances the clock to `due` and times out.
pub(crate) async fn timeout_at<T>(due: Instant, future: impl Future<Output = T>) -> Result<T, ()> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => {
            NOW.fetch_max(due, Ordering::AcqRel);
            Poll::Ready(Err(()))
        }
    })
    .await
}
