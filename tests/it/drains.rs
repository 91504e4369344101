//! A signal ends two hundred programs under load. Each program accounts for every event that it accepted.
//!
//! The number of a run decides what happens in it. Its signal comes after a number of answers, not after a time.

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

/// The number of programs that run at a time.
const AT_ONCE: usize = 4;

/// The number of clients that post to a program, each on its own connection.
const CLIENTS: usize = 3;

/// The most requests that a client makes after the signal, while the program answers.
const AFTER: usize = 20;

#[test]
fn programs_ended_under_load_account_for_every_accepted_event() {
    let _alone = ALONE.blocking_lock();
    let (next, complete) = (AtomicU64::new(0), AtomicU64::new(0));
    let numbers = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < RUNS);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                for number in std::iter::from_fn(numbers) {
                    complete.fetch_add(u64::from(end_under_load(Run(number))), Ordering::Relaxed);
                }
            });
        }
    });
    let complete = complete.into_inner();
    assert!(complete >= RUNS / 2, "only {complete} of {RUNS} programs could be checked to the end");
}

/// Ends one program under load. Returns `true` if all of its account could be checked.
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
    let printed: Vec<_> = log.lines().filter(|line| !line.starts_with('{')).collect();
    let printed = format!("{run:?}, accepted {}, {account:?}:\n{}", accepted.len(), printed.join("\n"));
    let complete = check(run, &account, &accepted, &printed);
    assert_eq!(program.exit_code(), Some(i32::from(account.report_left > 0)), "{printed}");
    complete
}

/// State that the clients of one program share.
struct Posting {
    run: Run,
    id: u32,
    address: SocketAddr,
    /// The number of answers that the clients received together.
    answers: AtomicUsize,
}

impl Posting {
    /// Returns `true` if the signal was sent or is about to be.
    fn is_over(&self) -> bool {
        self.answers.load(Ordering::SeqCst) >= self.run.answers()
    }

    /// Posts until the port is closed. Returns the ids of the requests that were answered 202.
    fn post_until_closed(&self) -> Vec<EventId> {
        let io = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
        io.block_on(async {
            let mut accepted = Vec::new();
            let mut after = 0;
            // The program may close a connection before its port, so the client connects again after each close.
            while let Ok(mut client) = Client::try_connect(self.address).await
                // Without a listener the system may connect the client to itself.
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

    /// Posts one request. Returns `true` if the program answered.
    async fn post(&self, client: &mut Client, accepted: &mut Vec<EventId>) -> bool {
        let number = self.answers.load(Ordering::SeqCst);
        client.send(post_request(&self.run.path(), number.to_string())).await;
        let Some(answer) = client.answer().await else { return false };
        match answer.status {
            202 => accepted.push(serde_json::from_value(answer.json()["event_id"].clone()).expect("an id")),
            503 => {}
            // The port was closed, and another program has it by now.
            404 if self.is_over() => return false,
            status => panic!("{:?} answers {status}", self.run),
        }
        // The last of the counted answers triggers the signal.
        if self.answers.fetch_add(1, Ordering::SeqCst) + 1 == self.run.answers() {
            send("-TERM", self.id);
        }
        true
    }
}

/// Checks an account. Returns `false` if the program was too slow to compare more than the sums.
fn check(run: Run, account: &Account, accepted: &[EventId], printed: &str) -> bool {
    for part in &account.parts {
        let kept = part.left + part.in_flight;
        assert_eq!(part.accepted, part.handled + part.dead_lettered + kept, "{} of {printed}", part.name);
    }
    // A handler that does not await within the grace period of an abort may end after the report.
    if printed.contains("cannot be cancelled") {
        return false;
    }
    for part in &account.parts {
        let name = &part.name;
        assert_eq!(part.report_left, part.left, "{name} of {printed}");
        assert!(part.report_stuck <= part.left, "{name} of {printed}");
        let shown = printed.contains(&format!("\n  {name}: {} left", part.left));
        assert_eq!(shown, part.left > 0, "{name} of {printed}");
        // Each event is listed once: as handled, dead-lettered or left.
        let counts = part.ids.each_ref().map(|ids| ids.len() as u64);
        assert_eq!(counts, [part.handled, part.dead_lettered, part.left], "{name} of {printed}");
        let ids: HashSet<_> = part.ids.iter().flatten().collect();
        assert_eq!(ids.len() as u64, part.accepted, "{name} of {printed}");
    }
    let left: u64 = account.parts.iter().map(|part| part.left).sum();
    assert_eq!(account.report_left, left, "{printed}");
    assert!(printed.contains(&format!(", {left} left")), "{printed}");
    match run.load() {
        Load::Idle => assert!(account.parts.iter().all(|part| part.accepted == 0), "{printed}"),
        Load::Stuck => assert!(left > 0 && printed.contains("\n  stuck: "), "{printed}"),
        Load::Busy => assert_eq!(left, 0, "{printed}"),
        Load::Slow => assert!(left == 0 || run.deadline().is_some(), "{printed}"),
    }

    let [ingest, work, ..] = &account.parts[..] else { panic!("two processes in {printed}") };
    let ids: HashSet<_> = ingest.ids.iter().flatten().collect();
    let lost: Vec<_> = accepted.iter().filter(|id| !ids.contains(id)).collect();
    assert!(lost.is_empty(), "answered 202 and lost: {lost:?} of {printed}");
    let cascaded: HashSet<_> = work.causes.iter().collect();
    let cut: Vec<_> = ingest.ids[0].iter().filter(|id| !cascaded.contains(id)).collect();
    assert!(cut.is_empty(), "handled, but the emitted event is lost: {cut:?} of {printed}");
    assert_eq!(work.accepted, account.emitted, "{printed}");
    true
}
