//! A process: the workers that take events from its queues, run its handler, and settle the events.
//!
//! The folder also has the arguments of handlers, what a handler returns, the search for handlers that wait for each other,
//! and the dead letters. It knows events, declarations and queues, and no source. Sources and the runtime use it.

use std::sync::Arc;
use std::time::Duration;

use crate::declare::policy::Backoff;
use crate::log_limit::LogLimit;
use crate::process::dead_letter::CountedDeadLetters;
use crate::process::deadlock::{WaitGraph, Worker};
use crate::process::handler::{Env, NewSlot};
use crate::queue::{Delivery, Inbox};

mod attempt;
pub(crate) mod cascade;
pub(crate) mod dead_letter;
pub(crate) mod deadlock;
pub(crate) mod handler;
pub(crate) mod outcome;
mod span;
mod time_slice;
mod timeout;
pub(crate) mod waiting;
mod watch;

use attempt::{Turn, WorkerState};
use time_slice::TimeSlice;
pub(crate) use watch::{Observed, Unobserved, Watch};

pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) new_slot: Arc<NewSlot>,
    pub(crate) policy: Policy,
    /// The queues of its triggers.
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) env: Arc<Env>,
    pub(crate) dead_letters: CountedDeadLetters,
    pub(crate) wait_graph: Arc<WaitGraph>,
    pub(crate) logs: LogLimits,
}

/// The limits of the lines that a process may repeat.
#[derive(Default)]
pub(crate) struct LogLimits {
    retried: LogLimit,
    dead_lettered: LogLimit,
}

/// The policy by which a process handles its events.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub(crate) concurrency: usize,
    /// The longest time of an attempt.
    pub(crate) timeout: Option<Duration>,
    /// The maximum number of retries of an event.
    pub(crate) retry: u32,
    pub(crate) backoff: Backoff,
}

impl Process {
    /// Runs one worker: handles events until every queue is closed and empty, or the task is aborted.
    ///
    /// A worker that is aborted in the middle of a handler requeues the event. Tokio aborts a task only at an await. A
    /// handler that never awaits runs to its end and then finds the inbox abandoned.
    ///
    /// `W` reports the attempts of the worker to the observers, or does nothing.
    pub(crate) async fn work<W: Watch>(self: Arc<Self>, number: usize) {
        let slot = span::within_span(&self, (self.new_slot)());
        let mut state = WorkerState::new(Worker::new(&self.inbox, number), slot);
        while let Some(delivery) = Delivery::next(&self.inbox, || self.idle(&mut state.slice)).await {
            Turn::<W>::new(&self, delivery, &mut state).await;
            state.slice.yield_if_over().await;
        }
    }

    /// Begins a wait of a worker for the next event.
    fn idle(&self, slice: &mut TimeSlice) {
        slice.restart();
        // The queued events may be in lanes whose handlers wait for capacity in this very queue, or be expired. Then no
        // worker takes them.
        if self.inbox.is_keyed() || self.env.shutdown.is_cancelled() {
            self.wait_graph.check(&self.inbox);
        }
    }
}
