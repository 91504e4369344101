//! Invariants of the queue, which hold in every order of its threads.

mod capacity;
mod intake;
mod lanes;
mod quiescence;
mod retry;
mod wake;

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use loom::thread::{JoinHandle, spawn};

use crate::declare::key::Key;
use crate::event::frame;
use crate::source::queue::{
    Admission, Bounds, Delivery, Inbox, Item, Pushed, Queue, QueueSettings, Quiescence, Settlement, Workers,
};
use crate::sync::Notify;
use crate::thread::{block_on, model, notifying, until};

fn queue(bounds: Bounds) -> QueueSettings {
    QueueSettings { bounds, evicts: false, trigger: Arc::default() }
}

fn item(number: u64) -> Item {
    frame(number).into()
}

/// A publisher with the policy `wait`. A drop gives the wait up.
struct WaitingPush<'a> {
    queue: &'a Queue,
    /// `None` once it was pushed.
    item: Option<Item>,
    ticket: Option<u64>,
}

impl WaitingPush<'_> {
    /// Returns `true` once the event is queued, and `false` if it was refused.
    async fn run(&mut self) -> bool {
        poll_fn(|task| self.poll(task.waker())).await
    }

    fn poll(&mut self, waker: &Waker) -> Poll<bool> {
        if let Some(item) = self.item.take() {
            match self.queue.push_waiting(item, waker) {
                Pushed::Waiting(ticket) => self.ticket = Some(ticket),
                Pushed::Queued => return Poll::Ready(true),
                _ => return Poll::Ready(false),
            }
        }
        let Some(ticket) = self.ticket else { return Poll::Pending };
        let polled = self.queue.poll_guest(ticket, waker);
        if polled.is_ready() {
            self.ticket = None;
        }
        polled.map(|admission| matches!(admission, Admission::Queued))
    }

    /// Gives the wait up. Returns `true` if the event was queued.
    fn cancel(&mut self) -> bool {
        self.ticket.take().is_none_or(|ticket| self.queue.leave(ticket).is_none())
    }
}

impl Drop for WaitingPush<'_> {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// A process with one queue. Clones share it.
#[derive(Clone)]
struct Process {
    queue: Queue,
    quiescence: Arc<Quiescence>,
    /// The handled events, in order. The lock is std's, as no thread waits for it.
    seen: Arc<Mutex<Vec<u64>>>,
}

impl Process {
    /// Creates a process with an open queue of this capacity.
    fn new(events: usize) -> Process {
        Process::with(Bounds { events, bytes: None }, None)
    }

    /// Creates a process whose queue has a capacity of 1 and holds the event 1.
    fn full() -> Process {
        let process = Process::new(1);
        process.push(1);
        process
    }

    /// As [`new`](Process::new), with a key.
    fn keyed(events: usize) -> Process {
        Process::with(Bounds { events, bytes: None }, Some(Key))
    }

    /// As [`new`](Process::new), with workers that share one thread: a burst wakes one of them.
    fn on_one_thread(events: usize, workers: usize) -> Process {
        let workers = Workers { count: workers, threads: 1 };
        Process::made(Bounds { events, bytes: None }, None, Some(workers))
    }

    fn with(bounds: Bounds, key: Option<Key>) -> Process {
        Process::made(bounds, key, None)
    }

    fn made(bounds: Bounds, key: Option<Key>, workers: Option<Workers>) -> Process {
        let quiescence = Arc::new(Quiescence::default());
        let queue =
            Queue::of(Inbox::new(vec![queue(bounds)], key, workers, Arc::clone(&quiescence), None), 0);
        queue.open();
        Process { queue, quiescence, seen: Arc::default() }
    }

    /// Creates another process of the same runtime.
    fn beside(&self) -> Process {
        let inbox = Inbox::new(
            vec![queue(Bounds { events: 1, bytes: None })],
            None,
            None,
            Arc::clone(&self.quiescence),
            None,
        );
        let queue = Queue::of(inbox, 0);
        queue.open();
        Process { queue, quiescence: Arc::clone(&self.quiescence), seen: Arc::default() }
    }

    fn push(&self, number: u64) {
        assert!(matches!(self.queue.push(item(number)), Pushed::Queued));
    }

    /// Pushes with the policy `wait`. Returns `true` if the event was queued.
    fn push_waiting(&self, number: u64) -> bool {
        block_on(self.waiting(number).run())
    }

    fn waiting(&self, number: u64) -> WaitingPush<'_> {
        WaitingPush { queue: &self.queue, item: Some(item(number)), ticket: None }
    }

    /// Takes the next event, as a program that uses its trigger directly.
    fn pop(&self) -> Option<u64> {
        block_on(self.queue.pop()).map(|event| event.number())
    }

    /// Takes an event and drops its delivery, as a worker that is aborted right after the take.
    fn take_and_drop(&self) {
        if let Some(delivery) = Delivery::take(self.queue.inbox()) {
            drop(delivery);
        }
    }

    /// Takes an event that is ready, as a worker.
    fn take(&self) -> Delivery<'_> {
        Delivery::take(self.queue.inbox()).expect("an event is ready")
    }

    async fn next(&self) -> Option<Delivery<'_>> {
        Delivery::next(self.queue.inbox(), || ()).await
    }

    /// Handles events as `Process::work` does, until the queue is closed and empty. `settle` returns each settlement.
    fn work(&self, settle: impl Fn(&Delivery<'_>) -> Settlement<'static>) {
        block_on(async {
            while let Some(delivery) = self.next().await {
                let mut delivery = delivery;
                loop {
                    match settle(&delivery) {
                        Settlement::Handled => {
                            self.seen.lock().unwrap().push(delivery.event().number());
                            if delivery.settle_and_take().is_none() {
                                break;
                            }
                        }
                        other => {
                            delivery.settle(other);
                            break;
                        }
                    }
                }
            }
        });
    }

    /// Runs `work` in a new thread.
    fn in_thread<T: 'static>(&self, work: impl FnOnce(&Process) -> T + 'static) -> JoinHandle<T> {
        let process = self.clone();
        spawn(move || work(&process))
    }

    /// Runs `work` in a new thread, with a value that it shares with this one.
    fn in_thread_with<S: 'static, T: 'static>(
        &self,
        shared: &Arc<S>,
        work: impl FnOnce(&Process, &S) -> T + 'static,
    ) -> JoinHandle<T> {
        let shared = Arc::clone(shared);
        self.in_thread(move |process| work(process, &shared))
    }

    /// Spawns a thread that handles events.
    fn worker(&self) -> JoinHandle<()> {
        self.in_thread(|process| process.work(|_| Settlement::Handled))
    }

    fn seen(&self) -> Vec<u64> {
        self.seen.lock().unwrap().clone()
    }

    /// Asserts that exactly these events were handled, each once and in any order, and that none is queued or in
    /// flight. All threads must have ended.
    fn assert_handled(&self, expected: &[u64]) {
        let mut seen = self.seen();
        seen.sort_unstable();
        assert_eq!(seen, expected);
        let now = self.queue.snapshot();
        assert_eq!((now.queued, now.ledger.in_flight()), (0, 0));
        assert_eq!(now.ledger.handled, expected.len() as u64);
        assert_eq!(now.ledger.accepted, expected.len() as u64);
        assert_eq!(self.quiescence.count(), 0);
    }
}
