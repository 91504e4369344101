//! Finds handlers that would wait for each other for ever.
//!
//! A handler that publishes to a queue whose policy is `wait` waits for the workers of another process, or of its own. If
//! those all wait as well, in a circle, nobody ever makes room. A process is stuck if every handler it runs waits for
//! room in a stuck process, and no worker of it is free to take another event. The greatest set of processes of which
//! that is true is found by beginning with all that wait or are waited for, and leaving out the ones that go on. Among
//! them are those that merely wait for the circle; one that is in it is told.
//!
//! Each process is looked at once, under its lock, and a wait is in the list all the while: so what is found stuck stays
//! stuck until someone is told.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::Notify;

use crate::queue::{Inbox, Item, Load, Queue};

/// Who waits for room, in one runtime.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    state: Mutex<State>,
    /// How many wait, for those who want to know whether it is worth looking.
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    /// The processes, by the address of their inbox.
    processes: HashMap<usize, Arc<Inbox>>,
    waits: Vec<Wait>,
}

/// A handler that waits for room.
#[derive(Debug)]
struct Wait {
    worker: Worker,
    queue: Queue,
    bytes: usize,
    fate: Arc<Fate>,
}

/// What has become of a wait that has not ended yet.
#[derive(Debug, Default)]
struct Fate {
    /// The event is in the queue: what fills it may be that very event.
    queued: AtomicBool,
    /// It would wait for ever, and is being told so.
    verdict: OnceLock<Waited>,
    told: Notify,
}

/// A worker of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Worker {
    /// The address of its inbox.
    process: usize,
    number: usize,
}

thread_local! {
    /// The worker whose handler is being polled on this thread.
    static CURRENT: Cell<Option<Worker>> = const { Cell::new(None) };
}

/// How the wait for room in a queue ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    Queued,
    /// The queue is closed, or can never have room for it; the event is still where it was.
    Refused,
    /// It would never end; the event is still where it was.
    Deadlock,
}

impl Waits {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a process known.
    pub(crate) fn add(&self, inbox: &Arc<Inbox>) {
        self.state().processes.insert(address(inbox), Arc::clone(inbox));
    }

    /// Forgets a process.
    pub(crate) fn remove(&self, inbox: &Arc<Inbox>) {
        self.state().processes.remove(&address(inbox));
    }

    /// Queues the event in `slot` as soon as there is room, unless there never will be.
    pub(crate) async fn push(&self, queue: &Queue, slot: &mut Option<Item>) -> Waited {
        let bytes = slot.as_ref().map_or(0, |item| item.envelope.raw.len());
        let waiting = CURRENT.get().map(|worker| self.begin(worker, queue, bytes));
        let fate = waiting.as_ref().map(|waiting| &*waiting.fate);
        let told = async {
            match fate {
                Some(fate) => fate.told.notified().await,
                None => std::future::pending().await,
            }
        };
        let verdict = tokio::select! {
            biased;
            () = queue.push_waiting(slot, fate.map(|fate| &fate.queued)) => None,
            () = told => fate.and_then(|fate| fate.verdict.get()).copied(),
        };
        match slot {
            None => Waited::Queued,
            Some(_) => verdict.unwrap_or(Waited::Refused),
        }
    }

    fn begin(&self, worker: Worker, queue: &Queue, bytes: usize) -> Waiting<'_> {
        let fate = Arc::<Fate>::default();
        let wait = Wait { worker, queue: queue.clone(), bytes, fate: Arc::clone(&fate) };
        self.count.fetch_add(1, Ordering::Relaxed);
        self.state().waits.push(wait);
        let waiting = Waiting { waits: self, fate };
        self.break_circles();
        waiting
    }

    /// Looks again: something has ended, which may leave only those who wait.
    pub(crate) fn look(&self) {
        if self.count.load(Ordering::Relaxed) > 0 {
            self.break_circles();
        }
    }

    /// Tells one of those who wait in each circle; the others can then go on.
    fn break_circles(&self) {
        loop {
            let chosen = self.state().choose();
            let Some(fate) = chosen else { return };
            fate.told.notify_one();
        }
    }
}

impl State {
    /// Gives one that would wait for ever its verdict, so that it counts as one that goes on: the one that began last of
    /// those in a circle. One that merely waits for a circle is told nothing, as nothing would be won.
    fn choose(&self) -> Option<Arc<Fate>> {
        let view = self.view();
        let chosen = view.hopeless.iter().rev().find_map(|wait| {
            let target = address(wait.queue.inbox());
            let dead_end = view.loads.get(&target).is_some_and(|load| load.in_flight == 0);
            // Nobody is there who would make room, and so nobody who would have to be waited for in a circle.
            let verdict = if dead_end { Waited::Refused } else { Waited::Deadlock };
            (dead_end || view.leads(target, wait.worker.process)).then_some((*wait, verdict))
        });
        let (wait, verdict) = chosen?;
        let _ = wait.fate.verdict.set(verdict);
        Some(Arc::clone(&wait.fate))
    }

