//! Loom's lock and counter, and tokio's own `Notify`. Each call of `Notify` is one step, and loom tries every order of
//! the steps.
//!
//! Tokio runs loom inside its `Notify` only in its own tests, so a call is atomic here. Each call first increments a
//! counter of loom's. The counter shows loom that the order of the calls matters. It also synchronizes memory before
//! and after a call, as the lock and the counters inside the real `Notify` do.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pub(crate) use crossbeam_utils::CachePadded;
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
pub(crate) use loom::sync::{Mutex, MutexGuard};

#[derive(Default)]
pub(crate) struct Notify {
    real: tokio::sync::Notify,
    steps: AtomicUsize,
}

impl Notify {
    pub(crate) fn new() -> Notify {
        Notify::default()
    }

    fn step(&self) -> &tokio::sync::Notify {
        self.steps.fetch_add(1, Ordering::AcqRel);
        &self.real
    }

    pub(crate) fn notified(&self) -> Notified<'_> {
        Notified { real: Some(Box::pin(self.step().notified())), of: self, listed: false }
    }

    pub(crate) fn notify_one(&self) {
        self.step().notify_one();
    }

    pub(crate) fn notify_waiters(&self) {
        self.step().notify_waiters();
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notify")
    }
}

pub(crate) struct Notified<'a> {
    real: Option<Pin<Box<tokio::sync::futures::Notified<'a>>>>,
    of: &'a Notify,
    /// `true` while `Notify` lists this waiter. Dropping a listed waiter is a step too.
    listed: bool,
}

impl Notified<'_> {
    pub(crate) fn enable(mut self: Pin<&mut Self>) -> bool {
        self.of.step();
        let notified = self.real.as_mut().is_some_and(|real| real.as_mut().enable());
        self.listed = !notified;
        notified
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.of.step();
        let Some(real) = self.real.as_mut() else { return Poll::Ready(()) };
        let polled = real.as_mut().poll(cx);
        self.listed = polled.is_pending();
        polled
    }
}

impl Drop for Notified<'_> {
    fn drop(&mut self) {
        if self.listed && !std::thread::panicking() {
            self.of.step();
        }
        drop(self.real.take());
    }
}
