//! A deploy hook of GitHub: one deploy of a repository at a time, retried, with an alert when it is given up on.
//!
//! The program signs requests as GitHub does and posts them to itself. The last one has another signature, and is refused.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use triggers::prelude::*;
use triggers::{Clock, HeaderMap, Sign, SystemClock};

/// A program that GitHub posts to has it in its environment alone, and calls no `Builder::secrets`.
const SECRET: &str = "It's a Secret to Everybody";

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
#[on_webhook(
    "/github",
    port = 0,
    host = "127.0.0.1",
    verify = github(env = "GITHUB_WEBHOOK_SECRET"),
    filter = |event: &TriggerEvent| is_push(event),
)]
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
    let runtime =
        builder.secrets(|name| (name == "GITHUB_WEBHOOK_SECRET").then(|| SECRET.to_owned())).start().await?;
    let address = runtime.local_addr("webhook-0/github").ok_or("the hook does not listen")?;
    let github = Sign::github(SECRET)?;
    for (event, name, commit) in REQUESTS {
        let body = serde_json::json!({ "after": commit, "repository": { "full_name": name } }).to_string();
        let answer =
            post(address, github.headers(body.as_bytes(), SystemClock.now(), commit)?, event, &body).await?;
        println!("{event} of {name} at {commit}: {answer}");
    }
    let forged = Sign::github("another secret")?.headers(b"{}", SystemClock.now(), "c4")?;
    println!("push with another secret: {}", post(address, forged, "push", "{}").await?);
    println!("{}", runtime.shutdown().await);
    Ok(())
}

/// Posts as GitHub does, and returns the first line of the answer.
async fn post(address: SocketAddr, signed: HeaderMap, event: &str, body: &str) -> Result<String> {
    let mut head = format!("POST /github HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    head += &format!("X-GitHub-Event: {event}\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in &signed {
        head += &format!("{name}: {}\r\n", value.to_str()?);
    }
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).await?;
    Ok(BufReader::new(stream).lines().next_line().await?.unwrap_or_default())
}
