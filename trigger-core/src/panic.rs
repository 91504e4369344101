//! The panic guard around user code. It catches a panic, which would otherwise end a task of the runtime.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Once;
use std::task::{Context, Poll};

use crate::event::printable_before;
use crate::task::BoxFuture;

thread_local! {
    /// The place of the last panic of this thread.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
    /// `true` while a panic is expected, so that the hook of the program does not print it.
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
    /// `true` if that panic came after the last call of `guard` began.
    static NOTED: Cell<bool> = const { Cell::new(false) };
}

/// Installs a panic hook that records the place of each panic, which `catch_unwind` does not return. The hook calls the
/// previous one.
pub(crate) fn note_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if EXPECTED.get() {
                return;
            }
            if let Some(place) = panic.location() {
                // A thread-local may panic in its drop after this one was dropped.
                let place = format!("{}:{}", place.file(), place.line());
                NOTED.set(PLACE.try_with(|noted| noted.replace(place)).is_ok());
            }
            hook(panic);
        }));
    });
}

/// Calls user code. Returns a panic as its message and its place.
#[inline]
pub(crate) fn guard<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    // A resumed panic has no place, and must not get the place of an earlier one.
    NOTED.set(false);
    catch_unwind(AssertUnwindSafe(call)).map_err(describe)
}

/// Returns `true` if the call panics. The panic is not printed.
pub(crate) fn panics(call: impl FnOnce()) -> bool {
    note_places();
    EXPECTED.set(true);
    let panicked = catch_unwind(AssertUnwindSafe(call));
    EXPECTED.set(false);
    panicked.map_err(mem::forget).is_err()
}

/// Drops a value of the user. Catches a panic of its drop.
pub(crate) fn drop_quietly<T>(value: T) {
    quietly(|| drop(value));
}

/// Calls user code that drops a value. The payload of a panic is leaked, because its own drop could panic again.
fn quietly(call: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
        mem::forget(payload);
    }
}

/// Returns the message of a panic, and its place. The message may quote an event, so it is made printable.
#[cold]
#[inline(never)]
fn describe(payload: Box<dyn Any + Send>) -> String {
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message");
    let place = if NOTED.get() { format!(", at {}", PLACE.take()) } else { String::new() };
    let message = printable_before(message, &place);
    drop_quietly(payload);
    message
}

/// A future of the user that is polled and dropped in place.
pub(crate) trait InPlace {
    type Output;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Self::Output>;

    /// Drops the future.
    fn clear(&mut self);
}

impl<T> InPlace for Option<BoxFuture<'_, T>> {
    type Output = T;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        self.as_mut().map_or(Poll::Pending, |future| future.as_mut().poll(cx))
    }

    fn clear(&mut self) {
        self.take();
    }
}

/// Drops a future of the user in place. A panic of its drop does not reach the caller.
pub(crate) fn clear_quietly<P: InPlace + ?Sized>(future: &mut P) {
    quietly(|| future.clear());
}

/// Polls a future of the user once. A future that is ready or has panicked is dropped in the same step, and must not be
/// polled again.
#[inline(always)]
pub(crate) fn poll_guarded<P: InPlace + ?Sized>(
    future: &mut P,
    poll: impl FnOnce(&mut P) -> Poll<P::Output>,
) -> Poll<Result<P::Output, String>> {
    let mut polled = Poll::Pending;
    let step = guard(|| {
        // Nothing is dropped: the value before is `Pending`.
        mem::forget(mem::replace(&mut polled, poll(future)));
        if polled.is_ready() {
            future.clear();
        }
    });
    match (step, polled) {
        (Ok(()), polled) => polled.map(Ok),
        // The future returned its output, and panicked in its drop.
        (Err(panic), Poll::Ready(output)) => {
            drop_quietly(output);
            Poll::Ready(Err(panic))
        }
        (Err(panic), Poll::Pending) => {
            clear_quietly(future);
            Poll::Ready(Err(panic))
        }
    }
}

/// A future of the user. A panic of its poll or its drop ends it and nothing else. It stays pending after its end.
pub(crate) struct CatchUnwind<'a, T>(Option<BoxFuture<'a, T>>);

impl<'a, T> CatchUnwind<'a, T> {
    pub(crate) fn new(future: BoxFuture<'a, T>) -> CatchUnwind<'a, T> {
        CatchUnwind(Some(future))
    }
}

impl<T> Future for CatchUnwind<'_, T> {
    /// The output of the future, or the message and the place of its panic.
    type Output = Result<T, String>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        poll_guarded(&mut self.0, |future| future.poll(cx))
    }
}

/// A future that is dropped before its end is cancelled. A panic of its drop does not reach the task that cancels it.
impl<T> Drop for CatchUnwind<'_, T> {
    fn drop(&mut self) {
        clear_quietly(&mut self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static SEEN: Cell<u32> = const { Cell::new(0) };
    }

    /// The hook belongs to the whole binary, and is installed once.
    #[test]
    fn hook_of_the_program_still_sees_every_panic() {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            SEEN.set(SEEN.get() + 1);
            before(panic);
        }));
        note_places();
        note_places();
        let error = guard(|| panic!("out of cheese")).expect_err("a panic");
        assert!(error.starts_with("out of cheese, at ") && error.contains("panic.rs:"), "{error}");
        assert_eq!(SEEN.get(), 1);
    }

    struct PanicsInDrop;

    impl Drop for PanicsInDrop {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new(PanicsInDrop));
        }
    }

    #[test]
    fn payload_whose_drop_panics_is_caught() {
        assert!(guard(|| std::panic::resume_unwind(Box::new(PanicsInDrop))).is_err());
        drop_quietly(PanicsInDrop);
    }
}
