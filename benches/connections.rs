//! What does a connection cost that stays open? The memory of the server for each that is idle, and how many requests one
//! core takes over more and more of them.
//!
//! `cargo xtask bench connections`. Memory of the system for a socket is none of the server's and does not count.

use std::time::Duration;

use benches::child::Programs;
use benches::number::Unit;
use benches::runs::Case;
use benches::table::{Goal, Table, at};

const OURS: Case = Case::apart("triggers");
const BY_HAND: Case = Case::apart("axum");
const MOST: u32 = 4000;
const TIME: Duration = Duration::from_secs(1);
/// As many as an interval of the median needs, and one more.
const ROUNDS: usize = 7;

/// The server and the load have the limit of this process. Each has a file for each connection, and some besides.
const FILES: u64 = MOST as u64 + 100;

fn main() {
    let programs = Programs::new(env!("CARGO_BIN_EXE_server"), env!("CARGO_BIN_EXE_load"));
    match programs.and_then(|programs| room().map(|()| programs)) {
        Ok(programs) => {
            idle(&programs);
            busy(&programs);
        }
        Err(problem) => println!("connections are not measured: {problem}"),
    }
}

/// Asks the system for a file for every connection.
fn room() -> Result<(), String> {
    match rlimit::increase_nofile_limit(FILES) {
        Ok(files) if files >= FILES => Ok(()),
        Ok(files) => Err(format!("they need {FILES} files, and the system gives {files} (`ulimit -Hn`)")),
        Err(error) => Err(format!("they need {FILES} files: {error}")),
    }
}

fn idle(programs: &Programs) {
    let (mut ours, mut by_hand) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.extend(bytes_each(programs, OURS));
        by_hand.extend(bytes_each(programs, BY_HAND));
    }
    if ours.is_empty() || by_hand.is_empty() {
        println!("memory is not measured: the system does not say how much a process has");
        return;
    }
    let mut table = Table::new("Memory of an idle connection", "axum by hand", "triggers");
    // The goal is a number, whatever others take.
    table.alone("a connection", Unit::Bytes, Goal::AtMost(12.0 * 1024.0), &ours);
    table.beside("beside axum by hand", Unit::Bytes, None, &by_hand, &ours);
    table.note(&format!(
        "What the process of the server has in memory with {MOST} connections, each idle after one request and kept alive, \
         less what it has with one; for each connection. What the system has for a socket is not in it. The goal is \
         12 KiB."
    ));
    table.end();
}

/// How much more memory a new server has for each connection. `None` where nobody says.
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
        // With many, the server is on its core for a while to open them, which no request is counted for.
        if let Some(share) = ours.busy().filter(|_| connections <= 100) {
            busy.push(format!("{:.0} % over {name}", share * 100.0));
        }
        let percent = [by_hand, ours].map(|runs| 100.0 * runs.full() as f64 / runs.requests() as f64);
        if percent != [0.0; 2] {
            full.push(format!("over {name}, {:.1} % by hand and {:.1} % of ours", percent[0], percent[1]));
        }
    }
    table.note(
        "Each connection sends the next request when the last is answered; server and load have a core each. A server of \
         ours takes 4096 connections, and closes one more at once, so the curve ends below. What bounds it: over one \
         connection, server and load wait for each other; over more, the server's core is full. With thousands, a request \
         likely comes to a connection that has left the caches since its last one; that is not counted here.",
    );
    if !busy.is_empty() {
        table.note(&format!("Our server took of its core {}.", busy.join(", ")));
    }
    let full = if full.is_empty() { "none".to_owned() } else { full.join("; ") };
    table.note(&format!(
        "Answered 503, as the queue of 1000 places was full: {full}. A refusal puts nothing into a queue, so where there \
         are many of them the ratio is not of the same work."
    ));
    table.end();
}
