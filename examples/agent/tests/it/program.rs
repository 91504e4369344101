//! The program with the shipped `agents.toml`.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc;

use crate::http::post;
use crate::model::StandIn;
use crate::soon;

/// Returns the lines of a stream.
fn lines(stream: Option<impl AsyncRead + Unpin + Send + 'static>) -> mpsc::UnboundedReceiver<String> {
    let mut stream = BufReader::new(stream.expect("a pipe")).lines();
    let (sender, lines) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok(Some(line)) = stream.next_line().await {
            eprintln!("{line}");
            let _ = sender.send(line);
        }
    });
    lines
}

#[tokio::test]
async fn the_shipped_agents_answer_each_other_and_report_what_they_give_up_on() {
    let mut model = StandIn::start().await;
    let mut program = Command::new(env!("CARGO_BIN_EXE_agent"))
        .env("OPENAI_API_KEY", "a key")
        .env("OPENAI_BASE_URL", model.base_url())
        .env("TRIGGERS__TRIAGE__WEBHOOK__PORT", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program starts");
    let (mut output, mut log) = (lines(program.stdout.take()), lines(program.stderr.take()));
    let address = loop {
        let line = soon(log.recv()).await;
        if line.contains("webhook server listens") {
            let address = line.rsplit('=').next().expect("a field");
            break address.trim().parse().expect("an address");
        }
    };

    post(address, "/tickets", r#"{"conversation": "c1", "text": "Where is my order?"}"#).await;
    let first = model.next().await;
    assert_eq!(first.question(), "Where is my order?");
    first.answer("shipping");
    assert_eq!(soon(output.recv()).await, "triage, to c1: shipping");

    let second = model.next().await;
    assert_eq!(second.question(), "shipping");
    second.answer("It is on its way.");
    assert_eq!(soon(output.recv()).await, "reply, to c1: It is on its way.");

    post(address, "/tickets", r#"{"conversation": "c2", "text": "Hello?"}"#).await;
    model.next().await.fail(400, "no such model");
    let line = soon(output.recv()).await;
    assert!(line.starts_with("triage gave up (rejected, attempts: 1): "), "{line}");
    assert!(line.contains("no such model"), "{line}");

    let id = program.id().expect("it runs").to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().await.expect("kill").success());
    assert!(program.wait().await.expect("an exit code").success());
}
