//! What became of the events of a drain: the report of a runtime, and that of one process.

use std::fmt;
use std::ops::Add;

use serde::Serialize;

/// What became of the events that were pending when the drain began, and of those that their handlers published.
///
/// ```
/// # use trigger_core::{ProcessConfig, Runtime, Text, TriggerConfig};
/// # async fn example() -> trigger_core::Result {
/// let config = ProcessConfig::new().trigger(TriggerConfig::message("reports.*").queue(500)).concurrency(4);
/// let runtime = Runtime::builder().process("archive", config, |_: Text| async {}).start().await?;
/// let report = runtime.shutdown().await;
/// assert_eq!((report.completed, report.dead_lettered, report.left), (0, 0, 0));
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DrainReport {
    /// Events handled during the drain.
    pub completed: u64,
    /// Events dead-lettered during the drain, except those of `left`.
    pub dead_lettered: u64,
    /// Events given back to what keeps them, such as a store: see [`Receipt`](crate::Receipt). They are delivered again by
    /// another process, or after the next start.
    pub released: u64,
    /// All other events: still queued at the deadline, cancelled in the middle of their handler, or waiting for a retry
    /// that was due after it. They are dead letters now, with the reason
    /// [`Drained`](crate::DeadLetterReason::Drained). Only a handler that blocks its thread keeps its event.
    pub left: usize,
    /// Events handled since the start, those of removed processes and of the drain included.
    pub total_completed: u64,
    /// Events dead-lettered since the start, those of removed processes and of the drain included, except those of `left`.
    pub total_dead_lettered: u64,
    /// The same for each process, in the order of their declaration.
    pub processes: Vec<ProcessReport>,
}

/// What became of the events of one process: its part of a [`DrainReport`].
///
/// ```
/// # use trigger_core::{ProcessConfig, Runtime, Text, TriggerConfig};
/// # async fn example() -> trigger_core::Result {
/// let config = ProcessConfig::new().trigger(TriggerConfig::message("reports.*").queue(500)).concurrency(4);
/// let runtime = Runtime::builder().process("archive", config, |_: Text| async {}).start().await?;
/// let report = runtime.remove_process("archive").await?;
/// assert_eq!((&*report.name, report.completed, report.left), ("archive", 0, 0));
/// # runtime.shutdown().await;
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProcessReport {
    /// The name of the process.
    pub name: String,
    /// Its handler, by its path.
    pub handler: String,
    /// Where the handler was declared, as `file:line`.
    pub location: String,
    /// Events handled since the process began to end.
    pub completed: u64,
    /// Events dead-lettered since then, except those of `left`.
    pub dead_lettered: u64,
    /// Events given back, as in [`DrainReport::released`].
    pub released: u64,
    /// All other events, as in [`DrainReport::left`].
    pub left: usize,
    /// Events handled since the process was started.
    pub total_completed: u64,
    /// Events dead-lettered since the process was started, except those of `left`.
    pub total_dead_lettered: u64,
    /// How many of those left had a handler that still ran at the deadline.
    pub stuck: u64,
}

/// The events that a process has settled since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) handled: u64,
    pub(super) dead_lettered: u64,
}

impl Add for Settled {
    type Output = Settled;

    fn add(self, other: Settled) -> Settled {
        let Settled { handled, dead_lettered } = other;
        Settled { handled: self.handled + handled, dead_lettered: self.dead_lettered + dead_lettered }
    }
}

impl DrainReport {
    /// Sums up the reports of the processes. `removed` are the settled events of removed processes.
    pub(super) fn of(processes: Vec<ProcessReport>, removed: Settled) -> DrainReport {
        let total = |of: fn(&ProcessReport) -> u64| processes.iter().map(of).sum::<u64>();
        DrainReport {
            completed: processes.iter().map(|report| report.completed).sum(),
            dead_lettered: processes.iter().map(|report| report.dead_lettered).sum(),
            released: processes.iter().map(|report| report.released).sum(),
            left: processes.iter().map(|report| report.left).sum(),
            total_completed: removed.handled + total(|report| report.total_completed),
            total_dead_lettered: removed.dead_lettered + total(|report| report.total_dead_lettered),
            processes,
        }
    }
}

/// One line, and one more for each process that has left events.
impl fmt::Display for DrainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DrainReport { completed, dead_lettered, released, left, processes, .. } = self;
        write!(f, "drained: {completed} completed, {dead_lettered} dead-lettered, ")?;
        if *released > 0 {
            write!(f, "{released} given back, ")?;
        }
        let DrainReport { total_completed, total_dead_lettered, .. } = self;
        write!(
            f,
            "{left} left; since the start: {total_completed} completed, {total_dead_lettered} dead-lettered"
        )?;
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
