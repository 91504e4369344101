//! One attempt at an event: the worker calls the handler, polls it to its end, and settles the event. Here are the timeout,
//! the retry and the dead letter.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, SystemTime};

use super::Process;
use super::time_slice::TimeSlice;
use super::timeout::Timer;
use super::watch::Watch;
use crate::clock::{self, Instant};
use crate::event::error::Error;
use crate::event::{DeadLetter, DeadLetterReason, RetryState, printable};
use crate::panic::{clear_quietly, drop_quietly, guard, poll_guarded};
use crate::process::cascade;
use crate::process::deadlock::Worker;
use crate::process::handler::{Attempt, Context, HandlerResult, HandlerSlot, Rejection};
use crate::process::outcome::Outcome;
use crate::queue::{Delivery, Settlement};

/// What one worker uses again for each event.
pub(super) struct WorkerState {
    worker: Worker,
    /// The memory in which the handler runs.
    slot: Box<dyn HandlerSlot>,
    pub(super) slice: TimeSlice,
    timer: Timer,
}

impl WorkerState {
    pub(super) fn new(worker: Worker, slot: Box<dyn HandlerSlot>) -> WorkerState {
        WorkerState { worker, slot, slice: TimeSlice::default(), timer: Timer::default() }
    }
}

/// The attempts of a worker at an event and those behind it, until the queue is empty, the time slice is over, or an attempt
/// has failed.
///
/// It is not an async fn, which would move a delivery from state to state. A worker takes the lock of the inbox once for
/// each event: a settlement and the next take are one transition, also after a handler that waited.
///
/// A drop in the middle of a handler drops the handler, and requeues the event.
pub(super) struct Turn<'a, W: Watch> {
    process: &'a Process,
    state: &'a mut WorkerState,
    /// `None` at the end of the turn.
    delivery: Option<Delivery<'a>>,
    running: Option<Running<W>>,
}

/// An attempt whose handler waits.
struct Running<W> {
    /// By tokio's clock, whose reading is cheaper and which the timeout needs too.
    since: Instant,
    watch: W,
}

impl<W: Watch> Future for Turn<'_, W> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<()> {
        let turn = &mut *self;
        turn.state.worker.within(|| turn.run(task))
    }
}

impl<'a, W: Watch> Turn<'a, W> {
    pub(super) fn new(
        process: &'a Process,
        delivery: Delivery<'a>,
        state: &'a mut WorkerState,
    ) -> Turn<'a, W> {
        Turn { process, state, delivery: Some(delivery), running: None }
    }

    fn run(&mut self, task: &mut TaskContext<'_>) -> Poll<()> {
        let Turn { process, state, delivery: place, running } = self;
        let Some(delivery) = place else { return Poll::Ready(()) };
        let mut resumed = running.is_some();
        loop {
            let watch = match running {
                Some(Running { watch, .. }) => *watch,
                None => W::started(delivery),
            };
            cascade::handle(delivery.event().frame());
            let polled = if resumed {
                // Other tasks ran while the handler waited.
                state.slice.restart();
                poll_guarded(&mut *state.slot, |slot| slot.poll(task)).map(panicked)
            } else {
                process.first_poll(delivery, &mut *state.slot, task)
            };
            let result = match polled {
                Poll::Ready(HandlerResult::Done) => Ok(()),
                Poll::Ready(result) => classify(result),
                Poll::Pending => match process.wait(state, running, watch, task) {
                    Poll::Ready(limit) => Err(timed_out(limit)),
                    Poll::Pending => return Poll::Pending,
                },
            };
            if let Err(failure) = result {
                let waited = running.take().map(|running| clock::instant() - running.since);
                process.fail(delivery, failure, waited.unwrap_or_default(), watch);
                break;
            }
            if resumed {
                (*running, resumed) = (None, false);
            }
            watch.handled(delivery);
            if state.slice.count() {
                delivery.settle(Settlement::Handled);
                break;
            }
            match delivery.settle_and_take() {
                // The drop of the event's bytes may be user code, and may panic.
                Some(handled) => drop_quietly(handled),
                None => break,
            }
        }
        drop_quietly(place.take());
        Poll::Ready(())
    }
}

impl<W: Watch> Drop for Turn<'_, W> {
    fn drop(&mut self) {
        if self.running.is_some() {
            clear_quietly(&mut *self.state.slot);
        }
        drop_quietly(self.delivery.take());
    }
}

