//! What does a connection cost that stays open? The memory of the server for each that is idle (on Linux), and how many
//! requests one core takes over more and more of them.
//!
//! `cargo bench --package benches --bench connections`. Memory of the system for a socket is none of the server's and does
//! not count. A server of ours takes 4096 connections.

#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use std::time::Duration;

use benches::child::{Core, Programs};
use benches::spread::Spread;

const SERVER: Core = Core::Only(0);
const LOAD: Core = Core::Only(1);
const KINDS: [&str; 2] = ["triggers", "axum"];
const MOST: usize = 4000;
const TIME: Duration = Duration::from_secs(1);
const ROUNDS: usize = 5;

fn main() {
    // The server and the load have the limit of this process; each of them has a file for each connection.
    rlimit::increase_nofile_limit(2 * MOST as u64).expect("files for every connection");
    let programs = Programs::new(env!("CARGO_BIN_EXE_server"), env!("CARGO_BIN_EXE_load"));
    println!("memory of the server for a connection, idle after one request, from 1 to {MOST} of them");
    for kind in KINDS {
        match Idle::measure(&programs, kind) {
            Some(idle) => println!(
                "{kind:<10} {:>6.2} KiB each  ({} KiB with 1, {} KiB with {MOST})",
                idle.kib_each(),
                idle.one_kib,
                idle.most_kib
            ),
            None => println!("{kind:<10} nobody says: there is no /proc"),
        }
    }
    println!("\nrequests/s over connections that all send as often as they can");
    for connections in [1, 10, 100, 1000, MOST] {
        for busy in Busy::measure(&programs, connections) {
            println!(
                "{:<10} {connections:>5} connections {:>28.0} p99 {:>6.0} us, {} of them 503",
                busy.kind, busy.per_second, busy.p99_us, busy.full
            );
        }
    }
}

/// The memory of a server with one connection, and with the most.
struct Idle {
    one_kib: u64,
    most_kib: u64,
}

impl Idle {
    fn measure(programs: &Programs, kind: &str) -> Option<Idle> {
        let server = programs.serve(kind, 1, SERVER);
        let one = programs.hold(&server, LOAD, 1);
        let one_kib = server.resident_kib()?;
        drop(one);
        let most = programs.hold(&server, LOAD, MOST);
        let most_kib = server.resident_kib()?;
        drop(most);
        Some(Idle { one_kib, most_kib })
    }

    fn kib_each(&self) -> f64 {
        self.most_kib.saturating_sub(self.one_kib) as f64 / (MOST - 1) as f64
    }
}

/// What a server took over this many connections.
struct Busy {
    kind: &'static str,
    per_second: Spread,
    p99_us: f64,
    full: u64,
}

impl Busy {
    /// Each kind, in turns.
    fn measure(programs: &Programs, connections: usize) -> [Busy; KINDS.len()] {
        let mut rounds = KINDS.map(|_| Vec::new());
        for _ in 0..ROUNDS {
            for (kind, rounds) in KINDS.iter().zip(&mut rounds) {
                let server = programs.serve(kind, 1, SERVER);
                rounds.push(programs.run(&server, LOAD, connections, TIME).tally);
            }
        }
        let mut kinds = KINDS.iter();
        rounds.map(|tallies| Busy {
            kind: kinds.next().expect("as many as rounds"),
            per_second: Spread::of(tallies.iter().map(|tally| tally.per_second)),
            p99_us: Spread::of(tallies.iter().map(|tally| tally.p99_us)).median,
            full: tallies.iter().map(|tally| tally.full).sum(),
        })
    }
}
