//! The phase of a runtime and its processes, behind one lock. The phase only moves forward:
//!
//! ```text
//! Running ──begin_drain──> Draining ──cancel──> Cancelling ──stop──> Stopped
//! ```
//!
//! A drain may stop without `Cancelling`, if it ends before its deadline.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::process_handle::ProcessHandle;
use super::report::{DrainReport, Settled};
use crate::clock;
use crate::observe::status::RuntimeState;

/// The phase of a runtime and its processes, and their transitions. A new one has no processes.
#[derive(Default)]
pub(super) struct RuntimePhase(Mutex<State>);

#[derive(Default)]
struct State {
    phase: Phase,
    /// In the order of their declaration, then in the order of their addition.
    processes: Vec<Arc<ProcessHandle>>,
    /// The events that the removed processes settled.
    removed: Settled,
}

#[derive(Default)]
enum Phase {
    /// Processes handle events, and may be added and removed. The program and its handlers see a runtime only after its
    /// processes have opened, so there is no phase before this one.
    #[default]
    Running,
    /// Accepted events are handled until the deadline. Until the processes are sealed, one that was being added may still
    /// come to them.
    Draining { deadline: Instant, sealed: bool },
    /// The deadline has passed, and the handlers that still run are cancelled.
    Cancelling { deadline: Instant },
    /// The drain is over.
    Stopped(DrainReport),
}

impl RuntimePhase {
    /// Sets the processes of a runtime, before they start.
    pub(super) fn wire(&self, processes: Vec<Arc<ProcessHandle>>) {
        self.lock().processes = processes;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn processes(&self) -> Vec<Arc<ProcessHandle>> {
        self.lock().processes.clone()
    }

    /// In `Running`, and in `Draining` until the processes are sealed: adds a process that has started. Later it returns
    /// `false`: the drain does not see this process, so the caller ends it.
    #[must_use]
    pub(super) fn admit(&self, process: &Arc<ProcessHandle>) -> bool {
        let mut state = self.lock();
        let open = matches!(state.phase, Phase::Running | Phase::Draining { sealed: false, .. });
        if open {
            state.processes.push(Arc::clone(process));
        }
        open
    }

    /// In `Draining`: seals the processes. In every phase it returns them, and the events that the removed ones settled.
    pub(super) fn seal(&self) -> (Vec<Arc<ProcessHandle>>, Settled) {
        let mut state = self.lock();
        if let Phase::Draining { sealed, .. } = &mut state.phase {
            *sealed = true;
        }
        (state.processes.clone(), state.removed)
    }

    /// In every phase: removes a process that has ended.
    pub(super) fn dismiss(&self, process: &Arc<ProcessHandle>) {
        let mut state = self.lock();
        // Another caller may have removed it.
        if let Some(place) = state.processes.iter().position(|other| Arc::ptr_eq(other, process)) {
            state.processes.remove(place);
            state.removed = state.removed + process.settled();
        }
    }

    /// `Running -> Draining`: sets the deadline. In `Draining` and `Cancelling` it continues with the deadline of the
    /// first call, and in `Stopped` it breaks with the report.
    pub(super) fn begin_drain(&self, limit: Duration) -> ControlFlow<DrainReport, Instant> {
        let mut state = self.lock();
        match &state.phase {
            Phase::Running => {
                let deadline = clock::after(limit);
                state.phase = Phase::Draining { deadline, sealed: false };
                ControlFlow::Continue(deadline)
            }
            Phase::Draining { deadline, .. } | Phase::Cancelling { deadline } => {
                ControlFlow::Continue(*deadline)
            }
            Phase::Stopped(report) => ControlFlow::Break(report.clone()),
        }
    }

    /// `Draining -> Cancelling`. In every other phase it does nothing.
    pub(super) fn cancel(&self) {
        let mut state = self.lock();
        if let Phase::Draining { deadline, .. } = state.phase {
            state.phase = Phase::Cancelling { deadline };
        }
    }

    /// `Draining | Cancelling -> Stopped`. In every other phase it does nothing.
    pub(super) fn stop(&self, report: DrainReport) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Draining { .. } | Phase::Cancelling { .. }) {
            state.phase = Phase::Stopped(report);
        }
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.lock().phase, Phase::Running)
    }

    pub(super) fn is_cancelling(&self) -> bool {
        matches!(self.lock().phase, Phase::Cancelling { .. })
    }

    /// Returns the state that a handle shows.
    pub(super) fn state(&self) -> RuntimeState {
        let state = self.lock();
        match state.phase {
            // The tokio runtime was dropped under its processes.
            Phase::Running
                if !state.processes.is_empty()
                    && state.processes.iter().all(|process| process.is_orphaned()) =>
            {
                RuntimeState::Stopped
            }
            Phase::Running => RuntimeState::Running,
            Phase::Draining { .. } | Phase::Cancelling { .. } => RuntimeState::Draining,
            Phase::Stopped(_) => RuntimeState::Stopped,
        }
    }

    /// The deadline of a drain that has begun and is not over.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.lock().phase {
            Phase::Draining { deadline, .. } | Phase::Cancelling { deadline } => Some(deadline),
            Phase::Running | Phase::Stopped(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declare::{ProcessConfig, TriggerConfig};
    use crate::event::TriggerEvent;
    use crate::runtime::Runtime;

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn process_that_has_started_is_admitted_until_the_processes_are_sealed() {
        let config = ProcessConfig::new().trigger(TriggerConfig::event("e"));
        let builder = Runtime::builder().process("p", config, |_: TriggerEvent| async {});
        let runtime = builder.start().await.expect("it starts");
        let [process] = &runtime.processes()[..] else { panic!("one process") };
        let phase = RuntimePhase::default();
        assert!(phase.admit(process));
        assert!(phase.begin_drain(LIMIT).is_continue());
        assert!(phase.admit(process), "the drain still waits for it");
        assert_eq!(phase.seal().0.len(), 2);
        assert!(!phase.admit(process));
        phase.cancel();
        assert!(!phase.admit(process));
        assert_eq!(phase.processes().len(), 2);
    }

    #[test]
    fn drain_that_is_begun_again_keeps_its_deadline() {
        let phase = RuntimePhase::default();
        assert!(phase.is_running() && phase.deadline().is_none());
        let first = phase.begin_drain(LIMIT);
        assert_eq!(phase.begin_drain(Duration::ZERO), first);
        phase.cancel();
        assert!(phase.is_cancelling() && !phase.is_running());
        assert_eq!(phase.begin_drain(Duration::ZERO), first);
        assert_eq!(phase.deadline(), first.continue_value());
    }

    #[test]
    fn runtime_that_has_stopped_keeps_its_report() {
        let phase = RuntimePhase::default();
        let report = DrainReport::of(Vec::new(), Settled::default());
        phase.cancel();
        phase.stop(report.clone());
        assert!(phase.is_running(), "only a drain leads to the end");
        assert!(phase.begin_drain(LIMIT).is_continue());
        phase.stop(report.clone());
        phase.cancel();
        assert_eq!(phase.begin_drain(LIMIT), ControlFlow::Break(report));
    }
}
