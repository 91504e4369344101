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
//!
//! A search of all waits takes time in proportion to their number. So the begin of a wait and the end of a handler first
//! examine what can have changed (`graph`). They search all waits only if a process may have become stuck.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::process::cascade;
use crate::queue::{Inbox, Queue};

mod graph;
mod search;

use graph::{State, Wait};

/// The handlers of one runtime that wait for capacity.
#[derive(Debug, Default)]
pub(crate) struct WaitGraph {
    state: Mutex<State>,
    /// The number of waits, so that a check without waits costs one atomic load.
    count: AtomicUsize,
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

impl WaitGraph {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a process.
    pub(crate) fn add(&self, inbox: &Arc<Inbox>) {
        self.state().add(inbox);
    }

    /// Removes a process. Its handlers that still wait are no longer part of any search.
    pub(crate) fn remove(&self, inbox: &Arc<Inbox>) {
        self.state().remove(inbox);
    }

    /// Lists an event in the door of a queue, if a handler of this thread waits for it. Then searches for a deadlock.
    pub(crate) fn list(graph: &Arc<WaitGraph>, queue: &Queue, ticket: u64) -> Option<ListedWait> {
        CURRENT.get().map(|worker| graph.begin(worker, queue, ticket))
    }

    fn begin(self: &Arc<Self>, worker: Worker, queue: &Queue, ticket: u64) -> ListedWait {
        self.count.fetch_add(1, Ordering::Relaxed);
        let wait = Wait { worker, queue: queue.clone(), ticket, resolved: false };
        let (number, may_be_endless) = self.state().begin(wait);
        let listed = ListedWait { graph: Arc::clone(self), worker, number };
        if may_be_endless {
            self.break_cycles();
        }
        listed
    }

    /// Searches again after an event or a worker of this process has ended, which may leave only waiting handlers.
    pub(crate) fn check(&self, inbox: &Arc<Inbox>) {
        if self.count.load(Ordering::Relaxed) > 0 && self.state().may_be_stuck(inbox) {
            self.break_cycles();
        }
    }

    /// Resolves one wait in each cycle, so that the others make progress.
    fn break_cycles(&self) {
        loop {
            let chosen = self.state().choose();
            let Some((wait, refusal)) = chosen else { return };
            wait.queue.turn_away(wait.ticket, refusal);
        }
    }

    fn end(&self, worker: Worker, number: u64) {
        self.state().end(worker, number);
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A wait in the list. Its drop removes it.
#[derive(Debug)]
pub(crate) struct ListedWait {
    graph: Arc<WaitGraph>,
    /// The worker of its handler.
    worker: Worker,
    number: u64,
}

impl Drop for ListedWait {
    fn drop(&mut self) {
        self.graph.end(self.worker, self.number);
    }
}

fn address(inbox: &Arc<Inbox>) -> usize {
    Arc::as_ptr(inbox).addr()
}

impl Worker {
    pub(crate) fn new(inbox: &Arc<Inbox>, number: usize) -> Worker {
        Worker { process: address(inbox), number }
    }

    /// Returns `true` if this thread polls a handler of the process with this inbox.
    pub(crate) fn is_of(inbox: &Arc<Inbox>) -> bool {
        CURRENT.get().is_some_and(|worker| worker.process == address(inbox))
    }

    /// Calls a closure as this worker. Its panic ends that too: otherwise the thread would remain this worker.
    pub(crate) fn within<T>(self, call: impl FnOnce() -> T) -> T {
        let _before = Before(CURRENT.replace(Some(self)), cascade::depth());
        call()
    }
}

/// The worker and the depth of a thread before a call. Its drop restores them.
struct Before(Option<Worker>, u8);

impl Drop for Before {
    fn drop(&mut self) {
        CURRENT.set(self.0);
        cascade::restore(self.1);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use serde_json::Map;

    use super::*;
    use crate::event::{TriggerEvent, TriggerInfo};
    use crate::queue::{Bounds, Delivery, Item, Pushed, QueueSettings, Settlement, Workers};

    fn event() -> Item {
        TriggerEvent::new("test", "1", Map::new()).into()
    }

    fn take(inbox: &Arc<Inbox>) -> Delivery<'_> {
        Delivery::take(inbox).expect("an event is ready")
    }

    fn enter(queue: &Queue) -> u64 {
        match queue.push_waiting(event(), Waker::noop()) {
            Pushed::Waiting(ticket) => ticket,
            other => panic!("{other:?}"),
        }
    }

    /// The worker of such a wait makes progress at its next poll, although the wait is still listed.
    #[tokio::test]
    async fn wait_whose_event_is_queued_is_not_stuck() {
        let trigger = Arc::new(TriggerInfo::custom("test"));
        let queue = QueueSettings { bounds: Bounds { events: 1, bytes: None }, evicts: false, trigger };
        let workers = Workers { count: 2, threads: 1 };
        let inbox = Inbox::new(vec![queue], None, Some(workers), Arc::default(), None);
        let (queue, graph) = (Queue::of(Arc::clone(&inbox), 0), Arc::<WaitGraph>::default());
        graph.add(&inbox);
        queue.open();
        queue.push(event());
        let _first = take(&inbox);
        queue.push(event());
        let mut second = take(&inbox);
        queue.push(event());
        let _one = graph.begin(Worker::new(&inbox, 0), &queue, enter(&queue));
        second.settle(Settlement::Handled);
        // Lets the waiting event in.
        let _second = take(&inbox);
        let _other = graph.begin(Worker::new(&inbox, 1), &queue, enter(&queue));
        assert_eq!((queue.len(), graph.state().resolved()), (1, 0));
    }
}
