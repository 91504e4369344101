//! The phase of a process, behind one lock. It only moves forward:
//!
//! ```text
//! Bound ──begin──> Running ──begin_drain──> Draining ──cancel──> Cancelling ──stop──> Stopped
//! ```
//!
//! A drain may stop without `Cancelling`, if all workers end by themselves. A process without a drain may go to
//! `Cancelling` from every phase before it, if its runtime is dropped.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::report::{ProcessReport, Settled};
use crate::observe::status::ProcessState;

/// The phase of a process, and its transitions.
#[derive(Default)]
pub(super) struct ProcessPhase(Mutex<Phase>);

#[derive(Default)]
enum Phase {
    /// The process is wired. Its triggers may be bound or started, but no worker runs.
    #[default]
    Bound,
    /// The workers handle events.
    Running { workers: Vec<AbortHandle> },
    /// The process handles accepted events until the deadline.
    Draining { deadline: Instant, before: Settled, workers: Vec<AbortHandle> },
    /// The workers are aborted. A handler notices that at its next await, or never.
    Cancelling { grace_ends: Instant, before: Settled },
    /// All that could end has ended.
    Stopped(ProcessReport),
}

impl ProcessPhase {
    fn lock(&self) -> MutexGuard<'_, Phase> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `Bound -> Running`. Returns `false` in every other phase.
    pub(super) fn begin(&self) -> bool {
        let mut phase = self.lock();
        let is_bound = matches!(*phase, Phase::Bound);
        if is_bound {
            *phase = Phase::Running { workers: Vec::new() };
        }
        is_bound
    }

    /// Spawns a worker, with its number, in `Running` and `Draining`. In a later phase no worker takes an event.
    pub(super) fn add_worker(&self, spawn: impl FnOnce(usize) -> AbortHandle) {
        if let Phase::Running { workers } | Phase::Draining { workers, .. } = &mut *self.lock() {
            let worker = spawn(workers.len());
            workers.push(worker);
        }
    }

    /// `Bound | Running -> Draining`: notes the deadline, and the events settled so far. In `Draining` the new deadline
    /// replaces the old one. Returns `false` in a later phase, where nothing is left to drain.
    pub(super) fn begin_drain(&self, until: Instant, settled: Settled) -> bool {
        let mut phase = self.lock();
        match &mut *phase {
            Phase::Bound => {
                *phase = Phase::Draining { deadline: until, before: settled, workers: Vec::new() };
            }
            Phase::Running { workers } => {
                let workers = mem::take(workers);
                *phase = Phase::Draining { deadline: until, before: settled, workers };
            }
            Phase::Draining { deadline, .. } => *deadline = until,
            Phase::Cancelling { .. } | Phase::Stopped(_) => return false,
        }
        true
    }

    /// `Bound | Running | Draining -> Cancelling`: returns the workers, which the caller aborts. Returns `None` in a later
    /// phase, so one caller aborts them.
    pub(super) fn cancel(&self, grace_ends: Instant) -> Option<Vec<AbortHandle>> {
        let mut phase = self.lock();
        let (before, workers) = match &mut *phase {
            Phase::Bound => (Settled::default(), Vec::new()),
            Phase::Running { workers } => (Settled::default(), mem::take(workers)),
            Phase::Draining { before, workers, .. } => (*before, mem::take(workers)),
            Phase::Cancelling { .. } | Phase::Stopped(_) => return None,
        };
        *phase = Phase::Cancelling { grace_ends, before };
        Some(workers)
    }

    /// `Draining | Cancelling -> Stopped`. In every other phase it does nothing.
    pub(super) fn stop(&self, report: ProcessReport) {
        let mut phase = self.lock();
        if matches!(*phase, Phase::Draining { .. } | Phase::Cancelling { .. }) {
            *phase = Phase::Stopped(report);
        }
    }

