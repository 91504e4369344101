//! A future that is polled only when it has something to say.
//!
//! A connection waits for the end of its server and of its patience while it answers thousands of requests. To ask these
//! two each time the socket wakes the task costs more than to find out who woke it.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Polls a future only after that has woken the task.
pub(super) struct Rarely<F> {
    of: F,
    signal: Arc<Signal>,
}

/// What the future wakes.
#[derive(Default)]
struct Signal {
    woken: AtomicBool,
    /// What that passes it on to.
    task: Mutex<Option<Waker>>,
}

impl<F> Rarely<F> {
    pub(super) fn new(of: F) -> Rarely<F> {
        let signal = Arc::<Signal>::default();
        signal.woken.store(true, Ordering::Relaxed);
        Rarely { of, signal }
    }
}

impl<F: Future + Unpin> Future for Rarely<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // Told before it is looked whether there was a wake, so that none goes to a task of before unseen.
        self.signal.tell(cx.waker());
        if !self.signal.woken.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let waker = Waker::from(Arc::clone(&self.signal));
        Pin::new(&mut self.of).poll(&mut Context::from_waker(&waker))
    }
}

impl Signal {
    fn tell(&self, task: &Waker) {
        let mut told = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *told {
            Some(told) => told.clone_from(task),
            None => *told = Some(task.clone()),
        }
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::sync::Notify;
    use tokio::time::{Duration, sleep, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_polled_once_for_each_of_its_own_wakes() {
        let mut polled = 0;
        let notify = Notify::new();
        let mut told = Box::pin(notify.notified());
        let counted = poll_fn(|cx| {
            polled += 1;
            told.as_mut().poll(cx)
        });
        let mut rarely = Rarely::new(counted);
        for _ in 0..5 {
            // Each of these timers wakes the task.
            assert!(timeout(Duration::from_secs(1), &mut rarely).await.is_err());
        }
        tokio::join!(&mut rarely, async {
            sleep(Duration::from_secs(1)).await;
            notify.notify_one();
        });
        drop(rarely);
        assert_eq!(polled, 2);
    }
}
