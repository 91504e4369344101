//! The guard between a panic of the user's and the task of ours that it would end.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Once;
use std::task::{Context, Poll};

use crate::handler::{self, Call, Ended};
use crate::task::BoxFuture;

thread_local! {
    /// Where the last panic of this thread was.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
    /// Whether that was since the last call of `guard` began.
    static NOTED: Cell<bool> = const { Cell::new(false) };
}

/// Has the places of panics noted, which only the hook of the program is told. The hook there was goes on being called.
pub(crate) fn note_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if let Some(place) = panic.location() {
                // A panic in the drop of a thread-local may come when this one is gone.
                let place = format!("{}:{}", place.file(), place.line());
                NOTED.set(PLACE.try_with(|noted| noted.replace(place)).is_ok());
            }
            hook(panic);
        }));
    });
}

/// Calls code of the user's. Its panic is caught; the error is its message and its place.
#[inline]
pub(crate) fn guard<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    // One that is resumed has no place, and must not get that of another.
    NOTED.set(false);
    catch_unwind(AssertUnwindSafe(call)).map_err(describe)
}

/// Something of the user's that runs, in the place where it is kept.
pub(crate) trait Runs {
    type Output;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Self::Output>;

    /// Drops what runs.
    fn clear(&mut self);
}

impl<T> Runs for Option<BoxFuture<'_, T>> {
    type Output = T;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        self.as_mut().map_or(Poll::Pending, |future| future.as_mut().poll(cx))
    }

    fn clear(&mut self) {
        self.take();
    }
}

impl Runs for &mut dyn Call {
    type Output = Ended;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Call::poll(*self, cx)
    }

    fn clear(&mut self) {
        Call::clear(*self);
    }
}

/// A future of the user's whose panics, also those of its drop, end it and nothing else.
pub(crate) struct CatchUnwind<R: Runs> {
    of: R,
    over: bool,
}

impl<R: Runs> CatchUnwind<R> {
    /// Runs what has begun in this place.
    pub(crate) fn in_place(of: R) -> CatchUnwind<R> {
        CatchUnwind { of, over: false }
    }
}

impl<'a, T> CatchUnwind<Option<BoxFuture<'a, T>>> {
    pub(crate) fn new(future: BoxFuture<'a, T>) -> CatchUnwind<Option<BoxFuture<'a, T>>> {
        CatchUnwind::in_place(Some(future))
    }
}

impl<R: Runs> CatchUnwind<R> {
    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Result<R::Output, String>> {
        let ended = step(&mut self.of, |of| of.poll(cx));
        self.over = ended.is_ready();
        ended
    }
}

/// Calls a handler, and polls for the first time.
#[inline]
pub(crate) fn begin(call: &mut dyn Call, event: &handler::Context<'_>, cx: &mut Context<'_>) -> Poll<Ended> {
    step(&mut { call }, |call| call.begin(event, cx)).map(panicked)
}

/// How a guarded handler has ended.
pub(crate) fn panicked(ended: Result<Ended, String>) -> Ended {
    ended.unwrap_or_else(|panic| Ended::Panicked(Box::new(panic)))
}

/// One that has ended, also by a panic, is not polled again: it is dropped in the same step.
#[inline(always)]
fn step<R: Runs>(
    of: &mut R,
    poll: impl FnOnce(&mut R) -> Poll<R::Output>,
) -> Poll<Result<R::Output, String>> {
    let mut ended = Poll::Pending;
    let step = guard(|| {
        ended = poll(of);
        if ended.is_ready() {
            of.clear();
        }
    });
    match (step, ended) {
        (Ok(()), ended) => ended.map(Ok),
        // It panicked in its drop.
        (Err(panic), Poll::Ready(output)) => {
            drop_quietly(output);
            Poll::Ready(Err(panic))
        }
        (Err(panic), Poll::Pending) => {
            let _ = catch_unwind(AssertUnwindSafe(|| of.clear()));
            Poll::Ready(Err(panic))
        }
    }
}

impl<R: Runs + Unpin> Future for CatchUnwind<R> {
    /// What the future ends with, or the message and place of its panic.
    type Output = Result<R::Output, String>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.over {
            return Poll::Pending;
        }
        self.step(cx)
    }
}

/// A future that is dropped in the middle was given up; its panic is not for the one who gives it up.
impl<R: Runs> Drop for CatchUnwind<R> {
    fn drop(&mut self) {
        if !self.over {
            let _ = catch_unwind(AssertUnwindSafe(|| self.of.clear()));
        }
    }
}

/// The message of a panic, and its place.
fn describe(panic: Box<dyn Any + Send>) -> String {
    let message = panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned());
    let message = if NOTED.get() { format!("{message}, at {}", PLACE.take()) } else { message };
    // What a panic carries is the user's as well.
    drop_quietly(panic);
    message
}

/// Drops a value of the user's, and swallows the panic that its drop may raise.
pub(crate) fn drop_quietly<T>(value: T) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static TOLD: Cell<u32> = const { Cell::new(0) };
    }

    /// The hook is of the whole binary, and noted once.
    #[test]
    fn hook_of_the_program_is_still_told_of_every_panic() {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            TOLD.set(TOLD.get() + 1);
            before(panic);
        }));
        note_places();
        note_places();
        let error = guard(|| panic!("out of cheese")).expect_err("a panic");
        assert!(error.starts_with("out of cheese, at ") && error.contains("panic.rs:"), "{error}");
        assert_eq!(TOLD.get(), 1);
    }
}
