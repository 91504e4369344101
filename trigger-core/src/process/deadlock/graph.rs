//! The waits by the process that waits, with what a new wait or the end of a handler can change.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::search::{self, Snapshot};
use super::{Worker, address};
use crate::queue::{Inbox, Load, Queue, Refusal};

#[derive(Debug, Default)]
pub(super) struct State {
    /// By the address of the inbox.
    processes: HashMap<usize, Process>,
    /// The number of the wait that began last.
    last_number: u64,
}

/// A process with the waits of its handlers, and the waits for it.
#[derive(Debug)]
struct Process {
    inbox: Arc<Inbox>,
    /// By their numbers.
    waits: BTreeMap<u64, Wait>,
    /// The waits for capacity in its queues, by the number of the queue and the ticket.
    waits_for_it: BTreeMap<(usize, u64), Queue>,
}

/// A handler that waits for capacity.
#[derive(Clone, Debug)]
pub(super) struct Wait {
    pub(super) worker: Worker,
    pub(super) queue: Queue,
    /// The ticket of its event at the door of the queue.
    pub(super) ticket: u64,
    /// `true` once the wait was found to be endless.
    pub(super) resolved: bool,
}

impl State {
    pub(super) fn add(&mut self, inbox: &Arc<Inbox>) {
        let (waits, waits_for_it) = (BTreeMap::new(), BTreeMap::new());
        let process = Process { inbox: Arc::clone(inbox), waits, waits_for_it };
        self.processes.insert(address(inbox), process);
    }

    pub(super) fn remove(&mut self, inbox: &Arc<Inbox>) {
        let removed = self.processes.remove(&address(inbox));
        for wait in removed.iter().flat_map(|process| process.waits.values()) {
            self.unlist_from_target(wait);
        }
    }

    /// Lists a wait. Returns its number, and `true` if it may be endless. If it is not endless, it changes nothing for the
    /// other waits.
    pub(super) fn begin(&mut self, wait: Wait) -> (u64, bool) {
        self.last_number += 1;
        let (number, address) = (self.last_number, wait.worker.process);
        let Some(process) = self.processes.get_mut(&address) else {
            // The handler of a process that was removed may still run.
            return (number, false);
        };
        process.waits.insert(number, wait.clone());
        let makes_progress = process.makes_progress(&process.inbox.load());
        if let Some(target) = self.processes.get_mut(&wait.target()) {
            target.waits_for_it.insert(wait.place(), wait.queue.clone());
        }
        (number, !makes_progress && self.may_be_endless(&wait))
    }

    pub(super) fn end(&mut self, worker: Worker, number: u64) {
        let process = self.processes.get_mut(&worker.process);
        if let Some(wait) = process.and_then(|process| process.waits.remove(&number)) {
            self.unlist_from_target(&wait);
        }
    }

    fn unlist_from_target(&mut self, wait: &Wait) {
        if let Some(target) = self.processes.get_mut(&wait.target()) {
            target.waits_for_it.remove(&wait.place());
        }
    }

    /// Returns `false` if this process is not stuck, or is not part of any wait. Then the end of one of its events or
    /// workers has not made another process stuck.
    pub(super) fn may_be_stuck(&self, inbox: &Arc<Inbox>) -> bool {
        let Some(process) = self.processes.get(&address(inbox)) else { return false };
        let load = process.inbox.load();
        if process.makes_progress(&load) {
            return false;
        }
        // Without a handler it can only be a dead end.
        if load.in_flight == 0 {
            return process.is_full_for_a_wait(&load);
        }
        // Each handler of a stuck process has an endless wait, so at most the waits beyond one for each handler end.
        let spare = (process.waits.len() as u64).saturating_sub(load.in_flight);
        process.waits.values().zip(0..=spare).any(|(wait, _)| self.may_be_endless(wait))
    }

    /// Returns `false` if the wait ends even if the process that waits is stuck.
    fn may_be_endless(&self, wait: &Wait) -> bool {
        let (process, target) = (wait.worker.process, wait.target());
        let Some(to) = self.processes.get(&target) else { return false };
        let load = to.inbox.load();
        if !wait.queue.waited(&load, wait.ticket) {
            return false;
        }
        if target == process {
            return true;
        }
        if to.makes_progress(&load) {
            return false;
        }
        let view = self.view([target], Some(process));
        view.indexes.get(&target).is_some_and(|index| view.snapshot.stuck().processes[*index])
    }

