//! A process: a handler, its inbox, and the workers that carry events from one to the other.
//!
//! It has as many workers as its concurrency. A worker takes an event, runs the handler to its end, settles the
//! event and takes the next; so nothing is spawned for an event, and one worker keeps the order. An event that is to be
//! tried again goes back to the inbox until it is due, so that the worker is free meanwhile.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, SystemTime};

use crate::clock;
use crate::dead_letter::DeadLetters;
use crate::deadlock::{Waits, Worker};
use crate::error::Error;
use crate::event::{DeadLetter, DeadLetterReason};
use crate::handler::{Attempt, Call, Context, Ended, Env, NewCall, Rejection};
use crate::outcome::Outcome;
use crate::policy::Backoff;
use crate::queue::{Delivery, Inbox, Settlement, Tries};

pub(crate) mod panic;
mod timed;
mod turn;

use panic::{CatchUnwind, drop_quietly, guard};
use timed::{Timed, TimedOut};
use turn::Turn;

pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) call: Arc<NewCall>,
    pub(crate) policy: Policy,
    /// The queues of its triggers.
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) env: Arc<Env>,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) waits: Arc<Waits>,
}

/// How events are handled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub(crate) concurrency: usize,
    /// The longest that an attempt may take.
    pub(crate) timeout: Option<Duration>,
    /// How many attempts may follow the first.
    pub(crate) retry: u32,
    pub(crate) backoff: Backoff,
}

/// How one attempt went wrong.
struct Failure {
    reason: DeadLetterReason,
    error: String,
    then: Then,
}

/// What may follow an attempt that went wrong.
enum Then {
    /// Nothing. `failed` says whether an attempt was made at all, and failed.
    Nothing { failed: bool },
    /// Another one, if the policy allows it, when the policy says.
    Retry,
    /// The same, when the handler says.
    RetryAfter(Duration),
}

impl Process {
    /// One worker: handles events until every queue is closed and empty, or it is told to stop.
    ///
    /// Aborted in the middle of a handler, it gives the event back to its queue. An abort bites only where a task
    /// waits, and a handler that never does would go on to the next event; but an inbox that was abandoned has none.
    pub(crate) async fn work(self: Arc<Self>, number: usize) {
        let worker = Worker::new(&self.inbox, number);
        let mut call = (self.call)();
        let mut turn = Turn::default();
        while let Some(first) = self.next(&mut turn).await {
            let mut first = Some(first);
            let handle = poll_fn(|task| {
                let quick = |first| worker.within(|| self.handle(first, &mut *call, &mut turn, task));
                Poll::Ready(first.take().and_then(quick))
            });
            if let Some((delivery, begun)) = handle.await {
                self.go_on(delivery, begun, worker, &mut *call).await;
            }
            turn.give_way().await;
        }
    }

