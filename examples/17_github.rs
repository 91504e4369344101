//! Webhooks of GitHub: the signature is verified, each delivery is handled once, and a failed one is retried.
//!
//! ```console
//! GITHUB_WEBHOOK_SECRET=s3cret cargo run --example github
//! ```
//!
//! A signed push, from a second terminal. The second time it is answered with `"duplicate":true` if the id is the same:
//!
//! ```console
//! FILE=examples/data/github_push.json
//! SIGNED=$(cargo run -q --example sign -- github s3cret $FILE)
//! eval curl -i http://127.0.0.1:9090/github -H x-github-event:push $SIGNED --data-binary @$FILE
//! ```

use triggers::prelude::*;

/// The fields that we use from GitHub's `push` payload. Other fields are ignored.
#[derive(Deserialize)]
struct Push {
    after: String,
    repository: Repository,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
}

/// GitHub puts the name of the event into a header.
fn is_push(event: &TriggerEvent) -> bool {
    event.metadata()["headers"]["x-github-event"] == "push"
}

/// The id of a delivery is `X-GitHub-Delivery`: a redelivery from GitHub's page has the same one, and is no second event.
/// `handshake` answers the `ping` of a new webhook. Pushes of one repository are handled in order.
#[on_webhook(
    "/github",
    port = 9090,
    host = "127.0.0.1",
    verify = github(env = "GITHUB_WEBHOOK_SECRET"),
    handshake = github,
    filter = |event: &TriggerEvent| is_push(event),
)]
#[process(concurrency = 4, key = |push: &Push| push.repository.full_name, retry = 5, backoff = "1s..1m")]
async fn receive(Json(push): Json<Push>, attempt: Attempt) -> Result<()> {
    let Push { after, repository } = push;
    tracing::info!("{} is at {after}, attempt {}", repository.full_name, attempt.number());
    Ok(())
}

#[triggers::main]
async fn main() {}
