//! A process: the workers that take events from its queues, run its handler, and settle the events.
//!
//! The folder also has the arguments of handlers, what a handler returns, the search for handlers that wait for each other,
//! and the dead letters. It knows events, declarations and queues, and no source. Sources and the runtime use it.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, SystemTime};

use crate::declare::policy::Backoff;
use crate::event::{DeadLetter, DeadLetterReason, cut};
use crate::panic::{CatchUnwind, drop_quietly, poll_guarded};
use crate::process::dead_letter::CountedDeadLetters;
use crate::process::deadlock::{WaitGraph, Worker};
use crate::process::handler::{Attempt, Context, Env, HandlerResult, HandlerSlot, NewSlot};
use crate::queue::{Delivery, Inbox, RetryState, Settlement};

mod attempt;
pub(crate) mod dead_letter;
pub(crate) mod deadlock;
pub(crate) mod handler;
pub(crate) mod outcome;
mod time_slice;
mod timed;
pub(crate) mod waiting;
mod watch;

use attempt::{Failure, NextStep, classify, panicked, timed_out};
use time_slice::TimeSlice;
use timed::Timed;
use watch::Watch;
pub(crate) use watch::{Observed, Unobserved};

pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) new_slot: Arc<NewSlot>,
    pub(crate) policy: Policy,
    /// The queues of its triggers.
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) env: Arc<Env>,
    pub(crate) dead_letters: CountedDeadLetters,
    pub(crate) wait_graph: Arc<WaitGraph>,
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
        let worker = Worker::new(&self.inbox, number);
        let mut slot = (self.new_slot)();
        let mut slice = TimeSlice::default();
        while let Some(first) = Delivery::next(&self.inbox, || self.idle(&mut slice)).await {
            let mut first = Some(first);
            let handle = poll_fn(|task| {
                let handle =
                    |first| worker.within(|| self.handle_quick::<W>(first, &mut *slot, &mut slice, task));
                Poll::Ready(first.take().and_then(handle))
            });
            if let Some((delivery, polled, watch)) = handle.await {
                self.finish_async(delivery, polled, watch, worker, &mut *slot).await;
            }
            slice.yield_if_over().await;
        }
    }

    /// Begins a wait of a worker for the next event.
    fn idle(&self, slice: &mut TimeSlice) {
        slice.restart();
        // The queued events may be in lanes whose handlers wait for capacity in this very queue, or be expired. Then no
        // worker takes them.
        if self.inbox.is_keyed() || self.env.shutdown.is_cancelled() {
            self.wait_graph.check();
        }
    }

    /// Handles this event and the events behind it, until the queue is empty or the time slice is over. Returns the
    /// first event whose handler is not done at its first poll, because it waits or has failed.
    ///
    /// Most handlers of a program without I/O end at their first poll, so this is the hot path. It is not an async fn,
    /// which would move a delivery from state to state. It takes the inbox lock once for each event.
    fn handle_quick<'a, W: Watch>(
        &self,
        first: Delivery<'a>,
        slot: &mut dyn HandlerSlot,
        slice: &mut TimeSlice,
        task: &mut TaskContext<'_>,
    ) -> Option<(Delivery<'a>, Poll<HandlerResult>, W)> {
        let mut delivery = first;
        loop {
            let slice_over = slice.count();
            let watch = W::started(&delivery);
            match self.first_poll(&delivery, slot, task) {
                Poll::Ready(HandlerResult::Done) => watch.handled(&delivery),
                polled => return Some((delivery, polled, watch)),
            }
            let handled = if slice_over {
                delivery.settle(Settlement::Handled);
                None
            } else {
                delivery.settle_and_take()
            };
            // The drop of the event's bytes may be user code, and may panic.
            match handled {
                Some(handled) => drop_quietly(handled),
                None => {
                    drop_quietly(delivery);
                    return None;
                }
            }
        }
    }

    /// Calls the handler, and polls it for the first time.
    #[inline(always)]
    fn first_poll(
        &self,
        delivery: &Delivery<'_>,
        mut slot: &mut dyn HandlerSlot,
        task: &mut TaskContext<'_>,
    ) -> Poll<HandlerResult> {
        let (number, last_error) = match delivery.retry() {
            Some(state) => (state.failed_attempts.saturating_add(1), Some(Arc::clone(&state.last_error))),
            None => (1, None),
        };
        let attempt = Attempt::of(number, last_error);
        let cx = Context::of(delivery.event(), attempt, &self.env);
        poll_guarded(&mut slot, |slot| slot.first_poll(&cx, task)).map(panicked)
    }

    /// Runs a handler to its end after its first poll, and settles its event.
    async fn finish_async(
        &self,
        mut delivery: Delivery<'_>,
        polled: Poll<HandlerResult>,
        watch: impl Watch,
        worker: Worker,
        slot: &mut dyn HandlerSlot,
    ) {
        let mut waits_since = None;
        let result = match polled {
            Poll::Ready(result) => Ok(result),
            Poll::Pending => {
                waits_since = Some(self.env.clock.now());
                let running = worker.run(CatchUnwind::in_place(slot));
                let ended = Timed::waiting(running, self.policy.timeout).await;
                ended.map(panicked).map_err(timed_out)
            }
        };
        match result.and_then(classify) {
            Ok(()) => {
                watch.handled(&delivery);
                delivery.settle(Settlement::Handled);
            }
            Err(failure) => {
                let began = waits_since.unwrap_or_else(|| self.env.clock.now());
                self.fail(&mut delivery, failure, began, watch);
            }
        }
        drop_quietly(delivery);
    }

    /// Settles an event after an attempt that did not handle it, with a retry or as dead-lettered.
    fn fail(&self, delivery: &mut Delivery<'_>, failure: Failure, began: SystemTime, watch: impl Watch) {
        let number = delivery.attempt();
        let after = match failure.next {
            NextStep::DeadLetter { failed } => {
                return self.dead_letter(delivery, failure, began, failed, watch);
            }
            _ if number > self.policy.retry => {
                return self.dead_letter(delivery, failure, began, true, watch);
            }
            NextStep::RetryAfter(after) => after,
            NextStep::Retry => self.policy.backoff.delay(delivery.event().id(), number),
        };
        watch.retried(delivery, &failure, after);
        let error = failure.error;
        tracing::warn!(
            process = %self.name,
            trigger = delivery.event().trigger_id(),
            event = %delivery.event().id(),
            attempt = number,
            ?after,
            %error,
            "attempt failed, retrying"
        );
        let first_at = delivery.retry().map_or(began, |state| state.first_at);
        let state = RetryState { failed_attempts: number, last_error: cut(error).into(), first_at };
        delivery.settle(Settlement::Retry { after, state });
    }

    fn dead_letter(
        &self,
        delivery: &mut Delivery<'_>,
        failure: Failure,
        began: SystemTime,
        failed: bool,
        watch: impl Watch,
    ) {
        let before = delivery.retry();
        // An event that does not decode has no attempt, because the handler is not called.
        let attempted = u32::from(failed || failure.reason != DeadLetterReason::Decode);
        let attempts = before.map_or(0, |state| state.failed_attempts).saturating_add(attempted);
        watch.dead_lettered(delivery, &failure, failed, attempts);
        let Failure { reason, error, .. } = failure;
        let event = delivery.event();
        tracing::error!(
            process = %self.name,
            trigger = event.trigger_id(),
            event = %event.id(),
            %reason,
            %error,
            "event dead-lettered"
        );
        let dead_letter = DeadLetter::new(event.without_json(), &*self.name, reason, error)
            .attempts(attempts)
            .between(before.map_or(began, |state| state.first_at), self.env.clock.now());
        self.dead_letters.keep(dead_letter);
        delivery.settle(Settlement::DeadLettered { failed });
    }
}
