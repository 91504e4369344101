//! Deadlock detection for handlers that wait for each other.
//!
//! A handler that publishes to a queue with the policy `wait` waits for the workers of another process, or of its own.
//! If all of those wait too, in a cycle, no worker ever frees capacity. A process is stuck if each of its handlers
//! waits for capacity in a stuck process, and it has no idle worker for another event. The search starts with all
//! processes that wait or are waited for, and removes those that make progress. The rest is the greatest set of stuck
//! processes. It also contains processes that only wait for a cycle. A handler inside the cycle gets the error.
//!
//! A search reads the load of each process once, under its lock, and a wait is listed for its whole duration. So a
//! process that was found stuck stays stuck until one of the waits is resolved.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::Notify;

use crate::queue::{Inbox, Item, Load, Queue};

/// The handlers of one runtime that wait for capacity.
#[derive(Debug, Default)]
pub(crate) struct WaitGraph {
    state: Mutex<State>,
    /// The number of waits, so that a check without waits costs one atomic load.
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    /// The processes, by the address of their inbox.
    processes: HashMap<usize, Arc<Inbox>>,
    waits: Vec<Wait>,
}

/// A handler that waits for capacity.
#[derive(Debug)]
struct Wait {
    worker: Worker,
    queue: Queue,
    bytes: usize,
    state: Arc<WaitState>,
}

/// The state of a wait that has not ended.
#[derive(Debug, Default)]
struct WaitState {
    /// `true` once the event is queued. A full queue may then be full because of this very event.
    queued: AtomicBool,
    /// Set once the wait was found to be endless.
    resolution: OnceLock<Waited>,
    resolved: Notify,
}

/// A worker of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Worker {
    /// The address of its inbox.
    process: usize,
    number: usize,
}

thread_local! {
    /// The worker whose handler is polled on this thread.
    static CURRENT: Cell<Option<Worker>> = const { Cell::new(None) };
}

/// The end of a wait for capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    Queued,
    /// The queue is closed, or can never have capacity for the event. The event is still in its slot.
    Refused,
    /// The wait would never end. The event is still in its slot.
    Deadlock,
}

impl WaitGraph {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a process.
    pub(crate) fn add(&self, inbox: &Arc<Inbox>) {
        self.state().processes.insert(address(inbox), Arc::clone(inbox));
    }

    /// Removes a process.
    pub(crate) fn remove(&self, inbox: &Arc<Inbox>) {
        self.state().processes.remove(&address(inbox));
    }

    /// Queues the event in `slot` as soon as there is capacity. Returns early if the wait would never end.
    pub(crate) async fn push(&self, queue: &Queue, slot: &mut Option<Item>) -> Waited {
        let bytes = slot.as_ref().map_or(0, |item| item.frame.raw.len());
        let listed = CURRENT.get().map(|worker| self.begin(worker, queue, bytes));
        let state = listed.as_ref().map(|listed| &*listed.state);
        let resolved = async {
            match state {
                Some(state) => state.resolved.notified().await,
                None => std::future::pending().await,
            }
        };
        let resolution = tokio::select! {
            biased;
            () = queue.push_waiting(slot, state.map(|state| &state.queued)) => None,
            () = resolved => state.and_then(|state| state.resolution.get()).copied(),
        };
        match slot {
            None => Waited::Queued,
            Some(_) => resolution.unwrap_or(Waited::Refused),
        }
    }

