//! The result of a run of the load, which prints it as one line of JSON.

use serde::{Deserialize, Serialize};

/// The requests of one run. The first request of each connection, which is sent before the run, does not count.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Tally {
    /// The number of answered requests.
    pub requests: u64,
    /// The duration of the run.
    pub seconds: f64,
    /// The number of answered requests per second.
    pub per_second: f64,
    /// The median of the response times in microseconds. A response time ends with the last byte of the answer.
    pub p50_us: f64,
    /// The 99th percentile of the response times in microseconds.
    pub p99_us: f64,
    /// The 99.9th percentile of the response times in microseconds.
    pub p999_us: f64,
    /// The load's CPU time for each request in microseconds; `None` if the system does not provide it.
    pub load_us: Option<f64>,
    /// The number of 202 answers: the event was queued.
    pub accepted: u64,
    /// The number of 503 answers: the queue was full.
    pub full: u64,
    /// The number of other answers, which are errors of the bench.
    pub other: u64,
}
