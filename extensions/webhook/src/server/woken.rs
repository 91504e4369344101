//! A future beside another one in a task. A connection polls its requests often, and its end rarely has anything new.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// A future that is polled only once it was woken, however often its task is polled.
#[derive(Debug)]
pub(crate) struct Woken<F> {
    future: F,
    /// `None` before the first poll.
    flag: Option<Arc<Flag>>,
}

/// What wakes the future: it notes that it was woken, and wakes the task.
#[derive(Debug)]
struct Flag {
    is_woken: AtomicBool,
    task: Waker,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Before the task, otherwise the task could run and not see it.
        self.is_woken.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

impl<F> Woken<F> {
    pub(crate) fn new(future: F) -> Woken<F> {
        Woken { future, flag: None }
    }
}

impl<F: Future + Unpin> Future for Woken<F> {
    type Output = F::Output;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let flag = match &self.flag {
            Some(flag) if flag.task.will_wake(cx.waker()) => {
                if !flag.is_woken.load(Ordering::Relaxed) {
                    return Poll::Pending;
                }
                // Before the poll, otherwise a wake during it would be lost.
                flag.is_woken.swap(false, Ordering::Acquire);
                Arc::clone(flag)
            }
            _ => {
                let flag = Flag { is_woken: AtomicBool::new(false), task: cx.waker().clone() };
                Arc::clone(self.flag.insert(Arc::new(flag)))
            }
        };
        let waker = Waker::from(flag);
        Pin::new(&mut self.future).poll(&mut Context::from_waker(&waker))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn future_is_polled_at_first_after_each_wake_and_with_another_task() {
        let (notify, mut polls) = (Notify::new(), 0);
        let mut inner = pin!(async {
            notify.notified().await;
            notify.notified().await;
        });
        let mut woken = Woken::new(poll_fn(|cx| {
            polls += 1;
            inner.as_mut().poll(cx)
        }));
        let mut poll = |waker: &Waker| Pin::new(&mut woken).poll(&mut Context::from_waker(waker));
        let (task, other) = (Waker::from(Arc::new(Task::default())), Waker::from(Arc::new(Task::default())));
        for waker in [&task, &task, &other, &other] {
            assert_eq!(poll(waker), Poll::Pending);
        }
        notify.notify_one();
        assert_eq!((poll(&other), poll(&other)), (Poll::Pending, Poll::Pending));
        notify.notify_one();
        assert_eq!(poll(&other), Poll::Ready(()));
        assert_eq!(polls, 4);
    }

    #[tokio::test]
    async fn wake_of_the_future_wakes_its_task() {
        let (notify, task) = (Notify::new(), Arc::new(Task::default()));
        let waker = Waker::from(Arc::clone(&task));
        let mut woken = Woken::new(Box::pin(notify.notified()));
        assert_eq!(Pin::new(&mut woken).poll(&mut Context::from_waker(&waker)), Poll::Pending);
        assert!(!task.0.load(Ordering::Relaxed));
        notify.notify_one();
        assert!(task.0.load(Ordering::Relaxed));
    }

    /// A task that notes that it was woken.
    #[derive(Default)]
    struct Task(AtomicBool);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}
