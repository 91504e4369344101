//! The end of a runtime: what was accepted is handled, then everything is left in order.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use super::Runtime;
use super::hooks::Hook;
use crate::clock;
use crate::task::all;

/// How long the `on_stop` hooks get together, where the drain has left less of its deadline.
const HOOKS: Duration = Duration::from_secs(5);

/// What became of the events that were pending when the drain began, and of those their handlers published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DrainReport {
    /// Handled during the drain.
    pub completed: u64,
    /// Given up on during the drain.
    pub dead_lettered: u64,
    /// Neither: still queued at the deadline, cancelled in the middle of their handler, or waiting for a retry that would
    /// have come after it. They are among the dead letters, with the reason
    /// [`Drained`](crate::DeadLetterReason::Drained), but for those whose handler blocks its thread and so still has them.
    pub left: usize,
    /// The same for each process, in the order of their declaration.
    pub processes: Vec<ProcessReport>,
}

/// What became of the events of one process: its part of a [`DrainReport`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProcessReport {
    /// The name of the process.
    pub name: String,
    /// Its handler, by its path.
    pub handler: String,
    /// Where that was declared, as `file:line`.
    pub location: String,
    /// Handled since it was told to end.
    pub completed: u64,
    /// Given up on since then.
    pub dead_lettered: u64,
    /// Neither.
    pub left: usize,
    /// How many of those left had a handler that was still running at the deadline.
    pub stuck: u64,
}

impl Runtime {
    pub(super) async fn drain(&self) -> DrainReport {
        // A drain that was given up half way is taken up where it began.
        let deadline = *self.drain_deadline_at.get_or_init(|| clock::after(self.drain_deadline));
        // Before handlers are told, so that the report counts those that end because of it.
        self.processes().iter().for_each(|handle| handle.begin_to_end(deadline));
        self.context.env.shutdown.cancel();
        // One that is being added has seen that this has begun, or gets in.
        let _ = timeout_at(deadline, self.changing.lock()).await;
        let processes = self.processes();
        processes.iter().for_each(|handle| handle.begin_to_end(deadline));
        let at_rest = async {
            all(processes.iter().map(|handle| handle.stop_custom())).await;
            self.context.quiescence.ended().await;
        };
        let in_time = timeout_at(deadline, at_rest).await.is_ok();
        if !in_time {
            // While the queues are open, so that no handler goes on whose events nobody takes.
            all(processes.iter().map(|handle| handle.cancel())).await;
        }
        let end = if in_time { deadline } else { clock::instant() };
        let mut reports = all(processes
            .iter()
            .enumerate()
            .map(|(index, handle)| async move { (index, handle.end(end).await) }))
        .await;
        // Not before all have ended: a path that is gone answers 404, and its sender would not try again.
        all(processes.iter().map(|handle| handle.leave_ports())).await;
        reports.sort_by_key(|(index, _)| *index);
        self.run_stop_hooks(deadline).await;
        DrainReport::of(reports.into_iter().map(|(_, report)| report).collect())
    }

    async fn run_stop_hooks(&self, deadline: Instant) {
        let until = deadline.max(clock::after(HOOKS));
        loop {
            let Some(hook) = self.stop_hooks().pop() else { return };
            let location = hook.location;
            match timeout_at(until, hook.run()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%location, %error, "an `on_stop` hook failed"),
                Err(_) => tracing::error!(%location, "an `on_stop` hook did not end in time"),
            }
        }
    }

    fn stop_hooks(&self) -> std::sync::MutexGuard<'_, Vec<Hook>> {
        self.on_stop.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl DrainReport {
    fn of(processes: Vec<ProcessReport>) -> DrainReport {
        DrainReport {
            completed: processes.iter().map(|report| report.completed).sum(),
            dead_lettered: processes.iter().map(|report| report.dead_lettered).sum(),
            left: processes.iter().map(|report| report.left).sum(),
            processes,
        }
    }
}

/// One line, and one more for each process that has left something.
impl fmt::Display for DrainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DrainReport { completed, dead_lettered, left, processes } = self;
        write!(f, "drained: {completed} completed, {dead_lettered} dead-lettered, {left} left")?;
        let mut with_some = processes.iter().filter(|report| report.left > 0);
        with_some.try_for_each(|report| write!(f, "\n  {report}"))
    }
}

impl fmt::Display for ProcessReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ProcessReport { name, handler, location, left, stuck, .. } = self;
        write!(f, "{name}: {left} left")?;
        if *stuck > 0 {
            write!(
                f,
                ", {stuck} of them in `{handler}` at {location}, which was still running at the deadline"
            )?;
        }
        Ok(())
    }
}
