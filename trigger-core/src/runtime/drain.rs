//! The end of a runtime, and of one process, step by step.
//!
//! [`Runtime::drain`] reads from top to bottom; [`ProcessHandle::drain`] takes the same steps for one process. Each step says
//! its invariant, which holds when the step is over, and the race that it prevents.
//!
//! One caller drives a drain, and holds a lock meanwhile; every other caller waits for the lock, and then finds the report in
//! the phase. If the driving future is dropped, the next caller takes all steps again. That is safe: a step that is over
//! has no effect the second time, and the phase keeps the deadline.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::Runtime;
use super::hooks::Hook;
use super::process_handle::ProcessHandle;
use super::report::{DrainReport, ProcessReport, Settled};
use crate::clock;
use crate::event::{DeadLetter, DeadLetterReason, printable};
use crate::observe::observer::{Ended, ObservedEnd};
use crate::panic::drop_quietly;
use crate::queue::Left;
use crate::source::BoundTrigger;
use crate::task::{self, all, all_of_many};

/// How long aborted workers may take to end. One whose handler blocks its thread never does.
const ABORT_GRACE: Duration = Duration::from_millis(100);

/// How long the `on_stop` hooks may take together, if the drain has left less of its deadline.
const STOP_HOOKS_LIMIT: Duration = Duration::from_secs(5);

impl Runtime {
    /// Drains the runtime, or waits for the caller that does.
    pub(super) async fn drain(&self) -> DrainReport {
        let mut hooks = self.stop_hooks.lock().await;
        let deadline = match self.phase.begin_drain(self.drain_deadline) {
            ControlFlow::Continue(deadline) => deadline,
            ControlFlow::Break(report) => return report,
        };

        // 1. Begin the drain of every process, and notify the handlers.
        let (processes, removed) = self.begin_drains(deadline).await;

        // 2. Wait until no event is pending, or for the deadline.
        // Invariant, if in time: no event is pending, and none is accepted any more.
        // Race: the settlement of the last pending event also ends the count. Otherwise a publisher could start a
        // cascade before the queues close, and their close would cut it.
        let quiescent = async {
            all_of_many(processes.iter().map(|process| process.refuse()).collect()).await;
            self.context.quiescence.ended().await;
        };
        let in_time = !self.phase.is_cancelling() && timeout_at(deadline, quiescent).await.is_ok();

        // 3. After the deadline, cancel the handlers that still run.
        // Invariant: no handler runs, except one that blocks its thread.
        // Race: all handlers end before the first queue closes. Otherwise a handler could publish to a closed queue,
        // and complete although no process takes its event.
        if !in_time {
            self.phase.cancel();
            all_of_many(processes.iter().map(|process| process.cancel()).collect()).await;
        }

        // 4. Refuse publications, and end each process.
        // Invariant: no publication succeeds without a trigger because its process has ended, unless the program has the bus
        // or the broker too.
        // Race: the routes close after the last handler has published, and before the first queue closes.
        self.context.close_publications();
        let reports = all_of_many(processes.iter().map(|process| process.end()).collect()).await;

        // 5. Close the sources.
        // Invariant: every port is closed.
        // Race: all processes end before the first path is gone. A path that is gone answers 404 instead of 503, and
        // the sender would not try again.
        all_of_many(processes.iter().map(|process| process.close_sources()).collect()).await;

        // 6. Run the hooks.
        let owner = Arc::as_ptr(&self.phase).addr();
        task::owned_by(owner, run_stop_hooks(&mut hooks, deadline)).await;

        // 7. Close the store.
        // Invariant: everything that it was told is safe, unless it took too long.
        if let Some(store) = &self.context.store {
            let until = deadline.max(clock::after(STOP_HOOKS_LIMIT));
            if timeout_at(until, store.close()).await.is_err() {
                tracing::error!("the store was not closed in time");
            }
        }

        // 8. Report. The phase changes after the last await. Otherwise a second caller could get the report of a drain
        // whose future was dropped before its end.
        let report = DrainReport::of(reports, removed);
        self.phase.stop(report.clone());
        report
    }

