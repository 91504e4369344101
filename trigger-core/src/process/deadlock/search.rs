//! The search for stuck processes in a snapshot of a wait graph. It takes time in proportion to the processes and waits of
//! the snapshot.

use std::collections::HashMap;

/// A snapshot of processes, and of the waits between them that make no progress by themselves.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    pub(super) processes: Vec<Process>,
    pub(super) waits: Vec<Wait>,
}

/// The load of a process.
#[derive(Debug)]
pub(super) struct Process {
    /// The number of handlers that run or wait.
    pub(super) in_flight: u64,
    /// `true` if the process makes progress without another process.
    pub(super) proceeds: bool,
    /// `true` if it counts as stuck whatever its handlers do.
    pub(super) is_assumed: bool,
}

/// A handler of the process `from` that waits for capacity in the process `to`. Both are indexes.
#[derive(Debug)]
pub(super) struct Wait {
    pub(super) from: usize,
    pub(super) to: usize,
    /// The worker of the handler.
    pub(super) worker: usize,
    /// A wait that began later has a greater number.
    pub(super) number: u64,
}

/// The greatest set of stuck processes.
#[derive(Debug)]
pub(super) struct Stuck {
    pub(super) processes: Vec<bool>,
    /// The waits of stuck processes for stuck processes, by their indexes.
    waits: Vec<usize>,
}

impl Snapshot {
    /// Returns the greatest set of stuck processes. It starts with all processes. A process that makes progress leaves
    /// it, and then its waits and the waits for it no longer count as stuck.
    pub(super) fn stuck(&self) -> Stuck {
        let mut waits_for = vec![Vec::new(); self.processes.len()];
        // The number of stuck waits of each worker. A handler may wait several times at once.
        let mut of_worker: HashMap<(usize, usize), usize> = HashMap::new();
        let mut waiting = vec![0; self.processes.len()];
        for (index, wait) in self.waits.iter().enumerate() {
            waits_for[wait.to].push(index);
            let waits = of_worker.entry((wait.from, wait.worker)).or_default();
            waiting[wait.from] += u64::from(*waits == 0);
            *waits += 1;
        }
        let all_wait = |(process, waiting): (&Process, &u64)| {
            process.is_assumed || (process.in_flight == *waiting && !process.proceeds)
        };
        let mut processes: Vec<bool> = self.processes.iter().zip(&waiting).map(all_wait).collect();
        let mut left: Vec<usize> = (0..processes.len()).filter(|process| !processes[*process]).collect();
        while let Some(process) = left.pop() {
            for index in &waits_for[process] {
                let Wait { from, worker, .. } = self.waits[*index];
                let waits = of_worker.entry((from, worker)).or_default();
                *waits -= 1;
                // One of its handlers makes progress. Before, all of them were stuck.
                if *waits == 0 && processes[from] && !self.processes[from].is_assumed {
                    processes[from] = false;
                    left.push(from);
                }
            }
        }
        let is_stuck = |index: &usize| {
            let Wait { from, to, .. } = self.waits[*index];
            processes[from] && processes[to]
        };
        let waits = (0..self.waits.len()).filter(is_stuck).collect();
        Stuck { processes, waits }
    }

    /// Returns the index of the wait to resolve, and `true` if it is a wait for a dead end: a stuck process without a
    /// running handler, so that no worker would free capacity, and there is no cycle. Otherwise it is a wait in a cycle.
    /// Among several waits it is the one that began last.
    pub(super) fn choose(&self) -> Option<(usize, bool)> {
        let stuck = self.stuck();
        if stuck.waits.is_empty() {
            return None;
        }
        let mut targets = vec![Vec::new(); self.processes.len()];
        for Wait { from, to, .. } in stuck.waits.iter().map(|index| &self.waits[*index]) {
            targets[*from].push(*to);
        }
        let components = components(&targets);
        let eligible = stuck.waits.into_iter().filter_map(|index| {
            let Wait { from, to, .. } = self.waits[index];
            let dead_end = self.processes[to].in_flight == 0;
            (dead_end || components[from] == components[to]).then_some((index, dead_end))
        });
        eligible.max_by_key(|(index, _)| self.waits[*index].number)
    }
}

