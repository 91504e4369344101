//! The Events API of Slack: the signature is verified, the handshake of the URL is answered, and events get a 200 at once.
//!
//! ```console
//! SLACK_SIGNING_SECRET=s3cret cargo run --example slack
//! ```
//!
//! A signed event, from a second terminal. `slack_challenge.json` is what Slack sends when the URL is entered:
//!
//! ```console
//! FILE=examples/data/slack_mention.json
//! SIGNED=$(cargo run -q --example sign -- slack s3cret $FILE)
//! eval curl -i http://127.0.0.1:9090/slack $SIGNED --data-binary @$FILE
//! ```

use triggers::prelude::*;

/// An event of a workspace: <https://docs.slack.dev/reference/events/app_mention>.
#[derive(Deserialize)]
struct Callback {
    event: Mention,
}

#[derive(Deserialize)]
struct Mention {
    user: String,
    channel: String,
    text: String,
}

/// Slack takes a delivery for failed after 3 s, and repeats it with the same `event_id`. The answer does not wait for this
/// handler, and a repeated delivery is no second event. `handshake` also sets the status of accepted events to 200.
#[on_webhook(
    "/slack",
    port = 9090,
    host = "127.0.0.1",
    verify = slack(env = "SLACK_SIGNING_SECRET"),
    handshake = slack,
)]
#[process(concurrency = 8, timeout = "10s", retry = 3, backoff = "500ms..10s")]
async fn receive(Json(callback): Json<Callback>) -> Result<()> {
    let Mention { user, channel, text } = callback.event;
    tracing::info!("{user} says in {channel}: {text}");
    Ok(())
}

#[triggers::main]
async fn main() {}