    /// Begins the drain of every process, notifies the handlers, and returns the processes to drain, and what removed ones
    /// settled.
    ///
    /// Invariant: every process of the runtime is draining, and none is added any more.
    async fn begin_drains(&self, deadline: Instant) -> (Vec<Arc<ProcessHandle>>, Settled) {
        // Each process counts its settled events before the handlers are notified. Otherwise the report would not count
        // the handlers that end because of the notification.
        let present = self.processes();
        present.iter().for_each(|process| process.begin_drain(deadline));
        self.context.env.shutdown.cancel();
        // A process that is being added may have accepted events already. Wait until it is admitted, or its addition has
        // seen the phase. The lookup of its host name may take longer than the drain; then it is refused.
        let admitted = async { drop(timeout_at(deadline, self.adding.lock()).await) };
        // Meanwhile no source takes an event from outside.
        let refused =
            timeout_at(deadline, all_of_many(present.iter().map(|process| process.refuse()).collect()));
        let _ = tokio::join!(refused, admitted);
        let (processes, removed) = self.phase.seal();
        processes.iter().for_each(|process| process.begin_drain(deadline));
        (processes, removed)
    }
}

/// Runs the hooks, the last one first.
///
/// Invariant: no hook is left. Each is removed before it runs. Otherwise a caller that continues the drain would run it
/// again.
async fn run_stop_hooks(hooks: &mut Vec<Hook>, deadline: Instant) {
    let until = deadline.max(clock::after(STOP_HOOKS_LIMIT));
    while let Some(hook) = hooks.pop() {
        let location = hook.location;
        match timeout_at(until, hook.run()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let error = printable(error.to_string());
                tracing::error!(%location, %error, "an `on_stop` hook failed");
            }
            Err(_) => tracing::error!(%location, "an `on_stop` hook did not end in time"),
        }
    }
}

impl ProcessHandle {
    /// Drains one process while the others go on.
    ///
    /// The others may publish to it for ever, so step 2 waits for its sources alone, and step 4 closes its queues
    /// before it waits for the workers. It has no hooks.
    pub(super) async fn drain(&self, deadline: Instant) -> ProcessReport {
        // 1. Begin. Its handlers are not notified: `Shutdown` belongs to the runtime.
        self.begin_drain(deadline);
        // 2. Take nothing from outside any more. Wait for that, or for the deadline.
        if timeout_at(deadline, self.refuse()).await.is_err() {
            // 3. After the deadline, cancel the handlers.
            self.cancel().await;
        }
        // 4. End the process.
        let report = self.end().await;
        // 5. Close the sources.
        self.close_sources().await;
        report
    }

    /// Step 1: begins to drain. Events of every kind still arrive.
    fn begin_drain(&self, deadline: Instant) {
        if !self.phase.begin_drain(deadline, self.settled()) {
            return;
        }
        self.process.inbox.drain_until(deadline);
        // A handler may wait for the capacity that an expired retry holds, which is never freed.
        self.process.wait_graph.check(&self.process.inbox);
    }

    /// Step 2: takes no more events from outside: webhooks answer 503, and custom sources stop. Waits until the events that
    /// they have taken are queued. Events and messages still arrive.
    async fn refuse(&self) {
        all(self.triggers.iter().map(BoundTrigger::refuse)).await;
        self.source_tasks.stop_token().cancel();
        self.source_tasks.ended().await;
    }

    /// Step 3: cancels the handlers that still run, and requeues their events. Waits until the workers have ended, or for the
    /// end of the grace period.
    async fn cancel(&self) {
        let in_flight = self.in_flight();
        if let Some(workers) = self.phase.cancel(clock::after(ABORT_GRACE)) {
            if in_flight > 0 {
                let (process, location) = (self.name(), self.declaration.location);
                let handler = self.declaration.path();
                tracing::error!(%process, %handler, %location, in_flight, "still running at the drain deadline, cancelling");
            }
            self.abort_workers(&workers);
        }
        if let Some(grace_ends) = self.phase.grace_ends() {
            let _ = timeout_at(grace_ends, self.workers.ended()).await;
        }
    }

