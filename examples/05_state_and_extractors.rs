//! The arguments of a handler: state of the program, parts of the event, and custom types.
//!
//! `cargo run --example state_and_extractors`

#[path = "support/post.rs"]
mod client;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use triggers::prelude::*;
use triggers::{Context, FromTrigger, Rejection};

/// The state that all handlers share. Each call gets a clone of the `Arc`.
#[derive(Default)]
struct Orders {
    total: AtomicU64,
}

#[derive(Deserialize)]
struct Order {
    amount: u64,
}

#[derive(Deserialize)]
struct Options {
    #[serde(default)]
    dry_run: bool,
}

/// A custom argument: the sender of the order, from a header.
struct Customer(String);

impl FromTrigger for Customer {
    fn from_trigger(cx: &Context<'_>) -> Result<Customer, Rejection> {
        let headers = Headers::from_trigger(cx)?;
        let customer = headers.get("user-agent").unwrap_or("unknown");
        Ok(Customer(customer.to_owned()))
    }
}

#[on_webhook("/orders", port = 0, host = "127.0.0.1")]
async fn order(
    Json(order): Json<Order>,
    Query(options): Query<Options>,
    customer: Customer,
    State(orders): State<Arc<Orders>>,
    bus: EventBus,
) -> Result<Outcome> {
    if order.amount == 0 {
        return Ok(Outcome::reject("the amount is 0"));
    }
    if !options.dry_run {
        let total = orders.total.fetch_add(order.amount, Ordering::Relaxed) + order.amount;
        bus.emit("orders.total", total).source(customer.0).await?;
    }
    Ok(Outcome::Done)
}

#[on_event("orders.total")]
async fn report(Json(total): Json<u64>, source: Source, id: EventId, attempt: Attempt) {
    println!("{id}: a total of {total} after an order from {}, attempt {}", source.0, attempt.number());
}

#[triggers::main]
async fn main(runtime: Builder) -> Result<()> {
    let runtime = runtime.state(Arc::new(Orders::default())).start().await?;
    let address = runtime.local_addr("webhook-0/orders").ok_or("the webhook does not listen")?;
    client::post(address, "/orders", r#"{"amount": 5}"#).await?;
    client::post(address, "/orders?dry_run=true", r#"{"amount": 7}"#).await?;
    client::post(address, "/orders", r#"{"amount": 0}"#).await?;
    client::post(address, "/orders", "five").await?;
    println!("{}", runtime.shutdown().await);
    for dead_letter in runtime.dead_letters().list().await {
        println!(
            "dead letter ({}): {} in {:?}",
            dead_letter.reason,
            dead_letter.error,
            dead_letter.event.raw()
        );
    }
    Ok(())
}