impl Process {
    /// Calls the handler, and polls it for the first time. Most handlers without I/O end at this poll.
    #[inline(always)]
    fn first_poll(
        &self,
        delivery: &Delivery<'_>,
        slot: &mut (dyn HandlerSlot + 'static),
        task: &mut TaskContext<'_>,
    ) -> Poll<HandlerResult> {
        let (number, last_error) = match delivery.retry() {
            Some(state) => (state.failed_attempts.saturating_add(1), Some(Arc::clone(&state.last_error))),
            None => (1, None),
        };
        let attempt = Attempt::of(number, last_error);
        let cx = Context::of(delivery.event(), attempt, &self.env);
        poll_guarded(slot, |slot| slot.first_poll(&cx, task)).map(panicked)
    }

    /// Continues the wait of a handler, or begins it with the timeout. Completes with the limit once the timeout is over;
    /// the handler is then dropped.
    fn wait<W: Watch>(
        &self,
        state: &mut WorkerState,
        running: &mut Option<Running<W>>,
        watch: W,
        task: &mut TaskContext<'_>,
    ) -> Poll<Duration> {
        if running.is_none() {
            let since = clock::instant();
            *running = Some(Running { since, watch });
            self.policy.timeout.iter().for_each(|limit| state.timer.start(since, *limit));
        }
        let Some(limit) = self.policy.timeout else { return Poll::Pending };
        state.timer.poll(task).map(|()| {
            clear_quietly(&mut *state.slot);
            limit
        })
    }

    /// Settles an event after an attempt that did not handle it, with a retry or as dead-lettered.
    /// `waited` is how long the handler waited.
    fn fail(&self, delivery: &mut Delivery<'_>, mut failure: Failure, waited: Duration, watch: impl Watch) {
        let now = self.env.clock.now();
        let began = now.checked_sub(waited).unwrap_or(now);
        let number = delivery.attempt();
        let after = match failure.next {
            NextStep::DeadLetter { failed } => {
                return self.dead_letter(delivery, failure, began, failed, watch);
            }
            _ if number > self.policy.retry => {
                // An event with one attempt has had no retry that could be used up.
                if number > 1 && failure.reason == DeadLetterReason::Failed {
                    failure.reason = DeadLetterReason::RetriesExhausted;
                }
                return self.dead_letter(delivery, failure, began, true, watch);
            }
            NextStep::RetryAfter(after) => after,
            NextStep::Retry => self.policy.backoff.delay(delivery.event().id(), number),
        };
        watch.retried(delivery, (failure.reason, &failure.error), after);
        let error = failure.error;
        self.logs.retried.log(&self.name, || {
            tracing::warn!(
                process = %self.name,
                trigger = delivery.event().trigger_id(),
                event = %delivery.event().id(),
                attempt = number,
                ?after,
                %error,
                "attempt failed, retrying"
            );
        });
        let first_at = delivery.retry().map_or(began, |state| state.first_at);
        let state = RetryState { failed_attempts: number, last_error: error.into(), first_at };
        let due = self.env.clock.after(after);
        delivery.settle(Settlement::Retry { after, due, state });
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
        watch.dead_lettered(delivery, (failure.reason, &failure.error), failed, attempts);
        let Failure { reason, error, .. } = failure;
        let event = delivery.event();
        self.logs.dead_lettered.log(&self.name, || {
            tracing::error!(
                process = %self.name,
                trigger = event.trigger_id(),
                event = %event.id(),
                %reason,
                %error,
                "event dead-lettered"
            );
        });
        let dead_letter = DeadLetter::new(event.without_json(), &*self.name, reason, error)
            .attempts(attempts)
            .between(before.map_or(began, |state| state.first_at), self.env.clock.now());
        let dead_letter = self.dead_letters.keep(dead_letter);
        delivery.settle(Settlement::DeadLettered { failed, dead_letter: &dead_letter });
        // It may have been cleared in the meantime, so this may be the last reference.
        drop_quietly(dead_letter);
    }
}

/// Why an attempt did not handle its event.
struct Failure {
    reason: DeadLetterReason,
    /// Made by [`printable`], because it may quote the event.
    error: String,
    next: NextStep,
}

/// The next step after an attempt that did not handle its event.
enum NextStep {
    /// A dead letter. `failed` is `true` if an attempt was made and failed.
    DeadLetter { failed: bool },
    /// A retry after the backoff of the policy, if the policy allows one.
    Retry,
    /// A retry after the time that the handler requested, if the policy allows one.
    RetryAfter(Duration),
}

/// Returns the failure of a handler that did not handle its event.
fn classify(result: HandlerResult) -> Result<(), Failure> {
    let outcome = match result {
        HandlerResult::Done => return Ok(()),
        HandlerResult::Other(outcome) => *outcome,
        HandlerResult::Rejected(rejection) => return Err(undecodable(&rejection)),
        HandlerResult::Panicked(panic) => {
            let next = NextStep::Retry;
            return Err(Failure { reason: DeadLetterReason::Panicked, error: *panic, next });
        }
    };
    match outcome {
        Ok(Outcome::Done) => Ok(()),
        Ok(Outcome::Reject(reason)) => Err(Failure {
            reason: DeadLetterReason::Rejected,
            error: printable(reason),
            // A rejection is an answer, not a failure.
            next: NextStep::DeadLetter { failed: false },
        }),
        Ok(Outcome::Retry(after)) => Err(Failure {
            reason: DeadLetterReason::Failed,
            error: format!("the handler asked for a retry after {after:?}"),
            next: NextStep::RetryAfter(after),
        }),
        Err(error) => {
            let text = text_of(&error);
            // It walks the sources of the error, which is user code too.
            let permanent = guard(|| error.is_permanent()).unwrap_or(false);
            drop_quietly(error);
            Err(if permanent {
                let next = NextStep::DeadLetter { failed: true };
                Failure { reason: DeadLetterReason::Rejected, error: text, next }
            } else {
                Failure { reason: DeadLetterReason::Failed, error: text, next: NextStep::Retry }
            })
        }
    }
}

fn undecodable(rejection: &Rejection) -> Failure {
    let next = NextStep::DeadLetter { failed: false };
    Failure { reason: DeadLetterReason::Decode, error: rejection.to_string(), next }
}

fn timed_out(limit: Duration) -> Failure {
    let error = format!("the handler took longer than {limit:?}");
    Failure { reason: DeadLetterReason::TimedOut, error, next: NextStep::Retry }
}

/// Returns the result of a handler that ran under the panic guard.
fn panicked(result: Result<HandlerResult, String>) -> HandlerResult {
    result.unwrap_or_else(|panic| HandlerResult::Panicked(Box::new(panic)))
}

/// Returns the text of an error. Its `Display` is user code and may panic.
fn text_of(error: &Error) -> String {
    let text = guard(|| error.to_string()).unwrap_or_else(|_| "an error that cannot be shown".to_owned());
    printable(text)
}