    /// Step 4: closes the queues, waits for the workers until the deadline, and keeps the events that are left as dead
    /// letters. One caller does; every other caller waits for it.
    ///
    /// Invariant: every accepted event is handled, a dead letter, or counted as left.
    async fn end(&self) -> ProcessReport {
        let _driver = self.ending.lock().await;
        if let Some(report) = self.phase.report() {
            return report;
        }
        // The tasks of the sources stop before the queues close, so that they leave the next event where it is.
        self.source_tasks.stop_token().cancel();
        self.close();
        if let Some(deadline) = self.phase.deadline()
            && timeout_at(deadline, self.workers.ended()).await.is_err()
        {
            self.cancel().await;
        }
        if self.workers.running() > 0 {
            let (process, location) = (self.name(), self.declaration.location);
            let handler = self.declaration.path();
            tracing::error!(%process, %handler, %location, "the handler blocks its thread and cannot be cancelled");
        }
        // A task may have taken an event just before it was stopped. It queues that event before it ends, so the count of the
        // events left comes after.
        self.source_tasks.ended_within(ABORT_GRACE).await;
        self.retry_clock.stop_token().cancel();
        self.retry_clock.ended_within(ABORT_GRACE).await;
        let left =
            self.keep_left() + self.triggers.iter().map(|trigger| trigger.source.left()).sum::<usize>();
        self.process.wait_graph.remove(&self.process.inbox);
        let report = self.report(left);
        self.phase.stop(report.clone());
        report
    }

    /// Step 5: closes the sources, which leave their ports. Their paths answer 503 until then.
    async fn close_sources(&self) {
        all(self.triggers.iter().map(BoundTrigger::close)).await;
    }

    /// Ends the process at once: its runtime is dropped, or the future of its addition was. Queued events are lost.
    pub(super) fn abort(&self) {
        for tasks in [&*self.source_tasks, &self.retry_clock] {
            tasks.stop_token().cancel();
        }
        self.close();
        let workers = self.phase.cancel(clock::instant()).unwrap_or_default();
        self.abort_workers(&workers);
        self.process.wait_graph.remove(&self.process.inbox);
    }

    fn abort_workers(&self, workers: &[AbortHandle]) {
        // The inbox is abandoned first. Otherwise a worker that is not aborted yet could take the event that an aborted
        // one requeues.
        self.process.inbox.abandon();
        workers.iter().for_each(AbortHandle::abort);
    }

    /// Keeps the queued events as dead letters, so that the program can still read them. Gives those back that something
    /// else keeps. Returns how many events are left, with those in flight.
    fn keep_left(&self) -> usize {
        let inbox = &self.process.inbox;
        let left = inbox.left();
        inbox.report_admitted();
        for left in left {
            if let Some(observed) = inbox.observed() {
                let drained = Ended::DeadLettered(DeadLetterReason::Drained);
                observed.settled(&ObservedEnd {
                    event: observed.event(left.trigger, left.event.frame()),
                    how: if left.is_held { Ended::Released } else { drained },
                    attempts: left.retry.as_ref().map_or(0, |state| state.failed_attempts),
                    duration: None,
                });
            }
            if !left.is_held {
                self.keep_one_left(left);
            }
        }
        inbox.release_held();
        let left: usize = self.triggers.iter().map(|trigger| trigger.queue().len()).sum();
        left + usize::try_from(self.in_flight()).unwrap_or(usize::MAX)
    }

    fn keep_one_left(&self, Left { event, retry, .. }: Left<'_>) {
        let now = self.process.env.clock.now();
        let error = retry.as_ref().map_or_else(
            || "it was not handled before the end".to_owned(),
            |state| format!("there was no time for a retry after: {}", state.last_error),
        );
        let attempts = retry.as_ref().map_or(0, |state| state.failed_attempts);
        let dead_letter = DeadLetter::new(event, self.name(), DeadLetterReason::Drained, error)
            .attempts(attempts)
            .between(retry.map_or(now, |state| state.first_at), now);
        if self.process.env.shutdown.is_cancelled() {
            // The triggers for dead letters end too, so no process would handle a notification.
            self.process.dead_letters.keep_without_notifying(dead_letter);
        } else {
            drop_quietly(self.process.dead_letters.keep(dead_letter));
        }
    }

    fn report(&self, left: usize) -> ProcessReport {
        let (before, settled) = (self.phase.settled_before(), self.settled());
        ProcessReport {
            name: self.name().to_owned(),
            handler: self.declaration.path(),
            location: self.declaration.location.to_string(),
            completed: settled.handled - before.handled,
            dead_lettered: settled.dead_lettered - before.dead_lettered,
            released: self.ledgers().map(|ledger| ledger.released).sum(),
            left,
            total_completed: settled.handled,
            total_dead_lettered: settled.dead_lettered,
            // No worker takes a requeued event again after the cancellation.
            stuck: self.ledgers().map(|ledger| ledger.requeued + ledger.in_flight()).sum(),
        }
    }
}