    /// The waits that nobody ends, and what they were found by.
    fn view(&self) -> View<'_> {
        let concerned = self.waits.iter().flat_map(|wait| [wait.worker.process, address(wait.queue.inbox())]);
        let concerned: HashSet<usize> = concerned.collect();
        let known =
            concerned.iter().filter_map(|process| Some((*process, self.processes.get(process)?.load())));
        let loads: HashMap<usize, Load> = known.collect();
        // After the loads: a queue that is full with the event of a wait itself is not what it waits for.
        let waits =
            |wait: &&Wait| !wait.fate.queued.load(Ordering::Relaxed) && wait.fate.verdict.get().is_none();
        let mut hopeless: Vec<&Wait> = self.waits.iter().filter(waits).collect();
        let mut stuck: HashSet<usize> = loads.keys().copied().collect();
        loop {
            let before = (stuck.len(), hopeless.len());
            hopeless.retain(|wait| {
                let target = address(wait.queue.inbox());
                let full = loads.get(&target).is_some_and(|load| !wait.queue.had_room(load, wait.bytes));
                full && stuck.contains(&target)
            });
            stuck.retain(|process| {
                let of_it = hopeless.iter().filter(|wait| wait.worker.process == *process);
                let workers: HashSet<usize> = of_it.map(|wait| wait.worker.number).collect();
                loads.get(process).is_some_and(|load| load.in_flight == workers.len() as u64 && !load.goes_on)
            });
            if (stuck.len(), hopeless.len()) == before {
                hopeless.retain(|wait| stuck.contains(&wait.worker.process));
                return View { loads, hopeless };
            }
        }
    }
}

/// Who waits for whom, at one moment.
struct View<'a> {
    loads: HashMap<usize, Load>,
    /// In the order in which they began.
    hopeless: Vec<&'a Wait>,
}

impl View<'_> {
    /// Whether the handlers of one process wait for another, be it through others.
    fn leads(&self, from: usize, to: usize) -> bool {
        let (mut seen, mut next) = (HashSet::from([from]), vec![from]);
        while let Some(process) = next.pop() {
            if process == to {
                return true;
            }
            let of_it = self.hopeless.iter().filter(|wait| wait.worker.process == process);
            next.extend(of_it.map(|wait| address(wait.queue.inbox())).filter(|target| seen.insert(*target)));
        }
        false
    }
}

/// A wait, until it is dropped.
struct Waiting<'a> {
    waits: &'a Waits,
    fate: Arc<Fate>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.waits.state().waits.retain(|wait| !Arc::ptr_eq(&wait.fate, &self.fate));
        self.waits.count.fetch_sub(1, Ordering::Relaxed);
    }
}

fn address(inbox: &Arc<Inbox>) -> usize {
    Arc::as_ptr(inbox).addr()
}

impl Worker {
    pub(crate) fn new(inbox: &Arc<Inbox>, number: usize) -> Worker {
        Worker { process: address(inbox), number }
    }

    /// Calls something as this worker's.
    pub(crate) fn within<T>(self, call: impl FnOnce() -> T) -> T {
        let before = CURRENT.replace(Some(self));
        let result = call();
        CURRENT.set(before);
        result
    }

    /// Runs a handler as this worker's.
    pub(crate) fn run<F: Future + Unpin>(self, handler: F) -> impl Future<Output = F::Output> {
        Running { worker: self, handler }
    }
}

struct Running<F> {
    worker: Worker,
    handler: F,
}

impl<F: Future + Unpin> Future for Running<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Running { worker, handler } = &mut *self;
        worker.within(|| pin!(handler).poll(cx))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::event::{TriggerEvent, TriggerInfo};
    use crate::queue::{Bounds, Delivery, Settlement, Taken, Workers};

    fn event() -> Item {
        TriggerEvent::new("test", "1", Map::new()).into()
    }

    fn take(inbox: &Arc<Inbox>) -> Delivery<'_> {
        match inbox.take() {
            Taken::Event(delivery) => delivery,
            other => panic!("{other:?}"),
        }
    }

    /// Its worker goes on as soon as it is polled, although it is in the list still.
    #[tokio::test]
    async fn wait_whose_event_is_in_the_queue_keeps_nobody_waiting() {
        let inbox = Inbox::new(
            vec![(Bounds { events: 1, bytes: None }, Arc::new(TriggerInfo::custom("test")))],
            None,
            Some(Workers { count: 2, threads: 1 }),
            Arc::default(),
        );
        let (queue, waits) = (Queue::of(Arc::clone(&inbox), 0), Waits::default());
        waits.add(&inbox);
        queue.open();
        queue.push(event());
        let _first = take(&inbox);
        queue.push(event());
        let mut second = take(&inbox);
        queue.push(event());
        let one = waits.begin(Worker::new(&inbox, 0), &queue, 1);
        second.settle(Settlement::Handled);
        let _second = take(&inbox);
        queue.push_waiting(&mut Some(event()), Some(&one.fate.queued)).await;
        let other = waits.begin(Worker::new(&inbox, 1), &queue, 1);
        assert_eq!((queue.len(), other.fate.verdict.get()), (1, None));
    }
}
