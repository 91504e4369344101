//! A chain of three handlers: a GitHub webhook becomes an event, the event a report, the report a log line.
//!
//! `cargo run --example quickstart`, and then the `curl` line that it prints. Ctrl-C drains and stops it.

#[path = "support/post.rs"]
mod client;

use triggers::prelude::*;

/// A body as GitHub sends it: <https://docs.github.com/en/webhooks/webhook-events-and-payloads#push>.
const SAMPLE: &str = include_str!("data/github_push.json");

/// The fields that we use from GitHub's `push` payload. Other fields are ignored.
#[derive(Deserialize, Serialize)]
struct Push {
    repository: Repository,
    pusher: Pusher,
    commits: Vec<Commit>,
}

#[derive(Deserialize, Serialize)]
struct Repository {
    name: String,
}

#[derive(Deserialize, Serialize)]
struct Pusher {
    name: String,
}

#[derive(Deserialize, Serialize)]
struct Commit {
    message: String,
}

/// The server answers 202 before this handler runs. A body that does not decode as `Push` becomes a dead letter.
#[on_webhook("/github", port = 9090, host = "127.0.0.1")]
async fn receive(Json(push): Json<Push>, bus: EventBus) -> Result<()> {
    bus.emit("repo.pushed", &push).source("github").await?;
    Ok(())
}

/// Takes only events from this source. An event of the same type from another source does not reach this handler.
#[on_event("repo.pushed", source = "github")]
async fn report(Json(push): Json<Push>, broker: MessageBroker) -> Result<()> {
    let Push { repository, pusher, commits } = push;
    let last = commits.last().map_or("nothing", |commit| &commit.message);
    let text = format!("{} pushed {} commit(s), the last one {last:?}", pusher.name, commits.len());
    // A dot separates the tokens of a topic, and the name of a repository may contain one.
    let topic = format!("reports.{}.pushed", repository.name.replace('.', "-"));
    broker.publish(&topic, text).sender("report").await?;
    Ok(())
}

/// The argument `repo` gets the token that `{repo}` captures.
#[on_message("reports.{repo}.pushed")]
async fn log(repo: String, text: Text) {
    tracing::info!("report of {repo}: {text}");
}

#[triggers::main]
async fn main(runtime: Builder) -> Result<()> {
    let runtime = runtime.start().await?;

    let address = runtime.local_addr("webhook-9090/github").ok_or("the webhook does not listen")?;
    let answer = client::post(address, "/github", SAMPLE).await?;
    tracing::info!("answer to the sample push: {}", answer.lines().last().unwrap_or_default());

    println!("\nNow try it yourself:\n");
    println!("  curl -i http://{address}/github --data-binary @examples/data/github_push.json\n");
    println!("Ctrl-C stops it.\n");
    runtime.run_until_signal().await
}
