//! Standard Webhooks, as Svix and many services send them: id, time and body are signed, so a copy of a request is refused.
//!
//! ```console
//! WEBHOOK_SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw cargo run --example standard_webhooks
//! ```
//!
//! A signed event, from a second terminal:
//!
//! ```console
//! FILE=examples/data/standard_invoice.json
//! SIGNED=$(cargo run -q --example sign -- standard whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw $FILE)
//! eval curl -i http://127.0.0.1:9090/hooks $SIGNED --data-binary @$FILE
//! ```

use triggers::prelude::*;

/// A body as the specification recommends it: <https://www.standardwebhooks.com>.
#[derive(Deserialize)]
struct Hook {
    #[serde(rename = "type")]
    kind: String,
    data: Invoice,
}

#[derive(Deserialize)]
struct Invoice {
    id: String,
    total: u64,
}

/// The id of a delivery is `webhook-id`. A clock may be off by 2 minutes. While a secret is replaced, `env` lists two variables:
/// `env = ["WEBHOOK_SECRET", "OLD_WEBHOOK_SECRET"]`.
#[on_webhook(
    "/hooks",
    port = 9090,
    host = "127.0.0.1",
    verify = standard(env = "WEBHOOK_SECRET", tolerance = "2m"),
)]
#[process(retry = 5, backoff = "1s..1m")]
async fn receive(Json(hook): Json<Hook>, id: EventId) -> Result<()> {
    let Invoice { id: invoice, total } = hook.data;
    tracing::info!("{} of {invoice}, {total} cents, event {id}", hook.kind);
    Ok(())
}

#[triggers::main]
async fn main() {}