    /// Resolves an endless wait: among the waits in a cycle, the one that began last. It no longer counts as stuck. A
    /// wait for a cycle from outside is not resolved, because that would not break the cycle. Returns the wait, and why its
    /// queue is to turn it away.
    pub(super) fn choose(&mut self) -> Option<(Wait, Refusal)> {
        let waiting = self.processes.iter().filter(|(_, process)| !process.waits.is_empty());
        let view = self.view(waiting.map(|(address, _)| *address), None);
        let (index, dead_end) = view.snapshot.choose()?;
        let (address, number) = view.keys[index];
        let wait = self.processes.get_mut(&address)?.waits.get_mut(&number)?;
        wait.resolved = true;
        Some((wait.clone(), if dead_end { Refusal::Full } else { Refusal::Deadlock }))
    }

    /// Returns the number of waits that were found to be endless.
    #[cfg(test)]
    pub(super) fn resolved(&self) -> usize {
        let waits = self.processes.values().flat_map(|process| process.waits.values());
        waits.filter(|wait| wait.resolved).count()
    }

    /// Returns a snapshot of these processes and of all that they wait for, directly or through other processes. It has
    /// no waits of a process that makes progress, and none of the process `assumed`, which counts as stuck.
    fn view(&self, roots: impl IntoIterator<Item = usize>, assumed: Option<usize>) -> View {
        let mut view = View::default();
        let (mut loads, mut waiting) = (Vec::new(), Vec::new());
        let mut next: Vec<usize> = roots.into_iter().collect();
        while let Some(address) = next.pop() {
            let Some(process) = self.processes.get(&address) else { continue };
            let index = loads.len();
            if *view.indexes.entry(address).or_insert(index) != index {
                continue;
            }
            let (load, is_assumed) = (process.inbox.load(), assumed == Some(address));
            if !is_assumed && !process.makes_progress(&load) {
                next.extend(process.waits.values().map(Wait::target));
                waiting.push((index, address, &process.waits));
            }
            let Load { in_flight, proceeds, .. } = load;
            view.snapshot.processes.push(search::Process { in_flight, proceeds, is_assumed });
            loads.push(load);
        }
        // An event that waits in a door does not fit: otherwise the transition that freed the capacity had let it in.
        for (from, address, waits) in waiting {
            for (&number, wait) in waits {
                let Some(&to) = view.indexes.get(&wait.target()) else { continue };
                if !wait.resolved && wait.queue.waited(&loads[to], wait.ticket) {
                    let worker = wait.worker.number;
                    view.snapshot.waits.push(search::Wait { from, to, worker, number });
                    view.keys.push((address, number));
                }
            }
        }
        view
    }
}

impl Process {
    /// Returns `true` if one of its handlers does not wait, or an event is or becomes ready for an idle worker.
    fn makes_progress(&self, load: &Load) -> bool {
        load.proceeds || load.in_flight > self.waits.len() as u64
    }

    /// Returns `true` if a handler waits for one of its queues. It examines the last event in the door of each queue.
    fn is_full_for_a_wait(&self, load: &Load) -> bool {
        let mut last = self.waits_for_it.last_key_value();
        while let Some((&(port, ticket), queue)) = last {
            if queue.waited(load, ticket) {
                return true;
            }
            last = self.waits_for_it.range(..(port, 0)).next_back();
        }
        false
    }
}

impl Wait {
    /// Returns the address of the inbox that it waits for.
    fn target(&self) -> usize {
        address(self.queue.inbox())
    }

    /// Returns its key among the waits for its target.
    fn place(&self) -> (usize, u64) {
        (self.queue.port(), self.ticket)
    }
}

/// A snapshot of some processes and their waits.
#[derive(Default)]
struct View {
    snapshot: Snapshot,
    /// The index of each process in the snapshot, by the address of its inbox.
    indexes: HashMap<usize, usize>,
    /// For each wait in the snapshot the address of the inbox that waits, and its number.
    keys: Vec<(usize, u64)>,
}
