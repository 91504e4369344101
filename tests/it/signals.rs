//! SIGINT, SIGTERM and SIGHUP: how a program ends, how soon, and with which exit code.

#![cfg(unix)]

use std::time::Duration;

use triggers::prelude::*;

use crate::common::hook;
use crate::http::{Client, post_request};
use crate::program::{self, ALONE, Program, send};
use crate::until::until;

/// The drain deadline of a program whose handler does not end.
const DEADLINE: Duration = Duration::from_millis(300);

#[on_event("work")]
#[process(name = "worker")]
async fn work(shutdown: Shutdown, Json(role): Json<String>) {
    match role.as_str() {
        "finishes" => shutdown.cancelled().await,
        "blocks" => loop {
            std::thread::park();
        },
        _ => std::future::pending().await,
    }
}

/// Blocks every thread of tokio, so that no task of the runtime can run.
#[on_event("block")]
#[process(concurrency = 8)]
async fn block() {
    loop {
        std::thread::park();
    }
}

#[triggers::main]
async fn main(_: Builder) -> Result<()> {
    // Listed handlers, as the linked ones include those of all other tests.
    let role = program::role().unwrap_or_default();
    if role == "starts" {
        let slow = || async {
            eprintln!("ready");
            // Longer than the grace period of a program after its drain.
            std::thread::park_timeout(Duration::from_secs(7));
            Ok(())
        };
        let builder = Runtime::builder().handlers(handlers![work]).on_start(slow);
        return builder.drain_deadline(Duration::ZERO).run().await;
    }
    let runtime = Runtime::builder()
        .handlers(handlers![work, block])
        .process("in", hook("/in"), |_: TriggerEvent| async {})
        .drain_deadline(if role == "stuck" { Duration::from_secs(30) } else { DEADLINE })
        .start()
        .await?;
    if role == "blocks all" {
        for _ in 0..8 {
            runtime.bus().emit("block", 1).await?;
        }
        // One event for each of tokio's two threads, see `Program::start`.
        let in_flight = || runtime.status().processes.iter().map(|process| process.in_flight).sum::<u64>();
        until("2 events in flight", || in_flight() >= 2).await;
    } else if role != "idle" {
        runtime.bus().emit("work", &role).await?;
        until("an event in flight", || runtime.status().processes[0].in_flight > 0).await;
    }
    program::until_signal(&runtime, "webhook-0/in").await
}

#[test]
fn program() {
    program::run_if_child(main);
}

#[test]
fn signal_drains_the_program_and_the_exit_code_is_0() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let mut program = start("finishes");
        send(signal, program.id());
        program.wait_for("drained: 1 completed, 0 dead-lettered, 0 left");
        assert_eq!(program.exit_code(), Some(0), "{signal}");
    }
}

#[tokio::test]
async fn idle_program_ends_within_a_second_despite_open_connections() {
    let _alone = ALONE.lock().await;
    let (took, code) = start("idle").end("-TERM");
    assert!(took < Duration::from_secs(1) && code == Some(0), "{took:?}, {code:?}");

    let mut program = start("idle");
    let mut half_sent = Vec::new();
    for part in
        ["POST /in HTTP/1.1\r\nHost: local", "POST /in HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n1"]
    {
        let mut client = Client::connect(program.address()).await;
        client.send(part).await;
        half_sent.push(client);
    }
    // The server accepts connections in order, so it has accepted the half-sent ones once it answers these.
    let mut kept = Vec::new();
    for _ in 0..50 {
        let mut client = Client::connect(program.address()).await;
        assert_eq!(client.ask(post_request("/in", "1")).await.status, 202);
        kept.push(client);
    }
    let (took, code) = program.end("-TERM");
    assert!(took < Duration::from_secs(1) && code == Some(0), "{took:?}, {code:?}");
    drop((half_sent, kept));
}

#[test]
fn program_ends_a_stuck_handler_at_the_deadline_and_names_it() {
    let _alone = ALONE.blocking_lock();
    for role in ["waits", "blocks"] {
        let mut program = start(role);
        let (took, code) = program.end("-TERM");
        assert!((DEADLINE..DEADLINE + Duration::from_millis(500)).contains(&took), "{role}: {took:?}");
        program.wait_for("still running at the drain deadline");
        program.wait_for("drained: 0 completed, 0 dead-lettered, 1 left");
        program.wait_for("worker: 1 left, 1 of them in `it::signals::work` at tests/it/signals.rs:");
        program.wait_for("Error: events were left: 1");
        assert_eq!(code, Some(1), "{role}");
    }
}

#[test]
fn second_signal_ends_the_program_at_once() {
    let _alone = ALONE.blocking_lock();
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let mut program = start("stuck");
        send("-TERM", program.id());
        program.wait_for("a second signal ends at once");
        let (took, ended) = program.end(signal);
        assert_eq!(ended, Some(code), "{signal}");
        assert!(took < Duration::from_millis(200), "{signal}: {took:?}");
        program.wait_for("ended before the drain was over");
    }
}

#[test]
fn second_signal_ends_a_program_whose_threads_are_all_blocked() {
    let _alone = ALONE.blocking_lock();
    let mut program = start("blocks all");
    send("-TERM", program.id());
    program.wait_for("a second signal ends at once");
    let (took, ended) = program.end("-TERM");
    assert_eq!(ended, Some(143));
    assert!(took < Duration::from_millis(200), "{took:?}");
}

#[test]
fn signal_during_a_slow_start_drains_the_program_after_the_start() {
    let mut program = start("starts");
    send("-TERM", program.id());
    program.wait_for("drained: 0 completed, 0 dead-lettered, 0 left");
    assert_eq!(program.exit_code(), Some(0));
}

#[test]
fn second_signal_ends_a_program_during_its_start() {
    let mut program = start("starts");
    send("-TERM", program.id());
    // The system may merge two pending signals of the same number, so the second one differs.
    send("-INT", program.id());
    program.wait_for("ended before the start was over");
    assert!(matches!(program.exit_code(), Some(130 | 143)));
}

#[test]
fn program_whose_threads_are_all_blocked_ends_after_the_deadline() {
    let (_, code) = start("blocks all").end("-TERM");
    assert_eq!(code, Some(1));
}

fn start(role: &str) -> Program {
    Program::start("signals::program", role, "info")
}