    /// The deadline of the drain, in `Draining`.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match *self.lock() {
            Phase::Draining { deadline, .. } => Some(deadline),
            _ => None,
        }
    }

    /// The end of the time that aborted workers have, in `Cancelling`.
    pub(super) fn grace_ends(&self) -> Option<Instant> {
        match *self.lock() {
            Phase::Cancelling { grace_ends, .. } => Some(grace_ends),
            _ => None,
        }
    }

    /// The events that were settled before the drain, in `Draining` and `Cancelling`.
    pub(super) fn settled_before(&self) -> Settled {
        match *self.lock() {
            Phase::Draining { before, .. } | Phase::Cancelling { before, .. } => before,
            _ => Settled::default(),
        }
    }

    /// The report, in `Stopped`.
    pub(super) fn report(&self) -> Option<ProcessReport> {
        match &*self.lock() {
            Phase::Stopped(report) => Some(report.clone()),
            _ => None,
        }
    }

    /// The state that the status shows. Only a process that is not draining can be paused.
    pub(super) fn state(&self, paused: bool) -> ProcessState {
        match *self.lock() {
            Phase::Bound | Phase::Running { .. } if paused => ProcessState::Paused,
            Phase::Bound | Phase::Running { .. } => ProcessState::Running,
            Phase::Draining { .. } | Phase::Cancelling { .. } => ProcessState::Draining,
            Phase::Stopped(_) => ProcessState::Stopped,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock;

    fn report() -> ProcessReport {
        ProcessReport {
            name: "p".to_owned(),
            handler: "p".to_owned(),
            location: "src/main.rs:1".to_owned(),
            completed: 1,
            dead_lettered: 0,
            released: 0,
            left: 0,
            total_completed: 1,
            total_dead_lettered: 0,
            stuck: 0,
        }
    }

    fn settled(handled: u64) -> Settled {
        Settled { handled, dead_lettered: 0 }
    }

    #[test]
    fn second_drain_moves_the_deadline_and_keeps_the_count_of_the_first() {
        let (phase, now) = (ProcessPhase::default(), clock::instant());
        let later = now + Duration::from_secs(1);
        assert!(phase.begin());
        assert!(phase.begin_drain(now, settled(3)));
        assert!(phase.begin_drain(later, settled(5)));
        assert_eq!((phase.deadline(), phase.settled_before()), (Some(later), settled(3)));
    }

    #[test]
    fn one_caller_gets_the_workers_to_abort() {
        let (phase, now) = (ProcessPhase::default(), clock::instant());
        assert!(phase.begin_drain(now, settled(3)));
        assert!(phase.cancel(now).is_some());
        assert!(phase.cancel(now + Duration::from_secs(1)).is_none());
        assert!(!phase.begin_drain(now, settled(5)), "a drain does not begin again");
        assert_eq!((phase.grace_ends(), phase.settled_before()), (Some(now), settled(3)));
    }

    #[test]
    fn no_worker_is_spawned_after_the_beginning_of_the_end() {
        let (phase, now) = (ProcessPhase::default(), clock::instant());
        assert!(phase.begin_drain(now, settled(0)));
        assert!(!phase.begin(), "it is draining");
        phase.stop(report());
        assert!(!phase.begin(), "it is stopped");
        assert_eq!(phase.report(), Some(report()));
    }

    #[test]
    fn state_follows_the_phase() {
        let (phase, now) = (ProcessPhase::default(), clock::instant());
        assert!(phase.begin());
        assert_eq!(phase.state(false), ProcessState::Running);
        assert_eq!(phase.state(true), ProcessState::Paused);
        phase.stop(report());
        assert_eq!(phase.state(false), ProcessState::Running, "only a drain leads to the end");
        phase.begin_drain(now, settled(0));
        assert_eq!(phase.state(true), ProcessState::Draining);
        phase.cancel(now);
        assert_eq!(phase.state(true), ProcessState::Draining);
        phase.stop(report());
        assert_eq!(phase.state(true), ProcessState::Stopped);
    }
}
