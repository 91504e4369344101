//! Threads that run futures.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use loom::thread::Thread;

use crate::sync::Notify;

/// How often a thread may be stopped where it could go on, in one order. Without its `enable`, a wait in the queue needs
/// three such moments to go wrong.
const PREEMPTIONS: usize = 3;

/// Runs the model in every order, up to `LOOM_MAX_PREEMPTIONS` if that is set.
pub(crate) fn model(threads: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(PREEMPTIONS);
    builder.check(threads);
}

/// Runs a future to its end. Loom's own wakes for no reason as well, which makes ten times as many orders of no more
/// meaning, and does not survive the deadlock it is to tell of.
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

/// Wakes one of loom's threads. The flags are not loom's: they change in one step with the `Notify` that wakes. And a
/// thread that is not asleep must not be unparked, for loom would let it go on where it waits for a lock.
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

/// Runs a future until it ends or `stop` does, and drops it then, as an abort would.
pub(crate) async fn until<T>(stop: impl Future<Output = ()>, future: impl Future<Output = T>) -> Option<T> {
    let (mut stop, mut future) = (pin!(stop), pin!(future));
    poll_fn(|cx| match stop.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending => future.as_mut().poll(cx).map(Some),
    })
    .await
}

/// Runs a future to its end, and tells when it has begun to wait.
pub(crate) async fn telling<T>(begun: &Notify, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let polled = future.as_mut().poll(cx);
        begun.notify_one();
        polled
    })
    .await
}
