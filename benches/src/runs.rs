//! Runs of the load against several servers in turns, and their results round by round.

use std::time::Duration;

use crate::child::{Core, Programs, Run};
use crate::number::Spread;
use crate::request::Delivery;

/// A server, with the cores for it and for the load.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The server's name as an argument of `src/bin/server`.
    pub kind: &'static str,
    /// The number of the server's threads.
    pub threads: usize,
    /// The cores of the server.
    pub server: Core,
    /// The cores of the load.
    pub load: Core,
    /// The request that the load sends.
    pub delivery: Delivery,
}

impl Case {
    /// Returns a server with one thread on core 0, and the load on core 1.
    pub const fn apart(kind: &'static str) -> Case {
        Case { kind, threads: 1, server: Core::Only(0), load: Core::Only(1), delivery: Delivery::Small }
    }

    /// Returns a server with one thread on core 0, and a load of signed requests on core 1.
    pub const fn signed(kind: &'static str) -> Case {
        Case { delivery: Delivery::Signed, ..Case::apart(kind) }
    }

    /// Returns a server with one thread and the load, both on core 0.
    pub const fn on_one(kind: &'static str) -> Case {
        Case { load: Core::Only(0), ..Case::apart(kind) }
    }

    /// Returns a server with two threads and the load, all on both cores.
    pub const fn on_two(kind: &'static str) -> Case {
        Case { threads: 2, server: Core::Both, load: Core::Both, ..Case::apart(kind) }
    }
}

/// The results of one case, of at least one round.
#[derive(Clone, Debug)]
pub struct Runs(Vec<Run>);

impl Programs {
    /// Runs the cases in turns, and returns the results of each case. A round lasts `time` and uses this number of
    /// connections. Each round starts a new server for each case. The first round is a warm-up and does not count.
    pub fn in_turns(&self, cases: &[Case], rounds: usize, connections: usize, time: Duration) -> Vec<Runs> {
        let mut all: Vec<_> = cases.iter().map(|_| Runs(Vec::with_capacity(rounds))).collect();
        for round in 0..=rounds {
            for (case, runs) in cases.iter().zip(&mut all) {
                let server = self.serve(case.kind, case.threads, case.server);
                let run = self.run(&server, case.load, connections, case.delivery, time);
                assert_eq!(run.tally.other, 0, "{} answers neither 202 nor 503: {:?}", case.kind, run.tally);
                if round > 0 {
                    runs.0.push(run);
                }
            }
        }
        all
    }
}

impl Runs {
    /// Returns the requests per second.
    pub fn per_second(&self) -> Vec<f64> {
        self.0.iter().map(|run| run.tally.per_second).collect()
    }

    /// Returns the 99th percentile of the response times in nanoseconds.
    pub fn p99(&self) -> Vec<f64> {
        self.0.iter().map(|run| run.tally.p99_us * 1e3).collect()
    }

    /// Returns the server's CPU time for each request in nanoseconds; `None` if the system does not provide it.
    pub fn server(&self) -> Option<Vec<f64>> {
        self.0.iter().map(|run| Some(run.server_us? * 1e3)).collect()
    }

    /// Returns the load's CPU time for each request in nanoseconds; `None` if the system does not provide it.
    pub fn load(&self) -> Option<Vec<f64>> {
        self.0.iter().map(|run| Some(run.tally.load_us? * 1e3)).collect()
    }

    /// Returns the share of a core that the server used; `None` if the system does not provide it.
    pub fn busy(&self) -> Option<f64> {
        let each = self.0.iter().map(|run| Some(run.server_us? * run.tally.per_second / 1e6));
        Some(Spread::of(&each.collect::<Option<Vec<_>>>()?).median)
    }

    /// Returns the number of requests of all rounds.
    pub fn requests(&self) -> u64 {
        self.0.iter().map(|run| run.tally.requests).sum()
    }

    /// Returns the number of requests that were answered 503 because the queue was full.
    pub fn full(&self) -> u64 {
        self.0.iter().map(|run| run.tally.full).sum()
    }
}
