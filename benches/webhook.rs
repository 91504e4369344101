//! How many webhook requests does one core take, beside the same by hand with axum, and beside what gives one answer to
//! everything?
//!
//! `cargo bench --package benches --bench webhook`. Server and load are processes, on loopback sockets, with a core each:
//! the load needs less than a server, so the server is what is measured, as long as it is near 100 % busy. On a machine that
//! has other things to do it is not, and what to look at is how long it was on a core for each request. All are measured
//! in turns. `--features peers` adds another framework.

#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use std::time::Duration;

use benches::child::{Core, Programs, Run};
use benches::spread::Spread;

const CONNECTIONS: usize = 64;
/// How much of its core a server takes at least, if it is what is measured.
const SATURATED: f64 = 0.9;
const TIME: Duration = Duration::from_millis(1250);

/// A server, and where it and the load run.
struct Case {
    name: &'static str,
    kind: &'static str,
    threads: usize,
    server: Core,
    load: Core,
}

/// One server with a core for itself, and the load on the other.
const fn apart(kind: &'static str) -> Case {
    Case { name: kind, kind, threads: 1, server: Core::Only(0), load: Core::Only(1) }
}

/// The first is ours, the second what it is compared with first.
const ONE_CORE: &[Case] = &[
    apart("triggers"),
    apart("axum"),
    apart("axum-bytes"),
    apart("constant"),
    apart("hyper"),
    #[cfg(feature = "peers")]
    apart("actix"),
];

/// The load runs on the same cores as the server, so what a second core can bring is seen beside both on one.
const TWO_CORES: &[Case] = &[
    Case { name: "triggers, one for all", load: Core::Only(0), ..apart("triggers") },
    Case { name: "triggers, one each", ..apart("triggers") },
    two_for_all("triggers, two for all", "triggers"),
    two_for_all("axum, two for all", "axum"),
];

/// A server with two workers and the load, all wherever the system likes.
const fn two_for_all(name: &'static str, kind: &'static str) -> Case {
    Case { name, kind, threads: 2, server: Core::Any, load: Core::Any }
}

fn main() {
    let programs = Programs::new(env!("CARGO_BIN_EXE_server"), env!("CARGO_BIN_EXE_load"));
    println!("one core for the server, one for the load, {CONNECTIONS} connections");
    let one_core = measure(&programs, ONE_CORE, 7);
    table(&one_core, &["axum", "constant"]);
    if one_core.iter().any(|measured| measured.of(busy).median < SATURATED) {
        println!(
            "a server was not busy: requests/s and times tell of the rest of the machine, `server us` of the server"
        );
    }
    println!("\none core for server and load, one for each, or two for both");
    table(&measure(&programs, TWO_CORES, 5), &["triggers, one for all", "triggers, one each"]);
}

/// What was measured of one case, a round after the other.
struct Measured {
    name: &'static str,
    rounds: Vec<Run>,
}

impl Measured {
    fn of(&self, value: impl Fn(&Run) -> f64) -> Spread {
        Spread::of(self.rounds.iter().map(value))
    }

    /// How many times as many requests it takes, round by round.
    fn ratio(&self, other: &Measured) -> Spread {
        let both = self.rounds.iter().zip(&other.rounds);
        Spread::of(both.map(|(ours, theirs)| ours.tally.per_second / theirs.tally.per_second))
    }
}

/// Each case in each round has a server that has just started. The first round is to warm up.
fn measure(programs: &Programs, cases: &[Case], rounds: usize) -> Vec<Measured> {
    let mut all: Vec<_> = cases.iter().map(|case| Measured { name: case.name, rounds: Vec::new() }).collect();
    for round in 0..=rounds {
        for (case, measured) in cases.iter().zip(&mut all) {
            let server = programs.serve(case.kind, case.threads, case.server);
            let run = programs.run(&server, case.load, CONNECTIONS, TIME);
            assert_eq!(run.tally.other, 0, "{} answers neither 202 nor 503: {:?}", case.name, run.tally);
            if round > 0 {
                measured.rounds.push(run);
            }
        }
    }
    all
}

/// Prints a line for each, and how many times as many requests it takes as some of them.
fn table(all: &[Measured], beside: &[&str]) {
    print!("{:<22} {:>24}", "", "requests/s");
    beside.iter().for_each(|name| print!(" {:>24}", format!("x {name}")));
    println!("  p50 us  p99 us p99.9 us  503s {:>22}  load us   busy", "server us");
    for measured in all {
        print!("{:<22} {:>24.0}", measured.name, measured.of(|run| run.tally.per_second));
        for name in beside {
            let other = all.iter().find(|other| other.name == *name).expect("it is measured");
            print!(" {:>24.2}", measured.ratio(other));
        }
        let full: u64 = measured.rounds.iter().map(|run| run.tally.full).sum();
        let median = |value: fn(&Run) -> f64| measured.of(value).median;
        println!(
            " {:>7.0} {:>7.0} {:>8.0} {full:>5} {:>22.1} {:>8.1} {:>5.0}%",
            median(|run| run.tally.p50_us),
            median(|run| run.tally.p99_us),
            median(|run| run.tally.p999_us),
            measured.of(server_us),
            median(|run| run.tally.load_us.unwrap_or(f64::NAN)),
            median(|run| busy(run) * 100.0),
        );
    }
}

fn server_us(run: &Run) -> f64 {
    run.server_us.unwrap_or(f64::NAN)
}

/// How much of a core the server took.
fn busy(run: &Run) -> f64 {
    server_us(run) * run.tally.per_second / 1e6
}
