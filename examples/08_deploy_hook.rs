//! A deploy hook of GitHub: one deploy of a repository at a time, retried, with an alert when it is given up on.
//!
//! The program posts the requests to itself. A real one is behind a proxy that checks who posts.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use triggers::prelude::*;

/// The event, the repository and the commit. The deploy of `c1` fails once, and that of `broken` always.
const REQUESTS: [(&str, &str, &str); 4] = [
    ("ping", "acme/website", "c0"),
    ("push", "acme/website", "c1"),
    ("push", "acme/website", "c2"),
    ("push", "acme/broken", "c3"),
];

#[derive(Deserialize)]
struct Push {
    after: String,
    repository: Repository,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
}

fn is_push(event: &TriggerEvent) -> bool {
    event.metadata()["headers"]["x-github-event"] == "push"
}

/// A second push of a repository waits for the first one, also while that one waits for its retry.
#[on_webhook("/github", port = 0, host = "127.0.0.1", filter = |event: &TriggerEvent| is_push(event))]
#[process(concurrency = 4, key = |push: &Push| push.repository.full_name, retry = 2, backoff = "5ms..20ms")]
async fn deploy(Json(push): Json<Push>, attempt: Attempt) -> Result<()> {
    let (name, commit) = (push.repository.full_name, push.after);
    let number = attempt.number();
    if name == "acme/broken" || (commit == "c1" && number == 1) {
        return Err(format!("the host of {name} does not answer").into());
    }
    println!("deployed {name} at {commit} in attempt {number}");
    Ok(())
}

#[on_dead_letter("deploy")]
async fn alert(Json(push): Json<Push>, dead_letter: DeadLetter) {
    let DeadLetter { attempts, reason, error, .. } = dead_letter;
    println!(
        "ALERT: {} is not deployed, {reason} after {attempts} attempts: {error}",
        push.repository.full_name
    );
}

#[triggers::main]
async fn main(builder: Builder) -> Result<()> {
    let runtime = builder.start().await?;
    let address = runtime.local_addr("webhook-0/github").ok_or("the hook does not listen")?;
    for (event, name, commit) in REQUESTS {
        let body = serde_json::json!({ "after": commit, "repository": { "full_name": name } });
        println!("{event} of {name} at {commit}: {}", post(address, event, &body.to_string()).await?);
    }
    println!("{}", runtime.shutdown().await);
    Ok(())
}

/// Posts as GitHub does, and returns the first line of the answer.
async fn post(address: SocketAddr, event: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let length = body.len();
    let head = format!(
        "POST /github HTTP/1.1\r\nHost: {address}\r\nX-GitHub-Event: {event}\r\nConnection: close\r\n"
    );
    stream.write_all(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes()).await?;
    Ok(BufReader::new(stream).lines().next_line().await?.unwrap_or_default())
}
