//! The guard between a handler's panic and the worker that runs it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::error::Error;
use crate::handler::HandlerFuture;
use crate::outcome::Outcome;

type Caught = Result<Result<Outcome, Error>, Box<dyn Any + Send>>;

/// A running handler whose panics, also those of its drop, end it and nothing else.
pub(super) struct CatchUnwind {
    future: Option<HandlerFuture>,
}

impl CatchUnwind {
    pub(super) fn new(future: HandlerFuture) -> CatchUnwind {
        CatchUnwind { future: Some(future) }
    }
}

impl Future for CatchUnwind {
    type Output = Caught;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Caught> {
        // A future that panicked is not polled again: it is taken out in the same poll.
        let Some(future) = self.future.as_mut() else { return Poll::Pending };
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        let ended = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(outcome)) => Ok(outcome),
            Err(panic) => Err(panic),
        };
        let future = self.future.take();
        match (ended, catch_unwind(AssertUnwindSafe(|| drop(future)))) {
            (Ok(_), Err(panic)) => Poll::Ready(Err(panic)),
            (ended, _) => Poll::Ready(ended),
        }
    }
}

/// A handler that is aborted is dropped in the middle; its panic is not for the one who aborts.
impl Drop for CatchUnwind {
    fn drop(&mut self) {
        drop_quietly(self.future.take());
    }
}

/// Drops a value of the user's, and swallows the panic that its drop may raise.
pub(crate) fn drop_quietly<T>(value: T) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
}