    async fn next(&self, turn: &mut Turn) -> Option<Delivery<'_>> {
        let idle = || {
            turn.end();
            // What is queued may be of keys whose handlers wait for room in this very queue, or not be waited for any
            // more.
            if self.inbox.is_keyed() || self.env.shutdown.is_cancelled() {
                self.waits.look();
            }
        };
        self.inbox.next(idle).await
    }

    /// Handles this event and those behind it, as long as there are any and the turn is not over. Returns at the first
    /// that is not done at once: its handler waits, or has failed.
    ///
    /// Most handlers of most programs are done at once, so this is the path whose cost counts. It is no async fn, in which
    /// a delivery would be moved from one state to the next, and takes the lock once for an event.
    fn handle<'a>(
        &self,
        first: Delivery<'a>,
        call: &mut dyn Call,
        turn: &mut Turn,
        task: &mut TaskContext<'_>,
    ) -> Option<(Delivery<'a>, Poll<Ended>)> {
        let mut delivery = first;
        loop {
            let over = turn.count();
            match self.begin(&delivery, call, task) {
                Poll::Ready(Ended::Done) => {}
                begun => return Some((delivery, begun)),
            }
            let handled = if over {
                delivery.settle(Settlement::Handled);
                None
            } else {
                delivery.settle_and_take()
            };
            // Its bytes may have an owner of the user's.
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
    fn begin(&self, delivery: &Delivery<'_>, call: &mut dyn Call, task: &mut TaskContext<'_>) -> Poll<Ended> {
        let (number, last_error) = match delivery.tries() {
            Some(tries) => (tries.made.saturating_add(1), Some(Arc::clone(&tries.last_error))),
            None => (1, None),
        };
        let attempt = Attempt::new(number, last_error);
        panic::begin(call, &Context { event: delivery.event(), attempt, env: &self.env }, task)
    }

    /// Runs a handler that was begun to its end, and settles its event.
    async fn go_on(
        &self,
        mut delivery: Delivery<'_>,
        begun: Poll<Ended>,
        worker: Worker,
        call: &mut dyn Call,
    ) {
        let mut began = None;
        let ended = match begun {
            Poll::Ready(ended) => Ok(ended),
            Poll::Pending => {
                began = Some(clock::now());
                let running = worker.run(CatchUnwind::in_place(call));
                let ended = Timed::waiting(running, self.policy.timeout).await;
                ended.map(panic::panicked).map_err(timed_out)
            }
        };
        match ended.and_then(judge) {
            Ok(()) => delivery.settle(Settlement::Handled),
            Err(failure) => self.fail(&mut delivery, failure, began.unwrap_or_else(clock::now)),
        }
        drop_quietly(delivery);
    }

    /// Settles an event at which an attempt went wrong.
    fn fail(&self, delivery: &mut Delivery<'_>, failure: Failure, began: SystemTime) {
        let number = delivery.tries().map_or(0, |tries| tries.made).saturating_add(1);
        let after = match failure.then {
            Then::Nothing { failed } => return self.give_up(delivery, failure, began, failed),
            _ if number > self.policy.retry => return self.give_up(delivery, failure, began, true),
            Then::RetryAfter(after) => after,
            Then::Retry => self.policy.backoff.delay(delivery.event().id(), number),
        };
        let error = failure.error;
        tracing::warn!(
            process = %self.name,
            trigger = delivery.event().trigger_id(),
            event = %delivery.event().id(),
            attempt = number,
            ?after,
            %error,
            "attempt failed, to be made again"
        );
        let first_at = delivery.tries().map_or(began, |tries| tries.first_at);
        let tries = Tries { made: number, last_error: error.into(), first_at };
        delivery.settle(Settlement::Retry { after, tries });
    }

    fn give_up(&self, delivery: &mut Delivery<'_>, failure: Failure, began: SystemTime, failed: bool) {
        let Failure { reason, error, .. } = failure;
        let event = delivery.event();
        tracing::error!(
            process = %self.name,
            trigger = event.trigger_id(),
            event = %event.id(),
            %reason,
            %error,
            "event given up on"
        );
        let before = delivery.tries();
        // One that does not decode never came to an attempt.
        let attempted = u32::from(failed || reason != DeadLetterReason::Decode);
        let letter = DeadLetter {
            event: event.without_json(),
            process: self.name.clone(),
            reason,
            error,
            attempts: before.map_or(0, |tries| tries.made).saturating_add(attempted),
            first_at: before.map_or(began, |tries| tries.first_at),
            last_at: clock::now(),
        };
        self.dead_letters.keep(letter, delivery.queue());
        delivery.settle(Settlement::DeadLettered { failed });
    }
}

/// What an attempt that was not given up has ended with.
fn judge(ended: Ended) -> Result<(), Failure> {
    let outcome = match ended {
        Ended::Done => return Ok(()),
        Ended::Otherwise(outcome) => *outcome,
        Ended::Rejected(rejection) => return Err(undecodable(&rejection)),
        Ended::Panicked(panic) => return Err(panicked(*panic)),
    };
    match outcome {
        Ok(Outcome::Done) => Ok(()),
        Ok(Outcome::Reject(reason)) => Err(Failure {
            reason: DeadLetterReason::Rejected,
            error: reason,
            // A rejection is an answer, not a failure.
            then: Then::Nothing { failed: false },
        }),
        Ok(Outcome::Retry(after)) => Err(Failure {
            reason: DeadLetterReason::RetriesExhausted,
            error: format!("the handler asked for a retry after {after:?}"),
            then: Then::RetryAfter(after),
        }),
        Err(error) => {
            let text = describe(&error);
            let permanent = error.is_permanent();
            drop_quietly(error);
            Err(if permanent {
                let then = Then::Nothing { failed: true };
                Failure { reason: DeadLetterReason::Rejected, error: text, then }
            } else {
                Failure { reason: DeadLetterReason::RetriesExhausted, error: text, then: Then::Retry }
            })
        }
    }
}

fn undecodable(rejection: &Rejection) -> Failure {
    let then = Then::Nothing { failed: false };
    Failure { reason: DeadLetterReason::Decode, error: rejection.to_string(), then }
}

fn timed_out(TimedOut(limit): TimedOut) -> Failure {
    let error = format!("the handler took longer than {limit:?}");
    Failure { reason: DeadLetterReason::TimedOut, error, then: Then::Retry }
}

fn panicked(panic: String) -> Failure {
    Failure { reason: DeadLetterReason::Panicked, error: panic, then: Then::Retry }
}

/// The text of an error; its `Display` is the user's code and may panic.
fn describe(error: &Error) -> String {
    guard(|| error.to_string()).unwrap_or_else(|_| "an error that cannot be shown".to_owned())
}
