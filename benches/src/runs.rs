//! Servers that are asked in turns, and what came out for each of them, round by round.

use std::time::Duration;

use crate::child::{Core, Programs, Run};
use crate::number::Spread;

/// A server, and where it and the load run.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What `src/bin/server` calls it.
    pub kind: &'static str,
    /// How many workers it has.
    pub threads: usize,
    /// Where it runs.
    pub server: Core,
    /// Where the load runs.
    pub load: Core,
}

impl Case {
    /// One server with a core for itself, and the load on the other.
    pub const fn apart(kind: &'static str) -> Case {
        Case { kind, threads: 1, server: Core::Only(0), load: Core::Only(1) }
    }

    /// One server and the load, on the same core.
    pub const fn on_one(kind: &'static str) -> Case {
        Case { load: Core::Only(0), ..Case::apart(kind) }
    }

    /// A server with two workers and the load, all on two cores.
    pub const fn on_two(kind: &'static str) -> Case {
        Case { kind, threads: 2, server: Core::Both, load: Core::Both }
    }
}

/// What came out for one case: at least one round.
#[derive(Clone, Debug)]
pub struct Runs(Vec<Run>);

impl Programs {
    /// What comes out for each case, over so many connections for so long in each round. In each round each case has a
    /// server that has just started; the first round is to warm up.
    pub fn in_turns(&self, cases: &[Case], rounds: usize, connections: usize, time: Duration) -> Vec<Runs> {
        let mut all: Vec<_> = cases.iter().map(|_| Runs(Vec::with_capacity(rounds))).collect();
        for round in 0..=rounds {
            for (case, runs) in cases.iter().zip(&mut all) {
                let server = self.serve(case.kind, case.threads, case.server);
                let run = self.run(&server, case.load, connections, time);
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
    /// How many requests were answered in a second.
    pub fn per_second(&self) -> Vec<f64> {
        self.0.iter().map(|run| run.tally.per_second).collect()
    }

    /// The time in which 99 % of the requests were answered, in nanoseconds.
    pub fn p99(&self) -> Vec<f64> {
        self.0.iter().map(|run| run.tally.p99_us * 1e3).collect()
    }

    /// How long the server was on a core for each request, in nanoseconds. `None` where nobody says.
    pub fn server(&self) -> Option<Vec<f64>> {
        self.0.iter().map(|run| Some(run.server_us? * 1e3)).collect()
    }

    /// How long the load was on a core for each request, in nanoseconds. `None` where nobody says.
    pub fn load(&self) -> Option<Vec<f64>> {
        self.0.iter().map(|run| Some(run.tally.load_us? * 1e3)).collect()
    }

    /// How much of a core the server took. `None` where nobody says.
    pub fn busy(&self) -> Option<f64> {
        let each = self.0.iter().map(|run| Some(run.server_us? * run.tally.per_second / 1e6));
        Some(Spread::of(&each.collect::<Option<Vec<_>>>()?).median)
    }

    /// How many requests there were in all rounds.
    pub fn requests(&self) -> u64 {
        self.0.iter().map(|run| run.tally.requests).sum()
    }

    /// How many of them were answered 503: the queue was full.
    pub fn full(&self) -> u64 {
        self.0.iter().map(|run| run.tally.full).sum()
    }
}
