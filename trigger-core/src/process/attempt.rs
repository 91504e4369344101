//! The result of one attempt, and the next step for its event.

use std::time::Duration;

use super::timed::TimedOut;
use crate::event::DeadLetterReason;
use crate::event::error::Error;
use crate::panic::{drop_quietly, guard};
use crate::process::handler::{HandlerResult, Rejection};
use crate::process::outcome::Outcome;

/// Why an attempt did not handle its event.
pub(crate) struct Failure {
    pub(super) reason: DeadLetterReason,
    pub(super) error: String,
    pub(super) next: NextStep,
}

/// The next step after an attempt that did not handle its event.
pub(super) enum NextStep {
    /// A dead letter. `failed` is `true` if an attempt was made and failed.
    DeadLetter { failed: bool },
    /// A retry after the backoff of the policy, if the policy allows one.
    Retry,
    /// A retry after the time that the handler requested, if the policy allows one.
    RetryAfter(Duration),
}

/// Returns the failure of a handler that did not handle its event.
pub(super) fn classify(result: HandlerResult) -> Result<(), Failure> {
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
            error: reason,
            // A rejection is an answer, not a failure.
            next: NextStep::DeadLetter { failed: false },
        }),
        Ok(Outcome::Retry(after)) => Err(Failure {
            reason: DeadLetterReason::RetriesExhausted,
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
                Failure { reason: DeadLetterReason::RetriesExhausted, error: text, next: NextStep::Retry }
            })
        }
    }
}

fn undecodable(rejection: &Rejection) -> Failure {
    let next = NextStep::DeadLetter { failed: false };
    Failure { reason: DeadLetterReason::Decode, error: rejection.to_string(), next }
}

pub(super) fn timed_out(TimedOut(limit): TimedOut) -> Failure {
    let error = format!("the handler took longer than {limit:?}");
    Failure { reason: DeadLetterReason::TimedOut, error, next: NextStep::Retry }
}

/// Returns the result of a handler that ran under the panic guard.
pub(super) fn panicked(result: Result<HandlerResult, String>) -> HandlerResult {
    result.unwrap_or_else(|panic| HandlerResult::Panicked(Box::new(panic)))
}

/// Returns the text of an error. Its `Display` is user code and may panic.
fn text_of(error: &Error) -> String {
    guard(|| error.to_string()).unwrap_or_else(|_| "an error that cannot be shown".to_owned())
}
