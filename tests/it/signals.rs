//! What SIGINT and SIGTERM do to a program, and what its exit code says. The program is this binary again.

#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, ExitCode, Stdio};
use std::time::Duration;

use triggers::prelude::*;

/// Says to the child which program it is; without it `program` is a test that does nothing.
const ROLE: &str = "TRIGGERS_TEST_PROGRAM";

#[triggers::main]
async fn main(_: Builder) -> Result<()> {
    // Not the linked handlers, which are those of all the other tests.
    let role = std::env::var(ROLE)?;
    let config = ProcessConfig { triggers: vec![TriggerConfig::event("work")], ..ProcessConfig::default() };
    let bus = EventBus::new();
    let runtime = Runtime::builder()
        .bus(bus.clone())
        .process("worker", config, |shutdown: Shutdown, Json(stuck): Json<bool>| async move {
            if stuck {
                std::future::pending::<()>().await;
            }
            shutdown.cancelled().await;
        })
        .drain_deadline(if role == "left" { Duration::from_millis(50) } else { Duration::from_secs(30) })
        .start()
        .await?;
    bus.emit("work", role != "finishes").await?;
    // Listening for signals begins with the first poll, before which nothing else may say that it has.
    let until = runtime.run_until_signal();
    tokio::pin!(until);
    tokio::select! {
        biased;
        ended = &mut until => ended,
        () = async { eprintln!("ready") } => until.await,
    }
}

#[test]
fn program() {
    if std::env::var(ROLE).is_ok() {
        let failed = format!("{:?}", main()) != format!("{:?}", ExitCode::SUCCESS);
        std::process::exit(i32::from(failed));
    }
}

#[test]
fn signal_drains_and_the_exit_code_is_0() {
    for signal in ["-INT", "-TERM"] {
        let (mut child, mut log) = start("finishes");
        send(signal, &child);
        assert!(wait_for("drained: 1 completed, 0 dead-lettered, 0 left", &mut log));
        assert_eq!(exit_code(&mut child), Some(0), "{signal}");
    }
}

#[test]
fn exit_code_is_1_when_events_are_left() {
    let (mut child, mut log) = start("left");
    send("-TERM", &child);
    assert!(wait_for("still running at the drain deadline", &mut log));
    assert!(wait_for("drained: 0 completed, 0 dead-lettered, 1 left", &mut log));
    assert!(wait_for("Error: events were left: 1", &mut log));
    assert_eq!(exit_code(&mut child), Some(1));
}

#[test]
fn second_signal_ends_the_program_at_once() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let (mut child, mut log) = start("stuck");
        send("-TERM", &child);
        assert!(wait_for("a second signal ends at once", &mut log));
        send(signal, &child);
        assert!(wait_for("ended before the drain was over", &mut log));
        assert_eq!(exit_code(&mut child), Some(code), "{signal}");
    }
}

/// Starts the program and waits until it listens for signals.
fn start(role: &str) -> (Child, BufReader<ChildStderr>) {
    let this = std::env::current_exe().expect("the path of this binary");
    let mut child = Command::new(this)
        .args(["signals::program", "--exact", "--nocapture"])
        .env(ROLE, role)
        .env_remove("RUST_LOG")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut log = BufReader::new(child.stderr.take().expect("its log"));
    assert!(wait_for("ready", &mut log));
    (child, log)
}

/// Reads the log up to a line that holds the text; `false` if it ends before.
fn wait_for(text: &str, log: &mut BufReader<ChildStderr>) -> bool {
    log.lines().map_while(Result::ok).any(|line| line.contains(text))
}

fn send(signal: &str, child: &Child) {
    let status = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(status.expect("`kill` runs").success());
}

fn exit_code(child: &mut Child) -> Option<i32> {
    child.wait().expect("the program ends").code()
}
