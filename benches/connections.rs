//! Measures connections that stay open: the server's memory for an idle connection, and the requests per second of one
//! core over more and more connections.
//!
//! `cargo xtask bench connections`. The kernel's memory for a socket does not count.

use std::time::Duration;

use benches::child::Programs;
use benches::number::Unit;
use benches::runs::Case;
use benches::table::{Goal, Table, at};

const OURS: Case = Case::apart("triggers");
const BY_HAND: Case = Case::apart("axum");
const MOST: u32 = 4000;
const TIME: Duration = Duration::from_secs(1);
/// One more than the confidence interval of a median needs.
const ROUNDS: usize = 7;

/// The limit of open files, which the server and the load inherit. Each opens one file per connection and a few others.
const FILES: u64 = MOST as u64 + 100;

fn main() {
    let programs = Programs::new(env!("CARGO_BIN_EXE_server"), env!("CARGO_BIN_EXE_load"));
    match programs.and_then(|programs| raise_file_limit().map(|()| programs)) {
        Ok(programs) => {
            idle(&programs);
            busy(&programs);
        }
        Err(problem) => println!("connections are not measured: {problem}"),
    }
}

/// Raises the limit of open files, so that every connection gets one.
///
/// # Errors
///
/// The hard limit is too low.
fn raise_file_limit() -> Result<(), String> {
    match rlimit::increase_nofile_limit(FILES) {
        Ok(files) if files >= FILES => Ok(()),
        Ok(files) => Err(format!("{FILES} open files are needed, the limit is {files} (`ulimit -Hn`)")),
        Err(error) => Err(format!("{FILES} open files are needed: {error}")),
    }
}

fn idle(programs: &Programs) {
    let (mut ours, mut by_hand) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.extend(bytes_each(programs, OURS));
        by_hand.extend(bytes_each(programs, BY_HAND));
    }
    if ours.is_empty() || by_hand.is_empty() {
        println!("memory is not measured: the system does not provide the memory of a process");
        return;
    }
    let mut table = Table::new("Memory of an idle connection", "axum by hand", "triggers");
    // The goal is absolute, so it needs a row without a baseline. It is what a connection takes, and room for 0.2 kB.
    table.alone("a connection", Unit::Bytes, Goal::AtMost(12_500.0), &ours);
    table.beside("beside axum by hand", Unit::Bytes, None, &by_hand, &ours);
    table.note(&format!(
        "The server's memory with {MOST} connections, less its memory with one, for each connection. Each connection is \
         idle after one request and kept alive. The kernel's memory for a socket does not count."
    ));
    table.end();
}

/// Returns a new server's memory for each connection; `None` if the system does not provide it.
fn bytes_each(programs: &Programs, case: Case) -> Option<f64> {
    let server = programs.serve(case.kind, case.threads, case.server);
    let resident_kib = |connections: u32| {
        let _held = programs.hold(&server, case.load, connections as usize);
        server.resident_kib()
    };
    let (one, most) = (resident_kib(1)?, resident_kib(MOST)?);
    Some(most.saturating_sub(one) as f64 * 1024.0 / f64::from(MOST - 1))
}

fn busy(programs: &Programs) {
    let title = "Webhook requests/s of one core, over more and more connections";
    let mut table = Table::new(title, "axum by hand", "triggers").curve("connections");
    let (mut full, mut busy) = (Vec::new(), Vec::new());
    for (connections, name) in [(1, "1"), (10, "10"), (100, "100"), (1000, "1,000"), (MOST, "4,000")] {
        let all = programs.in_turns(&[BY_HAND, OURS], ROUNDS, connections as usize, TIME);
        let (by_hand, ours) = (&all[0], &all[1]);
        table.beside(at(connections, name), Unit::PerSecond, None, &by_hand.per_second(), &ours.per_second());
        // With many connections the server spends CPU time to open them, which would count for the requests.
        if let Some(share) = ours.busy().filter(|_| connections <= 100) {
            busy.push(format!("{:.0} % over {name}", share * 100.0));
        }
        let percent = [by_hand, ours].map(|runs| 100.0 * runs.full() as f64 / runs.requests() as f64);
        if percent != [0.0; 2] {
            full.push(format!(
                "over {name}, {:.1} % by hand and {:.1} % with triggers",
                percent[0], percent[1]
            ));
        }
    }
    table.note(
        "Each connection sends its next request when the last is answered. Server and load have a core each. A server of \
         `triggers` accepts 4096 connections and closes any more at once, so the curve ends below. Over one connection, \
         server and load wait for each other. Over more, the server's core is saturated. With thousands, the state of a \
         connection has probably left the caches before its next request; this bench does not count cache misses.",
    );
    if !busy.is_empty() {
        table.note(&format!("The server of `triggers` used of its core {}.", busy.join(", ")));
    }
    let full = if full.is_empty() { "none".to_owned() } else { full.join("; ") };
    table.note(&format!(
        "Answered 503, because the queue with a capacity of 1000 was full: {full}. A refused request is not queued, so \
         with many of them the ratio does not compare the same work."
    ));
    table.end();
}
