//! Two hundred programs that a signal ends under load: nothing that they have accepted is unaccounted for.
//!
//! The number of a run decides what happens in it, and its signal comes after so many answers, not after some time.

#![cfg(unix)]

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use triggers::EventId;

use crate::http::{Client, post_request};
use crate::program::{ALONE, Program, send};

mod loaded;

use loaded::{Account, Load, Run};

const RUNS: u64 = 200;

/// How many programs run at a time.
const AT_ONCE: usize = 4;

/// How many clients post to a program, each on a connection of its own.
const CLIENTS: usize = 3;

/// How many requests a client makes after the signal, as long as someone answers.
const AFTER: usize = 20;

#[test]
fn programs_that_are_ended_under_load_account_for_all_that_they_have_accepted() {
    let _alone = ALONE.blocking_lock();
    let (next, whole) = (AtomicU64::new(0), AtomicU64::new(0));
    let numbers = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < RUNS);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                for number in std::iter::from_fn(numbers) {
                    whole.fetch_add(u64::from(end_under_load(Run(number))), Ordering::Relaxed);
                }
            });
        }
    });
    let whole = whole.into_inner();
    assert!(whole >= RUNS / 2, "only {whole} of {RUNS} programs could be checked to the end");
}

/// Returns whether all of the account could be checked.
fn end_under_load(run: Run) -> bool {
    let mut program =
        Program::start("drains::loaded::program", &run.0.to_string(), "trigger_core::runtime=info");
    let load = Posting { run, id: program.id(), address: program.address(), answers: AtomicUsize::new(0) };
    if load.is_over() {
        send("-TERM", load.id);
    }
    let clients = if run.load() == Load::Idle { 0 } else { CLIENTS };
    let (accepted, log) = thread::scope(|scope| {
        let clients: Vec<_> = (0..clients).map(|_| scope.spawn(|| load.post_until_closed())).collect();
        let log = program.rest_of_log();
        let accepted = clients.into_iter().flat_map(|client| client.join().expect("a client"));
        (accepted.collect::<Vec<EventId>>(), log)
    });
    let account = log.lines().find_map(|line| serde_json::from_str::<Account>(line).ok());
    let account = account.unwrap_or_else(|| panic!("{run:?} gives no account:\n{log}"));
    let told: Vec<_> = log.lines().filter(|line| !line.starts_with('{')).collect();
    let told = format!("{run:?}, accepted {}, {account:?}:\n{}", accepted.len(), told.join("\n"));
    let whole = check(run, &account, &accepted, &told);
    assert_eq!(program.exit_code(), Some(i32::from(account.report_left > 0)), "{told}");
    whole
}

/// What the clients of one program share.
struct Posting {
    run: Run,
    id: u32,
    address: SocketAddr,
    /// How many there were, whoever got them.
    answers: AtomicUsize,
}

impl Posting {
    /// Whether the signal was sent, or is about to be.
    fn is_over(&self) -> bool {
        self.answers.load(Ordering::SeqCst) >= self.run.answers()
    }

    /// Posts until nobody answers. Gives the ids that were answered 202.
    fn post_until_closed(&self) -> Vec<EventId> {
        let io = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
        io.block_on(async {
            let mut accepted = Vec::new();
            let mut after = 0;
            // A connection that is closed says nothing of the port, so each is followed by another one.
            while let Ok(mut client) = Client::try_connect(self.address).await
                // With nobody there the system may connect us to ourselves.
                && client.local_addr() != self.address
            {
                while after < AFTER && self.post(&mut client, &mut accepted).await {
                    after += usize::from(self.is_over());
                }
                if after == AFTER {
                    break;
                }
                assert!(self.is_over(), "{:?} closes a connection before the signal", self.run);
                after += 1;
            }
            assert!(self.is_over(), "{:?} closes its port before the signal", self.run);
            accepted
        })
    }

    /// Says whether there was an answer of the program.
    async fn post(&self, client: &mut Client, accepted: &mut Vec<EventId>) -> bool {
        let number = self.answers.load(Ordering::SeqCst);
        client.send(post_request(&self.run.path(), number.to_string())).await;
        let Some(answer) = client.answer().await else { return false };
        match answer.status {
            202 => accepted.push(serde_json::from_value(answer.json()["event_id"].clone()).expect("an id")),
            503 => {}
            // The port is closed, and belongs to another program by now.
            404 if self.is_over() => return false,
            status => panic!("{:?} answers {status}", self.run),
        }
        // The answer that makes it enough ends the program.
        if self.answers.fetch_add(1, Ordering::SeqCst) + 1 == self.run.answers() {
            send("-TERM", self.id);
        }
        true
    }
}

/// Returns `false` if the program was too slow for all but the sums to be compared.
fn check(run: Run, account: &Account, accepted: &[EventId], told: &str) -> bool {
    for part in &account.parts {
        let kept = part.left + part.in_flight;
        assert_eq!(part.accepted, part.handled + part.dead_lettered + kept, "{} of {told}", part.name);
    }
    // A handler that does not await within the grace period of an abort may end after the report.
    if told.contains("cannot be cancelled") {
        return false;
    }
    for part in &account.parts {
        let name = &part.name;
        assert_eq!(part.report_left, part.left, "{name} of {told}");
        assert!(part.report_stuck <= part.left, "{name} of {told}");
        let shown = told.contains(&format!("\n  {name}: {} left", part.left));
        assert_eq!(shown, part.left > 0, "{name} of {told}");
        // Each once: what a handler was done with, what was given up on, what is left.
        let counts = part.ids.each_ref().map(|ids| ids.len() as u64);
        assert_eq!(counts, [part.handled, part.dead_lettered, part.left], "{name} of {told}");
        let ids: HashSet<_> = part.ids.iter().flatten().collect();
        assert_eq!(ids.len() as u64, part.accepted, "{name} of {told}");
    }
    let left: u64 = account.parts.iter().map(|part| part.left).sum();
    assert_eq!(account.report_left, left, "{told}");
    assert!(told.contains(&format!(", {left} left")), "{told}");
    match run.load() {
        Load::Idle => assert!(account.parts.iter().all(|part| part.accepted == 0), "{told}"),
        Load::Stuck => assert!(left > 0 && told.contains("\n  stuck: "), "{told}"),
        Load::Busy => assert_eq!(left, 0, "{told}"),
        Load::Slow => assert!(left == 0 || run.deadline().is_some(), "{told}"),
    }

    let [ingest, work, ..] = &account.parts[..] else { panic!("two processes in {told}") };
    let ids: HashSet<_> = ingest.ids.iter().flatten().collect();
    let lost: Vec<_> = accepted.iter().filter(|id| !ids.contains(id)).collect();
    assert!(lost.is_empty(), "answered 202 and lost: {lost:?} of {told}");
    let cascaded: HashSet<_> = work.causes.iter().collect();
    let cut: Vec<_> = ingest.ids[0].iter().filter(|id| !cascaded.contains(id)).collect();
    assert!(cut.is_empty(), "handled, and what was emitted is lost: {cut:?} of {told}");
    assert_eq!(work.accepted, account.emitted, "{told}");
    true
}
