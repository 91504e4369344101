//! What the load tells of a run, as the one line that it prints.

use serde::{Deserialize, Serialize};

/// The requests of one run. Those that were sent before the run, one on each connection, do not count.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Tally {
    /// How many were answered.
    pub requests: u64,
    /// How long the run took.
    pub seconds: f64,
    /// How many were answered in a second.
    pub per_second: f64,
    /// The time from sending to the end of the answer which half of them took no longer than, in microseconds.
    pub p50_us: f64,
    /// The same for 99 % of them.
    pub p99_us: f64,
    /// The same for 99.9 % of them.
    pub p999_us: f64,
    /// How long the load was on a core for each, in microseconds. `None` where nobody says.
    pub load_us: Option<f64>,
    /// How many were answered 202: the event is in the queue.
    pub accepted: u64,
    /// How many were answered 503: the queue is full.
    pub full: u64,
    /// How many were answered anything else, which is a mistake of the bench.
    pub other: u64,
}
