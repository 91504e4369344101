//! The timeout of a handler.
//!
//! Most handlers end without an await. For those no clock is read, because a timeout could not end them.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::task::coop;
use tokio::time::{Sleep, sleep};

/// The future took longer than this limit.
#[derive(Debug)]
pub(super) struct TimedOut(pub(super) Duration);

/// A future with a timeout, which begins at the first await.
pub(super) struct Timed<F> {
    future: F,
    timeout: Option<(Duration, Pin<Box<Sleep>>)>,
    /// `true` if the future was polled just now, so the first poll skips it.
    just_polled: bool,
}

impl<F> Timed<F> {
    /// Continues a future that was polled just now and is pending.
    pub(super) fn waiting(future: F, limit: Option<Duration>) -> Timed<F> {
        let timeout = limit.map(|limit| (limit, Box::pin(sleep(limit))));
        Timed { future, timeout, just_polled: true }
    }
}

impl<F: Future + Unpin> Future for Timed<F> {
    type Output = Result<F::Output, TimedOut>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !std::mem::take(&mut self.just_polled)
            && let Poll::Ready(output) = Pin::new(&mut self.future).poll(cx)
        {
            return Poll::Ready(Ok(output));
        }
        let Some((limit, sleep)) = &mut self.timeout else { return Poll::Pending };
        // A handler that has used up its tokio budget cannot postpone its own timeout.
        ready!(Pin::new(&mut coop::unconstrained(sleep.as_mut())).poll(cx));
        Poll::Ready(Err(TimedOut(*limit)))
    }
}
