//! Threads that run futures.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use loom::thread::Thread;

use crate::sync::Notify;

/// The most preemptions of runnable threads in one order. If a wait in the queue lacks its `enable`, loom needs three
/// to find the lost wake-up.
const PREEMPTIONS: usize = 3;

/// Runs the model in every order with at most `PREEMPTIONS`, or `LOOM_MAX_PREEMPTIONS` if that is set.
pub(crate) fn model(threads: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(PREEMPTIONS);
    builder.check(threads);
}

/// Runs a future to its end. Loom's own `block_on` adds spurious wake-ups, which make ten times as many orders and find
/// nothing more. It also does not survive a deadlock, which loom then cannot report.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let sleeper = Arc::new(Sleeper {
        thread: loom::thread::current(),
        woken: AtomicBool::new(false),
        asleep: AtomicBool::new(false),
    });
    let waker = Waker::from(Arc::clone(&sleeper));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        while !sleeper.woken.swap(false, Ordering::SeqCst) {
            sleeper.asleep.store(true, Ordering::SeqCst);
            loom::thread::park();
        }
    }
}

/// Wakes one of loom's threads. The flags are std's, so they change in the same step as the `Notify` that wakes. Only a
/// sleeping thread is unparked: loom would let a thread that waits for a lock continue without the lock.
struct Sleeper {
    thread: Thread,
    woken: AtomicBool,
    asleep: AtomicBool,
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        if self.asleep.swap(false, Ordering::SeqCst) {
            self.thread.unpark();
        }
    }
}

/// Runs a future until it or `stop` ends, and then drops it, as an abort does.
pub(crate) async fn until<T>(stop: impl Future<Output = ()>, future: impl Future<Output = T>) -> Option<T> {
    let (mut stop, mut future) = (pin!(stop), pin!(future));
    poll_fn(|cx| match stop.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending => future.as_mut().poll(cx).map(Some),
    })
    .await
}

/// Runs a future to its end. Notifies `begun` after each poll, so that a model learns when the future waits.
pub(crate) async fn notifying<T>(begun: &Notify, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let polled = future.as_mut().poll(cx);
        begun.notify_one();
        polled
    })
    .await
}
