//! A handler that runs, and the time it has.
//!
//! Most handlers end without ever waiting, and for those no clock is looked at: a limit could not end them, and when they
//! began is asked only of those that fail.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::task::coop;
use tokio::time::{Sleep, sleep};

/// It took longer than this, the time it had.
#[derive(Debug)]
pub(super) struct TimedOut(pub(super) Duration);

/// Gives a future up when it takes too long, counted from when it first waited.
pub(super) struct Timed<F> {
    of: F,
    patience: Option<(Duration, Pin<Box<Sleep>>)>,
    /// It was polled just now, so the first poll need not do that again.
    fresh: bool,
}

impl<F> Timed<F> {
    /// Goes on with a future that was polled just now, and waits.
    pub(super) fn waiting(of: F, limit: Option<Duration>) -> Timed<F> {
        let patience = limit.map(|limit| (limit, Box::pin(sleep(limit))));
        Timed { of, patience, fresh: true }
    }
}

impl<F: Future + Unpin> Future for Timed<F> {
    type Output = Result<F::Output, TimedOut>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !std::mem::take(&mut self.fresh)
            && let Poll::Ready(output) = Pin::new(&mut self.of).poll(cx)
        {
            return Poll::Ready(Ok(output));
        }
        let Some((limit, patience)) = &mut self.patience else { return Poll::Pending };
        // A handler that has used up what a task may do in one go does not put off its own end by that.
        ready!(Pin::new(&mut coop::unconstrained(patience.as_mut())).poll(cx));
        Poll::Ready(Err(TimedOut(*limit)))
    }
}
