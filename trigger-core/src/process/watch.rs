//! The reports of a worker to the observers. A worker is compiled with and without them, and the start of its process
//! chooses. So a worker without observers has no check for them.

use std::time::Duration;

use crate::clock::{self, Instant};
use crate::event::DeadLetterReason;
use crate::observe::observer::{Ended, ObservedAttempt, ObservedEnd, ObservedFailure, ObservedProcess};
use crate::queue::Delivery;

/// The reports of one attempt at the event of a delivery.
pub(crate) trait Watch: Copy + Send + Unpin + 'static {
    /// Reports that a worker begins the attempt.
    fn started(delivery: &Delivery<'_>) -> Self;

    /// Reports that the attempt handled the event.
    fn handled(self, delivery: &Delivery<'_>);

    /// Reports that the attempt failed, and that the next one follows after this time.
    fn retried(self, delivery: &Delivery<'_>, failed: Failed<'_>, after: Duration);

    /// Reports that the event is dead-lettered after this number of attempts. `is_failed` is `true` if the last one failed.
    fn dead_lettered(self, delivery: &Delivery<'_>, failed: Failed<'_>, is_failed: bool, attempts: u32);
}

/// Why an attempt did not handle its event: the reason of the dead letter that may follow, and the error.
pub(crate) type Failed<'a> = (DeadLetterReason, &'a str);

/// An attempt in a process without observers.
#[derive(Clone, Copy)]
pub(crate) struct Unobserved;

impl Watch for Unobserved {
    #[inline(always)]
    fn started(_: &Delivery<'_>) -> Unobserved {
        Unobserved
    }

    #[inline(always)]
    fn handled(self, _: &Delivery<'_>) {}

    #[inline(always)]
    fn retried(self, _: &Delivery<'_>, _: Failed<'_>, _: Duration) {}

    #[inline(always)]
    fn dead_lettered(self, _: &Delivery<'_>, _: Failed<'_>, _: bool, _: u32) {}
}

/// An attempt in a process with observers, and when it began.
#[derive(Clone, Copy)]
pub(crate) struct Observed(Instant);

impl Watch for Observed {
    fn started(delivery: &Delivery<'_>) -> Observed {
        if let Some(observed) = delivery.observed() {
            delivery.report_admitted();
            observed.started(&attempt(observed, delivery));
        }
        Observed(clock::instant())
    }

    fn handled(self, delivery: &Delivery<'_>) {
        report_settled(delivery, Ended::Handled, delivery.attempt(), self.duration());
    }

    fn retried(self, delivery: &Delivery<'_>, failed: Failed<'_>, after: Duration) {
        report_failed(delivery, failed, self.duration(), Some(after));
    }

    fn dead_lettered(self, delivery: &Delivery<'_>, failed: Failed<'_>, is_failed: bool, attempts: u32) {
        let duration = self.duration();
        if is_failed {
            report_failed(delivery, failed, duration, None);
        }
        report_settled(delivery, Ended::DeadLettered(failed.0), attempts, duration);
    }
}

impl Observed {
    fn duration(self) -> Duration {
        clock::instant().saturating_duration_since(self.0)
    }
}

/// Returns the attempt that the worker makes.
fn attempt<'a>(observed: &'a ObservedProcess, delivery: &'a Delivery<'_>) -> ObservedAttempt<'a> {
    let event = observed.event(delivery.trigger(), delivery.event().frame());
    ObservedAttempt { event, number: delivery.attempt() }
}

fn report_failed(
    delivery: &Delivery<'_>,
    (reason, error): Failed<'_>,
    duration: Duration,
    retry_after: Option<Duration>,
) {
    if let Some(observed) = delivery.observed() {
        let attempt = attempt(observed, delivery);
        observed.attempt_failed(&ObservedFailure { attempt, duration, reason, error, retry_after });
    }
}

fn report_settled(delivery: &Delivery<'_>, how: Ended, attempts: u32, duration: Duration) {
    if let Some(observed) = delivery.observed() {
        let event = observed.event(delivery.trigger(), delivery.event().frame());
        observed.settled(&ObservedEnd { event, how, attempts, duration: Some(duration) });
    }
}
