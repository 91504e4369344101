//! The time limits of a body that did not arrive with its head: a total, and a lowest mean rate.

use std::time::Duration;

use tokio::time::Instant;

use crate::server::settings::Limits;

/// The time of a body that is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyClock {
    began: Instant,
    /// The time limit of the whole body.
    total: Duration,
    /// The lowest rate, in bytes a second.
    rate: usize,
}

/// The time limit of a client that a body has exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slow {
    Total(Duration),
    Rate(usize),
}

impl BodyClock {
    /// Returns the clock of a body that begins now.
    pub(crate) fn new(limits: &Limits) -> BodyClock {
        let total = limits.body_timeout.min(limits.after_head());
        BodyClock { began: Instant::now(), total, rate: limits.body_rate }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Returns the instant until which a body with these received bytes may wait for the next ones, and its limit.
    pub(crate) fn deadline(&self, received: usize) -> (Instant, Slow) {
        // At that time the mean rate sinks below the lowest one.
        let until = Duration::from_secs_f64(received as f64 / self.rate as f64).max(Limits::RATE_AFTER);
        if until < self.total {
            (self.began + until, Slow::Rate(self.rate))
        } else {
            (self.began + self.total, Slow::Total(self.total))
        }
    }
}
