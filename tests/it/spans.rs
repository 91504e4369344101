//! The span of a handler: its log lines show the process, the event and the attempt.

#![cfg_attr(not(unix), allow(unused_imports, reason = "a program is ended by a signal"))]

use std::time::Duration;

use triggers::prelude::*;

use crate::common::{hook, on};
use crate::logs::Logs;
use crate::program::{self, Program, send};

/// Returns the start of a line of the handler of an event.
fn within(process: &str, event: EventId, attempt: u32) -> String {
    format!("handler{{process={process} event={event} attempt={attempt}}}: it::spans: ")
}

/// Logs when it is dropped.
struct Logging(u32);

impl Drop for Logging {
    fn drop(&mut self) {
        tracing::info!("dropped {}", self.0);
    }
}

async fn log(Json(n): Json<u32>, attempt: Attempt) -> Result<()> {
    tracing::info!("begins {n}");
    let _logging = Logging(n);
    tokio::time::sleep(Duration::from_secs(1)).await;
    tracing::info!("ends {n}");
    if attempt.number() == 1 { Err("again".into()) } else { Ok(()) }
}

#[tokio::test(start_paused = true)]
async fn line_of_a_handler_shows_its_process_event_and_attempt() -> Result<()> {
    let logs = Logs::capture();
    let config = on("e").concurrency(2).retry(1);
    let runtime = Runtime::builder().process("p", config, log).start().await?;
    let mut ids = Vec::new();
    for n in [0, 1] {
        ids.push(runtime.bus().emit("e", n).await?.id());
    }
    assert_eq!(runtime.shutdown().await.completed, 2);
    for (n, id) in ids.into_iter().enumerate() {
        for attempt in [1, 2] {
            for what in ["begins", "ends", "dropped"] {
                let lines = logs.with(&format!("{}{what} {n}", within("p", id, attempt)));
                assert_eq!(lines.len(), 1, "{what} {n}: {:?}", logs.with(""));
            }
        }
    }
    assert_eq!(logs.with("attempt failed, retrying").len(), 2);
    let outside = |line: &String| !line.contains("handler{");
    assert!(
        logs.with("trigger_core").iter().all(outside),
        "the lines of a worker have these fields themselves"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn handler_that_times_out_or_panics_is_dropped_within_its_span() -> Result<()> {
    let logs = Logs::capture();
    let hangs = |Json(n): Json<u32>| async move {
        let _logging = Logging(n);
        assert_ne!(n, 1, "a one");
        std::future::pending::<()>().await;
    };
    let config = on("e").timeout(Duration::from_secs(1));
    let runtime = Runtime::builder().process("p", config, hangs).start().await?;
    for n in [1, 2] {
        let id = runtime.bus().emit("e", n).await?.id();
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(logs.with(&format!("{}dropped {n}", within("p", id, 1))).len(), 1, "{:?}", logs.with(""));
    }
    tracing::info!("after them");
    assert!(
        logs.with("after them").iter().all(|line| !line.contains("handler{")),
        "{:?}",
        logs.with("after")
    );
    Ok(())
}

#[on_event("spans.work")]
async fn work(shutdown: Shutdown) {
    // The test reads the log from there on.
    shutdown.cancelled().await;
    tracing::warn!("at work");
}

#[triggers::main]
async fn main(_: Builder) -> Result<()> {
    let builder = Runtime::builder().handlers(handlers![work]);
    let runtime = builder.process("in", hook("/in"), |_: TriggerEvent| async {}).start().await?;
    let id = runtime.bus().emit("spans.work", 1).await?.id();
    eprintln!("published {id}");
    program::until_signal(&runtime, "webhook-0/in").await
}

#[test]
fn program() {
    program::run_if_child(main);
}

#[cfg(unix)]
#[test]
fn logger_of_a_program_shows_the_span_of_a_handler_at_info() {
    for (filter, has_span) in [("info", true), ("warn", false), ("info,triggers::handler=off", false)] {
        let mut program = Program::start("spans::program", "logs", filter);
        send("-TERM", program.id());
        let line = program.wait_for("at work");
        assert_eq!(line.contains(" handler{process=work event="), has_span, "{line}");
        assert_eq!(line.contains(" attempt=1}: it::spans: at work"), has_span, "{line}");
    }
}
