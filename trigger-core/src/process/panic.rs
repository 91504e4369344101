//! The guard between a panic of the user's and the task of ours that it would end.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// What a panic carries.
pub(crate) type Panic = Box<dyn Any + Send>;

/// A future of the user's whose panics, also those of its drop, end it and nothing else.
pub(crate) struct CatchUnwind<'a, T> {
    future: Option<Pin<Box<dyn Future<Output = T> + Send + 'a>>>,
}

impl<'a, T> CatchUnwind<'a, T> {
    pub(crate) fn new(future: Pin<Box<dyn Future<Output = T> + Send + 'a>>) -> CatchUnwind<'a, T> {
        CatchUnwind { future: Some(future) }
    }
}

impl<T> Future for CatchUnwind<'_, T> {
    type Output = Result<T, Panic>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, Panic>> {
        // A future that panicked is not polled again: it is taken out in the same poll.
        let Some(future) = self.future.as_mut() else { return Poll::Pending };
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        let ended = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(panic) => Err(panic),
        };
        let future = self.future.take();
        match (ended, catch_unwind(AssertUnwindSafe(|| drop(future)))) {
            (Ok(_), Err(panic)) => Poll::Ready(Err(panic)),
            (ended, _) => Poll::Ready(ended),
        }
    }
}

/// A future that is dropped in the middle was given up; its panic is not for the one who gives it up.
impl<T> Drop for CatchUnwind<'_, T> {
    fn drop(&mut self) {
        drop_quietly(self.future.take());
    }
}

/// The message of a panic.
pub(crate) fn message(panic: Panic) -> String {
    let message = panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned());
    // What a panic carries is the user's as well.
    drop_quietly(panic);
    message
}

/// Drops a value of the user's, and swallows the panic that its drop may raise.
pub(crate) fn drop_quietly<T>(value: T) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
}