/// Returns a number for each node of a graph, which is the same for two nodes that reach each other. `targets` are the
/// targets of the edges of each node. (Robert Tarjan, "Depth-First Search and Linear Graph Algorithms", 1972.)
fn components(targets: &[Vec<usize>]) -> Vec<usize> {
    const NONE: usize = usize::MAX;
    let (mut order, mut lowest) = (vec![NONE; targets.len()], vec![NONE; targets.len()]);
    let mut component = vec![NONE; targets.len()];
    // The nodes without a component yet, and the nodes on the path from the root with their next edges.
    let (mut open, mut path) = (Vec::new(), Vec::new());
    let mut reached = 0;
    for root in 0..targets.len() {
        if order[root] == NONE {
            path.push((root, 0));
        }
        while let Some((node, edge)) = path.pop() {
            if edge == 0 {
                (order[node], lowest[node]) = (reached, reached);
                reached += 1;
                open.push(node);
            }
            if let Some(&target) = targets[node].get(edge) {
                path.push((node, edge + 1));
                if order[target] == NONE {
                    path.push((target, 0));
                } else if component[target] == NONE {
                    lowest[node] = lowest[node].min(order[target]);
                }
                continue;
            }
            while lowest[node] == order[node] && component[node] == NONE {
                let Some(member) = open.pop() else { break };
                component[member] = node;
            }
            if let Some(&(before, _)) = path.last() {
                lowest[before] = lowest[before].min(lowest[node]);
            }
        }
    }
    component
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// Returns the wait to resolve by the definition alone: removes processes until none changes, and searches from each
    /// wait.
    fn chosen_by_definition(snapshot: &Snapshot) -> Option<(usize, bool)> {
        let Snapshot { processes, waits } = snapshot;
        let mut stuck: HashSet<usize> = (0..processes.len()).collect();
        let is_stuck = |stuck: &HashSet<usize>, wait: &Wait| stuck.contains(&wait.to);
        loop {
            let before = stuck.clone();
            stuck.retain(|process| {
                let own = waits.iter().filter(|wait| wait.from == *process && is_stuck(&before, wait));
                let workers: HashSet<usize> = own.map(|wait| wait.worker).collect();
                let Process { in_flight, proceeds, .. } = processes[*process];
                in_flight == workers.len() as u64 && !proceeds
            });
            if stuck == before {
                break;
            }
        }
        let of_stuck = |wait: &&Wait| stuck.contains(&wait.from) && stuck.contains(&wait.to);
        let reaches = |from: usize, to: usize| {
            let (mut seen, mut next) = (HashSet::from([from]), vec![from]);
            while let Some(process) = next.pop() {
                let own = waits.iter().filter(of_stuck).filter(|wait| wait.from == process);
                next.extend(own.map(|wait| wait.to).filter(|target| seen.insert(*target)));
            }
            seen.contains(&to)
        };
        let eligible =
            waits.iter().enumerate().filter(|(_, wait)| of_stuck(wait)).filter_map(|(index, wait)| {
                let dead_end = processes[wait.to].in_flight == 0;
                (dead_end || reaches(wait.to, wait.from)).then_some((index, dead_end))
            });
        eligible.max_by_key(|(index, _)| waits[*index].number)
    }

    /// Returns snapshots of up to 6 processes. In most of them all handlers of most processes wait.
    fn snapshots() -> impl Strategy<Value = Snapshot> {
        let process =
            (prop_oneof![8 => Just(0), 1 => Just(1)], prop_oneof![8 => Just(false), 1 => Just(true)]);
        let wait = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..3_usize);
        let all = (prop::collection::vec(process, 1..6), prop::collection::vec(wait, 0..10));
        all.prop_map(|(loads, ends)| {
            let count = loads.len();
            let wait =
                |(number, (from, to, worker)): (u64, (prop::sample::Index, prop::sample::Index, usize))| {
                    Wait { from: from.index(count), to: to.index(count), worker, number }
                };
            let waits: Vec<Wait> = (0..).zip(ends).map(wait).collect();
            let process = |(index, (running, proceeds)): (usize, (u64, bool))| {
                let own = waits.iter().filter(|wait| wait.from == index);
                let workers: HashSet<usize> = own.map(|wait| wait.worker).collect();
                Process { in_flight: workers.len() as u64 + running, proceeds, is_assumed: false }
            };
            Snapshot { processes: loads.into_iter().enumerate().map(process).collect(), waits }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn search_chooses_the_wait_of_the_definition(snapshot in snapshots()) {
            prop_assert_eq!(snapshot.choose(), chosen_by_definition(&snapshot));
        }

        /// Without the wait that began last, a search from its target finds no process that it would find stuck only
        /// because of an assumption about the process that waits.
        #[test]
        fn assumption_finds_every_process_that_is_stuck(mut snapshot in snapshots(), assumed in any::<prop::sample::Index>()) {
            let stuck = snapshot.stuck().processes;
            let assumed = assumed.index(snapshot.processes.len());
            snapshot.waits.retain(|wait| wait.from != assumed);
            snapshot.processes[assumed].is_assumed = true;
            let with_assumption = snapshot.stuck().processes;
            if stuck[assumed] {
                prop_assert!(stuck.iter().zip(with_assumption).all(|(stuck, with)| !stuck || with));
            }
        }
    }
}