    fn begin(&self, worker: Worker, queue: &Queue, bytes: usize) -> ListedWait<'_> {
        let state = Arc::<WaitState>::default();
        let wait = Wait { worker, queue: queue.clone(), bytes, state: Arc::clone(&state) };
        self.count.fetch_add(1, Ordering::Relaxed);
        self.state().waits.push(wait);
        let listed = ListedWait { graph: self, state };
        self.break_cycles();
        listed
    }

    /// Searches again after an event or a worker has ended, which may leave only waiting handlers.
    pub(crate) fn check(&self) {
        if self.count.load(Ordering::Relaxed) > 0 {
            self.break_cycles();
        }
    }

    /// Resolves one wait in each cycle, so that the others make progress.
    fn break_cycles(&self) {
        loop {
            let chosen = self.state().choose();
            let Some(state) = chosen else { return };
            state.resolved.notify_one();
        }
    }

    fn end(&self, state: &Arc<WaitState>) {
        self.state().waits.retain(|wait| !Arc::ptr_eq(&wait.state, state));
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

impl State {
    /// Resolves an endless wait: among the waits in a cycle, the one that began last. It no longer counts as stuck. A
    /// wait for a cycle from outside is not resolved, because that would not break the cycle.
    fn choose(&self) -> Option<Arc<WaitState>> {
        let view = self.view();
        let chosen = view.stuck.iter().rev().find_map(|wait| {
            let target = address(wait.queue.inbox());
            let dead_end = view.loads.get(&target).is_some_and(|load| load.in_flight == 0);
            // A dead end is a stuck process without a running handler. No worker would free capacity, and there is no
            // cycle.
            let resolution = if dead_end { Waited::Refused } else { Waited::Deadlock };
            (dead_end || view.reaches(target, wait.worker.process)).then_some((*wait, resolution))
        });
        let (wait, resolution) = chosen?;
        let _ = wait.state.resolution.set(resolution);
        Some(Arc::clone(&wait.state))
    }

    /// Returns the waits that no worker ends, and the loads of their processes.
    fn view(&self) -> View<'_> {
        let involved = self.waits.iter().flat_map(|wait| [wait.worker.process, address(wait.queue.inbox())]);
        let involved: HashSet<usize> = involved.collect();
        let known =
            involved.iter().filter_map(|process| Some((*process, self.processes.get(process)?.load())));
        let loads: HashMap<usize, Load> = known.collect();
        // Read after the loads, otherwise a queue could count as full because of the waiting event itself.
        let waits = |wait: &&Wait| {
            !wait.state.queued.load(Ordering::Relaxed) && wait.state.resolution.get().is_none()
        };
        let mut stuck: Vec<&Wait> = self.waits.iter().filter(waits).collect();
        let mut stuck_processes: HashSet<usize> = loads.keys().copied().collect();
        loop {
            let before = (stuck_processes.len(), stuck.len());
            stuck.retain(|wait| {
                let target = address(wait.queue.inbox());
                let full = loads.get(&target).is_some_and(|load| !wait.queue.had_capacity(load, wait.bytes));
                full && stuck_processes.contains(&target)
            });
            stuck_processes.retain(|process| {
                let of_process = stuck.iter().filter(|wait| wait.worker.process == *process);
                let workers: HashSet<usize> = of_process.map(|wait| wait.worker.number).collect();
                let all_wait = |load: &Load| load.in_flight == workers.len() as u64 && !load.proceeds;
                loads.get(process).is_some_and(all_wait)
            });
            if (stuck_processes.len(), stuck.len()) == before {
                stuck.retain(|wait| stuck_processes.contains(&wait.worker.process));
                return View { loads, stuck };
            }
        }
    }
}

/// A snapshot of the handlers that wait, and of the processes they wait for.
struct View<'a> {
    loads: HashMap<usize, Load>,
    /// The waits that no worker ends, in the order in which they began.
    stuck: Vec<&'a Wait>,
}

impl View<'_> {
    /// Returns `true` if the handlers of `from` wait for `to`, directly or through other processes.
    fn reaches(&self, from: usize, to: usize) -> bool {
        let (mut seen, mut next) = (HashSet::from([from]), vec![from]);
        while let Some(process) = next.pop() {
            if process == to {
                return true;
            }
            let of_process = self.stuck.iter().filter(|wait| wait.worker.process == process);
            let targets = of_process.map(|wait| address(wait.queue.inbox()));
            next.extend(targets.filter(|target| seen.insert(*target)));
        }
        false
    }
}

/// A wait in the list. Its drop removes it.
struct ListedWait<'a> {
    graph: &'a WaitGraph,
    state: Arc<WaitState>,
}

impl Drop for ListedWait<'_> {
    fn drop(&mut self) {
        self.graph.end(&self.state);
    }
}

fn address(inbox: &Arc<Inbox>) -> usize {
    Arc::as_ptr(inbox).addr()
}

impl Worker {
    pub(crate) fn new(inbox: &Arc<Inbox>, number: usize) -> Worker {
        Worker { process: address(inbox), number }
    }

    /// Calls a closure as this worker.
    pub(crate) fn within<T>(self, call: impl FnOnce() -> T) -> T {
        let before = CURRENT.replace(Some(self));
        let result = call();
        CURRENT.set(before);
        result
    }

    /// Runs a handler as this worker.
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
    use crate::queue::{Bounds, Delivery, QueueSettings, Settlement, Workers};

    fn event() -> Item {
        TriggerEvent::new("test", "1", Map::new()).into()
    }

    fn take(inbox: &Arc<Inbox>) -> Delivery<'_> {
        Delivery::take(inbox).expect("an event is ready")
    }

    /// The worker of such a wait makes progress at its next poll, although the wait is still listed.
    #[tokio::test]
    async fn wait_whose_event_is_queued_is_not_stuck() {
        let trigger = Arc::new(TriggerInfo::custom("test"));
        let queue = QueueSettings { bounds: Bounds { events: 1, bytes: None }, evicts: false, trigger };
        let workers = Workers { count: 2, threads: 1 };
        let inbox = Inbox::new(vec![queue], None, Some(workers), Arc::default(), None);
        let (queue, graph) = (Queue::of(Arc::clone(&inbox), 0), WaitGraph::default());
        graph.add(&inbox);
        queue.open();
        queue.push(event());
        let _first = take(&inbox);
        queue.push(event());
        let mut second = take(&inbox);
        queue.push(event());
        let one = graph.begin(Worker::new(&inbox, 0), &queue, 1);
        second.settle(Settlement::Handled);
        let _second = take(&inbox);
        queue.push_waiting(&mut Some(event()), Some(&one.state.queued)).await;
        let other = graph.begin(Worker::new(&inbox, 1), &queue, 1);
        assert_eq!((queue.len(), other.state.resolution.get()), (1, None));
    }
}
