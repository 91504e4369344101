//! A process: a handler, the queues of its triggers, and the workers that carry events from one to the other.
//!
//! It has as many workers as its concurrency. A worker takes an event, runs the handler to its end, settles the
//! event and takes the next; so nothing is spawned for an event, and one worker keeps the order.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::dead_letter::{DeadLetter, DeadLetterReason, DeadLetters};
use crate::error::Error;
use crate::handler::{Attempt, Context, Env, HandlerFuture, Rejection};
use crate::outcome::Outcome;
use crate::queue::{Delivery, Queue, Settlement, Taken};

pub(crate) mod panic;

use panic::{CatchUnwind, Panic, drop_quietly};

/// A handler, as a process calls it.
pub(crate) type Call = dyn Fn(&Context<'_>) -> Result<HandlerFuture, Rejection> + Send + Sync;

pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) call: Arc<Call>,
    pub(crate) concurrency: usize,
    /// The queue of each trigger.
    pub(crate) queues: Vec<Arc<Queue>>,
    /// Where the workers wait; every queue wakes it.
    pub(crate) ready: Arc<Notify>,
    pub(crate) env: Arc<Env>,
    pub(crate) dead_letters: DeadLetters,
    /// Where the search for the next event begins, so that a full queue does not starve the others.
    pub(crate) turn: AtomicUsize,
}

/// How one attempt went wrong.
struct Failure {
    reason: DeadLetterReason,
    error: String,
    /// Whether the handler was called at all.
    attempted: bool,
}

impl Process {
    /// One worker: handles events until every queue is closed and empty, or it is told to stop.
    ///
    /// Aborted in the middle of a handler, it gives the event back to its queue. An abort bites only where a task
    /// waits, and a handler that never does would go on to the next event; so it looks at `stop` as well.
    pub(crate) async fn work(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled()
            && let Some(delivery) = self.next().await
        {
            self.attempt(delivery).await;
            // A handler that never waits must not keep the thread from the others.
            tokio::task::coop::consume_budget().await;
        }
    }

    async fn next(&self) -> Option<Delivery> {
        loop {
            if let Taken::Event(delivery) = self.take() {
                return Some(delivery);
            }
            let ready = self.ready.notified();
            tokio::pin!(ready);
            // From here on no wake-up is missed, so a queue that is empty now may be waited for.
            ready.as_mut().enable();
            match self.take() {
                Taken::Event(delivery) => return Some(delivery),
                Taken::Closed => return None,
                Taken::Empty => ready.await,
            }
        }
    }

    /// Takes from the queues in turn.
    fn take(&self) -> Taken<Delivery> {
        let turn = self.turn.load(Ordering::Relaxed);
        let mut all_closed = true;
        for index in turn..turn + self.queues.len() {
            let index = index % self.queues.len();
            match self.queues[index].take() {
                Taken::Event(delivery) => {
                    self.turn.store(index + 1, Ordering::Relaxed);
                    return Taken::Event(delivery);
                }
                Taken::Empty => all_closed = false,
                Taken::Closed => {}
            }
        }
        if all_closed { Taken::Closed } else { Taken::Empty }
    }

    async fn attempt(&self, delivery: Delivery) {
        let began = clock::now();
        match self.run(&delivery).await {
            Ok(()) => settle(delivery, Settlement::Handled),
            Err(failure) => self.give_up(delivery, failure, began),
        }
    }

    /// Runs the handler. A panic ends the attempt, not the worker.
    async fn run(&self, delivery: &Delivery) -> Result<(), Failure> {
        let cx = Context { event: &delivery.event, attempt: Attempt::first(), env: &self.env };
        let called = std::panic::catch_unwind(AssertUnwindSafe(|| (self.call)(&cx)));
        let future = called.map_err(panicked)?.map_err(|rejection| Failure {
            reason: DeadLetterReason::Decode,
            error: rejection.to_string(),
            attempted: false,
        })?;
        match CatchUnwind::new(future).await.map_err(panicked)? {
            Ok(Outcome::Done) => Ok(()),
            Ok(Outcome::Reject(reason)) => {
                Err(Failure { reason: DeadLetterReason::Rejected, error: reason, attempted: true })
            }
            Ok(Outcome::Retry(after)) => {
                Err(exhausted(format!("the handler asked for a retry after {after:?}")))
            }
            Err(error) => {
                let text = describe(&error);
                drop_quietly(error);
                Err(exhausted(text))
            }
        }
    }

    fn give_up(&self, delivery: Delivery, failure: Failure, began: SystemTime) {
        let Failure { reason, error, attempted } = failure;
        tracing::error!(
            process = %self.name,
            trigger = delivery.event.trigger_id(),
            event = %delivery.event.id(),
            %reason,
            %error,
            "event given up on"
        );
        self.dead_letters.keep(DeadLetter {
            event: delivery.event.clone(),
            process: self.name.clone(),
            reason,
            error,
            attempts: u32::from(attempted),
            first_at: began,
            last_at: clock::now(),
        });
        // A rejection is an answer, not a failure.
        let failed = attempted && reason != DeadLetterReason::Rejected;
        settle(delivery, Settlement::DeadLettered { failed });
    }
}

/// Settles an event. What is left to do after the account is to drop it, and its bytes may have an owner of the user's.
fn settle(delivery: Delivery, settlement: Settlement) {
    let _ = std::panic::catch_unwind(AssertUnwindSafe(|| delivery.settle(settlement)));
}

/// A failed attempt after which the policy allows no other.
fn exhausted(error: String) -> Failure {
    Failure { reason: DeadLetterReason::RetriesExhausted, error, attempted: true }
}

fn panicked(panic: Panic) -> Failure {
    Failure { reason: DeadLetterReason::Panicked, error: panic::message(panic), attempted: true }
}

/// The text of an error; its `Display` is the user's code and may panic.
fn describe(error: &Error) -> String {
    std::panic::catch_unwind(AssertUnwindSafe(|| error.to_string()))
        .unwrap_or_else(|_| "an error that cannot be shown".to_owned())
}
