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
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::queue::{Inbox, Load, Queue, Refusal};

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
    /// In the order in which they began.
    waits: Vec<Wait>,
    /// The number of the last wait.
    last: u64,
}

/// A handler that waits for capacity.
#[derive(Debug)]
struct Wait {
    number: u64,
    worker: Worker,
    queue: Queue,
    /// Its ticket at the door of the queue.
    ticket: u64,
    /// `true` once the wait was found to be endless.
    resolved: bool,
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
        self.state().processes.insert(address(inbox), Arc::clone(inbox));
    }

    /// Removes a process.
    pub(crate) fn remove(&self, inbox: &Arc<Inbox>) {
        self.state().processes.remove(&address(inbox));
    }

    /// Lists an event in the door of a queue, if a handler of this thread waits for it. Then searches for a deadlock.
    pub(crate) fn list(graph: &Arc<WaitGraph>, queue: &Queue, ticket: u64) -> Option<ListedWait> {
        CURRENT.get().map(|worker| graph.begin(worker, queue, ticket))
    }

    fn begin(self: &Arc<Self>, worker: Worker, queue: &Queue, ticket: u64) -> ListedWait {
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut state = self.state();
        state.last += 1;
        let number = state.last;
        state.waits.push(Wait { number, worker, queue: queue.clone(), ticket, resolved: false });
        drop(state);
        self.break_cycles();
        ListedWait { graph: Arc::clone(self), number }
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
            let Some((queue, ticket, refusal)) = chosen else { return };
            queue.turn_away(ticket, refusal);
        }
    }

    fn end(&self, number: u64) {
        let mut state = self.state();
        if let Ok(index) = state.waits.binary_search_by_key(&number, |wait| wait.number) {
            state.waits.remove(index);
        }
        drop(state);
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

impl State {
    /// Resolves an endless wait: among the waits in a cycle, the one that began last. It no longer counts as stuck. A
    /// wait for a cycle from outside is not resolved, because that would not break the cycle.
    fn choose(&mut self) -> Option<(Queue, u64, Refusal)> {
        let view = self.view();
        let chosen = view.stuck.iter().rev().find_map(|wait| {
            let target = address(wait.queue.inbox());
            let dead_end = view.loads.get(&target).is_some_and(|load| load.in_flight == 0);
            // A dead end is a stuck process without a running handler. No worker would free capacity, and there is no
            // cycle.
            let refusal = if dead_end { Refusal::Full } else { Refusal::Deadlock };
            (dead_end || view.reaches(target, wait.worker.process)).then_some((wait.number, refusal))
        });
        let (number, refusal) = chosen?;
        let index = self.waits.binary_search_by_key(&number, |wait| wait.number).ok()?;
        let wait = &mut self.waits[index];
        wait.resolved = true;
        Some((wait.queue.clone(), wait.ticket, refusal))
    }

    /// Returns the waits that no worker ends, and the loads of their processes.
    fn view(&self) -> View<'_> {
        let involved = self.waits.iter().flat_map(|wait| [wait.worker.process, address(wait.queue.inbox())]);
        let involved: HashSet<usize> = involved.collect();
        let known =
            involved.iter().filter_map(|process| Some((*process, self.processes.get(process)?.load())));
        let loads: HashMap<usize, Load> = known.collect();
        // An event that waits in a door does not fit: else the transition that freed the capacity had let it in.
        let waits = |wait: &&Wait| {
            let load = loads.get(&address(wait.queue.inbox()));
            !wait.resolved && load.is_some_and(|load| wait.queue.waited(load, wait.ticket))
        };
        let mut stuck: Vec<&Wait> = self.waits.iter().filter(waits).collect();
        let mut stuck_processes: HashSet<usize> = loads.keys().copied().collect();
        loop {
            let before = (stuck_processes.len(), stuck.len());
            stuck.retain(|wait| stuck_processes.contains(&address(wait.queue.inbox())));
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
#[derive(Debug)]
pub(crate) struct ListedWait {
    graph: Arc<WaitGraph>,
    number: u64,
}

impl Drop for ListedWait {
    fn drop(&mut self) {
        self.graph.end(self.number);
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

    fn is_resolved(graph: &WaitGraph) -> Vec<bool> {
        graph.state().waits.iter().map(|wait| wait.resolved).collect()
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
        assert_eq!((queue.len(), is_resolved(&graph)), (1, vec![false, false]));
    }
}
