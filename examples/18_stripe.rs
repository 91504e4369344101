//! Webhooks of Stripe: the signature and its time are verified, and each event is handled once.
//!
//! ```console
//! STRIPE_WEBHOOK_SECRET=whsec_test cargo run --example stripe
//! ```
//!
//! A signed event, from a second terminal. Stripe's own CLI does the same: `stripe listen --forward-to 127.0.0.1:9090/stripe`.
//!
//! ```console
//! FILE=examples/data/stripe_payment.json
//! SIGNED=$(cargo run -q --example sign -- stripe whsec_test $FILE)
//! eval curl -i http://127.0.0.1:9090/stripe $SIGNED --data-binary @$FILE
//! ```

use triggers::prelude::*;

/// The events that we handle, by their `type`.
#[derive(Deserialize)]
#[serde(tag = "type")]
enum StripeEvent {
    #[serde(rename = "payment_intent.succeeded")]
    Paid { data: Data },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Data {
    object: Payment,
}

#[derive(Deserialize, Serialize)]
struct Payment {
    id: String,
    amount: u64,
    currency: String,
}

/// Stripe repeats an event for up to three days. The id of an event is `id` of the body, which is signed. `dedupe_window` is the
/// time for which it is remembered, and a longer one also needs memory for longer.
#[on_webhook(
    "/stripe",
    port = 9090,
    host = "127.0.0.1",
    body_limit = "256KiB",
    verify = stripe(env = "STRIPE_WEBHOOK_SECRET"),
    dedupe_window = "72h",
)]
async fn receive(Json(event): Json<StripeEvent>, bus: EventBus) -> Result<()> {
    match event {
        StripeEvent::Paid { data } => bus.emit("payment.succeeded", &data.object).source("stripe").await?,
        StripeEvent::Other => return Ok(()),
    };
    Ok(())
}

/// Stripe gets its answer at once, and this handler may take its time. Its error is retried for some minutes.
#[on_event("payment.succeeded", source = "stripe")]
#[process(timeout = "30s", retry = 8, backoff = "1s..2m")]
async fn fulfil(Json(payment): Json<Payment>) -> Result<()> {
    let Payment { id, amount, currency } = payment;
    tracing::info!("{id} is paid: {amount} {currency}");
    Ok(())
}

#[triggers::main]
async fn main() {}
